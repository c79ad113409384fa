"""TensorFlow's SavedModels as classifiers: the one signature that takes images."""

import functools
import pathlib
from collections.abc import Callable, Mapping
from typing import Any

import tensorflow as tf

from bg_interp.errors import UserError, one_line

_USUAL = ("serving_default", "serve")


def opened(path: pathlib.Path) -> tuple[Callable, tuple[int | None, ...] | None, Any]:
    """Opens a SavedModel; see `of_loaded`.

    Raises:
      UserError: it cannot be loaded, or has no signature of images.
    """
    try:
        loaded = tf.saved_model.load(str(path))
    # TensorFlow raises many kinds of exceptions for damaged files.
    except Exception as error:
        raise UserError(f"{path} cannot be loaded: {one_line(error)}") from error
    return of_loaded(loaded, str(path))


def of_loaded(loaded: Any, what: str) -> tuple[Callable, tuple[int | None, ...] | None, Any]:
    """Returns what a SavedModel answers by, the shape of its images and their dtype.

    Args:
      loaded: what `tf.saved_model.load` returned.
      what: names it in messages.

    Returns:
      A function of images that gives what the signature gives, the shape of a batch of images
      (None where it is unknown), and their dtype.

    Raises:
      UserError: no signature takes images, or several do and none has a usual name.
    """
    name, argument, spec = _signature(loaded.signatures, what)
    shape = None if spec.shape.rank is None else tuple(spec.shape)

    def answers(images: tf.Tensor) -> Any:
        # `loaded` is named so that it lives as long as this function.
        outputs = loaded.signatures[name](**{argument: tf.cast(images, spec.dtype)})
        return next(iter(outputs.values())) if len(outputs) == 1 else outputs

    count = shape[0] if shape else None
    return (answers if count is None else in_blocks(answers, count)), shape, spec.dtype


def _signature(signatures: Mapping[str, Any], what: str) -> tuple[str, str, tf.TensorSpec]:
    """Returns the name of the signature of images, that of its argument, and what that takes."""
    inputs = {name: one.structured_input_signature[1] for name, one in signatures.items()}
    fitting = {
        name: next(iter(arguments.items()))
        for name, arguments in inputs.items()
        if len(arguments) == 1 and _takes_images(next(iter(arguments.values())))
    }
    for name in (*_USUAL, *fitting):
        if name in fitting and (name in _USUAL or len(fitting) == 1):
            return name, *fitting[name]
    listed = "; ".join(f"{name}({_listed(arguments)})" for name, arguments in inputs.items())
    raise UserError(
        "a SavedModel must have one signature with one input, of images. "
        f"Received: {what} with {listed or 'none'}; a function of images that calls what is meant "
        "can be given as MODULE:NAME"
    )


def _listed(arguments: Mapping[str, tf.TensorSpec]) -> str:
    shapes = {name: one.shape for name, one in arguments.items()}
    return ", ".join(
        f"{name} {'of any shape' if shape.rank is None else list(shape)}"
        for name, shape in shapes.items()
    )


def _takes_images(spec: tf.TensorSpec) -> bool:
    of_numbers = spec.dtype.is_floating or spec.dtype.is_integer
    return of_numbers and spec.shape.rank in (None, 3, 4)


def in_blocks(function: Callable, count: int) -> Callable:
    """Returns a function of any number of images of one that takes `count`, as a graph may hold.

    Args:
      function: a tensor of images to a tensor, or a dict of such.
      count: how many images it takes.
    """

    @functools.wraps(function)
    def called(images: tf.Tensor) -> Any:
        total = tf.shape(images)[0]
        missing = -total % count
        last = tf.repeat(images[-1:], missing, axis=0)
        blocks = tf.reshape(
            tf.concat([images, last], axis=0), tf.concat([[-1, count], tf.shape(images)[1:]], 0)
        )
        blocks.set_shape([None, count, *images.shape[1:]])
        example = tf.nest.map_structure(
            lambda one: tf.TensorSpec(one.shape, one.dtype), _outputs(function, blocks)
        )
        outputs = tf.map_fn(function, blocks, fn_output_signature=example)
        return tf.nest.map_structure(
            lambda one: tf.reshape(one, tf.concat([[-1], tf.shape(one)[2:]], 0))[:total], outputs
        )

    return called


def _outputs(function: Callable, blocks: tf.Tensor) -> Any:
    """Returns what a function gives for one block, as its graph says."""
    spec = tf.TensorSpec(blocks.shape[1:], blocks.dtype)
    graph = tf.function(function, autograph=False).get_concrete_function(spec)
    return graph.structured_outputs
