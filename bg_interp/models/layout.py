"""In what shape a classifier takes images: rows and columns, colours, their place, their type."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from bg_interp.errors import UserError

# Brightness of red, green and blue, by ITU-R BT.601, as Pillow, OpenCV and TensorFlow make greys.
_BRIGHTNESS = (0.299, 0.587, 0.114)


@dataclasses.dataclass(frozen=True)
class Layout:
    """The shape that a classifier takes.

    Attributes:
      size: rows and columns; None where it takes any.
      channels: 3 colours, 1 for grey, 4 for colours and opacity.
      place: of the channels' axis: "last", "first" (before rows and columns), or "none" for greys
        without an axis of their own.
      dtype: of the pixels.
    """

    size: tuple[int | None, int | None] = (None, None)
    channels: int = 3
    place: str = "last"
    dtype: str = "float32"

    @classmethod
    def of(cls, shape: Sequence[int | None] | None, dtype: Any, what: str) -> "Layout":
        """Reads the shape of a batch of images.

        Args:
          shape: [B, H, W, C], [B, C, H, W] or [B, H, W], None for each open axis; None for unknown.
          dtype: of the pixels.
          what: names the classifier in messages.

        Raises:
          UserError: no image has that shape.
        """
        kind = "float32" if dtype is None else tf.as_dtype(dtype).name
        if shape is None:
            return cls(dtype=kind)
        sizes = [None if size is None else int(size) for size in shape[1:]]
        if len(sizes) == 2:
            return cls((sizes[0], sizes[1]), 1, "none", kind)
        if len(sizes) == 3 and sizes[2] in (1, 3, 4, None) and not _is_first(sizes):
            return cls((sizes[0], sizes[1]), sizes[2] or 3, "last", kind)
        if len(sizes) == 3 and sizes[0] in (1, 3, 4):
            return cls((sizes[1], sizes[2]), sizes[0], "first", kind)
        raise UserError(
            "--model must take images: [batch, height, width, 3], or of 1 or 4 channels, or with "
            f"the channels first. Received: {what} with {list(shape)}; a function of RGB images "
            "that makes what it takes can be given as MODULE:NAME, or in Python as it is"
        )

    @property
    def is_plain(self) -> bool:
        """Whether float RGB images are taken as they are."""
        return self.channels == 3 and self.place == "last" and not self.is_whole

    @property
    def is_whole(self) -> bool:
        """Whether pixels are whole numbers."""
        return tf.as_dtype(self.dtype).is_integer

    @property
    def in_words(self) -> str | None:
        """Says what is done to RGB images, None where that is nothing."""
        parts = {
            1: "grey images, made of red, green and blue by their brightness",
            4: "images with opacity; they are opaque",
        }
        said = [parts[self.channels]] if self.channels in parts else []
        said += ["images with their channels first"] if self.place == "first" else []
        said += [f"{self.dtype} images"] if self.is_whole else []
        return " and ".join(said) or None

    def coloured(self, images: Any) -> Any:
        """Turns RGB in [0, 255], float [B, H, W, 3], into the layout's colours, still last."""
        if self.channels == 1:
            return keras.ops.sum(images * np.array(_BRIGHTNESS, np.float32), axis=-1, keepdims=True)
        if self.channels == 4:
            opaque = 255.0 * keras.ops.ones_like(images[..., :1])
            return keras.ops.concatenate([images, opaque], axis=-1)
        return images

    def arranged(self, images: Any) -> Any:
        """Brings float images [B, H, W, C], preprocessed, into the layout's axes and dtype."""
        if self.place == "first":
            images = keras.ops.transpose(images, (0, 3, 1, 2))
        elif self.place == "none":
            images = keras.ops.squeeze(images, axis=-1)
        if self.is_whole:
            return keras.ops.cast(keras.ops.round(images), self.dtype)
        return images

    def shape(self, size: Sequence[int | None]) -> tuple[int | None, ...]:
        """Returns the shape of one image of that size in this layout."""
        if self.place == "none":
            return tuple(size)
        return (self.channels, *size) if self.place == "first" else (*size, self.channels)


def _is_first(sizes: Sequence[int | None]) -> bool:
    """Tells whether channels come first: 3, 224, 224 and not 224, 224, 3."""
    return sizes[0] in (1, 3, 4) and sizes[2] is None and sizes[1] is None


# RGB of any size, with the channels last.
ANY = Layout()
