"""What an evaluation comes to, from its numbers alone, and in words."""

import dataclasses
import enum

from bg_interp.evaluation.answers import Answers
from bg_interp.evaluation.estimate import Estimate
from bg_interp.evaluation.measures import SENSITIVITY
from bg_interp.evaluation.power import chance_to_find

# Below this much reliance is none that was found, if the whole interval is.
CLEAR = 0.1
# What pasting costs is said from here on.
_DEAR = 0.1
# The reliance whose chance of being found is said.
_LOOKED_FOR = 0.3


class Finding(enum.Enum):
    """How an evaluation ends."""

    DOUBTED = "no verdict"
    AT_CHANCE = "at chance"
    RELIES = "relies on backgrounds"
    CLEAR = "no reliance found"
    UNCLEAR = "not clear"


@dataclasses.dataclass(frozen=True)
class Range:
    """What reliance ranges over when masks and backgrounds are made otherwise.

    Attributes:
      low: the lowest end of the intervals.
      high: the highest.
      lowest: the measure whose interval ends lowest.
    """

    low: float
    high: float
    lowest: str

    def __str__(self) -> str:
        return f"{round(self.low, 2) + 0.0:.2f} to {round(self.high, 2) + 0.0:.2f}"


def range_of(measures: dict[str, Estimate]) -> Range | None:
    """Returns what reliance ranges over; None where no controls were taken."""
    found = {name: measures[name] for name in ("reliance", *SENSITIVITY) if name in measures}
    if len(found) < 2 or "reliance" not in found:
        return None
    lowest = min(found, key=lambda name: found[name].low)
    return Range(found[lowest].low, max(one.high for one in found.values()), lowest)


def judge(answers: Answers, measures: dict[str, Estimate]) -> Finding:
    """Returns what answers come to, where nothing is in doubt."""
    chance, reliance = 1 / len(answers.names), measures["reliance"]
    if _balanced(answers, "original").low <= chance and reliance.low <= 0:
        return Finding.AT_CHANCE
    ranging = range_of(measures)
    if reliance.low > 0:
        explained = ranging is not None and ranging.low <= 0
        return Finding.UNCLEAR if explained else Finding.RELIES
    # Where objects aren't recognised on any background, other backgrounds can't take anything.
    shown = _balanced(answers, "mixed_same").low > chance
    return Finding.CLEAR if shown and reliance.high < CLEAR else Finding.UNCLEAR


def power_line(measures: dict[str, Estimate]) -> str:
    """Says how often so many images would show a reliance that there is."""
    one = measures["reliance"]
    power = chance_to_find(one.count if one.worth is None else one.worth, _LOOKED_FOR)
    return f"with {one.count} images a reliance of {_LOOKED_FOR} is found in {power:.2f} of cases"


def sentences(answers: Answers, measures: dict[str, Estimate], finding: Finding) -> list[str]:
    """Says what was found: what the finding is, what it rests on, and what limits it."""
    chance, reliance = 1 / len(answers.names), measures["reliance"]
    same, swap = (_balanced(answers, variant) for variant in ("mixed_same", "swap"))
    beginning = {
        Finding.AT_CHANCE: f"No better than chance ({chance:.2f}), it shows nothing",
        Finding.RELIES: "It relies on backgrounds",
        Finding.CLEAR: "No reliance on backgrounds was found",
        Finding.UNCLEAR: "Whether it relies on backgrounds is not clear",
    }[finding]
    said = [
        f"{beginning}: reliance is {reliance} (0 none, 1 all); accuracy is {same.value:.2f} on "
        f"backgrounds of the object's own class and {swap.value:.2f} on those of another class."
    ]
    said += _limits(answers, measures, finding)
    pasting = answers.difference("original", "own_pasted")
    cost = None if pasting is None else pasting.estimate()
    if cost is not None and cost.low > _DEAR:
        said.append(
            f"Pasting alone, on the object's own background, costs {cost}: that much of the loss "
            "on composites has nothing to do with backgrounds."
        )
    return said


def _limits(answers: Answers, measures: dict[str, Estimate], finding: Finding) -> list[str]:
    ranging, said = range_of(measures), []
    if ranging is not None:
        told = "With smaller and larger masks, inpainted backgrounds and suspect masks left out"
        said.append(f"{told} it ranges from {ranging}.")
    if finding is Finding.UNCLEAR and measures["reliance"].low > 0 and ranging is not None:
        what = ranging.lowest.replace("_", " ")
        said.append(
            f"{what[:1].upper()}{what[1:]} is {measures[ranging.lowest]}: errors of the masks, or "
            "the pasting, could explain what was found."
        )
    if finding is Finding.UNCLEAR and measures["reliance"].low <= 0:
        if _balanced(answers, "mixed_same").low <= 1 / len(answers.names):
            said.append("Pasted objects are recognised no better than chance on any background.")
        said.append(f"{power_line(measures).capitalize()}.")
    return said


def _balanced(answers: Answers, variant: str) -> Estimate:
    """Returns the mean over classes of accuracy in a variant."""
    return answers.scores(variant, balanced=True).estimate()
