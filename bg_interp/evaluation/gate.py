"""A gate for continuous integration: conditions on measures, judged by their intervals."""

import dataclasses
import enum
import xml.etree.ElementTree as ElementTree
from collections.abc import Mapping, Sequence

from bg_interp.config.evaluation import EXIT_CODE, UNDECIDED_CODE, Condition
from bg_interp.doubts import Doubt
from bg_interp.errors import UserError, printable
from bg_interp.evaluation.estimate import Estimate


class State(enum.Enum):
    """How a condition ends; the value is what stands before it in a line."""

    PASSED = "passes"
    FAILED = "fails"
    UNDECIDED = "undecided"


@dataclasses.dataclass(frozen=True)
class Verdict:
    """A condition and what became of it.

    Attributes:
      condition: what is too bad.
      found: the measure.
      doubts: what the data cannot back; nothing is judged on a guess.
    """

    condition: Condition
    found: Estimate
    doubts: tuple[Doubt, ...] = ()

    @property
    def state(self) -> State:
        """Failed where the whole interval is too bad; undecided where there are doubts."""
        one = self.condition
        if self.doubts:
            return State.UNDECIDED
        bad = self.found.low > one.threshold if one.above else self.found.high < one.threshold
        return State.FAILED if bad else State.PASSED

    def __str__(self) -> str:
        """Says it in one line."""
        said = f"{self.condition.measure} is {self.found}"
        if self.doubts:
            said += f", but {'; '.join(str(one) for one in self.doubts)}"
        return f"{self.state.value}: {said}"


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
    conditions: Sequence[Condition],
    measures: Mapping[str, Estimate],
    doubts: Sequence[Doubt] = (),
) -> Verdicts:
    """Judges conditions.

    Args:
      conditions: what is too bad.
      measures: what was measured.
      doubts: of the result; with any, nothing passes and nothing fails.

    Raises:
      UserError: a measure was not taken.
    """
    for one in conditions:
        if one.measure not in measures:
            raise UserError(
                f"{one.measure} was not measured, since no group has enough images. Received: "
                f"the condition {one}"
            )
    return Verdicts(tuple(Verdict(one, measures[one.measure], tuple(doubts)) for one in conditions))


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
