"""Accuracy of groups of images: class x kind of background, size and place of the object.

A group is a class before one kind of background, as in Waterbirds (Sagawa et al. 2020, arXiv
1911.08731); worst-group accuracy is the smallest over groups. Natural test sets hold next to no
image of the groups that matter, so groups are measured on composites: each object before the
backgrounds of the four mixed variants. The kind of a background is its place where the data set
tells places, else the class of the image that it was taken from.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from bg_interp.evaluation.arrays import Arrays, plain_list
from bg_interp.evaluation.estimate import Estimate
from bg_interp.evaluation.reliance.variants import MIXED, partners

# Groups of fewer answers are shown, and are no worst group: one answer would decide.
ENOUGH = 10


@dataclasses.dataclass(frozen=True, eq=False)
class Groups:
    """Accuracy of every class before every kind of background.

    Attributes:
      classes: K names.
      kinds: P names of kinds of background.
      of_places: whether kinds are places, and not classes that a background was taken from.
      right: int64 [K, P], right answers.
      count: int64 [K, P], all answers.
    """

    classes: tuple[str, ...]
    kinds: tuple[str, ...]
    of_places: bool
    right: np.ndarray
    count: np.ndarray

    @property
    def accuracy(self) -> np.ndarray:
        """float64 [K, P]; NaN for groups without answers."""
        return np.divide(
            self.right, self.count, out=np.full(self.right.shape, np.nan), where=self.count > 0
        )

    @property
    def worst_by_class(self) -> np.ndarray:
        """Accuracy of each class before its worst kind of background, float64 [K].

        Kinds of too few answers don't count; NaN for a class that has no others.
        """
        accuracy = np.where(self.count >= ENOUGH, self.accuracy, np.inf).min(axis=1, initial=np.inf)
        return np.where(np.isinf(accuracy), np.nan, accuracy)

    @property
    def worst(self) -> tuple[str, str, Estimate] | None:
        """(class, kind of background, accuracy) of the worst group that has enough answers.

        The interval counts that it was looked for among all groups.
        """
        enough = self.count >= ENOUGH
        if not enough.any():
            return None
        accuracy = np.where(enough, self.accuracy, np.inf)
        row, column = np.unravel_index(accuracy.argmin(), accuracy.shape)
        right = np.arange(self.count[row, column]) < self.right[row, column]
        found = Estimate.of_share(right, int(enough.sum()))
        return self.classes[row], self.kinds[column], found

    @property
    def compared(self) -> str:
        """Says among which groups the worst was looked for; "" for all of them."""
        few, known = int((self.count < ENOUGH).sum()), self.count.size
        if not few:
            return ""
        return f"among {known - few} of {known} groups, those of {ENOUGH} answers or more"

    def to_dict(self) -> dict[str, Any]:
        """Returns what JSON can hold."""
        worst = self.worst
        return {
            "classes": list(self.classes),
            "backgrounds": list(self.kinds),
            "backgrounds_are": "places" if self.of_places else "classes they were taken from",
            "accuracy": [plain_list(row) for row in self.accuracy],
            "count": self.count.tolist(),
            "worst_by_class": plain_list(self.worst_by_class),
            "worst": worst and [worst[0], worst[1], dataclasses.asdict(worst[2])],
        }


def measure_groups(
    logits: Mapping[str, np.ndarray],
    labels: np.ndarray,
    classes: Sequence[str],
    seed: int,
    places: np.ndarray | None = None,
    place_names: Sequence[str] = (),
) -> Groups:
    """Measures every group on the mixed variants.

    Args:
      logits: see `variants.Variants.logits`, made with `seed`.
      labels: int [N], of the test set.
      classes: K names.
      seed: that of the variants.
      places: int [N], the kind of background of each test image; None where nothing tells.
      place_names: P names.
    """
    kinds_of = labels if places is None else places
    names = tuple(classes if places is None else place_names)
    right, count = (np.zeros((len(classes), len(names)), np.int64) for _ in range(2))
    for variant in MIXED:
        cell = (labels, kinds_of[partners(variant, labels, seed)])
        np.add.at(count, cell, 1)
        np.add.at(right, cell, logits[variant].argmax(axis=1) == labels)
    return Groups(tuple(classes), names, places is not None, right, count)


def mean_group(groups: Groups) -> Estimate | None:
    """Returns the mean accuracy over groups; None where no group has an answer.

    Its interval is normal, from the binomial variance of each group.
    """
    known = groups.count > 0
    if not known.any():
        return None
    count, value = groups.count[known], float(groups.accuracy[known].mean())
    # A group that is right 10 times of 10 is not certain to be right the next time (Jeffreys).
    likely = (groups.right[known] + 0.5) / (count + 1)
    reach = 1.96 * float(np.sqrt((likely * (1 - likely) / count).sum())) / len(count)
    return Estimate(value, max(0.0, value - reach), min(1.0, value + reach), int(count.sum()))


@dataclasses.dataclass(frozen=True)
class Third:
    """A third of the images, by the size or the place of their objects.

    Attributes:
      name: in words.
      original: accuracy on the images as they are.
      swapped: accuracy before a background of another class.
    """

    name: str
    original: Estimate
    swapped: Estimate


def by_object(logits: Mapping[str, np.ndarray], arrays: Arrays) -> list[Third]:
    """Measures accuracy by the objects' size and by their distance from the centre.

    Args:
      logits: see `variants.Variants.logits`.
      arrays: the test set, masks usable.
    """
    opacity = arrays.masks[..., 0].astype(np.float32) / 255
    area = opacity.mean(axis=(1, 2))
    height, width = opacity.shape[1:]
    rows = (np.arange(height) + 0.5) / height - 0.5
    columns = (np.arange(width) + 0.5) / width - 0.5
    weight = opacity.sum(axis=(1, 2))
    down = (opacity.sum(axis=2) * rows).sum(axis=1) / weight
    across = (opacity.sum(axis=1) * columns).sum(axis=1) / weight
    distance = np.hypot(down, across)
    return [
        *_thirds(logits, arrays.labels, area, "area of the object {:.0%} to {:.0%} of the image"),
        *_thirds(logits, arrays.labels, distance, "distance from centre {:.2f} to {:.2f} sides"),
    ]


def _thirds(
    logits: Mapping[str, np.ndarray], labels: np.ndarray, values: np.ndarray, name: str
) -> list[Third]:
    thirds = []
    for rows in np.array_split(np.argsort(values, kind="stable"), 3):
        if len(rows):
            right = {
                variant: logits[variant][rows].argmax(axis=1) == labels[rows]
                for variant in ("original", "swap")
            }
            shown = name.format(values[rows].min(), values[rows].max())
            estimates = (Estimate.of_share(right[variant]) for variant in ("original", "swap"))
            thirds.append(Third(shown, *estimates))
    return thirds
