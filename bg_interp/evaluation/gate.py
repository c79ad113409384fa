"""A gate for continuous integration: conditions on measures, judged by their intervals."""

import dataclasses
import xml.etree.ElementTree as ElementTree
from collections.abc import Mapping, Sequence

from bg_interp.config.evaluation import Condition
from bg_interp.errors import UserError, printable
from bg_interp.evaluation.estimate import Estimate


@dataclasses.dataclass(frozen=True)
class Verdict:
    """A condition and what became of it.

    Attributes:
      condition: what is too bad.
      found: the measure.
    """

    condition: Condition
    found: Estimate

    @property
    def failed(self) -> bool:
        """Whether the whole interval is too bad."""
        one = self.condition
        return self.found.low > one.threshold if one.above else self.found.high < one.threshold

    def __str__(self) -> str:
        """Says it in one line."""
        said = "fails" if self.failed else "passes"
        return f"{said} --fail_if={self.condition}: {self.condition.measure} is {self.found}"


def check(conditions: Sequence[Condition], measures: Mapping[str, Estimate]) -> list[Verdict]:
    """Judges conditions.

    Raises:
      UserError: a measure was not taken.
    """
    for one in conditions:
        if one.measure not in measures:
            raise UserError(
                f"{one.measure} was not measured, since no group has enough images. Received: "
                f"the condition {one}"
            )
    return [Verdict(one, measures[one.measure]) for one in conditions]


def junit(verdicts: Sequence[Verdict], name: str) -> str:
    """Returns the verdicts as a report that CI systems read (JUnit's XML)."""
    failures = sum(one.failed for one in verdicts)
    suite = ElementTree.Element(
        "testsuite", name=printable(name), tests=str(len(verdicts)), failures=str(failures)
    )
    for one in verdicts:
        case = ElementTree.SubElement(
            suite, "testcase", classname="bg_interp.evaluate", name=str(one.condition)
        )
        if one.failed:
            ElementTree.SubElement(case, "failure", message=str(one))
    return ElementTree.tostring(suite, encoding="unicode", xml_declaration=True) + "\n"
