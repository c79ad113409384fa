"""What a Python caller hands in, however it is spelled, in the form that the package works with.

Masks are in `masks.arrays`. Messages speak of arguments; the tools' data come through sources.
"""

import numbers
from collections.abc import Sequence
from typing import Any

import numpy as np

from bg_interp.errors import UserError


def to_array(values: Any, what: str) -> np.ndarray:
    """Returns values as an array of one dimension or more.

    Raises:
      UserError: they are none, such as None, a path, a dataset, or arrays of unlike shapes.
    """
    try:
        array = np.asarray(values)
    except ValueError as error:
        raise UserError(
            f"{what} must be one array. Received: a list of arrays of unlike shapes"
        ) from error
    if not array.ndim:
        received = repr(values) if isinstance(values, str | None) else type(values).__name__
        raise UserError(f"{what} must be an array, or a list of such. Received: {received}")
    return array


def whole(value: Any, what: str, least: int = 0) -> int:
    """Returns a whole number from `least` on, below 2^31 as random keys need it.

    Raises:
      UserError: it is none.
    """
    countable = isinstance(value, numbers.Integral) and not isinstance(value, bool)
    if not countable or not least <= int(value) < 2**31:
        raise UserError(f"{what} must be a whole number, {least} or more. Received: {value!r}")
    return int(value)


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
    values = to_array(images, what)
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
    of_ones = high <= 1 and not np.issubdtype(values.dtype, np.integer)
    return np.round(values * (255.0 if of_ones else 1.0)).astype(np.uint8)


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
    values = to_array(labels, what)
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


def count_classes(labels: np.ndarray | Sequence, what: str = "labels") -> int:
    """Returns how many classes labels are of: one-hot by their columns, else by the highest."""
    values = to_array(labels, what)
    if values.ndim == 2 and values.shape[1] > 1:
        return values.shape[1]
    known = np.issubdtype(values.dtype, np.number) and values.size and np.isfinite(values).all()
    # What is no number is refused by `to_labels`.
    return int(values.max()) + 1 if known else 1


def check_counts(**arrays: np.ndarray | Sequence) -> None:
    """Checks that arrays hold equally many examples.

    Raises:
      UserError: they don't; the message names each.
    """
    found = {name: len(to_array(values, name)) for name, values in arrays.items()}
    if len(set(found.values())) > 1:
        counts = ", ".join(f"{name}={count}" for name, count in found.items())
        raise UserError(f"there must be one of each for every example. Received: {counts}")
