"""What is maximised: a model's logits, or the channels of any of its layers."""

import re
from collections.abc import Callable, Sequence

import keras
import numpy as np
import tensorflow as tf

from bg_interp.errors import UserError, nearest
from bg_interp.models import graph

# Activations whose outputs are probabilities, and operations of the same names.
_PROBABILITIES = ("softmax", "log_softmax", "sigmoid")


def logits(model: keras.Model, shape: tuple[int, int, int] | None = None) -> keras.Model:
    """Returns `scores` of a model; of a single one, those of two classes.

    The first class is what speaks against the second.

    Args:
      model: a classifier with one image input and one output [B,K].
      shape: [H,W,C] of the images, for models that leave it open.

    Raises:
      UserError: see `scores`.
    """
    ready = scores(model, shape)
    score = ready.outputs[0]
    if score.shape[-1] != 1:
        return ready
    return keras.Model(ready.inputs, keras.ops.concatenate([-score, score], axis=-1))


def scores(model: keras.Model, shape: tuple[int, int, int] | None = None) -> keras.Model:
    """Returns the model without the softmax or sigmoid at its end, if it has one.

    A probability near 1 has no gradient left, and can be raised by lowering all other classes.

    Args:
      model: a classifier with one image input and one output [B,K].
      shape: [H,W,C] of the images, for models that leave it open.

    Raises:
      UserError: the model is of another kind, or gives probabilities that cannot be traced back
        to logits.
    """
    _check_inputs(model, shape)
    wiring = graph.rewire(model, shapes=_shapes(shape))
    output = wiring.model.outputs[0]
    if len(wiring.model.outputs) != 1 or len(output.shape) != 2:
        shapes = ", ".join(str(tuple(tensor.shape)) for tensor in wiring.model.outputs)
        raise UserError(
            "the model must have one output [batch, classes] for class images. "
            f"Received: {shapes}; name a layer to visualize instead"
        )
    last = next(call.layer for call in wiring.calls if call.outputs[0] is output)
    if link(last) is not None:
        wiring = graph.rewire(
            model, lambda layer: _linear(layer) if layer is last else layer, _shapes(shape)
        )
    if gives_probabilities(wiring.model):
        raise UserError(
            "the model must give logits, but its outputs are probabilities and its last layer, "
            f"{last.name}, is no softmax or sigmoid that could be removed; give a model that ends "
            "before its probabilities"
        )
    return wiring.model


def link(last: keras.Operation) -> str | None:
    """Returns which probabilities a layer or operation makes of scores; None for none."""
    if isinstance(last, keras.layers.Softmax):
        return "softmax"
    activation = _activation(last)
    if activation is not None:
        name = getattr(activation, "__name__", "")
    else:
        # keras.ops.sigmoid and its like, called on a symbolic tensor.
        name = "" if isinstance(last, keras.Layer) else _snake(type(last).__name__)
    return name if name in _PROBABILITIES else None


def last_link(model: keras.Model) -> str | None:
    """Returns which probabilities a network ends with: "softmax", "sigmoid", or None."""
    wiring = graph.rewire(model)
    last = [call.layer for call in wiring.calls if call.outputs[0] is wiring.model.outputs[0]]
    return link(last[0]) if last else None


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()


def layer(model: keras.Model, name: str, shape: tuple[int, int, int] | None = None) -> keras.Model:
    """Returns a model that ends in a layer, so that its channels can be maximised.

    Args:
      model: a Keras model with one image input.
      name: the layer's name; "outer/inner" or just "inner" for a layer of a nested model.
      shape: [H,W,C] of the images, for models that leave it open.

    Raises:
      UserError: the model has no such layer.
    """
    _check_inputs(model, shape)
    wiring = graph.rewire(model, shapes=_shapes(shape))
    calls = [call for call in wiring.calls if name in _names(call)]
    if not calls:
        names = list(dict.fromkeys(name for call in wiring.calls for name in _names(call)))
        near = nearest(name, names) or f"; its layers are {', '.join(names)}"
        raise UserError(f"the model has no layer {name!r}{near}")
    return keras.Model(wiring.model.inputs[0], calls[0].outputs[0])


def neuron(channels: keras.Model, position: tuple[int, int] | None = None) -> tuple[int, int]:
    """Returns the position (row, column) of a neuron in each channel.

    Args:
      channels: what `layer` returned.
      position: None for the middle.

    Raises:
      UserError: the layer has no rows and columns, or no such position.
    """
    shape = channels.outputs[0].shape
    if len(shape) != 4:
        raise UserError(f"this layer has no rows and columns. Received: {tuple(shape)}")
    row, column = position or (shape[1] // 2, shape[2] // 2)
    if not (0 <= row < shape[1] and 0 <= column < shape[2]):
        raise UserError(
            f"a position in this layer must lie within {shape[1:3]}. Received: {position}"
        )
    return row, column


def units(chosen: Sequence[str], names: Sequence[str], what: str) -> list[int]:
    """Turns names or numbers into numbers.

    Args:
      chosen: each a name, or a number from 0.
      names: of all units, in order.
      what: "class" or "channel", for the message.

    Raises:
      UserError: there is no such unit.
    """
    known = {name: number for number, name in enumerate(names)}
    numbers = []
    for one in chosen:
        number = known.get(one, int(one) if one.isdecimal() else -1)
        if not 0 <= number < len(names):
            raise UserError(
                f"there is no {what} {one!r}; there are {len(names)}, from 0 to {len(names) - 1}"
                f"{nearest(one, names)}"
            )
        numbers.append(number)
    return numbers


def _names(call: graph.Call) -> tuple[str, str]:
    return call.name, call.name.rpartition("/")[2]


def _check_inputs(model: keras.Model, shape: tuple[int, int, int] | None) -> None:
    inputs = getattr(model, "inputs", None) or []
    if len(inputs) != 1 or len(inputs[0].shape) != 4:
        shapes = ", ".join(str(tuple(tensor.shape)) for tensor in inputs)
        raise UserError(
            "the model must have one image input [batch, height, width, channels]. "
            f"Received: {shapes or 'a model that was never built'}; "
            "bg_interp.visualization.ActivationMaximization takes models with several inputs"
        )
    if shape is None and None in inputs[0].shape[1:]:
        raise UserError(
            f"the model leaves its image size open: {tuple(inputs[0].shape)}; give the size to make"
        )


def _shapes(shape: tuple[int, int, int] | None) -> list[tuple] | None:
    return None if shape is None else [shape]


def _activation(layer_: keras.Operation) -> object:
    return getattr(layer_, "activation", None)


def _linear(layer_: keras.Operation) -> Callable:
    if _activation(layer_) is None or not isinstance(layer_, keras.Layer):
        return lambda values, **_: values
    return _WithoutActivation(layer_)


class _WithoutActivation(keras.layers.Layer):
    """A layer as it is but for its activation; shares its weights, whatever kind it is."""

    def __init__(self, wrapped: keras.layers.Layer):
        super().__init__(name=f"{wrapped.name}_linear")
        self.wrapped = wrapped

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        """Calls the layer while its activation is taken off."""
        kept, self.wrapped.activation = self.wrapped.activation, keras.activations.linear
        try:
            return self.wrapped(inputs)
        finally:
            self.wrapped.activation = kept


def gives_probabilities(model: keras.Model) -> bool:
    """Tries a few images: outputs that are never negative and sum to 1 are probabilities.

    So are those that stay in 0 to 1 however far pixels leave their range, as a sigmoid's do.
    """
    images = np.random.default_rng(0).uniform(0, 255, [4, *model.inputs[0].shape[1:]])
    shown = np.concatenate([images, 100 * images, -100 * images]).astype(np.float32)
    outputs = np.asarray(model(shown, training=False), np.float32)
    if outputs.shape[-1] > 1 and (outputs >= 0).all() and np.allclose(outputs.sum(1), 1, atol=1e-3):
        return True
    within = (outputs >= 0).all() and (outputs <= 1).all()
    return bool(within and outputs.std(axis=0).max() > 1e-3)
