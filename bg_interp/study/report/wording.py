"""What a report may say: a doubted judge recognises nothing, and a program is no person."""

import dataclasses
import functools
from collections.abc import Mapping
from typing import Any

from bg_interp.evaluation.judges.accuracy import BLOBS
from bg_interp.evaluation.judges.trust import distrust
from bg_interp.evaluation.statistics import Comparison
from bg_interp.study import kinds
from bg_interp.study.kinds import MeasureKind, Section


def doubts(measures: Mapping[str, Any]) -> dict[str, str]:
    """Returns why some of the judges of objects are not believed, {judge in words: reason}.

    Args:
      measures: of any finished arm; all arms of a study have the same judges.
    """
    classes, accuracies = len(measures["classes"]), measures["judges"]
    reasons = {}
    for judge in kinds.REPORTED_JUDGES:
        known = accuracies.get(judge.name, {})
        # Judges that were measured before blobs were asked for are neither believed nor doubted.
        if not judge.of_backgrounds and BLOBS in known:
            reasons[judge.words] = distrust(known, classes)
    return {words: reason for words, reason in reasons.items() if reason}


@dataclasses.dataclass(frozen=True)
class Words:
    """The names under which a report shows measures: they say no more than is known.

    Attributes:
      doubted: judges whose images aren't called recognisable (see `doubts`).
      simulated: whether programs played the people who were asked.
    """

    doubted: Mapping[str, str]
    simulated: bool = False

    @functools.cached_property
    def kinds(self) -> tuple[MeasureKind, ...]:
        """All that is measured, under the names of the report."""
        return tuple(
            dataclasses.replace(kind, name=kind.name_if_doubted)
            if kind.judge in self.doubted
            else kind
            for kind in kinds.of_study(self.simulated)
        )

    @functools.cached_property
    def _shown(self) -> dict[str, str]:
        measured = kinds.of_study(self.simulated)
        return {kind.name: shown.name for kind, shown in zip(measured, self.kinds, strict=True)}

    @property
    def sections(self) -> tuple[Section, ...]:
        """The tables of the report, in its order."""
        return tuple(dict.fromkeys(kind.section for kind in self.kinds))

    def heading(self, section: Section) -> str:
        """Returns the heading over a table: judges of whom none is believed recognise nothing."""
        judges = {kind.judge for kind in self.kinds if kind.section.heading == section.heading}
        judges.discard(None)
        if judges and judges <= set(self.doubted):
            return "What judges name in class images, and how much background they show"
        return section.heading

    def compared(self, comparison: Comparison) -> Comparison:
        """Returns a comparison whose measure is called as in the report."""
        shown = self._shown.get(comparison.measure, comparison.measure)
        return dataclasses.replace(comparison, measure=shown)
