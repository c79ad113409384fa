"""The images of an evaluation that depend most on their background."""

import dataclasses
from typing import TYPE_CHECKING

import numpy as np

from bg_interp import pictures
from bg_interp.evaluation.reliance.variants import Variants

if TYPE_CHECKING:
    from bg_interp.evaluation.result import Evaluation

# How many a page shows, and of one class, so that a class on which all goes wrong leaves room for
# the others.
SHOWN, MOST_OF_A_CLASS = 24, 6


@dataclasses.dataclass(frozen=True, eq=False)
class WorstImages:
    """Images that are right as they are and wrong on the background of another class.

    Attributes:
      keys: their names, or their places among the images given.
      classes: the names of their classes.
      images: uint8 [N, H, W, 3].
      swapped: the same objects on the background of another class.
    """

    keys: tuple[str, ...]
    classes: tuple[str, ...]
    images: np.ndarray
    swapped: np.ndarray

    def __len__(self) -> int:
        return len(self.keys)

    def __str__(self) -> str:
        pairs = zip(self.keys, self.classes, strict=True)
        return ", ".join(f"{key} ({name})" for key, name in pairs) or "none"

    __repr__ = __str__

    def _repr_html_(self) -> str:
        if not self.keys:
            return "<p>No image depends on its background alone.</p>"
        sheet = pictures.grid(np.stack([self.images, self.swapped]), self.keys)
        return pictures.html_image(sheet, str(self))


def _no_maps() -> np.ndarray:
    return np.zeros((0, 0, 0), np.float32)


@dataclasses.dataclass(frozen=True, eq=False)
class Maps:
    """Where a classifier looks for the class of some images, by SmoothGrad.

    Attributes:
      rows: int [M], which images.
      unmodified: float32 [M, H, W], not negative, of unmodified images.
      swapped: the same of their objects on the background of another class.
      left_out: why there are none.
    """

    rows: np.ndarray = dataclasses.field(default_factory=lambda: np.zeros(0, np.int64))
    unmodified: np.ndarray = dataclasses.field(default_factory=_no_maps)
    swapped: np.ndarray = dataclasses.field(default_factory=_no_maps)
    left_out: str = ""

    def of(self, row: int) -> tuple[np.ndarray, np.ndarray] | None:
        """Returns the maps of an image, as it is and elsewhere; None where there are none."""
        places = np.flatnonzero(self.rows == row)
        return (self.unmodified[places[0]], self.swapped[places[0]]) if len(places) else None


NO_MAPS = Maps()


def worst_rows(found: "Evaluation", count: int) -> list[int]:
    """Returns the positions of the worst images.

    First those that are right as they are and wrong on another background, then those that are
    right with their object hidden; within both the most changed first.
    """
    elsewhere = np.all([found.right(name) for name in ("mixed_random", "swap")], axis=0)
    moved = found.right("original") & ~elsewhere
    by_background = found.right("original") & found.right("background_only")
    order = np.lexsort((-found.changes(), ~by_background, ~moved))
    chosen = [int(row) for row in order if moved[row] or by_background[row]]
    return chosen[:count]


def varied_rows(found: "Evaluation") -> np.ndarray:
    """Returns the rows of the worst images that a page shows, int [M], few of one class."""
    chosen: list[int] = []
    taken = dict.fromkeys(range(len(found.classes)), 0)
    for row in worst_rows(found, len(found.test.labels)):
        label = int(found.test.labels[row])
        if taken[label] < MOST_OF_A_CLASS and len(chosen) < SHOWN:
            taken[label] += 1
            chosen.append(row)
    return np.array(chosen, np.int64)


def worst_images(found: "Evaluation", count: int) -> WorstImages:
    """Returns the worst images, and the same objects on other backgrounds."""
    rows, test = worst_rows(found, count), found.test
    swapped = Variants(test, found.seed).make("swap", np.array(rows, np.int64))
    keys = tuple(found.keys[row] for row in rows)
    names = tuple(found.classes[label] for label in test.labels[rows])
    return WorstImages(keys, names, test.images[rows], swapped)
