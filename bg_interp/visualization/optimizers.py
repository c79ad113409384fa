"""How images move: Keras optimizers for what `ActivationMaximization` maximises.

They go wherever Keras takes an optimizer; Keras's own, Adam for one, stand beside them.
"""

import math
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from bg_interp.visualization.parts import Part

# Distances are L2 over the pixels: those of the same picture, enlarged, grow with its side.
_SIDE = 64


def between(first: Any, last: Any, step: Any, steps: Any) -> tf.Tensor:
    """Returns the value at a step on the straight way from `first` to `last`."""
    share = tf.cast(step, tf.float32) / tf.cast(steps, tf.float32)
    return first + tf.minimum(share, 1.0) * (last - first)


@keras.saving.register_keras_serializable("bg_interp")
class Linear(keras.optimizers.schedules.LearningRateSchedule, Part):
    """A learning rate that falls, or rises, along a line."""

    dynamic = ("steps",)

    def __init__(self, first: float, last: float, steps: int):
        """Takes the rate at the first step, and what it comes to after `steps`."""
        self.first = first
        self.last = last
        self.steps = steps

    def __call__(self, step: Any) -> tf.Tensor:
        """Returns the learning rate at a step."""
        return between(self.first, self.last, step, self.steps)

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {"first": self.first, "last": self.last, "steps": self.steps}


@keras.saving.register_keras_serializable("bg_interp")
class Projected(keras.Optimizer):
    """Steps of a given length per image, then projection to a budget around a start image.

    Clipping inside the loss would leave pixels beyond the range where no gradient reaches them;
    projection does not. Lengths are L2 distances of images in [0, 1] of 64 px; they grow with the
    image's side, and with the range.
    """

    dynamic = ("around",)

    def __init__(
        self,
        learning_rate: Any = 1.0,
        budget: float | Sequence[float | None] | None = None,
        around: Any = None,
        limits: tuple[float, float] = (0.0, 1.0),
        name: str = "projected",
        **options: Any,
    ):
        """Takes the lengths.

        Args:
          learning_rate: length of a step, or a schedule of it.
          budget: largest distance from `around`, one for all variables or one for each; None for
            no budget.
          around: images that broadcast to the variables; None for where they stand at first.
          limits: the range of the variables. It is that of the model's input, (0, 255) for most,
            unless a parametrization moves something else; those here move values in [0, 1].
          name: of the optimizer.
          **options: Keras's own.
        """
        super().__init__(learning_rate, name=name, **options)
        self.budget = budget
        self.around = None if around is None else np.asarray(around, np.float32)
        self.limits = limits

    def build(self, variables: list) -> None:
        """Keeps where the variables stand at first, if the budget lies around that."""
        if self.built:
            return
        super().build(variables)
        self._first = []
        if self.around is None and self.budget is not None:
            self._first = [self.add_variable_from_reference(one, "first") for one in variables]

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """Moves one variable [B,H,W,C]."""
        place = self._get_variable_index(variable)
        low, high = self.limits
        # Inside a step Keras hands TensorFlow's variables, not its own.
        now, rate = tf.convert_to_tensor(variable), tf.cast(learning_rate, variable.dtype)
        unit = math.sqrt(now.shape[1] * now.shape[2]) / _SIDE * (high - low)
        moved = now - rate * unit * gradient / (_length(gradient) + 1e-9)
        budget = self.budget[place] if isinstance(self.budget, Sequence) else self.budget
        if budget is not None:
            centre = self._centre(place, now)
            change = moved - centre
            change *= tf.minimum(1.0, budget * unit / _length(change))
            moved = centre + change
        self.assign(variable, tf.clip_by_value(moved, low, high))

    def _centre(self, place: int, now: tf.Tensor) -> tf.Tensor:
        if self.around is not None:
            return tf.convert_to_tensor(self.around)
        begun = tf.convert_to_tensor(self.iterations) > 0
        centre = tf.where(begun, tf.convert_to_tensor(self._first[place]), now)
        self.assign(self._first[place], centre)
        return centre

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        own = {"budget": self.budget, "around": self.around, "limits": self.limits}
        return {**super().get_config(), **own}


def _length(values: tf.Tensor) -> tf.Tensor:
    """Returns the L2 length of each image, [B,1,1,1]."""
    return tf.sqrt(tf.reduce_sum(values * values, [1, 2, 3], keepdims=True))
