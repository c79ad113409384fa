"""Worlds that benchmarks/statistics.py draws from, whose truth is known by how they are made.

Images that are copies of each other, that show few objects unequally often, that were taken in few
places, and models that err in one direction: what real test sets are like, and what intervals for
independent images don't hold.
"""

import dataclasses
from collections.abc import Callable
from typing import Any

import cv2
import numpy as np

# Answers to both versions of each image, and how `effective.paired_difference` takes them.
Drawn = tuple[np.ndarray, np.ndarray, dict[str, Any]]


@dataclasses.dataclass(frozen=True)
class Uneven:
    """Answers of a model, drawn again and again.

    Attributes:
      name: what the images are.
      truth: the difference of the two versions, of new images of the kind.
      draw: draws a test set.
    """

    name: str
    truth: float
    draw: Callable[[np.random.Generator], Drawn]


def _each(generator: np.random.Generator, gained: np.ndarray, lost: float) -> list[np.ndarray]:
    """Draws answers that differ with these chances, each way; else both are mostly right."""
    place, both = generator.random(len(gained)), generator.random(len(gained)) < 0.9
    is_gained, is_lost = place < gained, (gained <= place) & (place < gained + lost)
    return [is_gained | (both & ~is_lost), is_lost | (both & ~is_gained)]


def _copies(generator: np.random.Generator) -> Drawn:
    units = np.repeat(np.arange(40), generator.integers(1, 10, 40))
    first, second = _each(generator, np.full(40, 0.22), 0.02)
    return first[units], second[units], {"units": (units,)}


def _objects(generator: np.random.Generator) -> Drawn:
    sizes = np.maximum(1, 40 // np.arange(1, 41))
    units = np.repeat(np.arange(40), sizes)
    first, second = _each(generator, np.full(40, 0.3), 0.02)
    return first[units], second[units], {"units": (units,)}


def _places(generator: np.random.Generator) -> Drawn:
    sizes = [150, 75, 38, 19, 9, 5, 4]
    units = np.repeat(np.arange(7), sizes)
    gained = generator.beta(1, 3, 7)[units]
    first, second = _each(generator, gained, 0.0)
    return first, second, {"units": (units,)}


def _says_one_class(generator: np.random.Generator) -> Drawn:
    classes = np.repeat(np.arange(5), [60, 20, 20, 10, 10])
    unsure = generator.random((2, len(classes))) < np.array([[0.1], [0.5]])
    right = ~unsure | (classes == 0)
    return right[0], right[1], {"classes": classes}


UNEVEN = (
    Uneven("40 different ones, 1 to 9 copies of each", 0.2, _copies),
    Uneven("40 objects of 1 to 40 images, whose answers are all alike", 0.28, _objects),
    Uneven("7 places, of 4 to 150 images, whose reliance is 0 to .8", 0.25, _places),
    Uneven("5 classes of 10 to 60, one of which is every unsure answer", 0.32, _says_one_class),
)


@dataclasses.dataclass(frozen=True)
class Scenes:
    """Backgrounds of scenes.

    Attributes:
      name: what they are.
      scenes: how many there are.
      views: how many images of each.
      classes: how many labels are dealt to scenes.
      is_crop: whether each view is another part of the scene, else nearly the same image.
      are_told: whether it is told which images are of one scene.
    """

    name: str
    scenes: int
    views: int
    classes: int
    is_crop: bool = False
    are_told: bool = False

    def draw(self, generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Returns uint8 [N, 64, 64, 3], and the scene of each, int [N]."""
        scenes = np.repeat(np.arange(self.scenes), self.views)
        made = [_texture(generator) for _ in range(self.scenes)]
        view = _cropped if self.is_crop else _jittered
        return np.stack([view(made[one], generator) for one in scenes]), scenes


def _texture(generator: np.random.Generator) -> np.ndarray:
    """Returns a place: colours, large shapes and fine ones, float [64, 64, 3]."""
    image = np.tile(generator.uniform(40, 200, 3), (64, 64, 1))
    for side, contrast in ((3, 40.0), (8, 25.0), (24, 20.0)):
        small = generator.normal(size=(side, side, 3)) * contrast
        image += cv2.resize(small, (64, 64), interpolation=cv2.INTER_CUBIC)
    return image


def _jittered(image: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    moved = np.roll(image, generator.integers(-2, 3, 2), (0, 1)) * generator.uniform(0.93, 1.07)
    return np.clip(moved + generator.normal(0, 4, image.shape), 0, 255).astype(np.uint8)


def _cropped(image: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    side = int(generator.integers(40, 65))
    down, across = generator.integers(0, 65 - side, 2)
    part = cv2.resize(image[down : down + side, across : across + side], (64, 64))
    part = part[:, ::-1] if generator.random() < 0.5 else part
    return np.clip(part, 0, 255).astype(np.uint8)


SCENES = (
    Scenes("420 images, 7 classes", 420, 1, 7),
    Scenes("100 images, 2 classes", 100, 1, 2),
    Scenes("105 scenes, 4 near-duplicates of each", 105, 4, 7),
    Scenes("210 scenes, 2 near-duplicates of each", 210, 2, 7),
    Scenes("21 places, 20 parts of each, named", 21, 20, 7, is_crop=True, are_told=True),
    Scenes("21 places, 20 parts of each, not named", 21, 20, 7, is_crop=True),
)
