"""The page of a repair: one classifier before and after, side by side."""

import pathlib
from collections.abc import Mapping, Sequence

import numpy as np

from bg_interp.evaluation.measures import VARIANTS
from bg_interp.evaluation.result import Evaluation
from bg_interp.report import figures, page
from bg_interp.report.panels import data_url


def write(
    path: pathlib.Path,
    *,
    rows: Sequence[tuple[str, str, str, str]],
    evaluations: tuple[Evaluation, Evaluation],
    class_images: Mapping[str, np.ndarray],
    shown: Sequence[str],
    fit: str,
    command: str,
) -> None:
    """Writes the page of a repair.

    Args:
      path: the file.
      rows: (measure, before, after, change with its interval).
      evaluations: before and after.
      class_images: {"before" or "after": float32 [L, H, W, 3] in [0, 255]}, or empty.
      shown: names of the L classes that they show.
      fit: how the new last layer was chosen, in a sentence.
      command: the command that repeats it.

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
    kinds = "kind of background" if evaluations[0].groups.of_places else "class it is from"
    context = {
        "rows": rows,
        "before": evaluations[0],
        "plot": page.drawn(figures.intervals(cells, labels, list(series), chance)),
        "groups": [(name, page.drawn(_matrix(one, kinds))) for name, one in series.items()],
        "class_images": [
            (name, [(one, data_url(image), "") for one, image in zip(shown, images, strict=True)])
            for name, images in class_images.items()
        ],
        "classes": len(evaluations[0].classes),
        "fit": fit,
        "command": command,
    }
    page.write(path, "bg_interp.report", "repair.html.j2", context)


def _matrix(one: Evaluation, kinds: str) -> str:
    names = one.groups.classes, one.groups.kinds
    return figures.matrix(one.groups.accuracy, *names, ("class of the object", kinds))
