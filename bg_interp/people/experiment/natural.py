"""Natural objects: on grey, and on the place of another class.

They come from images with masks that no arm was trained on, so that every dataset with masks
works. Only a picture's larger objects are taken: people shall see what it is.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np

from bg_interp.config.training import JUDGES_DATA_SEED, ArmConfig
from bg_interp.data.opening import open_in_memory
from bg_interp.data.sources import open_source
from bg_interp.data.tiling import tile_arrays
from bg_interp.errors import UserError
from bg_interp.evaluation.arrays import Arrays, with_usable_masks
from bg_interp.evaluation.reliance.variants import compose

_GREY = 127.0


class NaturalPictures:
    """Natural pictures of each class.

    Args:
      arrays: images with masks.
      class_names: of the labels; each needs an image.
      asked: which labels.
      count: how many of each class are wanted; fewer are taken more than once.
      seed: keys which are taken.

    Raises:
      UserError: a class without a usable image.
    """

    def __init__(
        self,
        arrays: Arrays,
        class_names: tuple[str, ...],
        asked: tuple[int, ...],
        count: int,
        seed: int,
    ):
        usable = with_usable_masks(arrays)
        areas = usable.masks.mean(axis=(1, 2, 3))
        self._chosen: dict[int, Arrays] = {}
        for label in asked:
            own = np.flatnonzero(usable.labels == label)
            if not len(own):
                raise UserError(
                    f"people are shown natural objects of every class, but no test image of class "
                    f"{class_names[label]!r} has a usable mask; leave it out with --classes"
                )
            large = own[areas[own] >= np.median(areas[own])]
            drawn = np.random.default_rng([seed, label]).permutation(large)
            self._chosen[label] = usable.take(np.resize(drawn, count))

    def on_grey(self, label: int, number: int) -> np.ndarray:
        """Returns an object on grey, uint8 [H, W, 3]."""
        one = self._chosen[label]
        opacity = one.masks[number].astype(np.float32) / 255
        picture = one.images[number] * opacity + _GREY * (1 - opacity)
        return np.rint(picture).astype(np.uint8)

    def on_place(self, label: int, other: int, number: int) -> np.ndarray:
        """Returns an object on the background of an image of class `other`, uint8 [H, W, 3]."""
        rows = np.array([number])
        own, place = self._chosen[label].take(rows), self._chosen[other].take(rows)
        behind = tile_arrays(place.images, place.masks)
        return compose("mixed_random", own.images, own.masks, behind)[0]


def load(config: Mapping[str, Any]) -> Arrays:
    """Decodes natural images of the classes of an arm into memory.

    Those of habitats are drawn anew, each object on its own class's place; other datasets give
    their test images.

    Args:
      config: an arm's configuration.

    Raises:
      UserError: the data cannot be opened, or have no masks.
    """
    known = {field.name for field in dataclasses.fields(ArmConfig)}
    arm = ArmConfig(**{name: value for name, value in config.items() if name in known})
    apart = dataclasses.replace(arm, data_seed=JUDGES_DATA_SEED, correlation=1.0)
    return Arrays.of(open_in_memory(open_source(apart), "test", apart).arrays)
