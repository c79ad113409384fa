"""From the measures of all arms to the study's answers: tables, comparisons and sentences."""

import csv
import dataclasses
import io
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from bg_interp.errors import UserError
from bg_interp.evaluation import statistics
from bg_interp.evaluation.judges.training import JUDGES
from bg_interp.evaluation.reliance.variants import VARIANTS
from bg_interp.study import people
from bg_interp.study.people import NOBODY, Said
from bg_interp.study.plan import Plan, PlannedArm
from bg_interp.study.starts import STARTS, Start

# measure -> treatment -> seed -> value of each class, None where a class has none.
Values = dict[str, dict[str, dict[int, list[float | None]]]]

CHANCE = "chance"
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
        "How recognisable class images are, and how much background they hold",
        f"from a {start.words}" if start.is_common else "from each treatment's own start",
    )
    for start in STARTS
}
_RELIANCE = Section("How much accuracy depends on backgrounds", "accuracy")
_ATTRIBUTION = Section("Where the network looks", "attribution")
_PEOPLE = Section("What people see in class images", "by their answers")
SECTIONS = (*_CLASS_IMAGES.values(), _PEOPLE, _RELIANCE, _ATTRIBUTION)


@dataclasses.dataclass(frozen=True)
class MeasureKind:
    """A measure that a study compares.

    Attributes:
      name: in words.
      short: for file columns.
      path: where an arm's measures hold it, a value for each class.
      section: the table of the report that shows it.
      is_question: whether it is one of the questions that are asked, and corrected, together.
      from_common_start: whether it is of class images from a start that all arms share.
    """

    name: str
    short: str
    path: tuple[str, ...]
    section: Section
    is_question: bool = False
    from_common_start: bool = False

    def of(self, measures: Mapping[str, Any]) -> list[float | None]:
        """Returns the value of each class."""
        found: Any = measures
        for key in self.path:
            found = found[key]
        return list(found)


def _of_class_images(
    name: str, short: str, measure: str, start: Start, is_question: bool = False
) -> MeasureKind:
    return MeasureKind(
        f"{name}, {start.words}",
        f"{short}_{start.name}",
        ("class_images", start.name, measure, "right"),
        _CLASS_IMAGES[start.name],
        is_question,
        start.is_common,
    )


def _recognisability() -> Iterator[MeasureKind]:
    for start in STARTS:
        for judge in REPORTED_JUDGES:
            if not judge.of_backgrounds:
                name = f"recognisability by {judge.words}"
                yield _of_class_images(name, judge.name, judge.measure, start, is_question=True)
    for start in STARTS:
        yield _of_class_images("forced choice", "forced_choice", "forced_choice", start)


def _leakage() -> Iterator[MeasureKind]:
    for start in STARTS:
        for judge in REPORTED_JUDGES:
            if judge.of_backgrounds:
                name = f"background {judge.measure}"
                asked = not start.is_common
                yield _of_class_images(name, judge.measure, judge.measure, start, asked)


def _accuracies() -> Iterator[MeasureKind]:
    for variant in VARIANTS:
        yield MeasureKind(
            f"accuracy on {variant.replace('_', ' ')}",
            f"accuracy_{variant}",
            ("background", "accuracy_by_class", variant),
            _RELIANCE,
        )


KINDS = (
    *_recognisability(),
    *_leakage(),
    *(
        MeasureKind(words, short, ("people", short), _PEOPLE, is_question)
        for short, (words, is_question) in people.MEASURES.items()
    ),
    MeasureKind("BG-Gap", "bg_gap", ("background", "bg_gap", "by_class"), _RELIANCE, True),
    *_accuracies(),
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
# The questions that are answered in words: those from a common start stand in the tables.
_TOLD = {kind.name for kind in KINDS if kind.is_question and not kind.from_common_start}


@dataclasses.dataclass(frozen=True)
class Cell:
    """A treatment's value of a measure: its mean over seeds and classes, with a 95 % interval."""

    mean: float
    low: float
    high: float
    seeds: int


@dataclasses.dataclass(frozen=True)
class GroupResults:
    """All results of the arms that differ in treatment and seed alone.

    Attributes:
      correlation, epsilon: what the arms have in common.
      values: measure -> treatment -> seed -> value of each class.
      cells: measure -> treatment -> mean with interval.
      comparisons: treatment minus none, the questions corrected together.
      leakage_against_chance: treatment minus chance.
      left_out: the comparisons that cannot be made, each with the reason.
    """

    correlation: float
    epsilon: float | None
    values: Values
    cells: dict[str, dict[str, Cell]]
    comparisons: list[statistics.Comparison]
    leakage_against_chance: list[statistics.Comparison]
    left_out: list[str]


def _cell(by_seed: Mapping[int, list[float | None]], shared_variance: float) -> Cell | None:
    values = np.array(list(by_seed.values()), np.float64)
    values = values[:, ~np.isnan(values).all(axis=0)]
    if not values.size:
        return None
    low, high = statistics.interval(values, shared_variance=shared_variance)
    return Cell(float(np.nanmean(values)), low, high, len(values))


def _compared(
    values: Values, treatments: list[str], said: Said, left_out: list[str]
) -> list[statistics.Comparison]:
    asked: list[statistics.Comparison] = []
    others: list[statistics.Comparison] = []
    for kind in KINDS:
        for treatment in treatments:
            measure = values.get(kind.short, {})
            if not set(measure.get(treatment, {})) & set(measure.get("none", {})):
                continue
            try:
                found = statistics.compare(
                    kind.name,
                    measure,
                    treatment,
                    shared_variance=said.shared_variance_of_difference(kind.short, treatment),
                )
            except UserError as error:
                left_out.append(f"{kind.name}: {error}")
                continue
            (asked if kind.is_question else others).append(found)
    return [*statistics.correct(asked), *others]


def _against_chance(values: Values, left_out: list[str]) -> list[statistics.Comparison]:
    found, name = [], "background leakage, own start"
    for treatment, by_seed in values.get("leakage_own", {}).items():
        chance = {seed: [1 / len(row)] * len(row) for seed, row in by_seed.items()}
        measure: statistics.Measure = {treatment: by_seed, CHANCE: chance}
        try:
            found.append(statistics.compare(name, measure, treatment, CHANCE))
        except UserError as error:
            left_out.append(f"{name}: {error}")
    return found


def collect(
    plan: Plan,
    measured: Mapping[str, dict[str, Any]],
    group: tuple[float, float | None],
    said: Said = NOBODY,
) -> GroupResults:
    """Collects and compares the arms of one group.

    Args:
      plan: the study.
      measured: {name of a finished arm: what `measure` returned, with what people said beside}.
      group: correlation and epsilon.
      said: what people said, for how far they differ from each other.
    """
    arms = [arm for arm in plan.arms if arm.group == group and arm.name in measured]
    values: Values = {}
    for kind in KINDS:
        for arm in arms:
            try:
                found = kind.of(measured[arm.name])
            except KeyError:
                continue  # Left out by the measure itself, for a model that it doesn't suit.
            values.setdefault(kind.short, {}).setdefault(arm.background, {})[arm.seed] = found
    cells = {
        short: {
            name: cell
            for name, rows in by.items()
            if (cell := _cell(rows, said.shared_variance(short, name))) is not None
        }
        for short, by in values.items()
    }
    others = [name for name in plan.backgrounds if name != "none"]
    left_out: list[str] = []
    compared = _compared(values, others, said, left_out)
    return GroupResults(
        *group, values, cells, compared, _against_chance(values, left_out), left_out
    )


def answer(group: GroupResults) -> tuple[str, list[str]]:
    """Answers the study's question from the numbers.

    Returns:
      A sentence that counts, and a sentence for each question from the own start; those from the
      common starts stand in the tables.
    """
    questions = {kind.name for kind in KINDS if kind.is_question}
    asked = [one for one in group.comparisons if one.measure in questions]
    if not asked:
        return "Without finished arms of none and of another treatment nothing is compared.", []
    stand = sum(one.distinguishable for one in asked)
    count = f"{stand} of {len(asked)} differences against none stand after correction"
    common = [one for one in asked if one.measure not in _TOLD]
    if common:
        by_common = sum(one.distinguishable for one in common)
        count += f", {by_common} of {len(common)} from a common start"
    told = [one for one in asked if one.measure in _TOLD]
    return count + ".", [_capital(statistics.sentence(one)) for one in told]


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def to_csv(plan: Plan, measured: Mapping[str, dict[str, Any]], said: Said = NOBODY) -> str:
    """Returns one row for each finished arm and class, with a column for each measure."""
    columns = [
        f"simulated_{kind.short}" if kind.section == _PEOPLE and said.is_simulated else kind.short
        for kind in KINDS
    ]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["arm", "background", "seed", "correlation", "epsilon", "class", *columns])
    for arm in plan.arms:
        if arm.name in measured:
            writer.writerows(_rows(arm, measured[arm.name]))
    return text.getvalue()


def _rows(arm: PlannedArm, measures: dict[str, Any]) -> Iterator[list[Any]]:
    columns: list[list[float | None]] = []
    for kind in KINDS:
        try:
            columns.append(kind.of(measures))
        except KeyError:
            columns.append([None] * len(measures["classes"]))
    for number, name in enumerate(measures["classes"]):
        place = [arm.name, arm.background, arm.seed, arm.correlation, arm.epsilon, name]
        yield place + [column[number] for column in columns]
