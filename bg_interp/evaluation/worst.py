"""The images of an evaluation that depend most on their background."""

import dataclasses
from typing import TYPE_CHECKING

import numpy as np

from bg_interp import pictures
from bg_interp.evaluation.reliance.variants import Variants

if TYPE_CHECKING:
    from bg_interp.evaluation.result import Evaluation


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


def worst_images(found: "Evaluation", count: int) -> WorstImages:
    """Returns the worst images, and the same objects on other backgrounds."""
    rows, test = worst_rows(found, count), found.test
    swapped = Variants(test, found.seed).make("swap", np.array(rows, np.int64))
    keys = tuple(found.keys[row] for row in rows)
    names = tuple(found.classes[label] for label in test.labels[rows])
    return WorstImages(keys, names, test.images[rows], swapped)
