"""A gate for continuous integration: conditions on measures, judged by their intervals.

Nothing heavy is imported, since flags are checked by it.
"""

import dataclasses
import enum
import math
import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Mapping, Sequence

from bg_interp.config.evaluation import EXIT_CODE, UNDECIDED_CODE, EvaluateConfig
from bg_interp.doubts import Doubt
from bg_interp.errors import UserError, nearest, printable
from bg_interp.evaluation.estimate import Estimate
from bg_interp.evaluation.measures import BY_NAME

_CONDITION = re.compile(r"\s*(?P<measure>[^<>]*?)\s*(?P<sign>[<>])(?P<limit>.*)", re.DOTALL)
_BASELINE = re.compile(r"\s*baseline\s*(?P<beyond>[+-].*)?", re.DOTALL)
_EXAMPLES = {
    "fail_if": "reliance>0.1,worst_group<0.6",
    "must": "reliance<0.1 or reliance<baseline+0.02",
}


@dataclasses.dataclass(frozen=True)
class Condition:
    """A measure, and a threshold.

    Attributes:
      measure: its name.
      above: whether values above the threshold are meant, else those below.
      threshold: the threshold.
      kind: "fail_if" for what fails if the whole interval does it, "must" for what passes only if
        the whole interval does it.
      of_baseline: whether the threshold is of the difference from a baseline.
    """

    measure: str
    above: bool
    threshold: float
    kind: str = "fail_if"
    of_baseline: bool = False

    def __str__(self) -> str:
        """Returns for instance "bg_gap>0.1", or "reliance<baseline+0.02"."""
        limit = f"{self.threshold:g}"
        if self.of_baseline:
            limit = f"baseline{self.threshold:+g}" if self.threshold else "baseline"
        return f"{self.measure}{'>' if self.above else '<'}{limit}"


def conditions(text: str, kind: str = "fail_if") -> list[Condition]:
    """Reads conditions such as "bg_gap>0.1,worst_group<0.6".

    Args:
      text: the conditions, separated by commas.
      kind: "fail_if" or "must".

    Raises:
      UserError: one of them is none, or names no measure.
    """
    return [_condition(part, kind) for part in text.split(",")]


def _condition(text: str, kind: str) -> Condition:
    found = _CONDITION.fullmatch(text)
    limit = "" if found is None else found["limit"]
    of_baseline = _BASELINE.fullmatch(limit)
    value = _number((of_baseline["beyond"] or "0") if of_baseline else limit)
    if found is None or not math.isfinite(value):
        raise UserError(
            f"--{kind} must be conditions such as {_EXAMPLES[kind]}. Received: {text!r}"
        )
    measure = found["measure"]
    _check_measure(measure, f"--{kind}")
    return Condition(measure, found["sign"] == ">", value, kind, of_baseline is not None)


def _number(text: str) -> float:
    try:
        return float(text.replace(" ", ""))
    except ValueError:
        return math.nan


def _check_measure(name: str, what: str) -> None:
    if name not in BY_NAME:
        raise UserError(
            f"{what} must name measures of {', '.join(BY_NAME)}. "
            f"Received: {name!r}{nearest(name, BY_NAME)}"
        )


def limits(given: Mapping[str, float], measures: Mapping[str, Estimate]) -> list[Condition]:
    """Returns conditions that fail where a measure is worse than its limit.

    Args:
      given: {measure: limit}.
      measures: what was measured.

    Raises:
      UserError: no measure of that name, or a limit that is no number.
    """
    found = []
    for name, limit in given.items():
        if name not in measures:
            raise UserError(
                f"check takes the measures {', '.join(measures)}. "
                f"Received: {name!r}{nearest(name, measures)}"
            )
        if not isinstance(limit, int | float) or math.isnan(limit):
            raise UserError(f"{name} must be a number. Received: {limit!r}")
        found.append(Condition(name, BY_NAME[name].more_is_worse, float(limit)))
    return found


def asked(config: EvaluateConfig) -> list[Condition]:
    """Returns the conditions of `--fail_if` and `--must`.

    Raises:
      UserError: one of them is none, or names no measure.
    """
    texts = {"fail_if": config.fail_if, "must": config.must}
    return [
        one for kind, text in texts.items() if text is not None for one in conditions(text, kind)
    ]


def check_flags(config: EvaluateConfig) -> None:
    """Checks `--fail_if`, `--must`, `--baseline` and `--junit`.

    Raises:
      UserError: a condition is none, or what it names is not measured.
    """
    found = asked(config)
    if config.junit is not None and not found:
        raise UserError("--junit needs --fail_if or --must, whose conditions it writes")
    if config.baseline is None and any(one.of_baseline for one in found):
        raise UserError("--must names a baseline; give it with --baseline")
    if config.baseline is not None and config.model is None:
        raise UserError("--baseline is compared with a model; give it with --model")
    for one in found:
        _check_taken(one, config)


def _check_taken(condition: Condition, config: EvaluateConfig) -> None:
    flag, name = f"--{condition.kind}", condition.measure
    if config.model is None and name != "leak":
        raise UserError(f"{flag} can only name leak where there is no --model. Received: {name}")
    if name == "leak" and not config.leak:
        raise UserError(f"{flag} names leak, which is measured with --leak")
    if name.startswith("adversarial") and not config.adversarial_backgrounds:
        raise UserError(
            f"{flag} names {name}, which is not measured with --adversarial_backgrounds=0"
        )


class State(enum.Enum):
    """How a condition ends; the value is what stands before it in a line."""

    PASSED = "passes"
    FAILED = "fails"
    UNDECIDED = "undecided"


@dataclasses.dataclass(frozen=True)
class Verdict:
    """A condition and what became of it.

    Attributes:
      condition: what is asked.
      found: the measure, or its difference from the baseline.
      doubts: what the data cannot back; nothing is judged on a guess.
      explained: what else could explain a measure that is too bad; "" for nothing.
      empty: why a measure that is good shows nothing; "" where it does.
    """

    condition: Condition
    found: Estimate
    doubts: tuple[Doubt, ...] = ()
    explained: str = ""
    empty: str = ""

    @property
    def state(self) -> State:
        """How it ends: evidence is needed to fail, and for what must be to pass as well."""
        one, (low, high) = self.condition, (self.found.low, self.found.high)
        does = low > one.threshold if one.above else high < one.threshold
        never = high < one.threshold if one.above else low > one.threshold
        if self.doubts:
            return State.UNDECIDED
        if one.kind == "fail_if":
            failed, passed = does, not does
        else:
            failed, passed = never, does
        if (failed and self.explained) or (passed and self.empty):
            return State.UNDECIDED
        return State.PASSED if passed else State.FAILED if failed else State.UNDECIDED

    def __str__(self) -> str:
        """Says it in one line."""
        one = self.condition
        said = f"{one.measure}{' minus baseline' if one.of_baseline else ''} is {self.found}"
        if self.state is not State.UNDECIDED:
            return f"{self.state.value}: {said}"
        why = "; ".join(str(doubt) for doubt in self.doubts) or self.explained or self.empty
        why = why or (
            f"the interval is on both sides of {one.threshold:g}: give more images"
            f"{_how_many(one, self.found)}"
        )
        return f"{self.state.value}: {said}, but {why}"


def _how_many(condition: Condition, found: Estimate) -> str:
    """Says how many images it takes to show that a model ignores backgrounds."""
    is_loss = BY_NAME[condition.measure].is_loss
    if not is_loss or condition.of_baseline or condition.above or condition.threshold <= 0:
        return ""
    # It needs SciPy, which flags are checked without.
    from bg_interp.evaluation import power

    worth = found.count if found.worth is None else found.worth
    chance = power.chance_to_exclude(worth, condition.threshold)
    needed = math.ceil(power.enough_to_exclude(condition.threshold) * found.count / worth)
    return (
        f" (a model that ignores backgrounds is shown to keep it in {chance:.2f} of cases with "
        f"{found.count} images, in 0.80 with {needed})"
    )


@dataclasses.dataclass(frozen=True)
class Verdicts:
    """Conditions judged together: true only where every one has passed.

    Attributes:
      each: the verdicts.
    """

    each: tuple[Verdict, ...]

    @property
    def state(self) -> State:
        """Failed where one failed, else undecided where one is."""
        states = {one.state for one in self.each}
        return next((one for one in (State.FAILED, State.UNDECIDED) if one in states), State.PASSED)

    @property
    def exit_code(self) -> int:
        """What a program ends with: 0, or 3 for failed, or 4 for undecided."""
        return {State.FAILED: EXIT_CODE, State.UNDECIDED: UNDECIDED_CODE}.get(self.state, 0)

    def __bool__(self) -> bool:
        return self.state is State.PASSED

    def __str__(self) -> str:
        """Returns a line for each."""
        return "\n".join(map(str, self.each))

    __repr__ = __str__


def check(
    measured: Sequence[tuple[Condition, Estimate]],
    doubts: Sequence[Doubt] = (),
    explained: Mapping[str, str] | None = None,
    empty: Mapping[str, str] | None = None,
) -> Verdicts:
    """Judges conditions.

    Args:
      measured: conditions, each with its measure, or with its difference from the baseline.
      doubts: of the result; with any, nothing passes and nothing fails.
      explained: {measure: what else could explain that it is too bad}.
      empty: {measure: why it shows nothing where it is good}.
    """
    bad, good = explained or {}, empty or {}
    return Verdicts(
        tuple(
            Verdict(one, found, tuple(doubts), bad.get(one.measure, ""), good.get(one.measure, ""))
            for one, found in measured
        )
    )


def junit(verdicts: Verdicts, name: str) -> str:
    """Returns the verdicts as a report that CI systems read (JUnit's XML).

    An undecided one is an error, as of a test that could not be run: CI systems pass over what
    is skipped.
    """
    states = [one.state for one in verdicts.each]
    suite = ElementTree.Element(
        "testsuite",
        name=printable(name),
        tests=str(len(states)),
        failures=str(states.count(State.FAILED)),
        errors=str(states.count(State.UNDECIDED)),
    )
    for one in verdicts.each:
        case = ElementTree.SubElement(
            suite, "testcase", classname="bg_interp.evaluate", name=str(one.condition)
        )
        if kind := {State.FAILED: "failure", State.UNDECIDED: "error"}.get(one.state):
            ElementTree.SubElement(case, kind, message=printable(str(one)))
    return ElementTree.tostring(suite, encoding="unicode", xml_declaration=True) + "\n"
