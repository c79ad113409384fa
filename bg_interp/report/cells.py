"""Accuracy of each class on each kind of background, as a table or, where it is large, a plot."""

import dataclasses
from typing import Any

import numpy as np

from bg_interp.evaluation.reliance.groups import ENOUGH, Groups
from bg_interp.report import figures, page

# Of more cells a table is too large for a page, and they are drawn as a picture.
_MOST_CELLS = 400


@dataclasses.dataclass(frozen=True)
class Cell:
    """One class on one kind of background.

    Attributes:
      accuracy: None without answers.
      count: how many answers there are.
      kind: of background.
    """

    accuracy: float | None
    count: int
    kind: str

    @property
    def shade(self) -> int:
        """How red the cell is, in percent: the more, the less is right."""
        return 0 if self.accuracy is None else round(70 * (1 - self.accuracy))


@dataclasses.dataclass(frozen=True)
class Grouped:
    """Groups as a page shows them: as a table of cells, or as a plot.

    Attributes:
      rows: (class, its cells) of the classes with answers; empty where there are too many.
      plot: an <svg> element; "" beside rows.
      kinds: what the kinds of background are.
      enough: with fewer answers a cell says little.
    """

    rows: list[tuple[str, list[Cell]]]
    plot: Any
    kinds: str
    enough: int = ENOUGH


def grouped(groups: Groups) -> Grouped:
    """Returns groups as a page shows them."""
    kinds = "places" if groups.of_places else "classes that backgrounds are taken from"
    if groups.count.size <= _MOST_CELLS:
        return Grouped(_rows(groups), "", kinds)
    axis = "kind of background" if groups.of_places else "class the background is from"
    names = groups.classes, groups.kinds
    plot = figures.matrix(groups.accuracy, *names, ("class of the object", axis))
    return Grouped([], page.drawn(plot), kinds)


def _rows(groups: Groups) -> list[tuple[str, list[Cell]]]:
    rows = []
    for name, accuracies, counts in zip(groups.classes, groups.accuracy, groups.count, strict=True):
        if counts.any():
            values = [None if np.isnan(one) else float(one) for one in accuracies]
            columns = zip(values, counts.tolist(), groups.kinds, strict=True)
            rows.append((name, [Cell(*one) for one in columns]))
    return rows
