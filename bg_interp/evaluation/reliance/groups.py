"""Accuracy of groups of images: class x kind of background, size and place of the object.

A group is a class before one kind of background, as in Waterbirds (Sagawa et al. 2020, arXiv
1911.08731); worst-group accuracy is the smallest over groups. Natural test sets hold next to no
image of the groups that matter, so groups are measured on composites: each object before the
backgrounds of the four mixed variants. The kind of a background is its place where the dataset
tells places, else the class of the image that it was taken from. Where places are told, groups of
unmodified images stand beside them.

The smallest of many accuracies is small by chance alone, so the worst group is chosen on one half
of the objects and measured on the other, and the other way round.
"""

import dataclasses
import functools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from bg_interp.evaluation import effective, selection
from bg_interp.evaluation.arrays import Arrays, plain_list
from bg_interp.evaluation.estimate import Estimate
from bg_interp.evaluation.reliance.variants import MIXED, behind

# Groups of fewer answers are shown, and are no worst group: one answer would decide.
ENOUGH = 10


@dataclasses.dataclass(frozen=True)
class WorstGroup:
    """The group of lowest accuracy.

    Attributes:
      of_class: its class.
      kind: its kind of background.
      chosen: how often halves of the images chose it, 0 to 1.
      accuracy: of the groups that they chose, on the halves that they were not chosen on.
    """

    of_class: str
    kind: str
    chosen: float
    accuracy: Estimate

    def __str__(self) -> str:
        """Names it, and says how often it was the worst."""
        return f"{self.of_class} on {self.kind} (the worst in {self.chosen:.0%} of halves)"


@dataclasses.dataclass(frozen=True, eq=False)
class Groups:
    """Accuracy of every class on every kind of background.

    Attributes:
      classes: K names.
      kinds: P names of kinds of background.
      of_places: whether kinds are places, and not classes that a background was taken from.
      labels: int [M], the class of each answer.
      backgrounds: int [M], the kind of background of each.
      right: bool [M].
      units: int [M], the object of each.
      seed: keys the halves.
    """

    classes: tuple[str, ...]
    kinds: tuple[str, ...]
    of_places: bool
    labels: np.ndarray
    backgrounds: np.ndarray
    right: np.ndarray
    units: np.ndarray
    seed: int = 0

    @functools.cached_property
    def count(self) -> np.ndarray:
        """How many answers each group has, int64 [K, P]."""
        return self._summed(np.ones(len(self.right), np.int64))

    @functools.cached_property
    def accuracy(self) -> np.ndarray:
        """float64 [K, P]; NaN for groups without answers."""
        right, count = self._summed(self.right), self.count
        return np.divide(right, count, out=np.full(count.shape, np.nan), where=count > 0)

    def _summed(self, values: np.ndarray) -> np.ndarray:
        shape = len(self.classes), len(self.kinds)
        cells = self.labels * shape[1] + self.backgrounds
        return np.bincount(cells, values, shape[0] * shape[1]).astype(np.int64).reshape(shape)

    @functools.cached_property
    def worst(self) -> WorstGroup | None:
        """The worst of the groups that have enough answers; None where none has."""
        return self._worst(np.ones(len(self.right), bool))

    @functools.cached_property
    def worst_by_class(self) -> list[float | None]:
        """Each class's accuracy on its worst kind, chosen and measured as `worst` is.

        None for a class that has no kind of enough answers.
        """
        found = [self._worst(self.labels == label) for label in range(len(self.classes))]
        return [None if one is None else one.accuracy.value for one in found]

    def _worst(self, rows: np.ndarray) -> WorstGroup | None:
        cells = self.labels * len(self.kinds) + self.backgrounds
        generator = np.random.default_rng([self.seed, 2])
        found = selection.worst_group(
            self.right[rows], cells[rows], generator, units=self.units[rows], enough=ENOUGH
        )
        if found is None:
            return None
        label, kind = divmod(found.group, len(self.kinds))
        accuracy = Estimate(found.value, *found.interval, found.count, found.worth)
        return WorstGroup(self.classes[label], self.kinds[kind], found.chosen, accuracy)

    @functools.cached_property
    def mean(self) -> Estimate | None:
        """The mean accuracy over groups; None where there are no answers."""
        if not len(self.right):
            return None
        # Each group counts alike, whatever its number of answers.
        cells = self.labels * len(self.kinds) + self.backgrounds
        found = effective.share_of(self.right, classes=cells, units=(self.units,))
        return Estimate(found.value, *found.interval, found.count, found.worth)

    @functools.cached_property
    def objects(self) -> np.ndarray:
        """How many different objects each group has, int64 [K, P]: copies of one count once."""
        cells = self.labels * len(self.kinds) + self.backgrounds
        first = np.unique(np.stack([cells, self.units]), axis=1, return_index=True)[1]
        once = np.zeros(len(self.right), np.int64)
        once[first] = 1
        return self._summed(once)

    @property
    def compared(self) -> str:
        """Says among which groups the worst was looked for; "" for all of them."""
        few, known = int((self.objects < ENOUGH).sum()), self.count.size
        if not few:
            return ""
        said = f"among {known - few} of {known} groups, with at least {ENOUGH} different objects"
        empty = np.where(self.objects < ENOUGH, self.accuracy, np.nan)
        lowest = np.nanmin(empty) if not np.isnan(empty).all() else np.inf
        lower = self.worst is not None and lowest < self.worst.accuracy.low
        return f"{said}; a smaller group is at {lowest:.2f}" if lower else said

    def behind(self, variant: str) -> list[str]:
        """Returns the kind of background behind each image in a mixed variant, N names."""
        of_variant = np.split(self.backgrounds, len(MIXED))[MIXED.index(variant)]
        return [self.kinds[kind] for kind in of_variant.tolist()]

    def to_dict(self) -> dict[str, Any]:
        """Returns what JSON can hold."""
        return {
            "classes": list(self.classes),
            "backgrounds": list(self.kinds),
            "backgrounds_are": "places" if self.of_places else "classes they were taken from",
            "accuracy": [plain_list(row) for row in self.accuracy],
            "count": self.count.tolist(),
            "worst_by_class_held_out": self.worst_by_class,
            "worst": self.worst and dataclasses.asdict(self.worst),
        }


def measure_groups(
    right: Mapping[str, np.ndarray],
    labels: np.ndarray,
    classes: Sequence[str],
    seed: int,
    places: np.ndarray | None = None,
    place_names: Sequence[str] = (),
    *,
    variants: Sequence[str] = MIXED,
    units: np.ndarray | None = None,
) -> Groups:
    """Measures every group on composites, or on unmodified images.

    Args:
      right: {variant: which images are right in it, bool [N]}, made with `seed`.
      labels: int [N], of the test set.
      classes: K names.
      seed: that of the variants.
      places: int [N], the kind of background of each test image; None where nothing tells.
      place_names: P names.
      variants: whose answers count: the mixed ones, or "original" alone.
      units: int [N], the object of each image; None where each shows another.
    """
    kinds_of = labels if places is None else places
    objects = np.arange(len(labels)) if units is None else units
    return Groups(
        tuple(classes),
        tuple(classes if places is None else place_names),
        places is not None,
        np.tile(labels, len(variants)).astype(np.int64),
        np.concatenate([kinds_of[behind(variant, labels, seed)] for variant in variants]),
        np.concatenate([right[variant] for variant in variants]),
        np.tile(objects, len(variants)),
        seed,
    )


@dataclasses.dataclass(frozen=True)
class Third:
    """A third of the images, by the size or the place of their objects.

    Attributes:
      name: in words.
      original: accuracy on unmodified images.
      swapped: accuracy on backgrounds of another class.
    """

    name: str
    original: Estimate
    swapped: Estimate


def by_object(right: Mapping[str, np.ndarray], arrays: Arrays) -> list[Third]:
    """Measures accuracy by the objects' size and by their distance from the centre.

    Args:
      right: {variant: which images are right in it, bool [N]}.
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
        *_thirds(right, area, "area of the object {:.0%} to {:.0%} of the image"),
        *_thirds(right, distance, "distance from centre {:.2f} to {:.2f} sides"),
    ]


def _thirds(right: Mapping[str, np.ndarray], values: np.ndarray, name: str) -> list[Third]:
    thirds = []
    for rows in np.array_split(np.argsort(values, kind="stable"), 3):
        if len(rows):
            shown = name.format(values[rows].min(), values[rows].max())
            shares = (Estimate.of_share(right[variant][rows]) for variant in ("original", "swap"))
            thirds.append(Third(shown, *shares))
    return thirds
