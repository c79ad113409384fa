"""How often a network is right, under several treatments of the test images."""

from collections.abc import Callable, Iterable, Mapping

import keras
import numpy as np
import tensorflow as tf

Batches = Callable[[], Iterable[Mapping[str, np.ndarray]]]


class Accuracies:
    """Measures a network's accuracy; compiled once, and used as often as wanted.

    Args:
      model: gives logits.
      conditions: by name, what gives the batches: float32 `image` and int32 `label`.
    """

    def __init__(self, model: keras.Model, conditions: Mapping[str, Batches]):
        self._predict = tf.function(
            lambda images: tf.argmax(model(images, training=False), axis=1), reduce_retracing=True
        )
        self._conditions = conditions

    def __call__(self) -> dict[str, float]:
        """Returns the accuracy under each condition, from 0 to 1."""
        return {f"accuracy/{name}": self._of(b()) for name, b in self._conditions.items()}

    def _of(self, batches: Iterable[Mapping[str, np.ndarray]]) -> float:
        right = [self._predict(b["image"]).numpy() == b["label"] for b in batches]
        return float(np.mean(np.concatenate(right)))
