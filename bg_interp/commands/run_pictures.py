"""What a run shows while it trains: class images and treated images, in TensorBoard and as PNG."""

import dataclasses
import functools
import math
import sys

import keras
import numpy as np
import tqdm

from bg_interp import pictures
from bg_interp.config.training import CountedConfig
from bg_interp.data import pipeline, treatments
from bg_interp.data.arm_data import STATISTICS_IMAGES, ArmData, treatment_of
from bg_interp.data.examples import labels_of
from bg_interp.storage.summaries import Summaries
from bg_interp.storage.workdir import Workdir
from bg_interp.visualization import features
from bg_interp.visualization import statistics as ascent_statistics
from bg_interp.visualization.ascent import Ascent
from bg_interp.visualization.presets import SMALL, for_run
from bg_interp.visualization.results import Visualization

_SHOWN_IMAGES = 4
# So many images tell what features are like.
_FEATURES_IMAGES = 256


class RunPictures:
    """Makes the class images of one run's network, again and again as it learns.

    Args:
      config: resolved settings.
      data: see `open_data`.
      model: the network, as it is whenever a picture is made.
      workdir: gets the PNGs and, with the last class images, the ascent's statistics.
      summaries: TensorBoard's.
    """

    def __init__(
        self,
        config: CountedConfig,
        data: ArmData,
        model: keras.Model,
        workdir: Workdir,
        summaries: Summaries,
    ):
        self._config, self._data, self._model = config, data, model
        self._workdir, self._summaries = workdir, summaries

    @functools.cached_property
    def _start_images(self) -> dict[str, np.ndarray]:
        """Treated training images, for the mean that the ascent starts from.

        A network trained on a mix starts from the treated ones alone: a mean that shows
        backgrounds keeps them in the class images.
        """
        config, train = self._config, self._data.train
        name = config.background_in_mix if config.background == "mix" else config.background
        chosen = pipeline.sample(train, STATISTICS_IMAGES, config.seed)
        treat = treatment_of(config, name, train)
        parts = list(pipeline.treated_for_evaluation(chosen, treat, batch_size=config.batch_size))
        return {key: np.concatenate([part[key] for part in parts]) for key in ("image", "label")}

    @functools.cached_property
    def _ascent(self) -> Ascent:
        return Ascent(self._model, for_run(self._config.network, self._config.recipe))

    @functools.cached_property
    def _learnt_classes(self) -> list[int]:
        """The classes that have training images; of the others a network knows nothing."""
        labels = labels_of(self._data.train)
        names = self._data.source.class_names
        learnt = range(len(names)) if labels is None else np.unique(labels).tolist()
        others = [name for label, name in enumerate(names) if label not in set(learnt)]
        if others:
            print(
                f"no class images of {', '.join(others)}: there are no training images of them",
                file=sys.stderr,
            )
        return list(learnt)

    def _statistics(self, natural_logits: bool) -> ascent_statistics.AscentStatistics:
        """Returns what the ascent starts from; with natural logits it is written as well."""
        images, labels = self._start_images["image"], self._start_images["label"]
        if not natural_logits:
            return ascent_statistics.measure(images)
        measured = ascent_statistics.measure(images, self._model, labels)
        if self._ascent.settings is not SMALL:
            # For images with a prior, which tools/visualize.py makes: for a network that was
            # trained on black, natural is black.
            few = images[:_FEATURES_IMAGES].astype(np.float32)
            moments = features.measured(self._model, few)
            measured = dataclasses.replace(measured, features=moments)
        measured.save(self._workdir.ascent)
        return measured

    def class_images(self, natural_logits: bool = False) -> Visualization:
        """Makes an image of each class that has training images, from the network as it is.

        Args:
          natural_logits: measure each class's logit on its best training image as well, and write
            the ascent's statistics into the run's folder.
        """
        statistics = self._statistics(natural_logits)
        steps = self._ascent.settings.steps
        with tqdm.tqdm(total=steps, desc="class images", unit="step", leave=False, delay=1) as bar:
            return self._ascent(
                self._learnt_classes,
                statistics=statistics,
                seed=self._config.seed,
                progress=lambda done, _: bar.update(done - bar.n),
            )

    def show(self, step: int, natural_logits: bool = False) -> None:
        """Makes class images and shows them in TensorBoard and as a PNG."""
        made = self.class_images(natural_logits)
        names = [self._data.source.class_names[unit] for unit in made.units]
        images = made.images[None]
        sheet = pictures.grid(images, names)
        pictures.save_png(self._workdir.visualizations / f"class_images-{step:06d}.png", sheet)
        # About twice as wide as high: TensorBoard's cards are narrow.
        width = math.ceil(math.sqrt(2 * len(names)))
        self._summaries.images(
            "images",
            "class images",
            step,
            pictures.grid(images, names, width=width)[None],
            "What the network expects each class to look like.",
        )

    def show_treatment(self, treatment: treatments.Treatment) -> None:
        """Shows some training images before and after a treatment, with their masks."""
        # Of more than are shown: `swap` needs other classes.
        few = pipeline.sample(self._data.train, 2 * _SHOWN_IMAGES, self._config.seed)
        treated, before = (
            next(pipeline.treated_for_evaluation(few, one, batch_size=len(few)))
            for one in (treatment, treatments.none)
        )
        masks = np.broadcast_to(treated["mask"], before["image"].shape)
        shown = np.stack([before["image"], masks, treated["image"]])[:, :_SHOWN_IMAGES]
        labels = before["label"][:_SHOWN_IMAGES]
        names = [self._data.source.class_names[label] for label in labels]
        self._summaries.images(
            "images",
            "treatment",
            0,
            pictures.grid(shown, names, ["image", "mask", "trained on"])[None],
            f"Training images, their masks, and what is trained on: {self._config.background}.",
        )
