"""The confusion matrices of an evaluation as a picture."""

import pathlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from bg_interp import pictures
from bg_interp.storage.files import replacing

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_CONFUSED = ("original", "mixed_random")


def save_confusion(results: dict[str, Any], path: pathlib.Path) -> None:
    """Draws the confusion matrices of original and mixed images, rows normalised, as a PNG.

    Raises:
      UserError: the file cannot be written.
    """
    from matplotlib import rc_context

    names = [pictures.writable(name) for name in results["classes"]]
    with rc_context(pictures.plot_style(names)), replacing(path) as temporary:
        figure = _confusion_figure(results["background"]["confusion"], names)
        figure.savefig(temporary, dpi=120, bbox_inches="tight")


def _confusion_figure(confusion: dict[str, list[list[int]]], names: Sequence[str]) -> "Figure":
    from matplotlib.figure import Figure

    side = min(12.0, max(3.5, 0.45 * len(names) + 1.5))
    figure = Figure(figsize=(side * len(_CONFUSED), side), layout="constrained")
    for axes, variant in zip(figure.subplots(1, len(_CONFUSED)), _CONFUSED, strict=True):
        counts = np.array(confusion[variant], np.float64)
        shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
        axes.imshow(shares, vmin=0, vmax=1, cmap="Blues")
        axes.set(title=variant, xlabel="model says", ylabel="image shows")
        if len(names) <= 40:  # More names would lie on top of each other.
            axes.set_xticks(range(len(names)), names, rotation=90)
            axes.set_yticks(range(len(names)), names)
        if len(names) <= 12:
            for row, column in np.argwhere(shares >= 0.005):
                colour = "white" if shares[row, column] > 0.5 else "black"
                text = f"{shares[row, column]:.2f}"
                axes.text(column, row, text, ha="center", va="center", color=colour, fontsize=7)
    return figure
