"""What a judge is: something that learns from natural images and then scores others."""

import abc
import dataclasses
import pathlib
from typing import Any, Protocol

import numpy as np

from bg_interp.evaluation.arrays import Arrays, with_usable_masks
from bg_interp.evaluation.judges.data import tiled_backgrounds


@dataclasses.dataclass(frozen=True, eq=False)
class Material:
    """What judges learn from.

    Attributes:
      arrays: natural images that no judged network was trained on, masks usable.
      backgrounds: uint8 [N, H, W, 3], the images' backgrounds without their objects, tiled.
      classes: K, of the dataset.
    """

    arrays: Arrays
    backgrounds: np.ndarray
    classes: int

    @classmethod
    def of(cls, arrays: Arrays, classes: int) -> "Material":
        """Prepares images; those whose mask has no foreground or no background are left out."""
        usable = with_usable_masks(arrays)
        return cls(usable, tiled_backgrounds(usable), classes)


class TrainedJudge(Protocol):
    """A judge that has learnt."""

    def __call__(self, images: np.ndarray) -> np.ndarray:
        """Returns scores, float32 [N, K] or [N, K + 1], for images [N, H, W, 3] in [0, 255]."""

    def save(self, path: pathlib.Path) -> None:
        """Writes the judge to one file; the suffix is the judge's own."""


@dataclasses.dataclass(frozen=True)
class Judge(abc.ABC):
    """One kind of judge: how it learns, and what it is asked.

    Its fields are part of the key under which it is cached.

    Attributes:
      name: of its file and of the columns of a study's tables.
      words: what a report calls it.
      measure: where the results of its judgement stand.
      of_backgrounds: whether it names backgrounds; its last class is then "none of them".
      declines: whether the last class of a judge of objects is "none of them".
      is_reported: whether it answers questions of a study, and was used for no choice.
      is_encoder: whether its features are those that the forced choice compares images by.
      steps: minibatches to learn from, for up to eight classes.
      seed: added to the dataset's; judges of one architecture differ by it.
      batch_size: images in a minibatch.
      version: raised when the code changes what the judge learns.
    """

    name: str
    words: str
    measure: str
    of_backgrounds: bool = False
    declines: bool = True
    is_reported: bool = True
    is_encoder: bool = False
    steps: int = 400
    seed: int = 0
    batch_size: int = 64
    version: int = 3

    def outputs(self, classes: int) -> int:
        """Returns how many scores it gives for K classes: one more where it may say none."""
        return classes + (self.of_backgrounds or self.declines)

    def steps_for(self, classes: int) -> int:
        """Returns how many minibatches it learns from: more classes take longer to tell apart."""
        return round(self.steps * max(1.0, classes / 8) ** 0.5)

    @abc.abstractmethod
    def train(self, material: Material, seed: int) -> TrainedJudge:
        """Learns from natural images; the same seed gives the same judge."""

    @abc.abstractmethod
    def load(self, path: pathlib.Path) -> TrainedJudge:
        """Reads what `TrainedJudge.save` wrote; raises whatever a damaged file raises."""

    @abc.abstractmethod
    def details(self, scores: np.ndarray, labels: np.ndarray) -> dict[str, np.ndarray]:
        """Returns what else the scores tell of each image, {name: [N]}.

        Args:
          scores: [N, K] or [N, K + 1], as the trained judge gives them.
          labels: int [N], what each image is to show.
        """

    @property
    @abc.abstractmethod
    def suffix(self) -> str:
        """Of the judge's file."""

    def key(self) -> dict[str, Any]:
        """Returns all that decides what the judge learns, as JSON can hold it."""
        fields = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        named = {name: getattr(value, "__name__", value) for name, value in fields.items()}
        return {"kind": type(self).__name__, **named}
