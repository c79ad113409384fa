"""One input of a model while the loop moves it: variables, and the images that they stand for."""

from typing import Any

import keras
import tensorflow as tf

from bg_interp.visualization import views
from bg_interp.visualization.engine.call import Call, Limits
from bg_interp.visualization.parametrizations import Input, Parametrization


class MovedInput:
    """One input of the model: the variables that are moved, and how they become images."""

    def __init__(
        self,
        place: int,
        start: tf.Tensor,
        limits: Limits,
        parametrization: Parametrization,
        call: Call,
    ):
        """Makes the variables, of the shapes that `parametrization` begins with."""
        self._place = place
        self._limits = None if type(parametrization) is Input else limits
        unit = self._unit(start)
        first = parametrization.begin(unit, tf.constant([0, 0]))
        self.variables = [keras.Variable(value) for value in first]
        self.start = None if self._limits is None else tf.Variable(unit, trainable=False)
        asked: list[Any] = [parametrization, *call.modifiers[place]]
        self.noise = None
        if any(one.needs_noise for one in asked):
            self.noise = tf.Variable(tf.zeros(start.shape), trainable=False)

    def begin(self, start: tf.Tensor, parametrization: Parametrization, seed: int) -> None:
        """Goes back to the beginning."""
        unit = self._unit(start)
        # Below the steps, which count from 0.
        first, second = (tf.constant([seed, -2 * self._place - one]) for one in (1, 2))
        for variable, value in zip(self.variables, parametrization.begin(unit, first), strict=True):
            variable.assign(value)
        if self.start is not None:
            self.start.assign(unit)
        if self.noise is not None:
            self.noise.assign(views.noise_bank(start.shape, second))

    def finished(self, parametrization: Parametrization) -> tf.Tensor:
        """Returns the images for people."""
        values = [tf.identity(variable.value) for variable in self.variables]
        return self.scaled(parametrization.finished(parametrization.images(values, self.start)))

    def scaled(self, images: tf.Tensor) -> tf.Tensor:
        """Brings images from the parametrization's range to the model's."""
        if self._limits is None:
            return images
        low, high = self._limits
        images = images * (high - low)
        return low + images if low else images

    def _unit(self, images: tf.Tensor) -> tf.Tensor:
        """Brings images from the model's range to the parametrization's."""
        if self._limits is None:
            return images
        low, high = self._limits
        return (images - low) / (high - low)
