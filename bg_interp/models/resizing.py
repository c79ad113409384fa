"""How an image of any size comes to the size that a network takes.

A network is used to what its training did here: one that has learned from images whose pixels were
picked sees a blurred world where they are averaged, and is right less often.
"""

from collections.abc import Sequence

import tensorflow as tf


def resized(images: tf.Tensor, size: Sequence[int], how: str) -> tf.Tensor:
    """Resizes images; those of the right size already keep their values.

    Args:
      images: uint8 or float [h, w, C] or [B, h, w, C], in [0, 255].
      size: (height, width).
      how: `smooth` stretches, and averages all that a pixel covers; `sharp` stretches by bilinear
        interpolation alone, which picks pixels when it shrinks an image; `crop` takes the largest
        middle part of that shape, and is then as smooth.

    Returns:
      float32 [height, width, C] or [B, height, width, C], whole numbers in [0, 255].

    Raises:
      ValueError: another word for `how`.
    """
    if how not in ("smooth", "sharp", "crop"):
        raise ValueError(f"how must be smooth, sharp or crop. Received: {how!r}")
    if how == "crop":
        images = _middle(images, size)
    values = tf.image.resize(images, size, antialias=how != "sharp")
    return tf.clip_by_value(tf.round(values), 0.0, 255.0)


def _middle(images: tf.Tensor, size: Sequence[int]) -> tf.Tensor:
    """Returns the largest middle part of images that has the shape of `size`."""
    height, width = tf.unstack(tf.shape(images)[-3:-1])
    rows = tf.minimum(height, width * size[0] // size[1])
    columns = tf.minimum(width, height * size[1] // size[0])
    top, left = (height - rows) // 2, (width - columns) // 2
    return images[..., top : top + rows, left : left + columns, :]
