"""Class images by a preset: its pieces, one call of `ActivationMaximization`, and what it reached.

`Ascent` is made once for a model and can be called again and again while the model trains: its
loop is traced once, and reads the model's present weights.
"""

import time
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from bg_interp.config.ascent import AscentSettings
from bg_interp.errors import UserError
from bg_interp.models import targets
from bg_interp.visualization import (
    callbacks,
    modifiers,
    optimizers,
    parametrizations,
    regularizers,
    scores,
    statistics,
)
from bg_interp.visualization.maximization import ActivationMaximization
from bg_interp.visualization.presets import SMALL
from bg_interp.visualization.results import Visualization, chosen_by_margin
from bg_interp.visualization.statistics import AscentStatistics

_LEVELS = {"black": 0.0, "grey": 127.5}


class Ascent:
    """Activation maximization of one model by one preset, traced once per number of images."""

    def __init__(
        self,
        model: keras.Model,
        settings: AscentSettings = SMALL,
        *,
        samples: int = 2,
        position: tuple[int, int] | None = None,
        input_range: tuple[float, float] = (0.0, 255.0),
        jit_compile: bool = False,
    ):
        """Prepares a model whose output is to be maximised.

        Args:
          model: a classifier that takes images [B,H,W,C] of static size (a softmax at its end is
            left out), or what `targets.layer` returns: then [B,...,K] are the channels, whose mean
            over the middle axes counts.
          settings: what to do.
          samples: images made of each unit, from which the network's own margin chooses.
          position: (row, column) of the neuron that counts in each channel, instead of the mean.
          input_range: what the model takes for black and white.
          jit_compile: compile the loop by XLA; on CPUs the plain graph is faster.

        Raises:
          UserError: see `targets.logits`.
        """
        if len(model.outputs[0].shape) == 2:
            model = targets.logits(model)
        self.settings = settings
        self.samples = samples
        self.image_shape: tuple[int, int, int] = tuple(model.inputs[0].shape[1:])
        self.units = int(model.outputs[0].shape[-1])
        self._position = position
        self._range = input_range
        self._maximization = ActivationMaximization(model, jit_compile=jit_compile)

    def __call__(
        self,
        units: Sequence[int] | None = None,
        *,
        statistics: AscentStatistics | None = None,
        start: str | np.ndarray = "mean",
        seed: int = 0,
        frames: int = 0,
        progress: callbacks.Progress | None = None,
    ) -> Visualization:
        """Maximises units of the model's output.

        Args:
          units: class or channel numbers, all when None.
          statistics: of the data the model was trained on; without them the start is grey.
          start: `mean` (the statistics' mean image), `black`, `grey`, or an image [H,W,C] in
            [0, 255].
          seed: keys every random draw; the same seed gives the same bytes.
          frames: how many pictures of the way to keep, for an animation.
          progress: called with (steps done, all steps).

        Raises:
          UserError: a unit that the model has not, or a start image of another shape.
        """
        begun = time.perf_counter()
        chosen = self._checked_units(units)
        known = self._checked_statistics(statistics)
        shown = callbacks.Frames(frames, len(chosen))
        told: list[Any] = [shown] if frames else []
        if progress is not None:
            told.append(callbacks.Told(progress))
        arguments = pieces(
            self.settings,
            known,
            self._start(known, start),
            np.tile(chosen, self.samples),
            samples=self.samples,
            position=self._position,
            input_range=self._range,
        )
        images = self._maximization(**arguments, callbacks=told, seed=seed)
        (outputs,) = self._maximization.outputs(images)
        return chosen_by_margin(
            chosen,
            self._in_255(images).reshape(self.samples, len(chosen), *self.image_shape),
            scores.units(outputs, self._position).numpy(),
            natural=None if known.natural_logits is None else known.natural_logits[chosen],
            frames=self._in_255(np.array(shown.frames)),
            stopped_at=self._maximization.stopped_at,
            seconds=time.perf_counter() - begun,
            settings=self.settings,
            seed=seed,
        )

    def _checked_units(self, units: Sequence[int] | None) -> np.ndarray:
        chosen = np.arange(self.units) if units is None else np.asarray(units, np.int32)
        for unit in chosen:
            if not 0 <= unit < self.units:
                raise UserError(f"a unit must be from 0 to {self.units - 1}. Received: {unit}")
        return chosen

    def _checked_statistics(self, known: AscentStatistics | None) -> AscentStatistics:
        if known is None:
            known = statistics.generic(*self.image_shape)
        if known.mean.shape != self.image_shape:
            raise UserError(
                f"the ascent statistics must be of the model's image size {self.image_shape}. "
                f"Received: {known.mean.shape}; train again, or leave them out"
            )
        return known

    def _start(self, known: AscentStatistics, start: str | np.ndarray) -> np.ndarray:
        """Returns the image to start from, float32 [H,W,C] in [0, 255]."""
        if isinstance(start, str):
            check_start(start)
            if start == "mean":
                return np.asarray(known.mean, np.float32)
            return np.full(self.image_shape, _LEVELS[start], np.float32)
        image = np.asarray(start, np.float32)
        if image.shape != self.image_shape:
            raise UserError(
                f"the start image must have the shape {self.image_shape}. Received: {image.shape}"
            )
        return image

    def _in_255(self, images: Any) -> np.ndarray:
        low, high = self._range
        images = np.asarray(images, np.float32)
        return images if self._range == (0.0, 255.0) else (images - low) * (255 / (high - low))


def check_start(start: str | np.ndarray) -> None:
    """Checks the name of an image to start from.

    Raises:
      UserError: no image has this name.
    """
    if isinstance(start, str) and start != "mean" and start not in _LEVELS:
        raise UserError(f"start must be mean, black or grey. Received: {start!r}")


def pieces(
    settings: AscentSettings,
    known: AscentStatistics,
    start: np.ndarray,
    units: np.ndarray,
    *,
    samples: int = 1,
    position: tuple[int, int] | None = None,
    input_range: tuple[float, float] = (0.0, 255.0),
) -> dict[str, Any]:
    """Returns the arguments of the call of `ActivationMaximization` that `settings` stand for.

    Args:
      settings: what to do.
      known: statistics of the data.
      start: float32 [H,W,C] in [0, 255].
      units: int [B], the class or channel of each image.
      samples: how many times all units stand in `units`.
      position: see `scores.Activation`.
      input_range: that of the model.
    """
    low, high = input_range
    scale = (high - low) / 255
    score = scores.Margin if settings.objective == "margin" else scores.Activation
    first = low + start * scale
    against: list[Any] = []
    if settings.opacity:
        against.append(regularizers.MeanOpacity(settings.opacity, input_range))
    if settings.diversity and samples > 1:
        against.append(regularizers.Likeness(settings.diversity, samples, first))
    smoothed = settings.parametrization == "projected" and settings.smoothing
    return {
        "score": score(units, position),
        "seed_input": np.repeat(first[None], len(units), axis=0),
        "input_range": input_range,
        "input_modifiers": _modifiers(settings, scale),
        "regularizers": against,
        "steps": settings.steps,
        "optimizer": _optimizer(settings, start),
        "gradient_modifier": modifiers.SpectrumWeights(known.magnitude, settings.smoothing)
        if smoothed
        else None,
        "parametrization": _parametrization(settings, known),
    }


def _modifiers(settings: AscentSettings, scale: float) -> list[modifiers.Modifier]:
    chosen: list[modifiers.Modifier] = []
    view = settings.views
    if view.shift or view.rotation or view.scale or view.crop:
        chosen.append(modifiers.View(view.shift, view.rotation, view.scale, view.crop))
    if settings.noise or settings.final_noise:
        deviations = settings.noise * scale, settings.final_noise * scale
        chosen.append(modifiers.Noise(*deviations, settings.steps))
    return chosen


def _optimizer(settings: AscentSettings, start: np.ndarray) -> keras.Optimizer:
    rate = optimizers.Linear(settings.step_length, settings.final_step_length, settings.steps)
    if settings.parametrization == "projected":
        # Opacity, when there is one, is the second thing that moves; it knows no budget.
        budget = (settings.budget, None) if settings.opacity else settings.budget
        return optimizers.Projected(rate, budget, around=start / 255)
    # A second moment that forgets sooner than Adam's own suits an ascent of some hundred steps.
    return keras.optimizers.Adam(rate, beta_2=0.99)


def _parametrization(
    settings: AscentSettings, known: AscentStatistics
) -> parametrizations.Parametrization:
    made: parametrizations.Parametrization
    if settings.parametrization == "fourier":
        made = parametrizations.Fourier(known, settings.initial)
    elif settings.parametrization == "maco":
        made = parametrizations.Maco(known)
    else:
        clip = settings.parametrization == "pixel"
        made = parametrizations.Pixels(settings.initial, clip)
    return parametrizations.Opacity(made) if settings.opacity else made
