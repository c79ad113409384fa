"""The page of one evaluation: report.html, one file that is shown to colleagues."""

import pathlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from PIL import Image

from bg_interp.evaluation.baseline import Comparison
from bg_interp.evaluation.estimate import Estimate
from bg_interp.evaluation.finding import Finding
from bg_interp.evaluation.measures import BY_NAME, SHOWN, VARIANTS
from bg_interp.evaluation.result import Evaluation
from bg_interp.evaluation.worst import MOST_OF_A_CLASS
from bg_interp.report import card, figures, page
from bg_interp.report.advice import FROM_PYTHON, Ways, next_steps, pulls
from bg_interp.report.cells import grouped
from bg_interp.report.images import worst_shown
from bg_interp.report.masks import GIVEN, MaskFacts, tiles
from bg_interp.report.panels import WEBP, data_url

# What stands beside a page that a program wrote.
_FILES = {
    "results.json": "all numbers",
    "images.csv": "a row for each image",
    "model_card.md": "a section to paste into the model's own card",
    "variants.png": "some images in every variant",
    "confusion.png": "which classes are confused on other backgrounds",
}
# Of more classes no table is read; all stand in results.json.
_MOST_CLASSES = 100


def writer(
    command: str,
    facts: Sequence[tuple[str, str]],
    masks: MaskFacts = GIVEN,
    class_images: pathlib.Path | None = None,
    ways: Ways = FROM_PYTHON,
    beside: Sequence[str] = (),
) -> Callable[[pathlib.Path, Evaluation], None]:
    """Returns what writes an evaluation's page, into an .html file, or its card, into an .md file.

    Args:
      command: the command that repeats it.
      facts: (name, value) of how it was taken.
      masks: what is known of the masks.
      class_images: a picture of the network's class images, where there is one.
      ways: how the next steps are taken where the audit was.
      beside: names of the files that stand beside the page.
    """

    def write(path: pathlib.Path, found: Evaluation) -> None:
        if path.suffix == ".md":
            card.write(path, found, command, facts)
            return
        context = {
            **_context(found),
            "model": dict(facts).get("model", ""),
            "dataset": dict(facts).get("dataset", ""),
            "class_images": _picture(class_images),
            "masks": masks,
            "mask_tiles": list(tiles(found, masks)),
            "beside": [(name, _FILES[name]) for name in beside],
            "steps": next_steps(found, ways),
            "command": command,
            "facts": facts,
        }
        page.write(path, "bg_interp.report", "evaluation.html.j2", context)

    return write


def _context(found: Evaluation) -> dict[str, Any]:
    """Returns what the template needs of an evaluation."""
    compared = found.compared()
    return {
        "found": found,
        "answer": found.answer(),
        "is_warning": found.finding is not Finding.CLEAR,
        "tables": found.tables(),
        "shown": SHOWN,
        "counted": found.counted(),
        "variants_plot": page.drawn(_variants(found)),
        "grouped": grouped(found.groups),
        "pulls": [pull for pull in pulls(found) if pull.wrong > 0][:_MOST_CLASSES],
        "by_class": list(_by_class(found)),
        "hidden_classes": max(0, len(found.classes) - _MOST_CLASSES),
        "worst": list(worst_shown(found)),
        "most_of_a_class": MOST_OF_A_CLASS,
        "no_maps": _no_maps(found),
        "compared": compared,
        "changes": [] if compared is None else list(_changes(compared)),
        "attribution": list(_attribution(found.attribution)),
        "mask_area": _mean(found.attribution.get("mask_area", [])),
    }


def _changes(compared: Comparison) -> Iterator[tuple[str, Estimate, Estimate, Estimate, str]]:
    """Yields (measure, earlier, now, change, ✓ or ✗ where the whole interval says so)."""
    for name, (earlier, now, change) in compared.rows.items():
        better = (change.high < 0) if BY_NAME[name].more_is_worse else (change.low > 0)
        worse = (change.low > 0) if BY_NAME[name].more_is_worse else (change.high < 0)
        yield name, earlier, now, change, "✓" if better else "✗" if worse else ""


def _no_maps(found: Evaluation) -> str:
    """Says why there are no maps of where the model looks."""
    measured = found.attribution.get("smoothgrad", {"left_out": "not asked for"})
    return found.maps.left_out or measured.get("left_out", "no image depends on its background")


def _variants(found: Evaluation) -> str:
    shown = {name: name.replace("_", " ") for name in VARIANTS}
    cells = {name: {"model": found.measures[name]} for name in VARIANTS}
    return figures.intervals(cells, shown, ["model"], found.chance)


def _by_class(found: Evaluation) -> Iterator[tuple[str, int, list[Estimate]]]:
    """Yields (class, images, accuracies as it is, on black, on a foreign background)."""
    for label, name in list(enumerate(found.classes))[:_MOST_CLASSES]:
        rows = found.test.labels == label
        if rows.any():
            shown = ("original", "foreground_only", "background_only", "swap")
            accuracies = [Estimate.of_share(found.right(variant)[rows]) for variant in shown]
            yield name, int(rows.sum()), accuracies


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else None


def _attribution(measured: Mapping[str, Any]) -> Iterator[tuple[str, Any, Any, str]]:
    """Yields (method, share on the object, strongest pixel on it, why it was left out)."""
    for name, title in (("smoothgrad", "SmoothGrad"), ("gradcam_plus_plus", "Grad-CAM++")):
        one = measured.get(name, {"left_out": "not asked for"})
        if "left_out" in one:
            yield title, None, None, one["left_out"]
        else:
            yield title, _mean(one["share"]), _mean(one["pointing"]), ""


def _picture(path: pathlib.Path | None) -> str:
    if path is None:
        return ""
    with Image.open(path) as picture:
        return data_url(np.asarray(picture.convert("RGB")), WEBP, 1400)
