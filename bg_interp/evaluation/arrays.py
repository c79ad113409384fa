"""What every measure works on: images, masks and labels as arrays."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from bg_interp.errors import UserError
from bg_interp.models.asking import Model, batch_of, batches, compiled, predict

__all__ = [
    "Arrays",
    "Model",
    "batch_of",
    "batches",
    "compiled",
    "mean_by_class",
    "plain_list",
    "predict",
    "usable_rows",
    "with_usable_masks",
]


class Arrays(NamedTuple):
    """Labelled images with the masks of their objects.

    Attributes:
      images: uint8 [N, H, W, 3], RGB.
      masks: uint8 [N, H, W, 1], 255 = foreground; values between blend.
      labels: int32 [N].
    """

    images: np.ndarray
    masks: np.ndarray
    labels: np.ndarray

    @classmethod
    def of(cls, batch: Mapping[str, np.ndarray]) -> "Arrays":
        """Returns the elements of a batch with the keys `image`, `mask` and `label`."""
        return cls(batch["image"], batch["mask"], batch["label"])

    def take(self, rows: np.ndarray) -> "Arrays":
        """Returns the elements at `rows` (positions, or a bool array)."""
        return Arrays(self.images[rows], self.masks[rows], self.labels[rows])


def usable_rows(arrays: Arrays) -> np.ndarray:
    """Tells which masks have both foreground and background, bool [N].

    The others say nothing about backgrounds: without an object "foreground only" is black.

    Raises:
      UserError: none has.
    """
    shares = (arrays.masks > 127).mean(axis=(1, 2, 3))
    usable = (shares > 0) & (shares < 1)
    if not usable.any():
        raise UserError(
            f"measuring needs masks with foreground and background, but none of the {len(shares)} "
            "masks has both; look at them, and make them again"
        )
    return usable


def with_usable_masks(arrays: Arrays) -> Arrays:
    """Returns the elements that `usable_rows` names; raises as it does."""
    return arrays.take(usable_rows(arrays))


def mean_by_class(values: np.ndarray, labels: np.ndarray, classes: int) -> np.ndarray:
    """Returns the mean of `values` [N] over each class, float64 [classes]; NaN for no images."""
    counts = np.bincount(labels, minlength=classes)
    totals = np.bincount(labels, weights=values, minlength=classes)
    return np.divide(totals, counts, out=np.full(classes, np.nan), where=counts > 0)


def plain_list(values: np.ndarray) -> list[float | None]:
    """Returns floats that JSON can hold: NaN becomes None."""
    return [None if np.isnan(value) else float(value) for value in values]
