"""Classifiers that are plain functions of arrays: somebody's Python function, or a file's."""

import importlib
import inspect
import pathlib
import sys
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from bg_interp.cli import names_module
from bg_interp.errors import UserError, one_line


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
            return _as_tensors(self._function(pixels))
        # It is somebody's code, which may raise anything.
        except Exception as error:
            raise UserError(
                f"--model={self._name} raises {type(error).__name__} for images "
                f"{list(images.shape)}: {one_line(error)}"
            ) from error


def _as_tensors(returned: Any) -> Any:
    """Returns scores as float32; of a dict, a tuple or a list of several, each of them."""
    if isinstance(returned, Mapping):
        return {key: _as_tensors(values) for key, values in returned.items()}
    several = isinstance(returned, list) and all(np.ndim(one) > 1 for one in returned)
    if isinstance(returned, tuple) or (several and returned):
        return tuple(_as_tensors(values) for values in returned)
    return tf.constant(np.asarray(returned, np.float32))


def in_blocks(function: Callable[[np.ndarray], Any], count: int | None) -> Callable:
    """Returns a function of any number of images of one that takes a certain number.

    Args:
      function: arrays to an array, or to a list of them, whose first axis is that of the images.
      count: how many images it takes; None for any number.
    """
    if count is None:
        return function

    def called(images: np.ndarray) -> Any:
        outputs = []
        for start in range(0, len(images), count):
            some = images[start : start + count]
            padded = np.concatenate([some, np.repeat(some[-1:], count - len(some), axis=0)])
            outputs.append([np.asarray(one)[: len(some)] for one in function(padded)])
        return tuple(np.concatenate(parts) for parts in zip(*outputs, strict=True))

    return called


def names_function(model: str) -> bool:
    """Tells whether a value of `--model` is MODULE:FUNCTION and no file."""
    return names_module(model) and not pathlib.Path(model).exists()


def from_name(model: str) -> Any:
    """Imports MODULE:NAME, from the folder that the program runs in or from the environment.

    Returns:
      What the name stands for; where that is a function or a class that needs no argument, what it
      makes.

    Raises:
      UserError: there is no such module or name, or it raises.
    """
    module, _, name = model.partition(":")
    sys.path.insert(0, str(pathlib.Path.cwd()))
    try:
        named = getattr(importlib.import_module(module), name)
        return named() if _makes_one(named) else named
    except Exception as error:  # Importing runs somebody's code.
        raise UserError(
            f"--model={model} cannot be imported: {type(error).__name__}: {one_line(error)}"
        ) from error
    finally:
        sys.path.pop(0)


def _makes_one(named: Any) -> bool:
    """Tells whether something is called without an argument to get a classifier."""
    if not (inspect.isfunction(named) or inspect.isclass(named)):
        return False
    try:
        parameters = inspect.signature(named).parameters.values()
    except ValueError:
        return False
    return all(
        one.default is not one.empty or one.kind in (one.VAR_POSITIONAL, one.VAR_KEYWORD)
        for one in parameters
    )
