"""The TFDS builder of habitats, and the source that reads it."""

import dataclasses
import pathlib
from collections.abc import Iterator
from typing import Any, cast

import tensorflow_datasets as tfds

from bg_interp.config.data import (
    HABITATS_CLASSES,
    HABITATS_LARGEST,
    HABITATS_MOST_CLASSES,
    HABITATS_SMALLEST,
    SourceConfig,
)
from bg_interp.data.sources import preparing, tfds_source
from bg_interp.data.sources.habitats.backgrounds import BACKGROUNDS
from bg_interp.data.sources.habitats.examples import SPLITS, choose_background, label_of
from bg_interp.data.sources.habitats.objects import CLASSES
from bg_interp.data.sources.habitats.workers import Job, draw_all
from bg_interp.errors import UserError

_DESCRIPTION = """
Eight drawn object classes (fish, bird, car, tree, mushroom, butterfly, cup, starfish), or up to 24,
each mostly on the background it is usually seen on (water, sky, asphalt, meadow, forest floor,
flowers, wood, sand, ...), with exact soft masks. `correlation` is the probability that an image
stands on its own class's background, 1 / classes is chance. `test_uncorrelated` shows the objects
of `test` on backgrounds drawn by chance. Every example is a pure function of the data seed, the
split and its index, and examples are stored in the order of their index.
"""


_USUAL_SIZE = 64
# Of all classes together, by default: more classes have fewer images each.
_TRAIN_IMAGES, _TEST_IMAGES = 2400, 400


def _check(accepted: bool, name: str, rule: str, value: float) -> None:
    if not accepted:
        raise UserError(f"habitats: {name} must be {rule}, received {value}")


@dataclasses.dataclass(eq=False, kw_only=True)
class HabitatsConfig(tfds.core.BuilderConfig):
    """One habitats dataset; its name follows from its values.

    Attributes:
      image_size: side in pixels, 16 to 512.
      correlation: probability that an image stands on its own class's background, 0 to 1.
      data_seed: seed of all drawing, 0 or more.
      classes: how many classes, and backgrounds, 2 to 24.
      train_per_class: images of each class in `train`; None for 2,400 in all, 300 of eight.
      test_per_class: images of each class in `test`, and again in `test_uncorrelated`; None for
        400 in all, 50 of eight.

    Raises:
      UserError: a value is out of its range.
    """

    name: str = dataclasses.field(init=False)
    image_size: int = _USUAL_SIZE
    correlation: float = SourceConfig.correlation
    data_seed: int = SourceConfig.data_seed
    classes: int = HABITATS_CLASSES
    train_per_class: int | None = None
    test_per_class: int | None = None

    def __post_init__(self) -> None:
        sizes = f"from {HABITATS_SMALLEST} to {HABITATS_LARGEST}"
        fits = HABITATS_SMALLEST <= self.image_size <= HABITATS_LARGEST
        _check(fits, "image_size", sizes, self.image_size)
        _check(0 <= self.correlation <= 1, "correlation", "from 0 to 1", self.correlation)
        _check(self.data_seed >= 0, "data_seed", "0 or more", self.data_seed)
        known = 2 <= self.classes <= HABITATS_MOST_CLASSES
        _check(known, "classes", f"from 2 to {HABITATS_MOST_CLASSES}", self.classes)
        usual = _TRAIN_IMAGES // self.classes, _TEST_IMAGES // self.classes
        train, test = (
            usual_count if given is None else given
            for given, usual_count in zip(
                (self.train_per_class, self.test_per_class), usual, strict=True
            )
        )
        _check(train >= 1, "train_per_class", "1 or more", train)
        _check(test >= 1, "test_per_class", "1 or more", test)
        self.train_per_class, self.test_per_class = train, test
        # The shortest text that reads back as the same number: no two correlations share a name.
        correlation = repr(float(self.correlation))
        self.name = f"{self.image_size}px-correlation{correlation}-seed{self.data_seed}"
        if (train, test) != usual:
            self.name += f"-{self.train_per_class}x{self.test_per_class}"
        if self.classes != HABITATS_CLASSES:
            self.name += f"-{self.classes}classes"
        self.description = f"{self.image_size} px, correlation {correlation}"

    def count(self, split: str) -> int:
        """Returns the number of examples of a split."""
        per_class = self.train_per_class if split == "train" else self.test_per_class
        # Settled when the configuration was made.
        return cast(int, per_class) * self.classes


class Habitats(preparing.MadeHere):
    """Object classes on class-typical backgrounds, with exact soft masks."""

    SPLITS = SPLITS
    # Raise it whenever the drawing changes: it is part of the folder's name.
    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES = {"1.0.0": "First version."}  # noqa: RUF012 (the name that TFDS reads)
    BUILDER_CONFIGS = [HabitatsConfig(image_size=size) for size in (64, 96, 128)]  # noqa: RUF012

    def _info(self) -> tfds.core.DatasetInfo:
        return self.described(
            _DESCRIPTION,
            "https://arxiv.org/abs/2306.13178",
            self.builder_config.image_size,
            label=CLASSES[: self.builder_config.classes],
            background=BACKGROUNDS[: self.builder_config.classes],
        )

    def _examples(self, split: str) -> Iterator[dict[str, Any]]:
        config = self.builder_config
        count = config.count(split)
        data_seed, correlation, classes = config.data_seed, config.correlation, config.classes
        job = Job(data_seed, split, config.image_size, correlation, count, classes)
        for index, example in enumerate(draw_all(job)):
            yield {
                "image": example.image,
                "mask": example.mask,
                "label": label_of(index, classes),
                "background": choose_background(data_seed, split, index, correlation, classes),
            }


def open_source(rest: str, config: SourceConfig) -> tfds_source.TfdsSource:
    """Opens `habitats` at the size, correlation and seed of a configuration.

    Raises:
      UserError: it cannot be drawn, or is damaged.
    """
    del rest  # The name says it all.
    drawn = HabitatsConfig(
        image_size=config.image_size or _USUAL_SIZE,
        correlation=config.correlation,
        data_seed=config.data_seed,
        classes=config.classes,
    )
    return tfds_source.from_builder(prepared(drawn, config.data_dir), "habitats")


def prepared(config: HabitatsConfig, data_dir: str | pathlib.Path | None = None) -> Habitats:
    """Returns the builder of a dataset that is ready to be read; see `preparing.prepared`."""
    return preparing.prepared(Habitats, config, data_dir)
