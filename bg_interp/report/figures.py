"""Plots within a page, as SVG that takes the page's colours."""

import io
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import matplotlib.axes
import matplotlib.figure
import numpy as np
from matplotlib import rc_context

from bg_interp import pictures
from bg_interp.evaluation.estimate import Estimate

# Okabe and Ito's colours, told apart by people who see few colours.
_PALETTE = ("#7f7f7f", "#0072b2", "#e69f00", "#009e73", "#cc79a7", "#d55e00", "#56b4e9", "#b8a000")
# Drawn in this colour, and then replaced by the page's own text colour.
INK = "#123456"
_INKED = "text.color axes.labelcolor axes.edgecolor xtick.color ytick.color legend.labelcolor"
_STYLE: Any = {
    "svg.fonttype": "none",
    "svg.hashsalt": "bg_interp",
    "font.family": "sans-serif",
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    **dict.fromkeys(_INKED.split(), INK),
}


def svg(draw: Callable[[matplotlib.axes.Axes], None], width: float, height: float) -> str:
    """Draws one figure of a size in inches, and returns an <svg> element."""
    # No backend is asked for: a Figure of its own has the one that its file needs.
    with rc_context({**_STYLE, "text.parse_math": False}):
        figure = matplotlib.figure.Figure(figsize=(width, height), layout="constrained")
        draw(figure.add_subplot())
        text = io.StringIO()
        figure.savefig(text, format="svg", transparent=True, metadata={"Date": None})
    return text.getvalue()[text.getvalue().index("<svg") :].replace(INK, "currentColor")


def colours(names: Sequence[str]) -> dict[str, str]:
    """Returns a colour for each series."""
    return {name: _PALETTE[place % len(_PALETTE)] for place, name in enumerate(names)}


def intervals(
    cells: Mapping[str, Mapping[str, Estimate]],
    measures: Mapping[str, str],
    series: Sequence[str],
    chance: float | None = None,
) -> str:
    """Plots several measures of some series, with intervals.

    Args:
      cells: measure -> series -> mean with interval.
      measures: {measure: its name on the axis}.
      series: in their order.
      chance: drawn as a line where it is given.
    """
    shown = {key: name for key, name in measures.items() if key in cells}

    def draw(axes: matplotlib.axes.Axes) -> None:
        step = 0.8 / max(1, len(series))
        for place, (name, colour) in enumerate(colours(series).items()):
            labelled = False
            for position, key in enumerate(shown):
                cell = cells[key].get(name)
                if cell is None:
                    continue
                axes.errorbar(
                    position + (place - (len(series) - 1) / 2) * step,
                    cell.value,
                    yerr=[[max(0.0, cell.value - cell.low)], [max(0.0, cell.high - cell.value)]],
                    fmt="o",
                    capsize=2,
                    color=colour,
                    label=None if labelled else name,
                )
                labelled = True
        if chance is not None:
            axes.axhline(chance, linestyle=":", linewidth=1, color=INK, label="chance")
        axes.set_xticks(range(len(shown)), shown.values(), rotation=20, ha="right")
        axes.set_ylim(-0.05, 1.05)
        axes.legend(frameon=False, loc="upper left", bbox_to_anchor=(1, 1))

    return svg(draw, 8.5, 3.6)


def matrix(
    values: np.ndarray, rows: Sequence[str], columns: Sequence[str], labels: tuple[str, str]
) -> str:
    """Plots shares as a matrix of colours, with numbers where there is room.

    Args:
      values: [R, C] in [0, 1]; NaN cells stay empty.
      rows: R names.
      columns: C names.
      labels: what rows and columns are.
    """
    row_names, column_names = ([pictures.writable(name) for name in n] for n in (rows, columns))

    def draw(axes: matplotlib.axes.Axes) -> None:
        axes.imshow(np.ma.masked_invalid(values), vmin=0, vmax=1, cmap="cividis", aspect="auto")
        axes.set_ylabel(labels[0])
        axes.set_xlabel(labels[1])
        if len(columns) <= 40:
            axes.set_xticks(range(len(columns)), column_names, rotation=40, ha="right")
        if len(rows) <= 40:
            axes.set_yticks(range(len(rows)), row_names)
        if values.size <= 200:
            for row, column in np.argwhere(~np.isnan(values)):
                dark = values[row, column] < 0.55
                text = f"{values[row, column]:.2f}".removeprefix("0")
                colour = "white" if dark else "black"
                axes.text(column, row, text, ha="center", va="center", color=colour, fontsize=8)

    size = (min(9.0, 1.8 + 0.5 * len(columns)), min(12.0, 1.4 + 0.35 * len(rows)))
    return svg(draw, max(3.6, size[0]), size[1])
