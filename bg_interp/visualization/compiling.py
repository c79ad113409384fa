"""How the pieces of a compiled loop are compiled."""

from collections.abc import Callable
from typing import Any

import tensorflow as tf


def fused(function: Callable) -> Any:
    """Returns `function` compiled by XLA, which makes one pass over memory of many operations.

    Args:
      function: of tensors, without Python's branches or loops on them.
    """
    return tf.function(function, jit_compile=True, autograph=False)


def apart(function: Callable) -> Any:
    """Returns `function` as a graph of its own, to be called from a loop.

    TensorFlow would write it into the loop, and then rewrites its operations for oneDNN in an order
    that depends on addresses in memory: in one of four traces the gradients of max pooling miss
    their forward operations there, stay without oneDNN, and the loop takes 1.4 times as long.
    """
    return tf.function(function, autograph=False, experimental_attributes={"_noinline": True})
