"""One example of habitats as a pure function of (data seed, split, index)."""

import dataclasses

import numpy as np

from bg_interp.config.data import HABITATS_CLASSES
from bg_interp.data.sources.habitats.backgrounds import draw_background
from bg_interp.data.sources.habitats.objects import draw_object

# Splits of the same stream show the same objects: test_uncorrelated differs from test in its
# backgrounds alone, so that the two accuracies can be compared example by example.
_OBJECT_STREAMS = {"train": 0, "test": 1, "test_uncorrelated": 1}
_BACKGROUND_STREAMS = {"train": 0, "test": 1, "test_uncorrelated": 2}
SPLITS = tuple(_OBJECT_STREAMS)


@dataclasses.dataclass(frozen=True)
class Example:
    """One drawn example.

    Attributes:
      image: uint8 [S, S, 3] RGB, foreground * mask + background * (1 - mask).
      mask: uint8 [S, S, 1], opacity of the object, 255 = object.
      label: index into `objects.CLASSES`.
      background: index into `backgrounds.BACKGROUNDS`.
    """

    image: np.ndarray
    mask: np.ndarray
    label: int
    background: int


def label_of(index: int, classes: int = HABITATS_CLASSES) -> int:
    """Returns the class of an example: the classes take turns, so every prefix is balanced."""
    return index % classes


def choose_background(
    data_seed: int, split: str, index: int, correlation: float, classes: int = HABITATS_CLASSES
) -> int:
    """Returns the kind of background of an example.

    With probability `correlation` it is that of its own class, otherwise each other one is as
    likely. `test_uncorrelated` always takes chance, 1 / classes.
    """
    if split == "test_uncorrelated":
        correlation = 1.0 / classes
    label = label_of(index, classes)
    rng = _generator(data_seed, _BACKGROUND_STREAMS[split], index, part=0)
    own, step = rng.random() < correlation, int(rng.integers(1, classes))
    return label if own else (label + step) % classes


def draw_example(
    data_seed: int,
    split: str,
    index: int,
    image_size: int,
    correlation: float,
    classes: int = HABITATS_CLASSES,
) -> Example:
    """Draws one example; the same arguments give the same bytes, in any order and process.

    The object depends neither on the correlation nor on the background.

    Args:
      data_seed: seed of the whole dataset, 0 or more.
      split: one of SPLITS.
      index: position in the split, 0 or more.
      image_size: side in pixels.
      correlation: probability that the object stands on its own class's background.
      classes: how many of the classes, and of their backgrounds, there are.
    """
    label = label_of(index, classes)
    background = choose_background(data_seed, split, index, correlation, classes)
    object_rng = _generator(data_seed, _OBJECT_STREAMS[split], index, part=1)
    foreground, mask = draw_object(object_rng, label, image_size)
    background_rng = _generator(data_seed, _BACKGROUND_STREAMS[split], index, part=2)
    behind = draw_background(background_rng, background, image_size)
    return Example(composite(foreground, mask, behind), mask, label, background)


def composite(foreground: np.ndarray, mask: np.ndarray, background: np.ndarray) -> np.ndarray:
    """Returns round(foreground * mask + background * (1 - mask)), all uint8, mask 255 = 1."""
    opacity = mask.astype(np.float32) / 255.0
    mixed = foreground * opacity + background * (1.0 - opacity)
    return np.round(mixed).astype(np.uint8)


def _generator(data_seed: int, stream: int, index: int, part: int) -> np.random.Generator:
    return np.random.default_rng([data_seed, stream, index, part])
