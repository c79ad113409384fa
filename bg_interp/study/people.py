"""What people said of a study's class images, as tools/people.py left it in the study's folder."""

import dataclasses
import pathlib
from collections.abc import Mapping
from typing import Any

from bg_interp.storage import files
from bg_interp.study.plan import Plan, PlannedArm

# Measure -> where it stands among an arm's measures, its name in words, and whether it is asked.
MEASURES = {
    "human_naming": ("people name it", True),
    "human_objects": ("people choose its object before another's", False),
    "human_conflict": ("people follow the object, not the place", True),
}


def column(measure: str, simulated: bool) -> str:
    """Returns what files call a measure of people's answers: simulated ones say so."""
    return f"simulated_{measure}" if simulated else measure


@dataclasses.dataclass(frozen=True)
class PeopleResults:
    """Answers of people to the class images of one group of arms.

    Attributes:
      found: what people/results.json says.
    """

    found: Mapping[str, Any]

    @property
    def is_simulated(self) -> bool:
        """Whether programs played all who count."""
        return bool(self.found.get("simulated"))

    @property
    def who(self) -> str:
        """What those who were asked are called."""
        return "simulated people" if self.is_simulated else "people"

    def _measures(self) -> dict[str, Mapping[str, Any]]:
        """Returns what was measured, by the columns of files."""
        measures = self.found["measures"].items()
        return {column(name, self.is_simulated): measure for name, measure in measures}

    def is_about(self, arm: PlannedArm) -> bool:
        """Tells whether people were asked about the group of an arm."""
        asked = self.found["group"]
        if asked["correlation"] != arm.correlation:
            return False
        return arm.epsilon is None or asked["adversarial_epsilon"] == arm.epsilon

    def of_arm(self, arm: PlannedArm) -> dict[str, list[float | None]]:
        """Returns column -> value of each class, for the measures that an arm has."""
        values = {}
        for name, measure in self._measures().items():
            row = measure["values"].get(arm.background, {}).get(str(arm.seed))
            if row is not None and self.is_about(arm):
                values[name] = list(row)
        return values

    def shared_variance(self, measure: str, treatment: str) -> float:
        """Returns the variance of a treatment's mean that comes from who was asked."""
        asked = self._measures().get(measure, {})
        return float(asked.get("shared_variance", {}).get(treatment, 0.0))

    def shared_variance_of_difference(self, measure: str, treatment: str) -> float:
        """Returns the variance of treatment minus none that comes from who was asked."""
        asked = self._measures().get(measure, {})
        return float(asked.get("shared_variance_of_difference", {}).get(treatment, 0.0))

    def beside(
        self, plan: Plan, measured: Mapping[str, dict[str, Any]]
    ) -> dict[str, dict[str, Any]]:
        """Returns the measures of all arms with what people said as `people`."""
        arms = {arm.name: arm for arm in plan.arms}
        return {
            name: {**measures, "people": self.of_arm(arms[name])}
            for name, measures in measured.items()
        }


EMPTY = PeopleResults({"measures": {}})


def read(workdir: pathlib.Path) -> PeopleResults:
    """Reads what people said; `EMPTY` where nobody was asked about the study's arms."""
    try:
        content = files.read_sealed(workdir / "people" / "results.json")
    except (OSError, ValueError):
        return EMPTY
    return PeopleResults(content) if content.get("of_study") else EMPTY
