"""From settings to pieces: the arguments of `ActivationMaximization` that a preset stands for."""

from collections.abc import Collection
from typing import Any

import keras
import numpy as np

from bg_interp.config.ascent import AscentSettings
from bg_interp.visualization import modifiers, optimizers, parametrizations, regularizers, scores
from bg_interp.visualization.features import FeatureMoments
from bg_interp.visualization.statistics import AscentStatistics

_SCORES = {"logit": scores.Activation, "margin": scores.Margin, "even": scores.Even}
# The first layer alone sees colours and the finest lines.
_FIRST_LAYER = 10.0
_SINGLE_IMAGES = 4.0


def pieces(
    settings: AscentSettings,
    known: AscentStatistics,
    start: np.ndarray,
    units: np.ndarray,
    *,
    samples: int = 1,
    position: tuple[int, int] | None = None,
    input_range: tuple[float, float] = (0.0, 255.0),
    natural: FeatureMoments | None = None,
    held: Collection[str] | None = None,
) -> dict[str, Any]:
    """Returns the arguments of the call of `ActivationMaximization` that `settings` stand for.

    Args:
      settings: what to do.
      known: statistics of the data.
      start: float32 [H,W,C] in [0, 255], or [B,H,W,C].
      units: int [B], the class or channel of each image.
      samples: how many times all units stand in `units`.
      position: see `scores.Activation`.
      input_range: that of the model.
      natural: what features are held to, for settings with a weight of `features`.
      held: see `regularizers.FeatureStatistics`.
    """
    low, high = input_range
    scale = (high - low) / 255
    score = _SCORES[settings.objective]
    first = low + start * scale
    against: list[Any] = []
    if natural is not None and settings.features:
        prior = regularizers.FeatureStatistics(
            natural, settings.features, _FIRST_LAYER, _SINGLE_IMAGES, held
        )
        against.append(prior)
    if settings.opacity:
        against.append(regularizers.MeanOpacity(settings.opacity, input_range))
    if settings.diversity and samples > 1:
        against.append(regularizers.DiversityPenalty(settings.diversity, samples, first))
    smoothed = settings.parametrization == "projected" and settings.smoothing
    return {
        "score": score(units, position),
        "seed_input": np.broadcast_to(first, (len(units), *first.shape[-3:])),
        "input_range": input_range,
        "input_modifiers": _modifiers(settings, scale, start.shape[-2]),
        "regularizers": against,
        "steps": settings.steps,
        "optimizer": _optimizer(settings, start),
        "gradient_modifier": modifiers.SpectrumWeights(known.magnitude, settings.smoothing)
        if smoothed
        else None,
        "parametrization": _parametrization(settings, known),
    }


def _modifiers(settings: AscentSettings, scale: float, side: int) -> list[modifiers.Modifier]:
    chosen: list[modifiers.Modifier] = []
    view = settings.views
    if settings.mirror:
        chosen.append(modifiers.Mirror())
    if settings.features:
        # Whole pixels: interpolation would hide the finest noise from the prior.
        chosen.append(modifiers.Jitter(round(view.shift * side)))
    elif view.shift or view.rotation or view.scale or view.crop:
        chosen.append(modifiers.View(view.shift, view.rotation, view.scale, view.crop))
    if settings.noise or settings.final_noise:
        deviations = settings.noise * scale, settings.final_noise * scale
        chosen.append(modifiers.Noise(*deviations, settings.steps))
    return chosen


def _optimizer(settings: AscentSettings, start: np.ndarray) -> keras.Optimizer:
    if settings.features:
        # What the prior asks of one batch changes with every view: short memories follow it.
        falling = keras.optimizers.schedules.CosineDecay(settings.step_length, settings.steps)
        return keras.optimizers.Adam(falling, beta_1=0.5, beta_2=0.9)
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
    elif settings.parametrization == "pyramid":
        made = parametrizations.Pyramid(settings.initial)
    else:
        clip = settings.parametrization == "pixel"
        made = parametrizations.Pixels(settings.initial, clip)
    return parametrizations.Opacity(made) if settings.opacity else made
