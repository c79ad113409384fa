"""Images and labels from a caller's own arrays, however they are spelled, in the form of elements.

Masks are in `masks.spelling`. Messages speak of arguments; the tools' data come through sources.
"""

from collections.abc import Sequence

import numpy as np

from bg_interp.errors import UserError


def to_images(images: np.ndarray | Sequence, what: str = "images") -> np.ndarray:
    """Turns an array of images into bytes.

    Args:
      images: [N, H, W, 3] RGB; whole numbers or floats in 0 to 255, or floats in 0 to 1.
      what: names them in messages.

    Returns:
      uint8 [N, H, W, 3].

    Raises:
      UserError: another shape, dtype or range.
    """
    values = np.asarray(images)
    if values.ndim != 4 or values.shape[-1] != 3 or not len(values):
        raise UserError(
            f"{what} must be RGB, of shape [N, height, width, 3]. Received: {list(values.shape)}"
        )
    if values.dtype == np.uint8:
        return values
    if not np.issubdtype(values.dtype, np.number) or np.issubdtype(
        values.dtype, np.complexfloating
    ):
        raise UserError(f"{what} must be numbers. Received: {values.dtype}")
    low, high = float(values.min()), float(values.max())
    if not (low >= 0 and high <= 255):  # NaN is neither.
        raise UserError(
            f"{what} must lie in 0 to 1 or 0 to 255, as they are before a model's preprocessing. "
            f"Received: values from {low:g} to {high:g}"
        )
    whole = np.issubdtype(values.dtype, np.integer)
    return np.round(values * (255.0 if high <= 1 and not whole else 1.0)).astype(np.uint8)


def to_labels(labels: np.ndarray | Sequence, classes: int, what: str = "labels") -> np.ndarray:
    """Turns labels into class numbers.

    Args:
      labels: whole numbers [N] from 0 to `classes` - 1, or one-hot [N, classes].
      classes: how many classes there are.
      what: names them in messages.

    Returns:
      int32 [N].

    Raises:
      UserError: they are no labels of that many classes.
    """
    values = np.asarray(labels)
    if values.ndim == 2 and values.shape[1] == 1:
        values = values[:, 0]
    if values.ndim == 2:
        one_hot = np.isin(values, (0, 1)).all() and (values.sum(axis=1) == 1).all()
        if values.shape[1] != classes or not one_hot:
            raise UserError(
                f"{what} must be class numbers [N], or one-hot [N, {classes}]. "
                f"Received: shape {list(values.shape)}"
            )
        return values.argmax(axis=1).astype(np.int32)
    if values.ndim != 1 or not np.issubdtype(values.dtype, np.number):
        raise UserError(
            f"{what} must be class numbers [N], or one-hot [N, {classes}]. "
            f"Received: shape {list(values.shape)} of {values.dtype}"
        )
    numbers = values.astype(np.int32)
    if (numbers != values).any() or (numbers < 0).any() or (numbers >= classes).any():
        raise UserError(
            f"{what} must be whole numbers from 0 to {classes - 1}. Received: values from "
            f"{values.min():g} to {values.max():g}"
        )
    return numbers


def check_counts(**arrays: np.ndarray) -> None:
    """Checks that arrays hold equally many examples.

    Raises:
      UserError: they don't; the message names each.
    """
    if len({len(values) for values in arrays.values()}) > 1:
        counts = ", ".join(f"{name}={len(values)}" for name, values in arrays.items())
        raise UserError(f"there must be one of each for every example. Received: {counts}")
