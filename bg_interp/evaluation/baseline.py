"""Another evaluation to compare with: one at hand, or its results.json.

Both are compared image by image, told by their names. A results.json of an earlier version holds no
answers to single images: its measures are compared as if they were of other images, which leaves
wider intervals.
"""

import dataclasses
import math
import pathlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from bg_interp.errors import UserError
from bg_interp.evaluation.answers import Answers, Scores, change
from bg_interp.evaluation.estimate import Estimate
from bg_interp.evaluation.measures import BY_NAME
from bg_interp.storage import files

if TYPE_CHECKING:
    from bg_interp.evaluation.result import Evaluation


@dataclasses.dataclass(frozen=True)
class Comparison:
    """An earlier audit and this one, measure by measure.

    Attributes:
      name: of the earlier classifier.
      rows: {measure: (earlier, now, now minus earlier)}.
      problem: why both can't be compared; "" where they can.
      images: how many images are in both; 0 where single images can't be told.
    """

    name: str
    rows: Mapping[str, tuple[Estimate, Estimate, Estimate]]
    problem: str = ""
    images: int = 0

    def to_dict(self) -> dict[str, Any]:
        """Returns what JSON can hold."""
        changes = {name: dataclasses.asdict(change) for name, (_, _, change) in self.rows.items()}
        return {
            "model": self.name,
            "images": self.images,
            "problem": self.problem,
            "changes": changes,
        }


@dataclasses.dataclass(frozen=True, eq=False)
class Baseline:
    """What was measured of another classifier.

    Attributes:
      measures: by name.
      answers: what it says of single images; None where that was not kept.
      keys: names of the images.
      name: of the classifier.
    """

    measures: Mapping[str, Estimate]
    answers: Answers | None
    keys: tuple[str, ...] = ()
    name: str = ""

    @classmethod
    def of(cls, found: "Evaluation") -> "Baseline":
        """Returns that of an evaluation."""
        name = str(found.facts.get("model", ""))
        return cls(found.measures, found.answers, found.keys, name)

    @classmethod
    def read(cls, path: str | pathlib.Path) -> "Baseline":
        """Reads a results.json, also one of an earlier version.

        Raises:
          UserError: it can't be read, or is none.
        """
        try:
            found = files.parsed(pathlib.Path(path).expanduser().read_bytes())
            measures = {name: _estimate(one) for name, one in found["measures"].items()}
            said, name = found.get("answers"), str(found.get("model", ""))
            if said is None:
                return cls(measures, None, name=name)
            return cls(measures, _answers(found, said), tuple(map(str, said["keys"])), name)
        except OSError as error:
            raise UserError(
                f"--baseline must be a results.json that can be read. Received: {path} "
                f"({error.strerror or error})"
            ) from error
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise UserError(
                f"--baseline must be the results.json of an evaluation. Received: {path}"
            ) from error

    def compared(self, other: "Baseline") -> Comparison:
        """Returns all measures that both took, or what keeps them apart."""
        names = [name for name in BY_NAME if name in self.measures and name in other.measures]
        try:
            rows = {
                name: (other.measures[name], self.measures[name], self.minus(other, name))
                for name in names
            }
        except UserError as error:
            return Comparison(other.name, {}, str(error))
        known = self.answers is not None and other.answers is not None
        return Comparison(other.name, rows, images=known and len({*self.keys} & {*other.keys}))

    def minus(self, other: "Baseline | None", name: str) -> Estimate:
        """Returns by how much a measure is higher here than in another.

        Raises:
          UserError: there is no other, the measure was not taken in both, or no image is in both.
        """
        if other is None:
            raise UserError(f"{name} is compared with a baseline; give --baseline as well")
        if name not in self.measures or name not in other.measures:
            raise UserError(
                f"{name} can't be compared with the baseline, since it was not measured in both; "
                f"both have {', '.join(one for one in self.measures if one in other.measures)}"
            )
        if self.answers is None or other.answers is None:
            return apart(self.measures[name], other.measures[name])
        here, there = (BY_NAME[name].taken(one) for one in (self.answers, other.answers))
        if not isinstance(here, Scores) or not isinstance(there, Scores):
            return apart(self.measures[name], other.measures[name])
        _check_labels(self.keys, self.answers, other.keys, other.answers)
        found = change(here, there, self.keys, other.keys)
        if found is None:
            raise UserError(
                "--baseline must be of the same images, told by their names. Received: no name in "
                f"common, such as {self.keys[0]!r} and {other.keys[0]!r}"
            )
        return found


def to_dict(answers: Answers, keys: tuple[str, ...]) -> dict[str, Any]:
    """Returns answers to single images as JSON can hold them, and `Baseline.read` reads them."""
    return {
        "keys": list(keys),
        "labels": answers.labels.tolist(),
        "predicted": {name: one.tolist() for name, one in answers.predicted.items()},
        "on_all": {name: one.astype(int).tolist() for name, one in answers.on_all.items()},
        "trusted": None if answers.trusted is None else answers.trusted.astype(int).tolist(),
    }


def _estimate(found: Mapping[str, Any]) -> Estimate:
    """Returns what `dataclasses.asdict` wrote.

    Raises:
      TypeError: it is none, or holds other things than numbers.
    """
    made = Estimate(**found)
    if not all(isinstance(one, int | float | None) for one in vars(made).values()):
        raise TypeError("a measure must be numbers")
    return made


def _answers(found: Mapping[str, Any], said: Mapping[str, Any]) -> Answers:
    """Returns what `to_dict` wrote.

    Raises:
      ValueError, KeyError, TypeError: it did not write this.
    """
    made = Answers(
        np.array(said["labels"], np.int64),
        tuple(found["classes"]),
        {name: np.array(one, np.int64) for name, one in said["predicted"].items()},
        int(found["seed"]),
        {name: np.array(one, bool) for name, one in said["on_all"].items()},
        None if said["trusted"] is None else np.array(said["trusted"], bool),
    )
    several = [made.labels, *made.predicted.values(), *made.on_all.values()]
    trusted = [] if made.trusted is None else [made.trusted]
    if any(one.shape != (len(said["keys"]),) for one in [*several, *trusted]):
        raise ValueError("there must be one answer for each image")
    if not ((made.labels >= 0) & (made.labels < len(made.names))).all():
        raise ValueError("a label must be the number of a class")
    return made


def apart(first: Estimate, second: Estimate) -> Estimate:
    """Returns the difference of two measures of different images.

    Its interval is made of theirs (Newcombe 1998, "Interval estimation for the difference between
    independent proportions", Statistics in Medicine 17(8)).
    """
    value = first.value - second.value
    low = math.hypot(first.value - first.low, second.high - second.value)
    high = math.hypot(first.high - first.value, second.value - second.low)
    return Estimate(value, value - low, value + high, min(first.count, second.count))


def _check_labels(
    keys: tuple[str, ...], answers: Answers, other_keys: tuple[str, ...], others: Answers
) -> None:
    named = zip(other_keys, others.labels.tolist(), strict=True)
    known = {key: others.names[label] for key, label in named}
    for key, label in zip(keys, answers.labels.tolist(), strict=True):
        name = answers.names[label]
        if known.get(key, name) != name:
            raise UserError(
                f"--baseline must be of the same images and classes. Received: {key}, which is "
                f"{name} here and {known[key]} there"
            )
