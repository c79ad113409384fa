"""Rewiring a Keras model: nested models laid flat, layers replaced, inner tensors named.

Only public parts of Keras are used: `clone_model` walks the graph, and hands each call of a layer
to a function of ours. Layers are shared with the given model, so its weights stay live.
"""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import keras

Substitute = Callable[[keras.Operation], Callable]


@dataclasses.dataclass(frozen=True)
class Call:
    """One call of one layer: its "outer/inner" name, and the Keras tensors in and out."""

    name: str
    layer: keras.Operation
    inputs: list
    outputs: list


@dataclasses.dataclass(frozen=True)
class Wiring:
    """A model laid flat, and all calls of layers it consists of, in the order of the graph."""

    model: keras.Model
    calls: list[Call]


def rewire(
    model: keras.Model,
    substitute: Substitute = lambda layer: layer,
    shapes: Sequence[tuple] | None = None,
) -> Wiring:
    """Calls every layer of a model again on new inputs, nested models' layers one by one.

    Args:
      model: a built Keras model. A subclassed model has no graph: it counts as one layer.
      substitute: layer -> what to call in its place.
      shapes: the inputs' shapes without the batch axis, for models that leave them open.

    Returns:
      A functional model of any batch size that shares all layers that were not replaced. Integer
      inputs become float32, since they could carry no gradient.
    """
    shapes = shapes or [tensor.shape[1:] for tensor in model.inputs]
    inputs = [
        keras.Input(shape, dtype=_float_type(tensor.dtype), name=tensor.name.split(":")[0])
        for shape, tensor in zip(shapes, model.inputs, strict=True)
    ]
    calls: list[Call] = []
    outputs = _run(model, inputs, substitute, calls, prefix="")
    inputs = inputs[0] if len(inputs) == 1 else inputs
    return Wiring(keras.Model(inputs, outputs, name=model.name), calls)


def _float_type(dtype: str) -> str:
    return dtype if "float" in dtype else "float32"


def has_graph(layer: keras.Operation) -> bool:
    """Tells whether `layer` is a model with an open graph, which can be laid flat."""
    if isinstance(layer, keras.Sequential):
        return layer.built
    return isinstance(layer, keras.Model) and isinstance(layer, keras.Function)


def _run(model: Any, inputs: list, substitute: Substitute, calls: list[Call], prefix: str) -> Any:
    """Calls the layers of `model` on the Keras tensors `inputs`; returns its outputs."""

    def call(layer: keras.Operation, *arguments: Any, **options: Any) -> Any:
        if has_graph(layer):
            flat = keras.tree.flatten(arguments[0])
            return _run(layer, flat, substitute, calls, f"{prefix}{layer.name}/")
        result = substitute(layer)(*arguments, **options)
        flat = keras.tree.flatten(arguments) + keras.tree.flatten(options)
        tensors = [value for value in flat if isinstance(value, keras.KerasTensor)]
        calls.append(Call(prefix + layer.name, layer, tensors, keras.tree.flatten(result)))
        return result

    if isinstance(model, keras.Sequential):
        result = inputs[0]
        for layer in model.layers:
            result = call(layer, result)
        return result
    if not has_graph(model):
        return call(model, inputs[0] if len(inputs) == 1 else inputs)
    return _run_functional(model, inputs, call)


def _run_functional(model: Any, inputs: list, call: Callable) -> Any:
    """Walks a functional model's graph with `clone_model`, and finds what became of its outputs."""
    # clone_model returns no tensors that hang on `inputs`, so each output gets a layer of its own,
    # whose call tells what it became.
    ends = [keras.layers.Identity() for _ in model.outputs]
    ended = keras.Model(
        model.inputs, [end(output) for end, output in zip(ends, model.outputs, strict=True)]
    )
    found: dict[int, Any] = {}

    def recording(layer: keras.Operation, *arguments: Any, **options: Any) -> Any:
        if any(layer is end for end in ends):
            found[id(layer)] = arguments[0]
            return arguments[0]
        return call(layer, *arguments, **options)

    keras.models.clone_model(
        ended,
        input_tensors=keras.tree.pack_sequence_as(ended.input, inputs),
        clone_function=lambda layer: layer,
        call_function=recording,
    )
    outputs = [found[id(end)] for end in ends]
    return outputs[0] if len(outputs) == 1 else outputs
