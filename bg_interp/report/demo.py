"""The page of the demonstration: what a network learned, its price, and what a repair brings."""

import dataclasses
import pathlib
from collections.abc import Mapping

import numpy as np
from PIL import Image

from bg_interp import programs
from bg_interp.evaluation.reliance.variants import Variants
from bg_interp.evaluation.result import Evaluation
from bg_interp.report import page
from bg_interp.report.panels import data_url

_PAIRS = 4
_VARIANTS = {
    "original": "unmodified",
    "swap": "background of another class",
    "foreground_only": "object on black",
    "background_only": "background alone",
}


@dataclasses.dataclass(frozen=True)
class Answer:
    """What a network says of a picture.

    Attributes:
      name: the class.
      right: whether it is the object's.
    """

    name: str
    right: bool


@dataclasses.dataclass(frozen=True)
class Pair:
    """An object on its own background, and on one of another class.

    Attributes:
      name: its class.
      images: data: URLs of both.
      before: what the network says of both.
      after: what the repaired one says of both.
    """

    name: str
    images: tuple[str, str]
    before: tuple[Answer, Answer]
    after: tuple[Answer, Answer]


def write(
    path: pathlib.Path,
    none: Evaluation,
    black: Evaluation,
    repaired: Evaluation,
    class_images: Mapping[str, pathlib.Path],
    seed: int,
) -> None:
    """Writes the page.

    Args:
      path: the file; the pages it links to stand in none/, black/ and repaired/ beside it.
      none: the network that was trained on unmodified images.
      black: the one that was trained on black backgrounds, on the same test images.
      repaired: the first one after its repair.
      class_images: {"none" or "black": picture of what its classes look like to it}.
      seed: by which backgrounds were swapped.

    Raises:
      UserError: the file cannot be written.
    """
    networks = {"none": none, "black": black, "none, repaired": repaired}
    shown = {
        name: data_url(np.asarray(Image.open(picture).convert("RGB")))
        for name, picture in class_images.items()
    }
    context = {
        "networks": list(networks),
        "rows": [
            (words, [one.measures[variant] for one in networks.values()])
            for variant, words in _VARIANTS.items()
        ],
        "first": none.measures,
        "second": black.measures,
        "repaired": repaired.measures,
        "examples": _examples(none),
        "pairs": _pairs(none, repaired, seed),
        "class_images": shown,
        "commands": [programs.called(name) for name in ("segment", "evaluate", "repair")],
    }
    page.write(path, "bg_interp.report", "demo.html.j2", context)


def _examples(found: Evaluation) -> list[tuple[str, str]]:
    """Returns (class, picture) of the first test image of each class."""
    labels, rows = np.unique(found.test.labels, return_index=True)
    return [
        (found.classes[label], data_url(found.test.images[row]))
        for label, row in zip(labels, rows, strict=True)
    ]


def _pairs(before: Evaluation, after: Evaluation, seed: int) -> list[Pair]:
    """Returns objects that are right on their own background and wrong on another class's.

    Each is of another class, and the first of its class in the order of the test images: none is
    chosen by what the repair makes of it.
    """
    moved = np.flatnonzero(before.right("original") & ~before.right("swap"))
    _, first = np.unique(before.test.labels[moved], return_index=True)
    rows = np.sort(moved[first])[:_PAIRS]
    if not len(rows):
        return []
    swapped = Variants(before.test, seed).make("swap", rows)
    return [
        Pair(
            name=before.classes[before.test.labels[row]],
            images=(data_url(before.test.images[row]), data_url(image)),
            before=_answers(before, row),
            after=_answers(after, row),
        )
        for row, image in zip(rows, swapped, strict=True)
    ]


def _answers(found: Evaluation, row: int) -> tuple[Answer, Answer]:
    label = found.test.labels[row]
    said = [int(found.logits[variant][row].argmax()) for variant in ("original", "swap")]
    first, second = (Answer(found.classes[one], one == label) for one in said)
    return first, second
