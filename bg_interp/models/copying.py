"""Copies of networks that are the same networks: nothing that a layer keeps beside weights is lost.

`clone_model` and `set_weights` forget what is no weight, such as the mean and variance of an
adapted `Normalization`, which each EfficientNet has.
"""

import pathlib
import tempfile
from collections.abc import Iterator, Sequence
from typing import Any

import keras
import numpy as np

from bg_interp.models import graph


def copied(model: keras.Model) -> keras.Model | None:
    """Returns a copy of a network, by way of a file; None where there can be none.

    Layers without `get_config`, or with more state than they save, cannot be copied.
    """
    layers = list(_all_layers(model))
    own = {type(one).__name__: type(one) for one in layers if not _is_of_keras(type(one))}
    try:
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "copy.keras"
            model.save(path)
            # The code in it is the caller's own, which runs in this process already.
            copy = keras.models.load_model(path, custom_objects=own, compile=False, safe_mode=False)
    # Somebody's layers may raise anything.
    except Exception:
        return None
    return copy if _same(model, copy) else None


def with_layer(
    model: keras.Model, layer: keras.Layer, weights: Sequence[np.ndarray]
) -> keras.Model:
    """Returns a network like `model` with other weights in one of its layers.

    Args:
      model: stays as it is.
      layer: one of its own, not of a nested network.
      weights: for that layer.

    Returns:
      A copy where there can be one; else a network that shares all other layers with `model`.
    """
    copy = copied(model)
    if copy is not None:
        copy.get_layer(layer.name).set_weights(weights)
        return copy
    fresh = type(layer).from_config(layer.get_config())
    shared = graph.rewire(model, lambda one: fresh if one is layer else one).model
    fresh.set_weights(weights)
    return shared


def _all_layers(model: keras.Layer) -> Iterator[keras.Layer]:
    """Yields the layers of a network, of the networks in it, and of layers of layers."""
    yield from model._flatten_layers(include_self=False)


def _is_of_keras(kind: type) -> bool:
    return kind.__module__.partition(".")[0] == "keras"


def _same(model: keras.Model, copy: keras.Model) -> bool:
    """Tells whether two networks hold the same variables and answer alike."""
    pairs = list(zip(model.variables, copy.variables, strict=False))
    if len(model.variables) != len(copy.variables) or not all(
        np.array_equal(np.asarray(one), np.asarray(other), equal_nan=True) for one, other in pairs
    ):
        return False
    images = _images(model)
    return images is None or all(
        np.allclose(np.asarray(one, np.float32), np.asarray(other, np.float32), 1e-4, 1e-5, True)
        for one, other in zip(_answers(model, images), _answers(copy, images), strict=True)
    )


def _images(model: keras.Model) -> list[np.ndarray] | None:
    """Returns an example of each input; None for a network that says nothing of them."""
    shapes = [one.shape for one in getattr(model, "inputs", None) or []]
    generator = np.random.default_rng(0)
    sizes = [[64 if size is None else size for size in shape[1:]] for shape in shapes]
    return [generator.uniform(0, 255, [2, *size]) for size in sizes] or None


def _answers(model: keras.Model, images: list[np.ndarray]) -> list[Any]:
    values = [keras.ops.cast(one, i.dtype) for one, i in zip(images, model.inputs, strict=True)]
    return keras.tree.flatten(model(values[0] if len(values) == 1 else values, training=False))
