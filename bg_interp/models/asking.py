"""How classifiers are asked: in inference, as one graph, by batches that fit into memory."""

import dataclasses
import functools
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from bg_interp.models.functions import ArrayFunction

# Any Keras model, or any differentiable function: float32 [B, H, W, 3] in [0, 255] -> [B, K].
Model = Callable[[Any], Any]

BATCH_SIZE = 64
# What a batch of float images takes at most. Networks hold some tens of times as much while they
# answer, and hundreds of times while gradients are taken.
_BYTES = 16 * 2**20
_BYTES_OF_GRADIENTS = 2 * 2**20


def in_inference(model: Model) -> Model:
    """Returns a model that is asked as `predict` asks it; a plain function stays as it is.

    Keras's layers decide by themselves where nothing is said, and some of them decide for training:
    they would draw augmentations, and move the statistics of somebody's network.
    """
    if isinstance(model, keras.Layer):
        return functools.partial(model, training=False)
    return model


@dataclasses.dataclass(frozen=True, eq=False)
class _Eager:
    """What no graph can hold, asked as it is."""

    asked: Model

    def __call__(self, images: tf.Tensor) -> tf.Tensor:
        return tf.cast(self.asked(images), tf.float32)


def is_eager(model: Model) -> bool:
    """Tells whether a model is asked without a graph, so that it may hold all that it computes."""
    return isinstance(getattr(model, "network", model), ArrayFunction | _Eager)


def as_graph(model: Model) -> Model:
    """Returns `model` in inference mode as one graph, traced once for all batch sizes.

    What a graph cannot hold, such as a function of arrays, is asked as it is.
    """
    if is_eager(model):
        return model  # Its arrays are nothing that a graph could hold.
    # Models are graphs already: rewriting their Python code could only break somebody's model.
    return tf.function(in_inference(model), autograph=False, reduce_retracing=True)


def compiled(model: Model) -> Model:
    """Returns `as_graph` of a model, with outputs in float32 whatever it computes in."""
    asked = in_inference(model)
    if is_eager(model):
        return _Eager(asked)
    return as_graph(lambda images: tf.cast(asked(images), tf.float32))


def batches(count: int, size: int = BATCH_SIZE) -> Iterator[slice]:
    """Yields slices that cover range(count) in steps of `size`."""
    for start in range(0, count, size):
        yield slice(start, min(start + size, count))


def batch_of(shape: Sequence[int], gradients: bool = False) -> int:
    """Returns how many images of a shape [H, W, C] are asked about at once.

    Args:
      shape: of an image.
      gradients: whether gradients are taken, which hold far more.
    """
    limit = _BYTES_OF_GRADIENTS if gradients else _BYTES
    return max(1, min(BATCH_SIZE, limit // (4 * int(np.prod(shape)))))


def predict(model: Model, images: np.ndarray) -> np.ndarray:
    """Returns the model's outputs for all images, float32 [N, K].

    Args:
      model: images to logits; pass it through `compiled` once when it is called often.
      images: [N, H, W, 3], uint8 or float in [0, 255].
    """
    asked = in_inference(model)
    outputs = [
        np.asarray(asked(tf.cast(images[rows], tf.float32)))
        for rows in batches(len(images), batch_of(images.shape[1:], is_eager(model)))
    ]
    return np.concatenate(outputs)
