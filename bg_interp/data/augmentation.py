"""Random changes of a training batch: geometry before the treatment, pixel noise after it.

Like the treatments, each is a pure function of a batch and a key.
"""

import tensorflow as tf

from bg_interp.config.treatment import AugmentationConfig


def _transforms(augmentation: AugmentationConfig, count: tf.Tensor, size: int, key: tf.Tensor):
    """Returns float32 [count, 8] projective transforms from output to input pixels."""
    shift_key, scale_key, flip_key = tf.unstack(tf.random.split(key, 3))
    reach = round(augmentation.shift * size)
    shift = tf.random.stateless_uniform([count, 2], shift_key, -reach, reach + 1, tf.int32)
    low, high = 1 - augmentation.scale, 1 + augmentation.scale
    zoom = 1 / tf.random.stateless_uniform([count], scale_key, low, high)
    mirrored = tf.random.stateless_uniform([count], flip_key) < 0.5
    across = tf.where(mirrored & augmentation.flip, -zoom, zoom)
    centre, zero = (size - 1) / 2, tf.zeros([count])
    offset = tf.cast(shift, tf.float32)
    from_left = centre - across * centre + offset[:, 0]
    from_top = centre - zoom * centre + offset[:, 1]
    return tf.stack([across, zero, from_left, zero, zoom, from_top, zero, zero], axis=1)


def _moved(values: tf.Tensor, transforms: tf.Tensor, fill_mode: str) -> tf.Tensor:
    """Applies `transforms` to uint8 [B, H, W, C]; whole-pixel shifts are exact."""
    moved = tf.raw_ops.ImageProjectiveTransformV3(
        images=tf.cast(values, tf.float32),
        transforms=transforms,
        output_shape=values.shape[1:3],
        interpolation="BILINEAR",
        fill_mode=fill_mode,
        fill_value=0.0,
    )
    return tf.cast(tf.round(moved), tf.uint8)


def move(
    images: tf.Tensor, masks: tf.Tensor, augmentation: AugmentationConfig, key: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
    """Shifts, scales and mirrors images and masks together.

    Borders that come into view show the mirrored image with a mask of 0, so that they are
    background, and are treated as such.

    Args:
      images: uint8 [B, S, S, 3].
      masks: uint8 [B, S, S, 1].
      augmentation: how far.
      key: int32 [2].

    Returns:
      The moved images and masks, uint8, of the same shapes.
    """
    transforms = _transforms(augmentation, tf.shape(images)[0], images.shape[1], key)
    return _moved(images, transforms, "REFLECT"), _moved(masks, transforms, "CONSTANT")


def add_pixel_noise(images: tf.Tensor, largest_deviation: float, key: tf.Tensor) -> tf.Tensor:
    """Adds Gaussian noise of a deviation drawn for each image from [0, largest_deviation].

    Args:
      images: float32 [B, H, W, 3] in [0, 255]; values may leave that range.
      largest_deviation: in pixel units; 0 returns the images unchanged.
      key: int32 [2].
    """
    if not largest_deviation:
        return images
    deviation_key, noise_key = tf.unstack(tf.random.split(key, 2))
    shape = tf.shape(images)
    deviations = tf.random.stateless_uniform([shape[0], 1, 1, 1], deviation_key)
    noise = tf.random.stateless_normal(shape, noise_key)
    return images + noise * deviations * largest_deviation
