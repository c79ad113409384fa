"""The plots that only a study's report has."""

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib.axes
import numpy as np

from bg_interp.evaluation.statistics import Comparison
from bg_interp.report.figures import INK, colours, svg
from bg_interp.study.results import GroupResults


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
        # Gaps of hundredths are noise, and shall not fill the plot.
        low, high = axes.get_ylim()
        axes.set_ylim(min(low, -0.1), max(high, 0.1))
        axes.axhline(0, linestyle=":", linewidth=1, color=INK)
        axes.legend(frameon=False)

    return svg(draw, 5.0, 3.4)


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

    return svg(draw, 5.0, 3.4)


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
        axes.axhline(0, linestyle=":", linewidth=1, color=INK)
        axes.set_xlabel("correlation of object and background")
        axes.set_ylabel(label)
        axes.legend(frameon=False)

    return svg(draw, 5.5, 3.6)
