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

    def worded(self, text: str) -> str:
        """Returns a text that calls people simulated where programs played them."""
        if self.is_simulated:
            for words, _ in MEASURES.values():
                text = text.replace(words, f"simulated {words}")
            text = text.replace("What people see", "What simulated people see")
            text = text.replace("classes and people", "classes and simulated people")
        return text

    def column(self, measure: str) -> str:
        """Returns what files call a measure of this short name: simulated answers by name."""
        return f"simulated_{measure}" if self.is_simulated and measure in MEASURES else measure

    def named(self, found: Any) -> Any:
        """Returns what goes into a JSON file, with all its measures under the names of files."""
        if isinstance(found, Mapping):
            return {self.column(str(key)): self.named(value) for key, value in found.items()}
        if isinstance(found, list | tuple):
            return [self.named(one) for one in found]
        return self.worded(found) if isinstance(found, str) else found

    def is_about(self, arm: PlannedArm) -> bool:
        """Tells whether people were asked about the group of an arm."""
        asked = self.found["group"]
        if asked["correlation"] != arm.correlation:
            return False
        return arm.epsilon is None or asked["adversarial_epsilon"] == arm.epsilon

    def of_arm(self, arm: PlannedArm) -> dict[str, list[float | None]]:
        """Returns measure -> value of each class, for the measures that an arm has."""
        values = {}
        for name, measure in self.found["measures"].items():
            row = measure["values"].get(arm.background, {}).get(str(arm.seed))
            if row is not None and self.is_about(arm):
                values[name] = list(row)
        return values

    def shared_variance(self, measure: str, treatment: str) -> float:
        """Returns the variance of a treatment's mean that comes from who was asked."""
        found = self.found["measures"].get(measure, {})
        return float(found.get("shared_variance", {}).get(treatment, 0.0))

    def shared_variance_of_difference(self, measure: str, treatment: str) -> float:
        """Returns the variance of treatment minus none that comes from who was asked."""
        found = self.found["measures"].get(measure, {})
        return float(found.get("shared_variance_of_difference", {}).get(treatment, 0.0))

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
        found = files.read_sealed(workdir / "people" / "results.json")
    except (OSError, ValueError):
        return EMPTY
    return PeopleResults(found) if found.get("of_study") else EMPTY
