"""Class images by a preset: its pieces, one call of `ActivationMaximization`, and what it reached.

`Ascent` is made once for a model and can be called again and again while the model trains: its
loop is traced once, and reads the model's present weights.
"""

import dataclasses
import functools
import math
import time
from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from bg_interp.config.ascent import AscentSettings
from bg_interp.errors import UserError
from bg_interp.models import graph, targets
from bg_interp.visualization import callbacks, features, scores, statistics
from bg_interp.visualization.maximization import ActivationMaximization
from bg_interp.visualization.pieces import pieces
from bg_interp.visualization.presets import SMALL
from bg_interp.visualization.results import Visualization, chosen_by_margin, joined, mended, slim
from bg_interp.visualization.statistics import AscentStatistics

# Of all layers' outputs together; with their gradients a step then stays below 4 GiB.
_BYTES_AT_ONCE = 2.75 * 2**30
# What is left of the prior's weight at the second attempt.
_LIGHTER = 0.1
_LEVELS = {"black": 0.0, "grey": 127.5}


@dataclasses.dataclass(frozen=True)
class _Batch:
    """The images of one ascent: `own` of them are what was asked for, in samples of all units."""

    units: np.ndarray
    samples: int
    own: int


class Ascent:
    """Activation maximization of one model by one preset, traced once per number of images."""

    def __init__(
        self,
        model: keras.Model,
        settings: AscentSettings = SMALL,
        *,
        samples: int | None = 2,
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
          samples: images made of each unit, from which the network's own margin chooses; None for
            2, or for what fits into one batch of a preset with a prior.
          position: (row, column) of the neuron that counts in each channel, instead of the mean.
          input_range: the pixel range that the model expects.
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
        self._model = model
        self._maximization = ActivationMaximization(model, jit_compile=jit_compile)

    def __call__(
        self,
        units: Sequence[int] | np.ndarray | None = None,
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
          UserError: a unit that the model has not, a start image of another shape, or a prior for
            a model that does not say what is natural.
        """
        begun = time.perf_counter()
        chosen = self._checked_units(units)
        known = self._checked_statistics(statistics)
        first = self._start(known, start)
        shown = callbacks.Frames(-(-frames // len(self._stages())), len(chosen))
        make = functools.partial(self._attempt, known=known, start=first, seed=seed, begun=begun)
        made = make(chosen, shown=shown, progress=progress)
        if self.settings.features and made.failed.any():
            # The prior has painted something else: let the class have more of a say.
            lighter = self.settings.features * _LIGHTER
            again = make(chosen[made.failed], samples=len(made.samples), weight=lighter)
            made = mended(made, again)
        return made

    def _attempt(
        self,
        chosen: np.ndarray,
        *,
        known: AscentStatistics,
        start: np.ndarray,
        seed: int,
        begun: float,
        samples: int | None = None,
        weight: float | None = None,
        shown: callbacks.Frames | None = None,
        progress: callbacks.Progress | None = None,
    ) -> Visualization:
        """Makes one batch, with another weight of the prior where one is given."""
        batch = self._batch_of(chosen, seed, samples or self.samples)
        shown = callbacks.Frames(0, len(chosen)) if shown is None else shown
        stages = self._stages()
        if weight is not None:
            stages = [(one, dataclasses.replace(how, features=weight)) for one, how in stages]
        images = self._made(stages, batch, known, start, seed, shown, progress)
        own = images[: batch.own]
        (outputs,) = self._maximization.outputs(own)
        natural, median = known.natural_logits, known.median_logits
        return chosen_by_margin(
            chosen,
            self._in_255(own).reshape(batch.samples, len(chosen), *self.image_shape),
            scores.units(outputs, self._position).numpy(),
            classes=len(outputs.shape) == 2,
            natural=None if natural is None else natural[chosen],
            median=None if median is None else median[chosen],
            frames=self._in_255(shown.of_one_size(self.image_shape)),
            stopped_at=self._maximization.stopped_at,
            seconds=time.perf_counter() - begun,
            settings=self.settings,
            seed=seed,
        )

    @property
    def at_once(self) -> int:
        """How many units are made at once at most."""
        samples = self.samples or (1 if self.settings.together else 2)
        return max(1, self._images_at_once // samples)

    @functools.cached_property
    def _calls(self) -> list[graph.Call]:
        return graph.rewire(self._model).calls

    @functools.cached_property
    def _images_at_once(self) -> int:
        """How many images fit into memory at once, by what the network's layers hold."""
        shapes = [one.shape[1:] for call in self._calls for one in call.outputs]
        values = sum(math.prod(side or 1 for side in shape) for shape in shapes)
        images = max(1, int(_BYTES_AT_ONCE / (4 * values)))
        # Batches of one size share a trace; more company than this does not help.
        return min(images, self.settings.together or images)

    def in_parts(
        self,
        units: Sequence[int] | np.ndarray | None = None,
        *,
        keep: Callable[[np.ndarray, Callable], Visualization] | None = None,
        progress: callbacks.Progress | None = None,
        **options: Any,
    ) -> Visualization:
        """Maximises any number of units, as many at once as memory allows.

        Args:
          units: see `__call__`.
          keep: called with the units of each part and a function that makes their images, to
            return what that gives or once gave; None to make them all.
          progress: see `__call__`; the steps are those of all parts.
          **options: see `__call__`.
        """
        chosen = self._checked_units(units)
        count = self.at_once
        parts = [chosen[first : first + count] for first in range(0, len(chosen), count)]
        steps, made = self.settings.steps, []
        for number, part in enumerate(parts):
            if progress is not None:
                so_far = number * steps, len(parts) * steps
                options["progress"] = functools.partial(_told_of_part, progress, *so_far)

            def make(units: np.ndarray) -> Visualization:
                return self(units, **options)

            made.append(slim(make(part) if keep is None else keep(part, make)))
        return joined(made)

    def _batch_of(self, chosen: np.ndarray, seed: int, samples: int | None) -> _Batch:
        """Returns the units of all images: samples of those chosen, and others for company."""
        together = self._images_at_once if self.settings.together else 0
        count = len(chosen)
        fitting = max(1, min(2, together // count)) if together else 2
        samples = samples or fitting
        units = np.tile(chosen, samples)
        others = np.setdiff1d(np.arange(self.units), chosen)
        if len(units) < together and len(others):
            drawn = np.random.default_rng(seed).permutation(others)
            missing = together - len(units)
            company = np.resize(drawn, missing) if len(others) < missing else drawn[:missing]
            units = np.concatenate([units, company.astype(units.dtype)])
        return _Batch(units, samples, samples * count)

    def _made(
        self,
        stages: list[tuple[float, AscentSettings]],
        batch: _Batch,
        known: AscentStatistics,
        start: np.ndarray,
        seed: int,
        shown: callbacks.Frames,
        progress: callbacks.Progress | None,
    ) -> tf.Tensor:
        """Returns the images of a batch, in the model's range, size after size."""
        natural, images, done = self._natural(known), None, 0
        held = None if natural is None else features.narrow_layers(natural, self._calls)
        told: list[Any] = [shown] if shown.count else []
        for side, settings in stages:
            size = [round(side * one) for one in self.image_shape[:2]]
            heard = [*told]
            if progress is not None:
                heard.append(
                    callbacks.ProgressCallback(progress, done=done, steps=self.settings.steps)
                )
            begin = start if images is None else self._in_255(images)
            arguments = pieces(
                settings,
                known,
                np.asarray(tf.image.resize(begin, size))
                if begin.shape[-3:-1] != tuple(size)
                else begin,
                batch.units,
                samples=batch.samples,
                position=self._position,
                input_range=self._range,
                natural=natural,
                held=held,
            )
            images = self._maximization(**arguments, callbacks=heard, seed=seed)
            done += settings.steps
            if self._maximization.stopped_at is not None:
                break
        return images

    def _stages(self) -> list[tuple[float, AscentSettings]]:
        """Returns the sizes, as shares of the side, and what is done at each of them."""
        small = round(self.settings.half * self.settings.steps)
        if not 0 < small < self.settings.steps or not self._takes_half:
            return [(1.0, self.settings)]
        rest = dataclasses.replace(self.settings, steps=self.settings.steps - small, initial=0.0)
        return [(0.5, dataclasses.replace(self.settings, steps=small)), (1.0, rest)]

    @functools.cached_property
    def _takes_half(self) -> bool:
        """Whether the network can be called at half the size: most, but for flattened ones."""
        rows, columns, channels = self.image_shape
        try:
            half = graph.rewire(self._model, shapes=[(rows // 2, columns // 2, channels)]).model
        except Exception:  # Layers of anybody may raise anything.
            return False
        return half.outputs[0].shape[-1] == self.units and rows % 2 == columns % 2 == 0

    def _natural(self, known: AscentStatistics) -> features.FeatureMoments | None:
        """Returns what features are held to: those of the data, else the network's own."""
        if not self.settings.features:
            return None
        natural = known.features or features.of_normalisation(self._model, self._calls, self._range)
        if natural is None:
            raise UserError(
                "a preset with a prior, such as natural, needs the statistics of natural "
                "features, and the model has no batch normalisation that was trained with its "
                "weights to take them from; give data, or take the preset plain"
            )
        return natural

    def _checked_units(self, units: Sequence[int] | np.ndarray | None) -> np.ndarray:
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


def _told_of_part(progress: callbacks.Progress, done: int, steps: int, now: int, _: int) -> None:
    progress(done + now, steps)


def check_start(start: str | np.ndarray) -> None:
    """Checks the name of an image to start from.

    Raises:
      UserError: no image has this name.
    """
    if isinstance(start, str) and start != "mean" and start not in _LEVELS:
        raise UserError(f"start must be mean, black or grey. Received: {start!r}")
