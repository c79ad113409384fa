"""The TFDS builder of composites."""

import dataclasses
import hashlib
import pathlib
from collections.abc import Iterator
from typing import Any

import numpy as np
import tensorflow_datasets as tfds

from bg_interp.config.data import SourceConfig
from bg_interp.data import sources
from bg_interp.data.sources import preparing, tfds_source
from bg_interp.data.sources.composites import cutouts as cutting
from bg_interp.data.sources.composites import places as placing
from bg_interp.data.sources.composites.cutouts import Cutouts
from bg_interp.data.sources.composites.examples import (
    SPLITS,
    Look,
    make_example,
    materials_of,
)
from bg_interp.data.sources.composites.places import Places
from bg_interp.errors import UserError

_DESCRIPTION = """
Objects cut out of photographs, pasted on photographs of places, with exact soft masks.
`correlation` is the probability that an object stands on a place of its own class.
`test_uncorrelated` shows the objects of `test` on places drawn by chance. Objects and photographs
of places that are tested on are never trained on. Every example is a pure function of the
photographs, the data seed, the split and its index. The construction is that of Waterbirds (Sagawa
et al. 2020, arXiv 1911.08731).
"""
_USUAL_SIZE = 96
# Correlations are typed rounded: .14 stands for one seventh.
_ROUNDED = 0.005


@dataclasses.dataclass(eq=False, kw_only=True)
class CompositesConfig(tfds.core.BuilderConfig):
    """One dataset of composites; its name follows from its values.

    Attributes:
      cutouts: the objects.
      places: the places.
      look: how they are put together.
      data_seed: seed of every choice, 0 or more.
      train_per_class: images of each class in `train`.
      test_per_class: images of each class in `test`, and again in `test_uncorrelated`.

    Raises:
      UserError: a correlation below chance.
    """

    name: str = dataclasses.field(init=False)
    # TFDS prints its configs: not all those pixels.
    cutouts: Cutouts = dataclasses.field(repr=False)
    places: Places = dataclasses.field(repr=False)
    look: Look
    data_seed: int = 0
    train_per_class: int = 120
    test_per_class: int = 40

    def __post_init__(self) -> None:
        look, chance = self.look, self.places.chance
        if not chance - _ROUNDED <= look.correlation <= 1:
            raise UserError(
                f"--correlation must be from chance to 1, and {len(self.places.kinds)} kinds of "
                f"place make chance {chance:.3f}. Received: {look.correlation}"
            )
        # The shortest text that reads back as the same number: no two correlations share a name.
        self.name = (
            f"{look.image_size}px-correlation{float(look.correlation)!r}-seed{self.data_seed}-"
            f"{self._digest()}"
        )
        self.description = f"{look.image_size} px, correlation {look.correlation}"

    def _digest(self) -> str:
        """Returns what tells two datasets apart beside what the name says."""
        parts = (
            self.cutouts.fingerprint,
            self.places.fingerprint,
            self.look,
            self.train_per_class,
            self.test_per_class,
        )
        return hashlib.sha256(repr(parts).encode()).hexdigest()[:12]

    def count(self, split: str) -> int:
        """Returns the number of examples of a split."""
        per_class = self.train_per_class if split == "train" else self.test_per_class
        return per_class * len(self.cutouts.class_names)


class Composites(preparing.MadeHere):
    """Objects pasted on photographs of places, with exact soft masks."""

    SPLITS = SPLITS
    # Raise it whenever composites change: it is part of the folder's name.
    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES = {"1.0.0": "First version."}  # noqa: RUF012 (the name that TFDS reads)

    def _info(self) -> tfds.core.DatasetInfo:
        config = self.builder_config
        return self.described(
            _DESCRIPTION,
            "https://arxiv.org/abs/1911.08731",
            config.look.image_size,
            label=config.cutouts.class_names,
            place=config.places.kinds,
        )

    def _examples(self, split: str) -> Iterator[dict[str, Any]]:
        config = self.builder_config
        for index in range(config.count(split)):
            made = make_example(
                config.cutouts, config.places, config.data_seed, split, index, config.look
            )
            yield dataclasses.asdict(made)


def open_source(rest: str, config: SourceConfig) -> tfds_source.TfdsSource:
    """Opens `composites` of the objects, places, size, correlation and seed of a configuration.

    Raises:
      UserError: objects, places or a correlation that cannot be used.
    """
    del rest  # The flags say it all.
    objects, places = str(config.objects), str(config.places)
    if objects.startswith("folder:"):
        masks = _folder(config.object_masks) if config.object_masks else None
        cutouts = cutting.from_folder(_folder(objects), masks)
    else:
        source = sources.open_source(dataclasses.replace(config, dataset=objects))
        cutouts = cutting.from_source(source)
    made = CompositesConfig(
        cutouts=cutouts,
        places=placing.from_folder(_folder(places), cutouts.class_names),
        look=Look(
            image_size=config.image_size or _USUAL_SIZE,
            correlation=config.correlation,
            object_scale=config.object_scale,
            colour_matching=config.colour_matching,
        ),
        data_seed=config.data_seed,
    )
    builder = preparing.prepared(Composites, made, config.data_dir)
    source = tfds_source.from_builder(builder, "composites")
    splits = {
        name: dataclasses.replace(split, units=_units(made, split.name))
        for name, split in source.splits.items()
    }
    return dataclasses.replace(source, splits=splits)


def _units(made: CompositesConfig, split: str) -> dict[str, np.ndarray]:
    """Returns which composites show the same object, and which the same photograph of a place."""
    correlation = made.look.correlation
    materials = [
        materials_of(made.cutouts, made.places, made.data_seed, split, index, correlation)
        for index in range(made.count(split))
    ]
    units = {}
    for name, pairs in zip(("object", "scene"), zip(*materials, strict=True), strict=True):
        _, numbers = np.unique(pairs, axis=0, return_inverse=True)
        units[name] = numbers.reshape(-1).astype(np.int32)
    return units


def _folder(text: str) -> pathlib.Path:
    return pathlib.Path(text.partition(":")[2]).expanduser()
