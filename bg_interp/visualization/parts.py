"""What the compiled loop knows of the parts of a call: what is traced, and what may change.

A part is an object with settings. Those that its class names in `dynamic` are values that a trace
reads from variables, so that others need no new trace; all others are written into the trace.
"""

import copy
import dataclasses
from typing import Any, ClassVar

import tensorflow as tf


class Part:
    """A score, modifier, regularizer, parametrization or schedule that the compiled loop knows.

    Attributes:
      dynamic: names of attributes that may change without a new trace: numbers, arrays, or None.
    """

    dynamic: ClassVar[tuple[str, ...]] = ()


@dataclasses.dataclass(frozen=True)
class StepContext:
    """The step at which a modifier is called, and what it may draw from.

    Attributes:
      key: uint32 scalar, for the draws: of seed and step, moved by the stream that is drawn from.
      step: int32 scalar.
      noise: standard Gaussian noise of the images' shape, the same at every step; None when no
        part has asked for it.
      fuse: let XLA compile what gains by it.
    """

    key: tf.Tensor
    step: tf.Tensor
    noise: tf.Variable | None
    fuse: bool

    def for_stream(self, stream: int) -> "StepContext":
        """Returns this context with another key, whose draws are independent."""
        return dataclasses.replace(self, key=self.key + tf.constant(stream, tf.uint32))


def signature(part: Any) -> tuple:
    """Returns what a trace depends on, as a hashable value."""
    dynamic = getattr(part, "dynamic", ())
    settings = sorted(item for item in vars(part).items() if not item[0].startswith("_"))
    return (
        type(part),
        *((name, _shape(value) if name in dynamic else _plain(value)) for name, value in settings),
    )


def bind(part: Any) -> Any:
    """Returns a copy whose dynamic settings are variables; `assign` gives them other values."""
    twin = copy.copy(part)
    for name, value in _nested(part):
        setattr(twin, name, bind(value))
    return with_variables(twin)


def with_variables(part: Any) -> Any:
    """Turns the dynamic settings of `part` into variables; returns it."""
    for name in getattr(part, "dynamic", ()):
        if getattr(part, name) is not None:
            setattr(part, name, tf.Variable(getattr(part, name), trainable=False))
    return part


def assign(twin: Any, part: Any) -> None:
    """Gives what `bind` returned the dynamic settings of another part with the same signature."""
    for name in getattr(part, "dynamic", ()):
        if getattr(part, name) is not None:
            getattr(twin, name).assign(getattr(part, name))
    for name, value in _nested(part):
        assign(getattr(twin, name), value)


def _nested(part: Any) -> list[tuple[str, Part]]:
    """Returns the settings that are parts themselves, by name."""
    settings = getattr(part, "__dict__", {}).items()
    return [
        (name, value)
        for name, value in settings
        if isinstance(value, Part) and not name.startswith("_")
    ]


def _plain(value: Any) -> Any:
    return signature(value) if isinstance(value, Part) else str(value)


def _shape(value: Any) -> Any:
    return None if value is None else tuple(tf.convert_to_tensor(value).shape)
