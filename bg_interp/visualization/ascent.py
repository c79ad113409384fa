"""Images that make a unit of a network answer most: the whole ascent in one compiled loop.

`Ascent` is made once for a model and can be called again and again while the model trains: its
loop is traced once, and reads the model's present weights.
"""

import dataclasses
import time
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from bg_interp.errors import UserError
from bg_interp.visualization import compiling, parametrizations, statistics, targets, views
from bg_interp.visualization.folding import FoldedModel
from bg_interp.visualization.objective import Objective
from bg_interp.visualization.settings import SMALL, AscentSettings
from bg_interp.visualization.statistics import AscentStatistics

# What is seen where an image with an opacity is transparent.
_PAPER = 255.0

Progress = Callable[[int, int], None]


@dataclasses.dataclass(frozen=True)
class Visualization:
    """The images of an ascent, and what became of the score.

    Attributes:
      units: the K classes or channels that were maximised.
      images: float32 [K,H,W,C] in [0, 255], the best sample of each unit by the network itself.
      samples: float32 [S,K,H,W,C], all samples.
      activations: float32 [K], the logit (or mean activation) that `images` reach without views.
      sample_activations: float32 [S,K], the same of `samples`.
      margins: float32 [S,K], own activation minus the mean of all other units'.
      natural: float32 [K], the logit of each class's best natural image; None if unknown.
      frames: float32 [F,K,H,W,C], the first samples on the way, when they were asked for.
      stopped_at: the step at which a gradient was not finite; None when all went well.
      seconds: wall time, tracing included.
      settings: what was asked for.
      seed: what the random draws were keyed with.
    """

    units: tuple[int, ...]
    images: np.ndarray
    samples: np.ndarray
    activations: np.ndarray
    sample_activations: np.ndarray
    margins: np.ndarray
    natural: np.ndarray | None
    frames: np.ndarray
    stopped_at: int | None
    seconds: float
    settings: AscentSettings
    seed: int


class Ascent:
    """Activation maximization of one model, traced once per number of images."""

    def __init__(
        self,
        model: keras.Model,
        settings: AscentSettings = SMALL,
        *,
        samples: int = 2,
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
        self._folded = FoldedModel(model)
        self._range = input_range
        self._objective = Objective(self._folded.model, settings, samples, input_range)
        self._chunk = tf.function(self._advance, autograph=False, jit_compile=jit_compile)
        self._evaluate = tf.function(self._objective.outputs, autograph=False)

    def __call__(
        self,
        units: Sequence[int] | None = None,
        *,
        statistics: AscentStatistics | None = None,
        start: str | np.ndarray = "mean",
        seed: int = 0,
        frames: int = 0,
        progress: Progress | None = None,
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
        anchor = self._anchor(statistics, start)
        self._folded.refresh()
        columns = tf.constant(np.tile(chosen, self.samples), tf.int32)
        chunks = max(frames, 10 if progress else 1, 1)
        images, shots, stopped = self._run(columns, anchor, seed, chunks, progress)
        outputs = self._evaluate(images).numpy()
        return self._result(
            chosen,
            (images.numpy(), outputs, np.stack(shots)[:, : len(chosen)] if frames else None),
            natural=None if statistics is None else statistics.natural_logits,
            stopped_at=stopped,
            seconds=time.perf_counter() - begun,
            seed=seed,
        )

    def _checked_units(self, units: Sequence[int] | None) -> np.ndarray:
        chosen = np.arange(self.units) if units is None else np.asarray(units, np.int32)
        for unit in chosen:
            if not 0 <= unit < self.units:
                raise UserError(f"a unit must be from 0 to {self.units - 1}. Received: {unit}")
        return chosen

    def _anchor(
        self, known: AscentStatistics | None, start: str | np.ndarray
    ) -> parametrizations.Anchor:
        if known is None:
            known = statistics.generic(*self.image_shape)
        if known.mean.shape != self.image_shape:
            raise UserError(
                f"the ascent statistics must be of the model's image size {self.image_shape}. "
                f"Received: {known.mean.shape}; train again, or leave them out"
            )
        levels = {"black": 0.0, "grey": 127.5}
        if isinstance(start, str):
            if start != "mean" and start not in levels:
                raise UserError(f"start must be mean, black or grey. Received: {start!r}")
            image = known.mean if start == "mean" else np.full(self.image_shape, levels[start])
        else:
            image = np.asarray(start, np.float32)
        if image.shape != self.image_shape:
            raise UserError(
                f"the start image must have the shape {self.image_shape}. Received: {image.shape}"
            )
        return parametrizations.Anchor.of(known, image)

    def _run(
        self,
        columns: tf.Tensor,
        anchor: parametrizations.Anchor,
        seed: int,
        chunks: int,
        progress: Progress | None,
    ) -> tuple[tf.Tensor, list[np.ndarray], int | None]:
        """Runs the loop in chunks; returns the last images, those after each chunk, and a stop."""
        steps = self.settings.steps
        shape = (len(columns), *self.image_shape)
        kind = parametrizations.parametrization(self.settings, shape)
        key = tf.constant([seed, -1], tf.int32)
        parameters, state = kind.begin(anchor, key)
        bank = views.noise_bank(shape, tf.constant([seed, -2], tf.int32))
        shots, done = [], 0
        for last in np.linspace(0, steps, min(chunks, steps) + 1).astype(int)[1:]:
            parameters, state, reached = self._chunk(
                parameters,
                state,
                anchor.tensors(),
                columns,
                bank,
                tf.constant(seed, tf.int32),
                tf.constant(done, tf.int32),
                tf.constant(last, tf.int32),
                tf.constant(steps, tf.int32),
            )
            done = int(last)
            images = self._finished(kind, parameters, anchor)
            shots.append(images)
            if int(reached) < done:
                warnings.warn(
                    f"the gradient of step {int(reached)} was not finite; the ascent stopped there "
                    "and keeps the images it had",
                    stacklevel=3,
                )
                return images, shots, int(reached)
            if progress is not None:
                progress(done, steps)
        return images, shots, None

    def _finished(
        self, kind: parametrizations.Parametrization, parameters: tf.Tensor, anchor: Any
    ) -> tf.Tensor:
        images = tf.clip_by_value(kind.images(parameters, anchor) * 255, 0.0, 255.0)
        opacity = kind.opacity(parameters)
        return images if opacity is None else opacity * images + (1 - opacity) * _PAPER

    def _advance(
        self,
        parameters: tf.Tensor,
        state: tuple,
        anchor_tensors: tuple,
        columns: tf.Tensor,
        bank: tf.Tensor,
        seed: tf.Tensor,
        first: tf.Tensor,
        last: tf.Tensor,
        steps: tf.Tensor,
    ) -> tuple[tf.Tensor, tuple, tf.Tensor]:
        """Takes the steps from `first` to `last`, or up to a gradient that is not finite."""
        settings = self.settings
        anchor = parametrizations.Anchor(*anchor_tensors)
        kind = parametrizations.parametrization(settings, (columns.shape[0], *self.image_shape))

        @compiling.fused
        def climb(
            gradient: tf.Tensor, length: tf.Tensor, parameters: tf.Tensor, *state: tf.Tensor
        ) -> tuple[tf.Tensor, ...]:
            """Takes one step, or none: XLA makes one pass of it, on CPUs too."""
            sound = tf.reduce_all(tf.math.is_finite(gradient))
            moved, moved_state = kind.step(parameters, state, gradient, anchor, length)
            old, new = (parameters, *state), (moved, *moved_state)
            return sound, *(tf.where(sound, n, o) for n, o in zip(new, old, strict=True))

        @compiling.apart
        def taken(step: tf.Tensor, parameters: tf.Tensor, *state: tf.Tensor) -> tuple:
            share = tf.cast(step, tf.float32) / tf.cast(steps, tf.float32)
            key = tf.stack([seed, step])
            gradient = self._objective.gradient(kind, parameters, anchor, columns, bank, key, share)
            length = settings.step_length + share * (
                settings.final_step_length - settings.step_length
            )
            return climb(gradient, length, parameters, *state)

        def body(step: tf.Tensor, sound: tf.Tensor, *moved: tf.Tensor) -> tuple:
            sound, *kept = taken(step, *moved)
            return (step + tf.cast(sound, tf.int32), sound, *kept)

        step, _, parameters, *state = tf.while_loop(
            lambda step, sound, *_: sound & (step < last),
            body,
            (first, tf.constant(True), parameters, *state),
            # One step at a time: steps depend on each other, and running ahead only costs memory.
            parallel_iterations=1,
        )
        return parameters, tuple(state), step

    def _result(self, units: np.ndarray, made: tuple, natural: Any, **facts: Any) -> Visualization:
        images, outputs, frames = made
        count = len(units)
        grouped = images.reshape(self.samples, count, *self.image_shape)
        own = outputs[np.arange(len(outputs)), np.tile(units, self.samples)]
        others = (outputs.sum(1) - own) / max(self.units - 1, 1)
        own, margins = own.reshape(-1, count), (own - others).reshape(-1, count)
        best, each = margins.argmax(0), np.arange(count)
        return Visualization(
            units=tuple(int(unit) for unit in units),
            images=grouped[best, each],
            samples=grouped,
            activations=own[best, each],
            sample_activations=own,
            margins=margins,
            natural=None if natural is None else natural[units],
            frames=grouped[:0] if frames is None else frames,
            settings=self.settings,
            **facts,
        )


def class_images(
    model: keras.Model,
    *,
    classes: Sequence[int] | None = None,
    settings: AscentSettings = SMALL,
    statistics: AscentStatistics | None = None,
    start: str | np.ndarray = "mean",
    samples: int = 2,
    seed: int = 0,
    progress: Progress | None = None,
) -> Visualization:
    """Makes an image of each class of a Keras model that takes RGB in [0, 255] and gives logits.

    To make images of the same model repeatedly, keep an `Ascent` instead: it is traced once.

    Args:
      model: see `Ascent`.
      classes: class numbers, all when None.
      settings: what to do, `settings.SMALL` or one of `settings.PRESETS`.
      statistics: see `Ascent.__call__`; start, seed and progress also.
      start: the image that the ascent begins with.
      samples: images made of each class, from which the network's own margin chooses.
      seed: keys every random draw.
      progress: called with (steps done, all steps).

    Raises:
      UserError: a class or a start image that does not fit the model.
    """
    ascent = Ascent(model, settings, samples=samples)
    return ascent(classes, statistics=statistics, start=start, seed=seed, progress=progress)
