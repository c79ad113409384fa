"""The page of one evaluation: report.html, one file that is shown to colleagues."""

import dataclasses
import pathlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from PIL import Image

from bg_interp.evaluation.estimate import Estimate
from bg_interp.evaluation.finding import Finding
from bg_interp.evaluation.measures import SHOWN, VARIANTS
from bg_interp.evaluation.reliance.groups import ENOUGH, Groups
from bg_interp.evaluation.reliance.variants import Variants, behind
from bg_interp.evaluation.result import Evaluation
from bg_interp.report import card, figures, page
from bg_interp.report.advice import FROM_PYTHON, Ways, next_steps, pulls
from bg_interp.report.panels import WEBP, data_url

_WORST, _DOUBTFUL = 24, 12
_SIDE, _LARGE = 112, 224
# Of one class, so that a class on which all goes wrong leaves room for the others.
_MOST_OF_A_CLASS = 6
# Of more cells a table is too large for a page, and they are drawn as a picture.
_MOST_CELLS = 400
# Of more classes no table is read; all stand in results.json.
_MOST_CLASSES = 100


@dataclasses.dataclass(frozen=True)
class MaskFacts:
    """What is known of the masks that were used.

    Attributes:
      origin: where they come from.
      bad: {verdict: how many}.
    """

    origin: str
    bad: Mapping[str, int]


_GIVEN = MaskFacts("given", {})


def writer(
    command: str,
    facts: Sequence[tuple[str, str]],
    masks: MaskFacts = _GIVEN,
    class_images: pathlib.Path | None = None,
    ways: Ways = FROM_PYTHON,
) -> Callable[[pathlib.Path, Evaluation], None]:
    """Returns what writes an evaluation's page, into an .html file, or its card, into an .md file.

    Args:
      command: the command that repeats it.
      facts: (name, value) of how it was taken.
      masks: what is known of the masks.
      class_images: a picture of the network's class images, where there is one.
      ways: how the next steps are taken where the audit was.
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
            "steps": next_steps(found, ways),
            "command": command,
            "facts": facts,
        }
        page.write(path, "bg_interp.report", "evaluation.html.j2", context)

    return write


def _context(found: Evaluation) -> dict[str, Any]:
    """Returns what the template needs of an evaluation."""
    return {
        "found": found,
        "answer": found.answer(),
        "is_warning": found.finding is not Finding.CLEAR,
        "tables": found.tables(),
        "shown": SHOWN,
        "counted": found.counted(),
        "variants_plot": page.drawn(_variants(found)),
        "groups_plot": page.drawn(_groups(found)) if found.groups.count.size > _MOST_CELLS else "",
        "cells": list(_cells(found.groups)),
        "enough": ENOUGH,
        "pulls": [pull for pull in pulls(found) if pull.wrong > 0][:_MOST_CLASSES],
        "kinds": "places" if found.groups.of_places else "classes that backgrounds are taken from",
        "by_class": list(_by_class(found)),
        "hidden_classes": max(0, len(found.classes) - _MOST_CLASSES),
        "worst": list(_worst(found)),
        "most_of_a_class": _MOST_OF_A_CLASS,
        "attribution": list(_attribution(found.attribution)),
        "mask_area": _mean(found.attribution.get("mask_area", [])),
        "doubtful": list(_doubtful(found)),
    }


def _variants(found: Evaluation) -> str:
    shown = {name: name.replace("_", " ") for name in VARIANTS}
    cells = {name: {"model": found.measures[name]} for name in VARIANTS}
    return figures.intervals(cells, shown, ["model"], found.chance)


def _groups(found: Evaluation) -> str:
    kinds = "kind of background" if found.groups.of_places else "class the background is from"
    names = found.groups.classes, found.groups.kinds
    return figures.matrix(found.groups.accuracy, *names, ("class of the object", kinds))


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


def _cells(groups: Groups) -> Iterator[tuple[str, list[Cell]]]:
    """Yields a row of cells for each class that has answers."""
    if groups.count.size > _MOST_CELLS:
        return
    for name, accuracies, counts in zip(groups.classes, groups.accuracy, groups.count, strict=True):
        if counts.any():
            values = [None if np.isnan(one) else float(one) for one in accuracies]
            columns = zip(values, counts.tolist(), groups.kinds, strict=True)
            yield name, [Cell(*one) for one in columns]


def _by_class(found: Evaluation) -> Iterator[tuple[str, int, list[Estimate]]]:
    """Yields (class, images, accuracies as it is, on black, on a foreign background)."""
    for label, name in list(enumerate(found.classes))[:_MOST_CLASSES]:
        rows = found.test.labels == label
        if rows.any():
            shown = ("original", "foreground_only", "background_only", "swap")
            accuracies = [Estimate.of_share(found.right(variant)[rows]) for variant in shown]
            yield name, int(rows.sum()), accuracies


@dataclasses.dataclass(frozen=True)
class Shown:
    """One of the worst images.

    Attributes:
      name: its class.
      background: the class that gave it the other background.
      elsewhere: what the model says of it there.
      change: how far the probability of its class falls.
      url: the image.
      caption: the same with its file.
      variants: (data URL, caption, whether it is right) of each variant.
    """

    name: str
    background: str
    elsewhere: str
    change: str
    url: str
    caption: str
    variants: list[tuple[str, str, bool]]


def _worst(found: Evaluation) -> Iterator[Shown]:
    rows = _of_all_classes(found)
    if not len(rows):
        return
    maker = Variants(found.test, found.seed)
    made = {name: maker.make(name, rows) for name in VARIANTS}
    said = {name: found.logits[name].argmax(axis=1) for name in VARIANTS}
    changes = found.changes()
    givers = found.test.labels[behind("swap", found.test.labels, found.seed)]
    for place, row in enumerate(rows):
        variants = [
            (
                data_url(made[name][place], WEBP, _SIDE),
                f"{name.replace('_', ' ')}: {found.classes[said[name][row]]}",
                bool(said[name][row] == found.test.labels[row]),
            )
            for name in VARIANTS
        ]
        labels = found.test.labels[row], givers[row], said["swap"][row]
        name, background, elsewhere = (found.classes[label] for label in labels)
        change = f"{-changes[row]:+.2f}".replace("-", "\u2212")
        caption = f"{found.keys[row]}; on a background of {background}: {elsewhere}; {change}"
        large = data_url(made["original"][place], WEBP, _LARGE)
        yield Shown(name, background, elsewhere, change, large, caption, variants)


def _of_all_classes(found: Evaluation) -> np.ndarray:
    """Returns the rows of the worst images, not too many of one class."""
    chosen: list[int] = []
    taken = dict.fromkeys(range(len(found.classes)), 0)
    for row in found.worst_rows(len(found.test.labels)):
        label = int(found.test.labels[row])
        if taken[label] < _MOST_OF_A_CLASS and len(chosen) < _WORST:
            taken[label] += 1
            chosen.append(row)
    return np.array(chosen, np.int64)


def _doubtful(found: Evaluation) -> Iterator[tuple[str, str, str]]:
    """Yields (data URL, caption, share) of the masks that cover least and most of an image."""
    areas = (found.test.masks > 127).mean(axis=(1, 2, 3))
    order = np.argsort(areas, kind="stable")
    rows = dict.fromkeys([*order[: _DOUBTFUL // 2].tolist(), *order[-_DOUBTFUL // 2 :].tolist()])
    for row in rows:
        opacity = found.test.masks[row] / 255.0
        # Red where the mask says background.
        shown = found.test.images[row] * (0.3 + 0.7 * opacity) + (1 - opacity) * [140, 0, 0]
        caption = f"{found.keys[row]}: {areas[row]:.0%} of the image is object"
        yield data_url(np.clip(shown, 0, 255), WEBP, _SIDE), caption, f"{areas[row]:.0%}"


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
