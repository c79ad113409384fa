"""From answers and key to numbers: who counts, and how often people are right about each picture.

The shares are the values of three measures, by treatment, seed and class like all others:

  human_naming     share that names the class; chance 1/K
  human_objects    share that chooses the class's object before another's; chance .5
  human_conflict   share that chooses the class's object on another class's place before the other's
                   object on the class's place: below .5 the place leads, not the object

Whose answers count is decided by rules that stand in the key since the experiment was made.
"""

import collections
import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from bg_interp.people.answers.records import Answer, Participant
from bg_interp.people.experiment import design

MEASURES = {f"human_{kind}": kind for kind in design.KINDS}
UNFINISHED = "did not finish"
SIMULATED = "simulated, and people took part"


@dataclasses.dataclass(frozen=True)
class Counted:
    """Who counts, and who doesn't.

    Attributes:
      participants: those whose answers count.
      reasons: number of everybody else -> why not.
      simulated: whether programs played all who count.
    """

    participants: tuple[Participant, ...]
    reasons: Mapping[str, str]
    simulated: bool

    @property
    def left_out(self) -> dict[str, int]:
        """How many were left out, by reason."""
        return dict(sorted(collections.Counter(self.reasons.values()).items()))


def who_counts(
    participants: Sequence[Participant], answers: Sequence[Answer], key: Mapping[str, Any]
) -> Counted:
    """Applies the rules of an experiment.

    Args:
      participants: everybody who started.
      answers: all that they answered.
      key: what key.json says.
    """
    by_person = collections.defaultdict(list)
    for answer in answers:
        by_person[answer.participant].append(answer)
    are_simulated = {one.simulated for one in participants}
    reasons: dict[str, str] = {}
    counted: list[Participant] = []
    for one in participants:
        reason = _why_not(one, by_person[one.number], key)
        if one.simulated and False in are_simulated:
            reason = SIMULATED
        if reason is None:
            counted.append(one)
        else:
            reasons[one.number] = reason
    return Counted(tuple(counted), reasons, are_simulated == {True})


def _why_not(one: Participant, own: Sequence[Answer], key: Mapping[str, Any]) -> str | None:
    rules = key["rules"]
    if not one.finished:
        return UNFINISHED
    caught = [
        answer.response == key["trials"][answer.trial]["right"]
        for answer in own
        if key["trials"][answer.trial]["shown"] == design.NATURAL
    ]
    if np.mean(caught) < rules["catch_right"]:
        return f"named fewer than {rules['catch_right']:.0%} of the natural objects"
    if np.median([answer.rt for answer in own]) < rules["fastest_median_ms"]:
        return f"answered faster than {rules['fastest_median_ms']} ms in the median"
    return None


@dataclasses.dataclass(frozen=True, eq=False)
class Tally:
    """Answers to the class images of one kind of trial.

    Attributes:
      right, seen: float64 [people, treatments, seeds, classes], counts of right and of all answers.
    """

    right: np.ndarray
    seen: np.ndarray

    def shares(self) -> np.ndarray:
        """Returns how often each picture was got right, [treatments, seeds, classes].

        NaN where nobody saw it.
        """
        right, seen = self.right.sum(axis=0), self.seen.sum(axis=0)
        return np.divide(right, seen, out=np.full(seen.shape, np.nan), where=seen > 0)

    def shared_variance(self, treatment: int, reference: int | None = None) -> float:
        """Returns the variance of a mean, or of a difference, that comes from who was asked.

        Some people name more than others. That moves all pictures together, so that resampling
        pictures can't show it: it is what the people's own means vary beyond single answers.

        Args:
          treatment: of the mean.
          reference: the treatment whose mean is subtracted; None for none.
        """
        people = len(self.seen)
        if people < 2:
            return 0.0
        residuals, single = np.zeros(people), 0.0
        signs = {treatment: 1.0} | ({} if reference is None else {reference: -1.0})
        for place, sign in signs.items():
            seen, right = (a[:, place].sum(axis=(1, 2)) for a in (self.seen, self.right))
            if not seen.sum():
                return 0.0
            mean = right.sum() / seen.sum()
            residuals += sign * (right - mean * seen) / seen.sum()
            single += mean * (1 - mean) / seen.sum()
        return max(0.0, float(people / (people - 1) * (residuals**2).sum() - single))


def tally(counted: Counted, answers: Sequence[Answer], key: Mapping[str, Any], kind: str) -> Tally:
    """Counts the answers to class images of one kind of trial."""
    people = {one.number: place for place, one in enumerate(counted.participants)}
    places = [
        {value: place for place, value in enumerate(key[name])}
        for name in ("treatments", "seeds", "classes")
    ]
    shape = len(people), *(len(found) for found in places)
    right, seen = np.zeros(shape), np.zeros(shape)
    for one in answers:
        trial = key["trials"][one.trial]
        if one.participant not in people or trial["kind"] != kind:
            continue
        if trial["shown"] != design.CLASS_IMAGE:
            continue
        cell = (
            people[one.participant],
            *(found[trial[name]] for found, name in zip(places, _FIELDS, strict=True)),
        )
        seen[cell] += 1
        right[cell] += one.response == trial["right"]
    return Tally(right, seen)


_FIELDS = ("treatment", "seed", "class")


def is_complete(counted: Counted, key: Mapping[str, Any]) -> bool:
    """Tells whether a whole rotation of lists was finished by people who count.

    Before that some treatment has fewer answers about some picture than another.
    """
    step = len(key["treatments"])
    done = {one.list for one in counted.participants}
    return any(
        set(range(first, first + step)) <= done
        for first in range(0, step * len(key["seeds"]), step)
    )


def marks(
    counted: Counted, answers: Sequence[Answer], key: Mapping[str, Any]
) -> dict[str, dict[str, float]]:
    """Returns how often natural objects, and images of untrained networks, were named right."""
    people = {one.number for one in counted.participants}
    marked = {}
    for shown in (design.NATURAL, design.UNTRAINED):
        right = [
            one.response == key["trials"][one.trial]["right"]
            for one in answers
            if one.participant in people and key["trials"][one.trial]["shown"] == shown
        ]
        if right:
            marked[shown] = {"share": float(np.mean(right)), "answers": len(right)}
    return marked


def measure(made: Tally, key: Mapping[str, Any], chance: float) -> dict[str, Any]:
    """Returns one measure in the form of a study's.

    Returns:
      `chance`; `values` {treatment: {seed: value of each class of the networks, None where nobody
      saw it}}; `answers` {treatment: how many}; `shared_variance` {treatment: of its mean} and
      `shared_variance_of_difference` {treatment: of its mean minus that of the first treatment}.
    """
    shares, treatments = made.shares(), key["treatments"]
    asked = {name: place for place, name in enumerate(key["classes"])}
    values = {
        treatment: {
            str(seed): [
                None if name not in asked or np.isnan(row[asked[name]]) else float(row[asked[name]])
                for name in key["class_names"]
            ]
            for seed, row in zip(key["seeds"], shares[place], strict=True)
        }
        for place, treatment in enumerate(treatments)
    }
    return {
        "chance": chance,
        "values": values,
        "answers": {name: int(made.seen[:, place].sum()) for place, name in enumerate(treatments)},
        "shared_variance": {
            name: made.shared_variance(place) for place, name in enumerate(treatments)
        },
        "shared_variance_of_difference": {
            name: made.shared_variance(place, 0) for place, name in enumerate(treatments) if place
        },
    }
