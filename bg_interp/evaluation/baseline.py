"""Another evaluation to compare with, image by image: one at hand, or its results.json."""

import dataclasses
import json
import pathlib
from typing import TYPE_CHECKING, Any

import numpy as np

from bg_interp.errors import UserError
from bg_interp.evaluation.answers import Answers, Scores, change
from bg_interp.evaluation.estimate import Estimate
from bg_interp.evaluation.measures import BY_NAME

if TYPE_CHECKING:
    from bg_interp.evaluation.result import Evaluation


@dataclasses.dataclass(frozen=True, eq=False)
class Baseline:
    """What a classifier says of images that have names.

    Attributes:
      answers: what it says.
      keys: names of the images.
    """

    answers: Answers
    keys: tuple[str, ...]

    @classmethod
    def of(cls, found: "Evaluation") -> "Baseline":
        """Returns that of an evaluation."""
        return cls(found.answers, found.keys)

    @classmethod
    def read(cls, path: str | pathlib.Path) -> "Baseline":
        """Reads a results.json.

        Raises:
          UserError: it can't be read, is none, or is of a version that kept no single answers.
        """
        try:
            found = json.loads(pathlib.Path(path).expanduser().read_text(encoding="utf-8"))
            said = found["answers"]
            answers = Answers(
                np.array(said["labels"], np.int64),
                tuple(found["classes"]),
                {name: np.array(one, np.int64) for name, one in said["predicted"].items()},
                int(found["seed"]),
                {name: np.array(one, bool) for name, one in said["on_all"].items()},
                None if said["trusted"] is None else np.array(said["trusted"], bool),
            )
            return cls(answers, tuple(said["keys"]))
        except OSError as error:
            raise UserError(
                f"baseline must be a results.json that can be read. Received: {path} "
                f"({error.strerror or error})"
            ) from error
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise UserError(
                "baseline must be a results.json that holds the answers to single images, as this "
                f"version writes it; evaluate the earlier model again. Received: {path}"
            ) from error

    def to_dict(self) -> dict[str, Any]:
        """Returns what JSON can hold, and `read` reads."""
        answers = self.answers
        return {
            "keys": list(self.keys),
            "labels": answers.labels.tolist(),
            "predicted": {name: one.tolist() for name, one in answers.predicted.items()},
            "on_all": {name: one.astype(int).tolist() for name, one in answers.on_all.items()},
            "trusted": None if answers.trusted is None else answers.trusted.astype(int).tolist(),
        }

    def minus(self, other: "Baseline | None", name: str) -> Estimate:
        """Returns by how much a measure is higher here than in another, paired by image.

        Raises:
          UserError: there is no other, the measure is none of single images, or was not taken in
            both, or no image is in both.
        """
        if other is None:
            raise UserError(f"{name} is compared with a baseline; give baseline as well")
        here, there = (BY_NAME[name].taken(one.answers) for one in (self, other))
        if not isinstance(here, Scores) or not isinstance(there, Scores):
            raise UserError(
                f"{name} can't be compared with a baseline, since it was not measured in both, or "
                "is none of single images; compare reliance, or the accuracy on a variant"
            )
        self._check_labels(other)
        found = change(here, there, self.keys, other.keys)
        if found is None:
            raise UserError(
                "baseline must be of the same images, told by their names. Received: no name in "
                f"common, such as {self.keys[0]!r} and {other.keys[0]!r}"
            )
        return found

    def _check_labels(self, other: "Baseline") -> None:
        known = {
            key: other.answers.names[label]
            for key, label in zip(other.keys, other.answers.labels.tolist(), strict=True)
        }
        for key, label in zip(self.keys, self.answers.labels.tolist(), strict=True):
            name = self.answers.names[label]
            if known.get(key, name) != name:
                raise UserError(
                    f"baseline must be of the same images and classes. Received: {key}, which is "
                    f"{name} here and {known[key]} there"
                )
