"""From the measures of all arms to the study's answers: tables, comparisons and sentences."""

import csv
import dataclasses
import io
import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from bg_interp.errors import UserError, nearest
from bg_interp.evaluation import statistics
from bg_interp.evaluation.estimate import Estimate
from bg_interp.study import kinds
from bg_interp.study.kinds import BY_SHORT, KINDS
from bg_interp.study.people import EMPTY, PeopleResults
from bg_interp.study.plan import Plan, PlannedArm
from bg_interp.study.questions import Question

# measure -> treatment -> seed -> value of each class, None where a class has none.
Values = dict[str, dict[str, dict[int, list[float | None]]]]

CHANCE = "chance"
_FROM_COMMON_START = {kind.name for kind in KINDS if kind.from_common_start}


@dataclasses.dataclass(frozen=True)
class GroupResults:
    """All results of the arms that differ in treatment and seed alone.

    Attributes:
      correlation, epsilon: what the arms have in common.
      values: measure -> treatment -> seed -> value of each class.
      cells: measure -> treatment -> mean over seeds and classes; as many answers as there are of
        both.
      asked: treatment minus none, the questions; corrected together, those of all groups.
      beside: the other differences; corrected together, those of all groups.
      leakage_against_chance: treatment minus what the judge would find by chance, as often as it
        says "none of them"; corrected in the same way.
      left_out: the comparisons that cannot be made, each with the reason.
    """

    correlation: float
    epsilon: float | None
    values: Values
    cells: dict[str, dict[str, Estimate]]
    asked: list[statistics.Comparison]
    beside: list[statistics.Comparison]
    leakage_against_chance: list[statistics.Comparison]
    left_out: list[str]

    @property
    def comparisons(self) -> list[statistics.Comparison]:
        """All differences against none, the questions first."""
        return [*self.asked, *self.beside]


def _cell(by_seed: Mapping[int, list[float | None]], shared_variance: float) -> Estimate | None:
    values = np.array(list(by_seed.values()), np.float64)
    values = values[:, ~np.isnan(values).all(axis=0)]
    if not values.size:
        return None
    low, high = statistics.interval(values, shared_variance=shared_variance)
    count = int((~np.isnan(values)).sum())
    return Estimate(float(np.nanmean(values)), low, high, count)


def _compared(
    values: Values,
    treatments: list[str],
    questions: tuple[Question, ...],
    said: PeopleResults,
    left_out: list[str],
) -> tuple[list[statistics.Comparison], list[statistics.Comparison]]:
    """Returns the differences that are asked for, and the others."""
    asked: list[statistics.Comparison] = []
    beside: list[statistics.Comparison] = []
    for kind in kinds.of_study(said.is_simulated):
        measure = values.get(kind.short, {})
        for one in _differences(kind, treatments, questions):
            if not set(measure.get(one.treatment, {})) & set(measure.get(one.reference, {})):
                continue
            shared = said.shared_variance_of_difference(kind.short, one.treatment)
            try:
                comparison = statistics.compare(
                    kind.name, measure, one.treatment, one.reference, shared_variance=shared
                )
            except UserError as error:
                left_out.append(f"{kind.name}: {error}")
                continue
            if questions:
                is_asked = one in questions
                comparison = dataclasses.replace(comparison, expected=one.expected or None)
            else:
                is_asked = kind.is_question
            (asked if is_asked else beside).append(comparison)
    return asked, beside


def _differences(
    kind: kinds.MeasureKind, treatments: list[str], questions: tuple[Question, ...]
) -> list[Question]:
    """Returns the questions of a measure, and the differences against none that nobody asked."""
    asked = [one for one in questions if one.measure == kind.short]
    against_none = {one.treatment for one in asked if one.reference == "none"}
    others = [name for name in treatments if name not in against_none]
    return [*asked, *(Question(name, kind.short, "") for name in others)]


def _chance_of_leakage(measures: Mapping[str, Any]) -> float:
    """Returns how much leakage there is if what the judge says has nothing to do with the class.

    The judge of backgrounds also says "none of them"; only what it says else can be right.
    """
    said = measures["class_images"]["own"]["leakage"]
    classes = len(measures["classes"])
    none = [one for one in said.get("none_of_them", []) if one is not None]
    return (1 - sum(none) / len(none)) / classes if none else 1 / (classes + 1)


def _against_chance(
    values: Values, chances: Mapping[str, Mapping[int, float]], left_out: list[str]
) -> list[statistics.Comparison]:
    comparisons, name = [], "background leakage, own start"
    for treatment, by_seed in values.get("leakage_own", {}).items():
        chance = {seed: [chances[treatment][seed]] * len(row) for seed, row in by_seed.items()}
        measure: statistics.Measure = {treatment: by_seed, CHANCE: chance}
        try:
            comparisons.append(statistics.compare(name, measure, treatment, CHANCE))
        except UserError as error:
            left_out.append(f"{name}: {error}")
    return comparisons


def collect(
    plan: Plan,
    measured: Mapping[str, dict[str, Any]],
    group: tuple[float, float | None],
    said: PeopleResults = EMPTY,
) -> GroupResults:
    """Collects and compares the arms of one group; p-values are corrected within it alone.

    Args:
      plan: the study.
      measured: {name of a finished arm: what `measure` returned, with what people said beside}.
      group: correlation and epsilon.
      said: what people said, for how far they differ from each other.
    """
    arms = [arm for arm in plan.arms if arm.group == group and arm.name in measured]
    values: Values = {}
    chances: dict[str, dict[int, float]] = {}
    for arm in arms:
        if "leakage" in measured[arm.name].get("class_images", {}).get("own", {}):
            chance = _chance_of_leakage(measured[arm.name])
            chances.setdefault(arm.background, {})[arm.seed] = chance
    for kind in kinds.of_study(said.is_simulated):
        for arm in arms:
            try:
                by_class = kind.of(measured[arm.name])
            except KeyError:
                continue  # Left out by the measure itself, for a model that it doesn't suit.
            values.setdefault(kind.short, {}).setdefault(arm.background, {})[arm.seed] = by_class
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
    asked, beside = _compared(values, others, plan.questions, said, left_out)
    by_chance = _against_chance(values, chances, left_out)
    together = GroupResults(*group, values, cells, asked, beside, by_chance, left_out)
    return _corrected([together])[0]


def collect_all(
    plan: Plan, measured: Mapping[str, dict[str, Any]], said: PeopleResults = EMPTY
) -> list[GroupResults]:
    """Collects all groups of a study and corrects their p-values as one family of questions.

    A study that asks the same of four correlations has four chances to be wrong.
    """
    groups = dict.fromkeys(arm.group for arm in plan.arms)
    return _corrected([collect(plan, measured, group, said) for group in groups])


def _corrected(groups: list[GroupResults]) -> list[GroupResults]:
    """Corrects each kind of comparison over all groups."""
    asked, beside, chance = (
        iter(statistics.correct([one for some in kind for one in some]))
        for kind in (
            [group.asked for group in groups],
            [group.beside for group in groups],
            [group.leakage_against_chance for group in groups],
        )
    )
    return [
        dataclasses.replace(
            group,
            asked=list(itertools.islice(asked, len(group.asked))),
            beside=list(itertools.islice(beside, len(group.beside))),
            leakage_against_chance=list(
                itertools.islice(chance, len(group.leakage_against_chance))
            ),
        )
        for group in groups
    ]


def check_questions(questions: Iterable[Question]) -> None:
    """Checks that there is a measure for every question.

    Raises:
      UserError: there is none.
    """
    for one in questions:
        if one.measure not in BY_SHORT:
            raise UserError(
                f"--questions must name measures, the columns of results.csv such as leakage_own. "
                f"Received: {one.measure!r}{nearest(one.measure, BY_SHORT)}"
            )


def answer(
    group: GroupResults,
    called: Callable[[statistics.Comparison], statistics.Comparison] = lambda one: one,
) -> tuple[str, list[str]]:
    """Answers the study's questions from the numbers.

    Args:
      group: the numbers.
      called: gives a comparison the name under which its measure is shown.

    Returns:
      A sentence that counts, and a sentence for each question; where no questions were named
      beforehand, those from the common starts stand in the tables alone.
    """
    asked = group.asked
    if not asked:
        return "Without finished arms of none and of another treatment nothing is compared.", []
    if all(one.indicative for one in asked):
        count = (
            f"Fewer than {statistics.ENOUGH_SEEDS} seeds: all results are indicative, and no "
            "question is answered."
        )
        told = [one for one in asked if one.expected or one.measure not in _FROM_COMMON_START]
        return count, [_capital(statistics.sentence(called(one))) for one in told]
    if asked[0].expected:
        confirmed = sum(one.verdict_on_these == "yes" for one in asked)
        count = (
            f"{confirmed} of {len(asked)} questions named beforehand are answered yes for "
            f"{statistics.THESE}; {_on_like_these(asked)}"
        )
        return count, [
            f"{_capital(one.verdict_on_these)}: {statistics.sentence(called(one))}" for one in asked
        ]
    stand = sum(one.distinguishable for one in asked)
    count = (
        f"{stand} of {len(asked)} differences from none hold after correction for "
        f"{statistics.THESE}"
    )
    told = [one for one in asked if one.measure not in _FROM_COMMON_START]
    common = [one for one in asked if one.measure in _FROM_COMMON_START]
    if common:
        by_common = sum(one.distinguishable for one in common)
        count += f", {by_common} of {len(common)} from a common start"
    count += f"; {_on_like_these(asked)}"
    return count, [_capital(statistics.sentence(called(one))) for one in told]


def _on_like_these(asked: Sequence[statistics.Comparison]) -> str:
    """Says how many questions are answered for classes that were not looked at."""
    told = [one for one in asked if one.verdict_on_like_these != statistics.INDICATIVE]
    if not told:
        return (
            f"for {statistics.LIKE_THESE} it is indicative, since there are fewer than "
            f"{statistics.ENOUGH_CLASSES}."
        )
    yes = sum(one.verdict_on_like_these == "yes" for one in told)
    return f"{yes} of {len(told)} for {statistics.LIKE_THESE}."


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def to_csv(plan: Plan, measured: Mapping[str, dict[str, Any]], said: PeopleResults = EMPTY) -> str:
    """Returns one row for each finished arm and class, with a column for each measure."""
    measured_kinds = kinds.of_study(said.is_simulated)
    columns = [kind.short for kind in measured_kinds]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["arm", "background", "seed", "correlation", "epsilon", "class", *columns])
    for arm in plan.arms:
        if arm.name in measured:
            writer.writerows(_rows(arm, measured[arm.name], measured_kinds))
    return text.getvalue()


def _rows(
    arm: PlannedArm, measures: dict[str, Any], measured_kinds: Sequence[kinds.MeasureKind]
) -> Iterator[list[Any]]:
    columns: list[list[float | None]] = []
    for kind in measured_kinds:
        try:
            columns.append(kind.of(measures))
        except KeyError:
            columns.append([None] * len(measures["classes"]))
    for number, name in enumerate(measures["classes"]):
        place = [arm.name, arm.background, arm.seed, arm.correlation, arm.epsilon, name]
        yield place + [column[number] for column in columns]
