"""Classifiers that are plain functions of arrays: somebody's Python function, or an ONNX file."""

import importlib
import importlib.util
import pathlib
import re
import sys
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from bg_interp.errors import UserError, one_line

_NAMED = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*")


class ArrayFunction:
    """A function from arrays to arrays, called as a network is. It has no gradient and no layers.

    Args:
      function: float32 [B, H, W, 3] to scores [B, K], both arrays; or uint8, see `of_bytes`.
      name: for errors.
      takes_bytes: whether the function wants uint8 images.
    """

    def __init__(self, function: Callable[[np.ndarray], Any], name: str, takes_bytes: bool = False):
        self._function, self._name = function, name
        self.takes_bytes = takes_bytes

    def of_bytes(self) -> "ArrayFunction":
        """Returns the same for a function that wants uint8 images; floats are rounded."""
        return ArrayFunction(self._function, self._name, takes_bytes=True)

    def __call__(self, images: tf.Tensor) -> tf.Tensor:
        """Returns float32 [B, K].

        Raises:
          ValueError: it is to be part of a graph, for its gradient.
          UserError: the function raises, or returns something else than scores.
        """
        if not hasattr(images, "numpy"):
            raise ValueError("a function of arrays cannot be differentiated")
        try:
            pixels = images.numpy()
            if self.takes_bytes:
                pixels = np.rint(np.clip(pixels, 0, 255)).astype(np.uint8)
            scores = np.asarray(self._function(pixels), np.float32)
        # It is somebody's code, which may raise anything.
        except Exception as error:
            raise UserError(
                f"--model={self._name} raises {type(error).__name__} for images "
                f"{list(images.shape)}: {one_line(error)}"
            ) from error
        return tf.constant(scores)


def names_function(model: str) -> bool:
    """Tells whether a value of `--model` is MODULE:FUNCTION and no file."""
    return bool(_NAMED.fullmatch(model)) and not pathlib.Path(model).exists()


def from_name(model: str) -> Any:
    """Imports MODULE:NAME, from the folder that the program runs in or from the environment.

    Returns:
      A Keras model where that is what the name stands for, else an `ArrayFunction`.

    Raises:
      UserError: there is no such module or name, or it stands for something else.
    """
    module, _, name = model.partition(":")
    sys.path.insert(0, str(pathlib.Path.cwd()))
    try:
        function = getattr(importlib.import_module(module), name)
    except Exception as error:  # Importing runs somebody's code.
        raise UserError(
            f"--model={model} cannot be imported: {type(error).__name__}: {one_line(error)}"
        ) from error
    finally:
        sys.path.pop(0)
    if not callable(function):
        raise UserError(
            f"--model={model} must name a function or a Keras model. "
            f"Received: {type(function).__name__}"
        )
    if isinstance(function, keras.Model):
        return function
    return ArrayFunction(function, model)


def from_onnx(path: pathlib.Path) -> tuple[ArrayFunction, tuple[int | None, ...]]:
    """Opens an ONNX file, by onnxruntime where it is installed, else by onnx's own evaluator.

    Returns:
      The classifier, and the shape of its images as [B, H, W, C].

    Raises:
      UserError: it cannot be read, or does not have one input of images.
    """
    import onnx

    try:
        graph = onnx.load(path).graph
        given = {constant.name for constant in graph.initializer}
        (image,) = (value for value in graph.input if value.name not in given)
        shape = [size.dim_value or None for size in image.type.tensor_type.shape.dim]
        answer = _onnx_session(path, image.name)
    except Exception as error:  # protobuf, onnx and onnxruntime have exceptions of their own.
        raise UserError(
            f"{path} cannot be opened as an ONNX network with one input: {one_line(error)}"
        ) from error
    # Most exporters put the colours before rows and columns.
    channels_first = len(shape) == 4 and shape[1] in (1, 3)
    if channels_first:
        shape = [shape[0], *shape[2:], shape[1]]
    kind = onnx.helper.tensor_dtype_to_np_dtype(image.type.tensor_type.elem_type)

    def scores(images: np.ndarray) -> np.ndarray:
        images = np.rint(images) if np.issubdtype(kind, np.integer) else images
        images = images.transpose(0, 3, 1, 2) if channels_first else images
        return answer(np.ascontiguousarray(images).astype(kind))

    return ArrayFunction(scores, str(path)), tuple(shape)


def _onnx_session(path: pathlib.Path, name: str) -> Callable[[np.ndarray], np.ndarray]:
    if importlib.util.find_spec("onnxruntime") is None:
        from onnx.reference import ReferenceEvaluator

        evaluator: Any = ReferenceEvaluator(str(path))
        return lambda images: evaluator.run(None, {name: images})[0]
    # No dependency of this package: who has ONNX files to measure often has it.
    runtime = importlib.import_module("onnxruntime")
    session = runtime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    return lambda images: session.run(None, {name: images})[0]
