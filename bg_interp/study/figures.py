"""The plots of a study's report, as SVG that takes the page's colours."""

import io
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import matplotlib.axes
import matplotlib.figure
import numpy as np
from matplotlib import rc_context

from bg_interp.evaluation.statistics import Comparison
from bg_interp.study.results import Cell, GroupResults

# Okabe and Ito's colours, told apart by people who see few colours.
_PALETTE = ("#7f7f7f", "#0072b2", "#e69f00", "#009e73", "#cc79a7", "#d55e00", "#56b4e9", "#b8a000")
# Drawn in this colour, and then replaced by the page's own text colour.
_INK = "#123456"
_INKED = "text.color axes.labelcolor axes.edgecolor xtick.color ytick.color legend.labelcolor"
_STYLE: Any = {
    "svg.fonttype": "none",
    "svg.hashsalt": "bg_interp",
    "font.family": "sans-serif",
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    **dict.fromkeys(_INKED.split(), _INK),
}


def _svg(draw: Callable[[matplotlib.axes.Axes], None], width: float, height: float) -> str:
    """Draws one figure of a size in inches, and returns an <svg> element."""
    with rc_context(_STYLE):
        figure = matplotlib.figure.Figure(figsize=(width, height), layout="constrained")
        draw(figure.add_subplot())
        text = io.StringIO()
        figure.savefig(text, format="svg", transparent=True, metadata={"Date": None})
    return text.getvalue()[text.getvalue().index("<svg") :].replace(_INK, "currentColor")


def colours(treatments: Sequence[str]) -> dict[str, str]:
    """Returns a colour for each treatment."""
    return {name: _PALETTE[place % len(_PALETTE)] for place, name in enumerate(treatments)}


def _error(cell: Cell) -> list[list[float]]:
    return [[max(0.0, cell.mean - cell.low)], [max(0.0, cell.high - cell.mean)]]


def by_treatment(
    cells: Mapping[str, Mapping[str, Cell]],
    measures: Mapping[str, str],
    treatments: Sequence[str],
    chance: float | None = None,
) -> str:
    """Plots several measures of all treatments, with intervals.

    Args:
      cells: measure -> treatment -> mean with interval.
      measures: {measure: its name on the axis}.
      treatments: in their order.
      chance: drawn as a line where it is given.
    """
    shown = {key: name for key, name in measures.items() if key in cells}

    def draw(axes: matplotlib.axes.Axes) -> None:
        step = 0.8 / max(1, len(treatments))
        for place, (name, colour) in enumerate(colours(treatments).items()):
            labelled = False
            for position, key in enumerate(shown):
                cell = cells[key].get(name)
                if cell is None:
                    continue
                axes.errorbar(
                    position + (place - (len(treatments) - 1) / 2) * step,
                    cell.mean,
                    yerr=_error(cell),
                    fmt="o",
                    capsize=2,
                    color=colour,
                    label=None if labelled else name,
                )
                labelled = True
        if chance is not None:
            axes.axhline(chance, linestyle=":", linewidth=1, color=_INK, label="chance")
        axes.set_xticks(range(len(shown)), shown.values(), rotation=20, ha="right")
        axes.set_ylim(-0.05, 1.05)
        axes.legend(frameon=False, loc="upper left", bbox_to_anchor=(1, 1))

    return _svg(draw, 8.5, 3.6)


def gap_against_accuracy(group: GroupResults, treatments: Sequence[str]) -> str:
    """Plots BG-Gap against accuracy on original images, a point for each arm."""

    def draw(axes: matplotlib.axes.Axes) -> None:
        accuracy, gap = group.values["accuracy_original"], group.values["bg_gap"]
        for name, colour in colours(treatments).items():
            rows = [
                (np.nanmean(_floats(accuracy[name][seed])), np.nanmean(_floats(gap[name][seed])))
                for seed in gap.get(name, {})
            ]
            if rows:
                axes.scatter(*zip(*rows, strict=True), color=colour, label=name)
        axes.set_xlabel("accuracy on original images")
        axes.set_ylabel("BG-Gap")
        axes.set_xlim(-0.02, 1.02)
        axes.axhline(0, linestyle=":", linewidth=1, color=_INK)
        axes.legend(frameon=False)

    return _svg(draw, 5.0, 3.4)


def _floats(values: Sequence[float | None]) -> np.ndarray:
    return np.array(values, np.float64)


def training_curves(
    rows: Mapping[str, Sequence[Sequence[Mapping[str, Any]]]], measure: str, label: str
) -> str:
    """Plots a test measure over the steps of training, a line for each arm.

    Args:
      rows: treatment -> arm -> its rows of metrics.jsonl.
      measure: the key of a row, such as "accuracy/swapped".
      label: of the axis.
    """

    def draw(axes: matplotlib.axes.Axes) -> None:
        for name, colour in colours(list(rows)).items():
            for number, arm in enumerate(rows[name]):
                points = [(row["step"], row[measure]) for row in arm if measure in row]
                if points:
                    axes.plot(
                        *zip(*points, strict=True),
                        color=colour,
                        alpha=0.7,
                        label=None if number else name,
                    )
        axes.set_xlabel("step")
        axes.set_ylabel(label)
        axes.set_ylim(-0.02, 1.02)
        axes.legend(frameon=False)

    return _svg(draw, 5.0, 3.4)


def dose_response(
    groups: Sequence[GroupResults], measure: str, treatments: Sequence[str], label: str
) -> str:
    """Plots treatment minus none against the correlation of object and background.

    Args:
      groups: one for each correlation.
      measure: the comparison's name in words.
      treatments: those to draw, none left out.
      label: of the axis.
    """

    def found(group: GroupResults, treatment: str) -> Comparison | None:
        fitting = (c for c in group.comparisons if (c.measure, c.treatment) == (measure, treatment))
        return next(fitting, None)

    def draw(axes: matplotlib.axes.Axes) -> None:
        for name, colour in colours(["none", *treatments]).items():
            points = [(g.correlation, c) for g in groups if (c := found(g, name)) is not None]
            if not points:
                continue
            x = [correlation for correlation, _ in points]
            axes.plot(x, [c.difference for _, c in points], marker="o", color=colour, label=name)
            axes.fill_between(
                x, [c.low for _, c in points], [c.high for _, c in points], color=colour, alpha=0.15
            )
        axes.axhline(0, linestyle=":", linewidth=1, color=_INK)
        axes.set_xlabel("correlation of object and background")
        axes.set_ylabel(label)
        axes.legend(frameon=False)

    return _svg(draw, 5.5, 3.6)
