"""One call of `ActivationMaximization`, taken apart: can it be compiled, and was it before?"""

import copy
import dataclasses
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import keras
import tensorflow as tf
from tf_keras_vis.utils import listify

from bg_interp.visualization import parts
from bg_interp.visualization.parametrizations import Input, Parametrization
from bg_interp.visualization.tf_keras_vis import mapping

Limits = tuple[Any, Any]


@dataclasses.dataclass(frozen=True)
class Regularizer:
    """A regularizer, by what name callbacks hear of it, and what it looks at.

    Attributes:
      place: the number of the input; None for all of them.
    """

    name: str
    function: Any
    place: int | None

    @property
    def layers(self) -> tuple[str, ...]:
        """The layers at whose outputs the regularizer looks, instead of inputs."""
        return getattr(self.function, "layers", ())

    def __call__(self, values: list) -> tf.Tensor:
        """Returns what the regularizer says of the model's inputs."""
        return self.function(self.seen(values))

    def seen(self, values: list) -> Any:
        """Returns those of the model's inputs at which the regularizer looks."""
        return values if self.place is None else values[self.place]


@dataclasses.dataclass(frozen=True)
class Call:
    """The arguments of one call, in the order of the model's inputs and outputs.

    Attributes:
      model: what to maximise, with the outputs of `layers` behind its own.
      training: in which mode to call it.
      layers: names of the inner layers at which regularizers look.
      starts: the inputs to begin with, float32 [B,...].
      limits: the range of each input.
      parametrizations: of each input.
      modifiers: of each input, each a `Modifier`; None for one that is not known.
      scores: of each output.
      mean_score: what brings a score's result to one number per image.
      regularizers: of all inputs.
      gradient_modifier: a function of one gradient, or None.
      optimizer: a Keras optimizer, of which only the configuration counts.
      schedule: see `schedule_of`.
      unconnected: what the gradient of an input without influence is.
      steps: all steps; seed: keys every draw.
      fuse: see `loop.pays_to_fuse`.
    """

    model: keras.Model
    training: bool
    layers: tuple[str, ...]
    starts: list[tf.Tensor]
    limits: list[Limits]
    parametrizations: list[Parametrization]
    modifiers: list[list[Any]]
    scores: list[Any]
    mean_score: Callable[[Any], tf.Tensor]
    regularizers: list[Regularizer]
    gradient_modifier: Callable | None
    optimizer: keras.Optimizer
    schedule: Any
    unconnected: tf.UnconnectedGradients
    steps: int
    seed: int
    fuse: bool

    def outputs(self, values: list) -> tuple[list[tf.Tensor], dict[str, tf.Tensor]]:
        """Returns the model's outputs, in float32 whatever it computes in, and its features."""
        values = values[0] if len(values) == 1 else values
        outputs = listify(self.model(values, training=self.training))
        outputs = [tf.cast(output, tf.float32) for output in outputs]
        own = len(outputs) - len(self.layers)
        return outputs[:own], dict(zip(self.layers, outputs[own:], strict=True))

    def parts(self) -> Iterator[Any]:
        """Yields all that may have dynamic settings; the same kinds in the same order in a copy."""
        yield from self.parametrizations
        for modifiers in self.modifiers:
            yield from modifiers
        yield from self.scores
        yield from (regularizer.function for regularizer in self.regularizers)
        yield from (self.gradient_modifier, self.optimizer, self.schedule)

    def signature(self) -> tuple | None:
        """Returns what a trace depends on; None when a part is a function that may change."""
        functions = [*self.scores, *(one.function for one in self.regularizers)]
        modifier = self.gradient_modifier
        if not all(mapping.is_known(one) for one in functions):
            return None
        if modifier is not None and not isinstance(modifier, parts.Part):
            return None
        return (
            self.training,
            id(self.model),
            self.layers,
            self.unconnected,
            self.fuse,
            tuple(tuple(start.shape) for start in self.starts),
            tuple(self.limits) if self.parametrized else None,
            tuple(len(modifiers) for modifiers in self.modifiers),
            tuple((one.name, one.place) for one in self.regularizers),
            *(self._signature_of(part) for part in self.parts()),
        )

    @property
    def parametrized(self) -> bool:
        """Tells whether anything but the inputs themselves is moved."""
        return any(type(one) is not Input for one in self.parametrizations)

    def _signature_of(self, part: Any) -> Any:
        if part is None:
            return None
        if part is not self.optimizer:
            return parts.signature(part)
        dynamic = getattr(part, "dynamic", ())
        # Keras numbers the names of its objects; a schedule is a part of its own.
        config = {**part.get_config(), "name": None}
        if self.schedule is not None:
            config["learning_rate"] = None
        shapes = {name: config[name] is not None and config[name].shape for name in dynamic}
        return type(part), str(sorted({**config, **shapes}.items()))

    def bind(self) -> "Call":
        """Returns a copy for a trace: dynamic settings are variables, the optimizer is new."""
        return dataclasses.replace(
            self,
            parametrizations=[parts.bind(one) for one in self.parametrizations],
            modifiers=[[parts.bind(one) for one in modifiers] for modifiers in self.modifiers],
            scores=[_bound(one) for one in self.scores],
            regularizers=[
                dataclasses.replace(one, function=_bound(one.function)) for one in self.regularizers
            ],
            gradient_modifier=_bound(self.gradient_modifier),
            optimizer=self._new_optimizer(),
            schedule=_bound(self.schedule),
        )

    def _new_optimizer(self) -> keras.Optimizer:
        """Returns an optimizer like the caller's, whose own state stays untouched.

        A schedule's learning rate comes as a number at every step.
        """
        config = self.optimizer.get_config()
        if self.schedule is not None:
            config["learning_rate"] = 0.0
        return parts.with_variables(type(self.optimizer).from_config(config))


def regularizers_of(given: Any, names: Sequence[str]) -> list[Regularizer]:
    """Lists regularizers.

    Args:
      given: what tf-keras-vis makes of its argument: a list of old-style regularizers, or a dict
        of dicts by input and name.
      names: the inputs' names.

    Raises:
      TypeError: a regularizer that cannot be called.
    """
    if isinstance(given, list):
        listed = [Regularizer(one.name, one, None) for one in given]
    else:
        listed = [
            Regularizer(name, function, place)
            for place, input_name in enumerate(names)
            for name, function in given[input_name].items()
        ]
    for one in listed:
        if not callable(one.function):
            raise TypeError(f"a regularizer must be callable. Received: {one.function!r}")
    return listed


def schedule_of(optimizer: keras.Optimizer) -> Any:
    """Returns the schedule of an optimizer's learning rate; None when the rate is a number."""
    rate = optimizer.get_config().get("learning_rate")
    return keras.optimizers.schedules.deserialize(rate) if isinstance(rate, dict) else None


def _bound(part: Any) -> Any:
    if isinstance(part, parts.Part):
        return parts.bind(part)
    # Loops are kept by what a regularizer was like; the caller may change it later.
    return copy.copy(part) if type(part) in mapping.FUSED else part
