"""The transforms that views are made of: linear maps of images, with exact transposes.

The gradient runs back through a view exactly: it is the transpose of the linear map that made it.
Everything that is random is a function of a key, so that a step can be repeated.

A rotation is made of shears, a shear of few weighted shifts of the whole image, and a change of
size of two matrix products: on CPUs this takes a fifth of the time of gathering pixels one by one,
and its transposes need no scattering. XLA fuses the shears into one pass.
"""

import functools
import math
from collections.abc import Callable, Iterable, Sequence

import numpy as np
import tensorflow as tf

from bg_interp.visualization import compiling

# Above this many images one gather is smaller, as a graph, than one roll per image.
_MOST_ROLLS = 64


def key_of(seed: tf.Tensor, step: tf.Tensor) -> tf.Tensor:
    """Returns a uint32 scalar, from which the draws of a step are made."""
    return tf.cast(step, tf.uint32) + _scrambled(tf.cast(seed, tf.uint32), _mixers())


def uniform(shape: Sequence[int], key: tf.Tensor, dtype: tf.DType = tf.float32) -> tf.Tensor:
    """Draws from -1 to 1; the same with XLA and without, which TensorFlow's draws are not.

    Args:
      shape: of the result.
      key: uint32 scalar, see `key_of`.
      dtype: of the result.
    """
    # Made once: every number that an operation is given is one operation more to trace.
    mixers = _mixers()
    numbers = np.arange(math.prod(shape), dtype=np.uint32).reshape(shape)
    bits = _scrambled(numbers + _scrambled(key, mixers), mixers)
    # 24 bits are what a float32 from 0 to 1 can hold.
    share = tf.cast(tf.bitwise.right_shift(bits, np.uint32(8)), tf.float32)
    return tf.cast(share * 2.0**-23 - 1, dtype)


def _mixers() -> list[tf.Tensor]:
    return [tf.constant(one, tf.uint32) for one in (16, 0x7FEB352D, 15, 0x846CA68B)]


def _scrambled(values: tf.Tensor, mixers: Sequence[tf.Tensor]) -> tf.Tensor:
    """Spreads the bits of uint32 numbers evenly ("lowbias32", Wellons 2018)."""
    xor, right_shift = tf.bitwise.bitwise_xor, tf.bitwise.right_shift
    sixteen, first, fifteen, second = mixers
    values = xor(values, right_shift(values, sixteen)) * first
    values = xor(values, right_shift(values, fifteen)) * second
    return xor(values, right_shift(values, sixteen))


def roll(images: tf.Tensor, shifts: tf.Tensor) -> tf.Tensor:
    """Shifts each image on a ring by whole pixels.

    Args:
      images: [B,H,W,C] with static sizes.
      shifts: int32 [B,2], down and right.
    """

    # The transpose of a permutation is its inverse; TensorFlow would scatter.
    @tf.custom_gradient
    def rolled(values: tf.Tensor) -> tuple:
        return _rolled(values, shifts), lambda upstream: _rolled(upstream, -shifts)

    return rolled(images)


def _rolled(images: tf.Tensor, shifts: tf.Tensor) -> tf.Tensor:
    batch, height, width, _ = images.shape
    if batch <= _MOST_ROLLS:
        # Constants and slices of its own for every image would double the time of tracing.
        axes, pairs = tf.constant([0, 1]), zip(tf.unstack(images), tf.unstack(shifts), strict=True)
        return tf.stack([tf.roll(image, shift, axes) for image, shift in pairs])
    rows = (tf.range(height) - shifts[:, :1]) % height
    columns = (tf.range(width) - shifts[:, 1:]) % width
    rolled = tf.gather(images, rows, axis=1, batch_dims=1)
    # batch_dims goes with the first axes only: bring the columns there.
    rolled = tf.gather(tf.transpose(rolled, [0, 2, 1, 3]), columns, axis=1, batch_dims=1)
    return tf.transpose(rolled, [0, 2, 1, 3])


def rotate(images: tf.Tensor, angle: tf.Tensor, most: float, *, fuse: bool = True) -> tf.Tensor:
    """Rotates each image on a ring about its centre, by three shears (Paeth 1986).

    Args:
      images: float [B,H,W,C] with static sizes.
      angle: [B] in radians; most: the largest angle that occurs, in degrees, at most 60.
      fuse: let XLA compile the shears: twice as fast, after a tenth of a second of compiling.
    """
    limit = math.radians(most)
    angle = tf.reshape(angle, [-1, 1])
    half = _offsets(images, 1) * -tf.tan(angle / 2)
    whole = _offsets(images, 2) * tf.sin(angle)
    along_rows = _shear(images.shape, half, math.tan(limit / 2), 2, fuse)
    down_columns = _shear(images.shape, whole, math.sin(limit), 1, fuse)
    return _in_turn([along_rows, down_columns, along_rows], images)


def rotate_and_scale(
    images: tf.Tensor,
    angle: tf.Tensor,
    reach: tf.Tensor,
    shift: tf.Tensor,
    most: float,
    *,
    fuse: bool = True,
) -> tf.Tensor:
    """Shifts, rotates and scales each image: shear, change of size along both axes, shear.

    Args:
      images: float [B,H,W,C] with static sizes.
      angle: [B] in radians; most: the largest angle that occurs, in degrees, at most 60.
      reach: [B], the share of the image's side that the view shows.
      shift: [B,2], the view's middle, in pixels down and right of the image's.
      fuse: see `rotate`.
    """
    if most:
        slope = math.tan(math.radians(most))
        images = shear(
            images, _offsets(images, 2) * tf.tan(angle)[:, None], slope, axis=1, fuse=fuse
        )
    cosine = tf.cos(angle)
    images = resize(images, reach * cosine, reach / cosine, shift, fuse=fuse)
    if most:
        images = shear(
            images, -_offsets(images, 1) * tf.tan(angle)[:, None], slope, axis=2, fuse=fuse
        )
    return images


def _offsets(images: tf.Tensor, axis: int) -> np.ndarray:
    """Returns [1,N], the distance of each row (axis 1) or column (axis 2) from the centre."""
    size = images.shape[axis]
    return np.arange(size, dtype=images.dtype.as_numpy_dtype)[None] - (size - 1) / 2


def shear(
    images: tf.Tensor, shifts: tf.Tensor, slope: float, axis: int, *, fuse: bool = True
) -> tf.Tensor:
    """Shifts each row (axis 2) or column (axis 1) along itself on a ring, by linear interpolation.

    Args:
      images: float [B,H,W,C] with static sizes.
      shifts: [B,N] in pixels, one for each of the N rows or columns.
      slope: the largest shift as a share of the distance from the centre.
      axis: along which pixels move.
      fuse: see `rotate`.
    """
    return _in_turn([_shear(images.shape, shifts, slope, axis, fuse)], images)


_Way = Callable[[tf.Tensor], tf.Tensor]


def _in_turn(maps: Sequence[tuple[_Way, _Way]], images: tf.Tensor) -> tf.Tensor:
    """Applies linear maps, each given with its transpose."""

    def along(ways: Iterable[_Way], values: tf.Tensor) -> tf.Tensor:
        return functools.reduce(lambda so_far, way: way(so_far), ways, values)

    @tf.custom_gradient
    def exact(values: tf.Tensor) -> tuple:
        there, back = zip(*maps, strict=True)
        return along(there, values), lambda upstream: along(reversed(back), upstream)

    return exact(images)


def _shear(
    shape: tf.TensorShape, shifts: tf.Tensor, slope: float, axis: int, fuse: bool
) -> tuple[_Way, _Way]:
    """Returns `shear` as a function of images, and its transpose.

    Linear interpolation is written as a weighted sum over all whole shifts that can occur.
    """
    reach = math.ceil(slope * (shape[3 - axis] - 1) / 2)
    wholes = np.arange(-reach, reach + 1)
    places = (np.arange(shape[axis]) - wholes[:, None]) % shape[axis]

    def rolled(values: tf.Tensor, weights: tf.Tensor) -> tf.Tensor:
        total = tf.zeros_like(values)
        for whole, weight in zip(wholes, tf.unstack(weights, axis=axis), strict=True):
            total += weight * tf.roll(values, whole, axis)
        return total

    def gathered(values: tf.Tensor, weights: tf.Tensor) -> tf.Tensor:
        """The same in a quarter of the operations, but more memory than XLA needs."""
        return tf.reduce_sum(weights * tf.gather(values, places, axis=axis), axis)

    compute = compiling.fused(rolled) if fuse else gathered

    # Whole shifts go where the image will have one dimension more.
    sides = (shape[1], 1, 1, 1) if axis == 2 else (1, 1, shape[2], 1)
    apart = wholes.astype(shifts.dtype.as_numpy_dtype).reshape([-1, *[1] * (4 - axis)])
    weights = tf.maximum(0.0, 1.0 - tf.abs(tf.reshape(shifts, [-1, *sides]) - apart))
    back = tf.reverse(weights, [axis])
    return lambda values: compute(values, weights), lambda values: compute(values, back)


def resize(
    images: tf.Tensor,
    down: tf.Tensor,
    across: tf.Tensor,
    shift: tf.Tensor,
    *,
    fuse: bool = True,
) -> tf.Tensor:
    """Reads images at scaled and shifted places, by linear interpolation, mirrored at the edges.

    Args:
      images: float [B,H,W,C] with static sizes.
      down, across: [B], distance between the places that are read, in pixels, along each axis.
      shift: [B,2], the middle of what is read, in pixels down and right of the image's middle.
      fuse: see `rotate`.
    """
    batch, height, width, channels = images.shape
    weights = compiling.fused(_interpolation) if fuse else _interpolation
    rows = weights(_offsets(images, 1) * down[:, None] + shift[:, :1], height)
    columns = weights(_offsets(images, 2) * across[:, None] + shift[:, 1:], width)
    images = tf.matmul(rows, tf.reshape(images, [batch, height, width * channels]))
    # Two plain products with a transposition between are faster than one product per row.
    images = tf.transpose(tf.reshape(images, [batch, height, width, channels]), [0, 2, 1, 3])
    images = tf.matmul(columns, tf.reshape(images, [batch, width, height * channels]))
    images = tf.reshape(images, [batch, width, height, channels])
    return tf.transpose(images, [0, 2, 1, 3])


def _interpolation(offsets: tf.Tensor, size: int) -> tf.Tensor:
    """Returns [B,N,size], the weights of the pixels for places [B,N] counted from the centre."""
    places = (offsets + size / 2) % (2 * size)
    mirrored = tf.minimum(places, 2 * size - places) - 0.5
    mirrored = tf.clip_by_value(mirrored, 0.0, size - 1.0)[:, :, None]
    return tf.maximum(0.0, 1.0 - tf.abs(mirrored - tf.range(size, dtype=offsets.dtype)))


def noise_bank(shape: tuple[int, ...], key: tf.Tensor) -> tf.Tensor:
    """Returns standard Gaussian noise from which `noise` takes that of every step."""
    return tf.random.stateless_normal(shape, key)


def noise(images: tf.Tensor, deviation: tf.Tensor, bank: tf.Tensor, key: tf.Tensor) -> tf.Tensor:
    """Adds Gaussian noise of the given deviation, in the images' own units.

    Drawing new noise costs as much as a small network; the same noise, moved on a ring to a random
    place of another image, is as good as new to the network.

    Args:
      images: float [B,H,W,C] with static sizes.
      deviation: scalar.
      bank: float32 [B,H,W,C], see `noise_bank`.
      key: uint32 scalar, see `key_of`.
    """
    size = tf.constant(bank.shape[:3].as_list())
    places = tf.cast((uniform([3], key) + 1) / 2 * tf.cast(size, tf.float32), tf.int32)
    moved = tf.roll(bank, places, axis=[0, 1, 2])
    return images + tf.cast(deviation * moved, images.dtype)
