"""What a study measures of an arm: what it is called, where it is found, which table shows it."""

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any

from bg_interp.evaluation.judges.training import JUDGES
from bg_interp.evaluation.measures import MEASURES
from bg_interp.study import people
from bg_interp.study.starts import ALL_STARTS, NATURAL, Start

REPORTED_JUDGES = tuple(judge for judge in JUDGES if judge.is_reported)


@dataclasses.dataclass(frozen=True)
class Section:
    """A table of the report.

    Attributes:
      heading: of the part that it stands in.
      title: of the table.
    """

    heading: str
    title: str


_CLASS_IMAGES = {
    start.name: Section(
        "How recognisable class images are, and how much background they show",
        f"from a {start.words}" if start.is_common else f"from each treatment's {start.words}",
    )
    for start in ALL_STARTS
}
_RELIANCE = Section("How much accuracy depends on backgrounds", "accuracy")
_ATTRIBUTION = Section("Where the network looks", "attribution")
_PEOPLE = {
    False: Section("What people see in class images", "by their answers"),
    True: Section("What simulated people see in class images", "by their answers"),
}


@dataclasses.dataclass(frozen=True)
class MeasureKind:
    """A measure that a study compares.

    Attributes:
      name: in words.
      short: for file columns.
      path: where an arm's measures hold it, a value for each class.
      section: the table of the report that shows it.
      is_question: whether a study asks for its differences where no questions are named.
      from_common_start: whether it is of class images from a start that all arms share.
      label: what plots call it, under a caption that says what they are of.
      judge: in words, who says what class images are recognised as; None for other measures.
      name_if_doubted: what it is called where that judge is not believed.
    """

    name: str
    short: str
    path: tuple[str, ...]
    section: Section
    is_question: bool = False
    from_common_start: bool = False
    label: str = ""
    judge: str | None = None
    name_if_doubted: str = ""

    def of(self, measures: Mapping[str, Any]) -> list[float | None]:
        """Returns the value of each class.

        Raises:
          KeyError: it was not measured, as natural groups where no dataset tells places.
        """
        value: Any = measures
        for key in self.path:
            if value is None:
                raise KeyError(key)
            value = value[key]
        return list(value)


def _of_class_images(
    name: str, short: str, measure: str, start: Start, label: str, is_question: bool = False
) -> MeasureKind:
    return MeasureKind(
        f"{name}, {start.words}",
        f"{short}_{start.name}",
        ("class_images", start.name, measure, "right"),
        _CLASS_IMAGES[start.name],
        is_question,
        start.is_common,
        label=f"{label}, {start.words}",
    )


def _recognisability() -> Iterator[MeasureKind]:
    for start in ALL_STARTS:
        for judge in REPORTED_JUDGES:
            if not judge.of_backgrounds:
                name = f"recognisability by {judge.words}"
                yield dataclasses.replace(
                    _of_class_images(
                        name, judge.name, judge.measure, start, judge.words, start is not NATURAL
                    ),
                    judge=judge.words,
                    name_if_doubted=f"share named by the doubted {judge.words}, {start.words}",
                )
    for start in ALL_STARTS:
        words, short = "forced choice", "forced_choice"
        yield _of_class_images(words, short, short, start, words)


def _leakage() -> Iterator[MeasureKind]:
    for start in ALL_STARTS:
        for judge in REPORTED_JUDGES:
            if judge.of_backgrounds:
                name, short = f"background {judge.measure}", judge.measure
                asked = not start.is_common and start is not NATURAL
                yield _of_class_images(name, short, short, start, short, asked)


def _of_reliance() -> Iterator[MeasureKind]:
    for measure in MEASURES:
        if (study := measure.study) is not None:
            path = (measure.name, "by_class")
            if measure.is_variant:
                path = ("accuracy_by_class", measure.name)
            yield MeasureKind(
                study.words,
                study.short,
                ("background", *path),
                _RELIANCE,
                study.is_question,
                label=measure.name.replace("_", " "),
            )


_WORST_GROUP = MeasureKind(
    "accuracy on each class's worst kind of background",
    "accuracy_worst_group",
    ("groups", "worst_by_class_held_out"),
    _RELIANCE,
    label="worst group",
)
_WORST_NATURAL_GROUP = MeasureKind(
    "accuracy on unmodified images at each class's worst place",
    "accuracy_worst_natural_group",
    ("natural_groups", "worst_by_class_held_out"),
    _RELIANCE,
    label="worst natural group",
)
_ATTRIBUTIONS = (
    MeasureKind(
        "share of SmoothGrad in the mask",
        "smoothgrad",
        ("attribution", "smoothgrad", "share"),
        _ATTRIBUTION,
    ),
    MeasureKind(
        "share of Grad-CAM++ in the mask",
        "gradcam",
        ("attribution", "gradcam_plus_plus", "share"),
        _ATTRIBUTION,
    ),
    MeasureKind("area of the mask", "mask_area", ("attribution", "mask_area"), _ATTRIBUTION),
)


def of_people(simulated: bool) -> tuple[MeasureKind, ...]:
    """Returns what is measured of people's answers, by another name where programs played them."""
    return tuple(
        MeasureKind(
            f"simulated {words}" if simulated else words,
            people.column(measure, simulated),
            ("people", people.column(measure, simulated)),
            _PEOPLE[simulated],
            is_question,
        )
        for measure, (words, is_question) in people.MEASURES.items()
    )


def of_study(simulated: bool = False) -> tuple[MeasureKind, ...]:
    """Returns all that a study measures.

    Args:
      simulated: whether programs played the people who were asked.
    """
    return (
        *_recognisability(),
        *_leakage(),
        *of_people(simulated),
        *_of_reliance(),
        _WORST_GROUP,
        _WORST_NATURAL_GROUP,
        *_ATTRIBUTIONS,
    )


KINDS = of_study()
BY_SHORT = {kind.short: kind for kind in KINDS}
