"""Views: random transforms of the images that the network sees, drawn anew for every step.

An image whose class survives small shifts, turns, changes of size and noise holds the class's
shape; without views the ascent finds patterns that work at one place only. The gradient runs back
through the view exactly: it is the transpose of the linear map that made the view. Each image of a
batch gets its own view, and everything is a function of a key, so that a step can be repeated.
"""

import numpy as np
import tensorflow as tf

from bg_interp.visualization.settings import Views


def view(images: tf.Tensor, key: tf.Tensor, ranges: Views) -> tf.Tensor:
    """Returns a random view of each image.

    Args:
      images: float [B,H,W,C], the four sizes static.
      key: int32 [2], a seed for stateless draws.
      ranges: how much views vary.
    """
    if ranges.whole_pixels:
        return roll(images, _pixel_shifts(images, key, ranges))
    if not (ranges.shift or ranges.rotation or ranges.scale or ranges.crop):
        return images
    return resample(images, *_affine(images, key, ranges))


def _pixel_shifts(images: tf.Tensor, key: tf.Tensor, ranges: Views) -> tf.Tensor:
    """Returns int32 [B,2]: by how many pixels each image moves down and to the right."""
    batch, height, width, _ = images.shape
    most = tf.constant([round(ranges.shift * height), round(ranges.shift * width)], tf.float32)
    draws = tf.random.stateless_uniform([batch, 2], key)
    return tf.cast(tf.floor(draws * (2 * most + 1)), tf.int32) - tf.cast(most, tf.int32)


def _affine(images: tf.Tensor, key: tf.Tensor, ranges: Views) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns [B,2,2] and [B,2]: where, from the centre, a view's pixel (y, x) is read."""
    batch, height, width, _ = images.shape
    draws = tf.random.stateless_uniform([batch, 5], key, -1.0, 1.0)
    angle = draws[:, 0] * (ranges.rotation * np.pi / 180)
    reach = 1.0 / (1.0 + ranges.scale * draws[:, 1])
    size = tf.constant([height, width], tf.float32)
    offset = ranges.shift * size * draws[:, 2:4]
    if ranges.crop is not None:
        low, high = ranges.crop
        side = (low + high) / 2 + (high - low) / 2 * draws[:, 4]
        # A crop may lie anywhere inside the image.
        reach, offset = reach * side, offset + (1 - side)[:, None] / 2 * size * draws[:, 2:4]
    cosine, sine = tf.cos(angle) * reach, tf.sin(angle) * reach
    matrix = tf.stack([tf.stack([cosine, sine], 1), tf.stack([-sine, cosine], 1)], 1)
    return matrix, offset


def roll(images: tf.Tensor, shifts: tf.Tensor) -> tf.Tensor:
    """Shifts each image on a ring by whole pixels.

    Args:
      images: [B,H,W,C] with static sizes.
      shifts: int32 [B,2], down and right.
    """
    _, height, width, _ = images.shape

    def gathered(values: tf.Tensor, sign: int) -> tf.Tensor:
        rows = (tf.range(height) - sign * shifts[:, :1]) % height
        columns = (tf.range(width) - sign * shifts[:, 1:]) % width
        values = tf.gather(values, rows, axis=1, batch_dims=1)
        return tf.gather(values, columns, axis=2, batch_dims=1)

    # The transpose of a permutation is its inverse: a gather again, where TensorFlow would scatter.
    @tf.custom_gradient
    def permuted(values: tf.Tensor) -> tuple:
        return gathered(values, 1), lambda upstream: gathered(upstream, -1)

    return permuted(images)


def resample(images: tf.Tensor, matrix: tf.Tensor, offset: tf.Tensor) -> tf.Tensor:
    """Reads each image at affinely moved places, by bilinear interpolation, mirrored at its edges.

    Args:
      images: float [B,H,W,C] with static sizes.
      matrix: float [B,2,2]; offset: float [B,2]. A view's pixel at `p` from the centre, (y, x) in
        pixels, is read at `matrix @ p + offset` from the centre.
    """
    batch, height, width, channels = images.shape
    centre = np.array([(height - 1) / 2, (width - 1) / 2], np.float32)
    grid = np.stack(np.meshgrid(np.arange(height), np.arange(width), indexing="ij"), -1)
    grid = (grid.reshape(-1, 2) - centre).astype(np.float32)
    places = tf.einsum("bij,pj->bpi", matrix, grid) + offset[:, None] + centre
    corner = tf.floor(places)
    share = tf.cast(places - corner, images.dtype)[..., None]
    corner = tf.cast(corner, tf.int32)
    top, bottom = _mirrored(corner[..., 0], height), _mirrored(corner[..., 0] + 1, height)
    left, right = _mirrored(corner[..., 1], width), _mirrored(corner[..., 1] + 1, width)
    flat = tf.reshape(images, [batch, height * width, channels])

    def at(rows: tf.Tensor, columns: tf.Tensor) -> tf.Tensor:
        return tf.gather(flat, rows * width + columns, axis=1, batch_dims=1)

    down, across = share[:, :, 0], share[:, :, 1]
    upper = at(top, left) * (1 - across) + at(top, right) * across
    lower = at(bottom, left) * (1 - across) + at(bottom, right) * across
    return tf.reshape(upper * (1 - down) + lower * down, images.shape)


def _mirrored(index: tf.Tensor, size: int) -> tf.Tensor:
    """Folds indices outside an axis back into it, the edge pixels doubled."""
    index = index % (2 * size)
    return tf.minimum(index, 2 * size - 1 - index)


def noise(images: tf.Tensor, deviation: tf.Tensor, key: tf.Tensor) -> tf.Tensor:
    """Adds Gaussian noise of the given deviation (in the images' own units), keyed by `key`."""
    normal = tf.random.stateless_normal(images.shape, key, dtype=tf.float32)
    return images + tf.cast(deviation * normal, images.dtype)
