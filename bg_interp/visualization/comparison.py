"""tf-keras-vis's own loop behind the interface of `Ascent`, to see what each of them makes."""

import time
import warnings
from collections.abc import Sequence

import numpy as np
import tensorflow as tf
from tf_keras_vis import activation_maximization
from tf_keras_vis.activation_maximization.callbacks import Callback
from tf_keras_vis.utils.scores import CategoricalScore

from bg_interp.visualization.ascent import Ascent, Progress, Visualization
from bg_interp.visualization.statistics import AscentStatistics


class UpstreamAscent(Ascent):
    """Makes images by tf-keras-vis with its default modifiers, regularizers and optimizer.

    Of the settings only the steps count. The draws of its modifiers cannot be seeded.
    """

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
        """Maximises units of the model's output; see `Ascent`. `frames` are not kept."""
        begun = time.perf_counter()
        chosen = self._checked_units(units)
        columns = np.tile(chosen, self.samples)
        first = self._anchor(statistics, start).start.numpy() * 255
        noise = np.random.default_rng(seed).normal(0, 2, (len(columns), *self.image_shape))
        low, high = self._range
        with warnings.catch_warnings():
            # It calls every model with a list.
            warnings.filterwarnings("ignore", "The structure of `inputs`", UserWarning)
            images = activation_maximization.ActivationMaximization(self._folded.model)(
                CategoricalScore(columns.tolist()),
                seed_input=(low + (first + noise) * ((high - low) / 255)).astype(np.float32),
                input_range=self._range,
                steps=self.settings.steps,
                callbacks=[_Progress(progress, self.settings.steps)] if progress else None,
            )
        images = (images - low) * (255 / (high - low))
        outputs = self._evaluate(tf.cast(images, tf.float32)).numpy()
        return self._result(
            chosen,
            (images.numpy(), outputs, None),
            natural=None if statistics is None else statistics.natural_logits,
            stopped_at=None,
            seconds=time.perf_counter() - begun,
            seed=seed,
        )


class _Progress(Callback):
    """Tells a function of every step."""

    def __init__(self, progress: Progress, steps: int):
        self._progress = progress
        self._steps = steps

    def __call__(self, i: int, *_: object, **__: object) -> None:
        self._progress(i + 1, self._steps)
