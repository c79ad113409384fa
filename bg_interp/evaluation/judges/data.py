"""What the judges learn from: natural objects and backgrounds, never a network's class images.

Foreground judges see objects before anything but an informative background: the tiled background
of a random image, a plain colour, noise, or black. Each image is then left crisp, blurred, made
noisy or low in contrast, since class images are all of these and a judge that has seen crisp
photographs only is blind to them. Objects come in any hue, so that colours say nothing. A class
"none of them" holds objects blurred to blobs, bare backgrounds, plain colours and noise: judges
need not name what shows no object, and what they do name has more than a colour and a place.

The background judge sees tiled backgrounds, half of them behind the object of a random image, since
trained on bare ones it overlooked the background of every second natural image; and a class "none
of them" of plain colours, noise, black, and objects on plain colours, so that an image without any
background is not assigned to one by default.
"""

from collections.abc import Callable

import numpy as np
import tensorflow as tf

from bg_interp.data.tiling import tile_arrays
from bg_interp.evaluation.arrays import Arrays

Draw = Callable[[tf.Tensor], tuple[tf.Tensor, tf.Tensor]]

# Blur is given as a share of the image's side: 0.04 is 2.5 pixels of 64.
HELD_OUT_BLUR = 0.04
# Of objects that are blurred until nothing can be named: from and to.
_BLOBS = (0.075, 0.2)
# Of what judges of objects learn from, the share that shows none.
_NONE = 0.25


def tiled_backgrounds(arrays: Arrays) -> np.ndarray:
    """Returns every image's background without its object, uint8 [N, H, W, 3]."""
    return tile_arrays(arrays.images, arrays.masks)


def blur(images: tf.Tensor, deviations: tf.Tensor) -> tf.Tensor:
    """Blurs each image by a Gaussian of its own deviation, cut off and renormalised at the edges.

    Args:
      images: float32 [B, H, W, 3].
      deviations: float32 [B], in pixels; 0 leaves the image.
    """
    rows = _blur_matrices(images.shape[1], deviations)
    columns = _blur_matrices(images.shape[2], deviations)
    blurred = tf.einsum("bij,bjkc->bikc", rows, images)
    return tf.einsum("bij,bkjc->bkic", columns, blurred)


def _blur_matrices(length: int, deviations: tf.Tensor) -> tf.Tensor:
    """Returns one [length, length] matrix of Gaussian weights per deviation; rows sum to 1."""
    positions = tf.range(length, dtype=tf.float32)
    squares = tf.square(positions[:, None] - positions[None])
    # A deviation of 0 gives the identity: the weight of the next pixel underflows.
    spread = 2.0 * tf.square(tf.maximum(deviations, 0.05))[:, None, None]
    return tf.nn.softmax(-squares[None] / spread)


def _uniform(shape: list[int], seed: tf.Tensor, low: float, high: float) -> tf.Tensor:
    return tf.random.stateless_uniform(shape, seed, low, high)


def degrade(images: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    """Leaves 30 % of the images crisp, and blurs (40 %), fades (30 %) or roughens (30 %) others.

    Args:
      images: float32 [B, H, W, 3] in [0, 255], in random order: the place in the batch decides.
      seed: int [2], keys all draws.

    Returns:
      float32 [B, H, W, 3] in [0, 255].
    """
    count, side = images.shape[0], images.shape[1]
    keys = tf.unstack(tf.random.experimental.stateless_split(seed, 4))
    places = tf.range(count, dtype=tf.float32) / count
    first, last = round(0.4 * count), round(0.7 * count)
    blurred = blur(images[:first], _uniform([first], keys[0], 0.0, 0.06) * side)
    images = tf.concat([blurred, images[first:]], axis=0)
    # Fading goes on top of blur in part of the images: optimised images are often both.
    faded = (places > 0.25) & (places < 0.55)
    contrast = tf.where(faded, _uniform([count], keys[1], 0.2, 1.0), 1.0)[:, None, None, None]
    mean = tf.reduce_mean(images, axis=(1, 2), keepdims=True)
    images = mean + (images - mean) * contrast
    deviations = _uniform([last - first, 1, 1, 1], keys[2], 0.0, 30.0)
    noise = deviations * tf.random.stateless_normal(images[first:last].shape, keys[3])
    images = tf.concat([images[:first], images[first:last] + noise, images[last:]], axis=0)
    return tf.clip_by_value(images, 0.0, 255.0)


def _plain(count: int, side: tuple[int, int], seed: tf.Tensor) -> tf.Tensor:
    """Returns images of one random colour each, float32 [count, H, W, 3]."""
    return tf.broadcast_to(_uniform([count, 1, 1, 3], seed, 0.0, 255.0), [count, *side, 3])


def _noise(count: int, side: tuple[int, int], seed: tf.Tensor) -> tf.Tensor:
    noise = tf.random.stateless_normal([count, *side, 3], seed, 127.0, 64.0)
    return tf.clip_by_value(noise, 0.0, 255.0)


def _mixture(kind: tf.Tensor, parts: list[tuple[float, tf.Tensor]]) -> tf.Tensor:
    """Chooses for each image the first part whose bound is above `kind` [B] in [0, 1)."""
    chosen = parts[-1][1]
    for bound, part in reversed(parts[:-1]):
        chosen = tf.where((kind < bound)[:, None, None, None], part, chosen)
    return chosen


def _objects(arrays: Arrays, rows: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns the images and opacities at `rows`, float32."""
    images = tf.cast(tf.gather(arrays.images, rows), tf.float32)
    return images, tf.cast(tf.gather(arrays.masks, rows), tf.float32) / 255.0


def recoloured(images: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    """Turns each image's hues by an angle of its own, and fades or strengthens its colours.

    Args:
      images: float32 [B, H, W, 3] in [0, 255].
      seed: int [2], keys all draws.
    """
    count = images.shape[0]
    keys = tf.unstack(tf.random.experimental.stateless_split(seed, 2))
    angle = _uniform([count, 1, 1], keys[0], 0.0, 2 * np.pi)
    strength = _uniform([count, 1, 1], keys[1], 0.0, 1.3)
    third = tf.constant(1 / 3)
    around = tf.constant([[0.0, -1.0, 1.0], [1.0, 0.0, -1.0], [-1.0, 1.0, 0.0]]) / np.sqrt(3)
    # A turn around the axis of greys (Rodrigues), whose length across the axis is `strength`.
    turn = tf.cos(angle) * (tf.eye(3) - third) + tf.sin(angle) * around
    return tf.clip_by_value(
        tf.einsum("bij,bhwj->bhwi", third + strength * turn, images), 0.0, 255.0
    )


def draw_objects(arrays: Arrays, backgrounds: np.ndarray, classes: int, count: int) -> Draw:
    """Returns a function of a seed that draws a batch for the judges of objects.

    Args:
      arrays: the judges' own training data.
      backgrounds: uint8 [N, H, W, 3], their tiled backgrounds.
      classes: K; label K is "none of them", a quarter of each batch.
      count: the batch's size.

    Returns:
      seed int [2] -> (float32 [count, H, W, 3] in [0, 255], int32 [count] in [0, K]).
    """
    data = Arrays(*(tf.constant(part) for part in arrays))
    backgrounds = tf.constant(backgrounds)
    side, total = arrays.images.shape[1:3], len(arrays.labels)

    def draw(seed: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        keys = tf.unstack(tf.random.experimental.stateless_split(seed, 10))
        rows = tf.random.stateless_uniform([count], keys[0], 0, total, tf.int32)
        others = tf.random.stateless_uniform([count], keys[1], 0, total, tf.int32)
        images, opacity = _objects(data, rows)
        images = recoloured(images, keys[6])
        foreign = tf.cast(tf.gather(backgrounds, others), tf.float32)
        black = tf.zeros_like(images)
        behind = _mixture(
            _uniform([count], keys[2], 0.0, 1.0),
            [
                (0.50, foreign),
                (0.72, _plain(count, side, keys[3])),
                (0.87, _noise(count, side, keys[4])),
                (1.0, black),
            ],
        )
        composed = images * opacity + behind * (1.0 - opacity)
        deviations = _uniform([count], keys[7], *_BLOBS) * side[0]
        none = _mixture(
            _uniform([count], keys[8], 0.0, 1.0),
            [
                (0.40, blur(images * opacity, deviations)),
                (0.60, blur(composed, deviations)),
                (0.80, foreign),
                (0.90, _plain(count, side, keys[3])),
                (1.0, _noise(count, side, keys[4])),
            ],
        )
        is_none = _uniform([count], keys[9], 0.0, 1.0) < _NONE
        chosen = tf.where(is_none[:, None, None, None], none, degrade(composed, keys[5]))
        return chosen, tf.where(is_none, classes, tf.gather(data.labels, rows))

    return draw


def draw_backgrounds(arrays: Arrays, backgrounds: np.ndarray, classes: int, count: int) -> Draw:
    """Returns a function of a seed that draws a batch for the background judge.

    Args:
      arrays: the judges' own training data.
      backgrounds: uint8 [N, H, W, 3], their tiled backgrounds.
      classes: K; label K is "none of them", a quarter of each batch.
      count: the batch's size.

    Returns:
      seed int [2] -> (float32 [count, H, W, 3] in [0, 255], int32 [count] in [0, K]).
    """
    data = Arrays(*(tf.constant(part) for part in arrays))
    backgrounds = tf.constant(backgrounds)
    side, total = arrays.images.shape[1:3], len(arrays.labels)

    def draw(seed: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        keys = tf.unstack(tf.random.experimental.stateless_split(seed, 8))
        rows = tf.random.stateless_uniform([count], keys[0], 0, total, tf.int32)
        others = tf.random.stateless_uniform([count], keys[1], 0, total, tf.int32)
        images, opacity = _objects(data, others)
        plain = _plain(count, side, keys[2])
        none = _mixture(
            _uniform([count], keys[3], 0.0, 1.0),
            [
                (0.45, images * opacity + plain * (1.0 - opacity)),
                (0.65, images * opacity),
                (0.80, plain),
                (0.95, _noise(count, side, keys[4])),
                (1.0, tf.zeros_like(images)),
            ],
        )
        bare = tf.cast(tf.gather(backgrounds, rows), tf.float32)
        behind = images * opacity + bare * (1.0 - opacity)
        natural = _mixture(_uniform([count], keys[5], 0.0, 1.0), [(0.5, behind), (1.0, bare)])
        is_none = _uniform([count], keys[6], 0.0, 1.0) < 0.25
        chosen = tf.where(is_none[:, None, None, None], none, natural)
        labels = tf.where(is_none, classes, tf.gather(data.labels, rows))
        return degrade(chosen, keys[7]), labels

    return draw


def batches_of(draw: Draw, steps: int, seed: int) -> tf.data.Dataset:
    """Returns `steps` batches; step i of the same seed is the same batch in every run."""
    return (
        tf.data.Dataset.range(steps)
        .map(lambda step: draw(tf.stack([tf.constant(seed, tf.int64), step])), 2)
        .prefetch(4)
    )
