"""The list of measures: all that an evaluation measures of a classifier, each said in one place.

Whatever names measures reads this list: what is measured, the tables of the terminal, of a page
and of a notebook, results.json, `--fail_if`, `--must` and `check`, callbacks, and studies. A
measure that is made of answers to variants that there are is one entry here; a new variant is an
entry here and its making in `reliance.variants`.

Nothing heavy is imported, since flags are checked by it.
"""

import dataclasses
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bg_interp.evaluation.answers import Answers, Scores
    from bg_interp.evaluation.estimate import Estimate
    from bg_interp.evaluation.reliance.groups import Groups

# The tables of a page, in their order.
HEADLINE = "Reliance on backgrounds"
SHOWN = "Accuracy, by what is shown"
CONTROLS = "Controls: could the method cause the result?"
GROUPS = "Groups, and the worst of several backgrounds"
DATA = "The data themselves"


@dataclasses.dataclass(frozen=True)
class InStudy:
    """How a study compares a measure.

    Attributes:
      words: its name in sentences and tables.
      short: its name in files.
      is_question: whether a study asks for its differences where no questions are named.
    """

    words: str
    short: str
    is_question: bool = False


@dataclasses.dataclass(frozen=True)
class Measure:
    """One thing that is measured of a classifier.

    Attributes:
      name: for files, flags and Python.
      meaning: what is shown, or what it is.
      taken: answers to right and wrong of each image, or to an estimate where a measure is none of
        single images; None where the answers hold nothing that it could be taken from.
      table: of the page.
      more_is_worse: of differences, such as reliance; accuracies are worse the smaller they are.
      is_variant: whether it is the accuracy on images that are shown in one way, of its name.
      study: how a study compares it; None where none does.
    """

    name: str
    meaning: str
    taken: Callable[["Answers"], "Scores | Estimate | None"]
    table: str
    more_is_worse: bool = False
    is_variant: bool = False
    study: InStudy | None = None

    @property
    def is_loss(self) -> bool:
        """Whether it is what other backgrounds take, of a model that has something to lose."""
        return self.more_is_worse and self.table in (HEADLINE, CONTROLS)

    def take(self, answers: "Answers") -> "Estimate | None":
        """Returns the measure with its interval; None where it can't be taken."""
        found = self.taken(answers)
        estimate = getattr(found, "estimate", None)
        return found if estimate is None else estimate()  # type: ignore[return-value]

    def by_class(self, answers: "Answers") -> list[float | None] | None:
        """Returns the value of each class, None without images; None for a measure of no class."""
        by_class = getattr(self.taken(answers), "by_class", None)
        return None if by_class is None else by_class()


def _variant(name: str, meaning: str, *, more_is_worse: bool = False) -> Measure:
    return Measure(
        name,
        meaning,
        lambda answers: answers.accuracy(name),
        SHOWN,
        more_is_worse,
        is_variant=True,
        study=InStudy(f"accuracy on {name.replace('_', ' ')}", f"accuracy_{name}"),
    )


def _reliance(name: str, meaning: str, same: str, swap: str) -> Measure:
    return Measure(
        name,
        meaning,
        lambda answers: answers.difference(same, swap),
        CONTROLS,
        more_is_worse=True,
    )


def _worst(groups: "Groups | None") -> "Estimate | None":
    return None if groups is None or groups.worst is None else groups.worst.accuracy


MEASURES = (
    Measure(
        "reliance",
        "mean over classes of accuracy on own class's backgrounds - on another's: 0 none, 1 all",
        lambda answers: answers.difference("mixed_same", "swap"),
        HEADLINE,
        more_is_worse=True,
        study=InStudy("reliance on backgrounds", "reliance"),
    ),
    Measure(
        "bg_gap",
        "mixed_same - mixed_random, as in ImageNet-9; smaller with fewer or uneven classes",
        lambda answers: answers.difference("mixed_same", "mixed_random", balanced=False),
        HEADLINE,
        more_is_worse=True,
        study=InStudy("BG-Gap", "bg_gap", is_question=True),
    ),
    _variant("original", "the unmodified image"),
    _variant("foreground_only", "object on black"),
    _variant("no_foreground", "object's pixels black", more_is_worse=True),
    _variant("background_only", "object's box tiled with background", more_is_worse=True),
    _variant("mixed_same", "object on another background of its class"),
    _variant("mixed_random", "object on a random background"),
    _variant("mixed_next", "object on a background of the next class"),
    _variant("swap", "object on a background of another class"),
    Measure(
        "own_pasted",
        "object on its own background, tiled: what pasting costs",
        lambda answers: answers.accuracy("own_pasted"),
        CONTROLS,
    ),
    _reliance(
        "reliance_inpainted",
        "reliance with backgrounds inpainted instead of tiled",
        "same_inpainted",
        "swap_inpainted",
    ),
    _reliance(
        "reliance_masks_eroded",
        "reliance if masks were smaller by a 32nd of the side",
        "same_masks_eroded",
        "swap_masks_eroded",
    ),
    _reliance(
        "reliance_masks_dilated",
        "reliance if masks were larger by as much",
        "same_masks_dilated",
        "swap_masks_dilated",
    ),
    Measure(
        "reliance_masks_trusted",
        "reliance without the backgrounds that most likely still contain an object",
        lambda answers: answers.difference("mixed_same", "swap", trusted=True),
        CONTROLS,
        more_is_worse=True,
    ),
    Measure(
        "worst_group",
        "the class and kind of background with the lowest accuracy, chosen on one half of the "
        "images and measured on the other",
        lambda answers: _worst(answers.groups),
        GROUPS,
    ),
    Measure(
        "mean_group",
        "mean over class x kind of background",
        lambda answers: None if answers.groups is None else answers.groups.mean,
        GROUPS,
    ),
    Measure(
        "worst_natural_group",
        "the worst of class x place on unmodified images, chosen and measured on halves",
        lambda answers: _worst(answers.natural),
        GROUPS,
    ),
    Measure(
        "adversarial",
        "right on each of several backgrounds of other classes",
        lambda answers: answers.accuracy("adversarial"),
        GROUPS,
    ),
    Measure(
        "adversarial_same",
        "right on each of as many backgrounds of its own class",
        lambda answers: answers.accuracy("adversarial_same"),
        GROUPS,
    ),
    Measure(
        "leak",
        "labels that backgrounds alone predict, without any model",
        lambda answers: None if answers.leak is None else answers.leak.accuracy,
        DATA,
        more_is_worse=True,
    ),
)
BY_NAME = {measure.name: measure for measure in MEASURES}
VARIANTS = tuple(measure.name for measure in MEASURES if measure.is_variant)
# How reliance turns out where masks or backgrounds are made otherwise.
SENSITIVITY = tuple(
    measure.name for measure in MEASURES if measure.table == CONTROLS and measure.more_is_worse
)


def take_all(answers: "Answers", measures: Iterable[Measure] = MEASURES) -> "dict[str, Estimate]":
    """Returns every measure that can be taken, by name."""
    found = {measure.name: measure.take(answers) for measure in measures}
    return {name: one for name, one in found.items() if one is not None}
