"""The page of a repair: one classifier before and after, side by side."""

import pathlib
from collections.abc import Mapping, Sequence

import numpy as np

from bg_interp.evaluation.estimate import Estimate
from bg_interp.evaluation.measures import VARIANTS
from bg_interp.evaluation.result import Evaluation
from bg_interp.report import figures, page
from bg_interp.report.advice import Ways
from bg_interp.report.cells import grouped
from bg_interp.report.outcome import after_repair
from bg_interp.report.panels import data_url


def write(
    path: pathlib.Path,
    *,
    rows: Sequence[tuple[str, str, str, str]],
    changes: Mapping[str, Estimate],
    evaluations: tuple[Evaluation, Evaluation],
    class_images: Mapping[str, np.ndarray],
    shown: Sequence[str],
    fit: str,
    command: str,
    ways: Ways,
) -> None:
    """Writes the page of a repair.

    Args:
      path: the file.
      rows: (measure, before, after, change with its interval).
      changes: {measure: after minus before}.
      evaluations: before and after.
      class_images: {"before" or "after": float32 [L, H, W, 3] in [0, 255]}, or empty.
      shown: names of the L classes that they show.
      fit: how the new last layer was chosen, in a sentence.
      command: the command that repeats it.
      ways: how the next steps are taken with the repaired model.

    Raises:
      UserError: the file cannot be written.
    """
    series = dict(zip(("before", "after"), evaluations, strict=True))
    cells = {
        variant: {name: one.measures[variant] for name, one in series.items()}
        for variant in VARIANTS
    }
    labels = {variant: variant.replace("_", " ") for variant in VARIANTS}
    chance = evaluations[0].chance
    outcome = after_repair(evaluations, changes, ways)
    context = {
        "rows": rows,
        "before": evaluations[0],
        "outcome": outcome,
        "plot": page.drawn(figures.intervals(cells, labels, list(series), chance)),
        "groups": [(name, grouped(one.groups)) for name, one in series.items()],
        "class_images": [
            (name, [(one, data_url(image), "") for one, image in zip(shown, images, strict=True)])
            for name, images in class_images.items()
        ],
        "classes": len(evaluations[0].classes),
        "fit": fit,
        "command": command,
    }
    page.write(path, "bg_interp.report", "repair.html.j2", context)
