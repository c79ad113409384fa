"""What every measure works on: images, masks and labels as arrays, and a model's logits."""

from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from bg_interp.errors import UserError
from bg_interp.models.functions import ArrayFunction

# Any Keras model, or any differentiable function: float32 [B, H, W, 3] in [0, 255] -> [B, K].
Model = Callable[[tf.Tensor], tf.Tensor]

BATCH_SIZE = 64


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


def batches(count: int, size: int = BATCH_SIZE) -> Iterator[slice]:
    """Yields slices that cover range(count) in steps of `size`."""
    for start in range(0, count, size):
        yield slice(start, min(start + size, count))


def compiled(model: Model) -> Model:
    """Returns `model` in inference mode as one graph, traced once for all batch sizes.

    Keras models are in inference mode outside of `fit`; a plain function is taken as it is.
    """

    def logits(images: tf.Tensor) -> tf.Tensor:
        return tf.cast(model(images), tf.float32)

    if isinstance(getattr(model, "network", None), ArrayFunction):
        return logits  # Its arrays are nothing that a graph could hold.
    # Models are graphs already: rewriting their Python code could only break somebody's model.
    return tf.function(logits, autograph=False, reduce_retracing=True)


def predict(model: Model, images: np.ndarray) -> np.ndarray:
    """Returns the model's outputs for all images, float32 [N, K].

    Args:
      model: images to logits; pass it through `compiled` once when it is called often.
      images: [N, H, W, 3], uint8 or float in [0, 255].
    """
    outputs = [model(tf.cast(images[rows], tf.float32)).numpy() for rows in batches(len(images))]
    return np.concatenate(outputs)


def mean_by_class(values: np.ndarray, labels: np.ndarray, classes: int) -> np.ndarray:
    """Returns the mean of `values` [N] over each class, float64 [classes]; NaN for no images."""
    counts = np.bincount(labels, minlength=classes)
    totals = np.bincount(labels, weights=values, minlength=classes)
    return np.divide(totals, counts, out=np.full(classes, np.nan), where=counts > 0)


def plain_list(values: np.ndarray) -> list[float | None]:
    """Returns floats that JSON can hold: NaN becomes None."""
    return [None if np.isnan(value) else float(value) for value in values]
