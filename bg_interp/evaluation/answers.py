"""What a classifier says of every variant of some labelled images, and what is made of it."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import scipy.stats

from bg_interp.evaluation import effective
from bg_interp.evaluation.arrays import mean_by_class, plain_list
from bg_interp.evaluation.estimate import Estimate
from bg_interp.evaluation.reliance.groups import Groups
from bg_interp.evaluation.reliance.variants import behind
from bg_interp.evaluation.units import NO_UNITS, Units

if TYPE_CHECKING:
    from bg_interp.evaluation.leak import Leak


@dataclasses.dataclass(frozen=True, eq=False)
class Scores:
    """Right and wrong of some images: shares of right answers, or how two shares differ.

    Attributes:
      first: whether the answer to each image is right, bool [M].
      second: the same of what is subtracted; None for nothing.
      labels: int [M], their classes.
      classes: how many classes there are, K.
      balanced: whether each class counts alike, instead of each image.
      units: arrays [M] of what belongs together, at most two.
      rows: int [M], their positions among all images.
    """

    first: np.ndarray
    second: np.ndarray | None
    labels: np.ndarray
    classes: int
    balanced: bool
    units: tuple[np.ndarray, ...]
    rows: np.ndarray

    @property
    def values(self) -> np.ndarray:
        """What each image adds, float64 [M]: 0 or 1, or -1, 0 or 1 for differences."""
        first = self.first.astype(np.float64)
        return first if self.second is None else first - self.second

    def estimate(self) -> Estimate:
        """Returns the share or difference with its interval."""
        how: Any = {"classes": self.labels if self.balanced else None, "units": self.units}
        if self.second is None:
            found = effective.share_of(self.first, **how)
        else:
            found = effective.paired_difference(self.first, self.second, **how)
        # Shares of images are counted, so that they are exactly what counting them gives.
        value = found.value if self.balanced else float(self.values.mean())
        return Estimate(value, *found.interval, found.count, found.worth)

    def by_class(self) -> list[float | None]:
        """Returns the value of each class; None for those without images."""
        return plain_list(mean_by_class(self.values, self.labels, self.classes))


@dataclasses.dataclass(frozen=True, eq=False)
class Answers:
    """What a classifier says of N images in every variant.

    Attributes:
      labels: int [N].
      names: of the K classes.
      predicted: {variant: int [N], the class that it names}.
      seed: of the variants.
      on_all: {"adversarial" or "adversarial_same": whether each object is right on every one of
        several backgrounds, bool [N]}.
      trusted: which images' backgrounds show nothing that looks like a rest of their object, bool
        [N]; None where that is not known.
      units: which images belong together.
      groups: accuracy of class x kind of background, on composites.
      natural: the same on unmodified images; None where nothing tells places.
      leak: how well backgrounds alone predict the label; None when it was not asked for.
    """

    labels: np.ndarray
    names: tuple[str, ...]
    predicted: Mapping[str, np.ndarray]
    seed: int = 0
    on_all: Mapping[str, np.ndarray] = dataclasses.field(default_factory=dict)
    trusted: np.ndarray | None = None
    units: Units = NO_UNITS
    groups: Groups | None = None
    natural: Groups | None = None
    leak: "Leak | None" = None

    def right(self, variant: str) -> np.ndarray:
        """Returns which images are right in a variant, bool [N]."""
        if variant in self.on_all:
            return self.on_all[variant]
        return self.predicted[variant] == self.labels

    def accuracy(self, variant: str, *, balanced: bool = False) -> Scores | None:
        """Returns right and wrong in a variant; None where it was not asked about.

        Args:
          variant: of `predicted` or `on_all`.
          balanced: whether each class counts alike.
        """
        if variant not in self.predicted and variant not in self.on_all:
            return None
        return self.scores(variant, balanced=balanced)

    def difference(
        self, first: str, second: str, *, balanced: bool = True, trusted: bool = False
    ) -> Scores | None:
        """Returns right and wrong in two variants; None where one was not asked about.

        Args:
          first: a variant.
          second: the one whose accuracy is subtracted.
          balanced: whether each class counts alike.
          trusted: whether only composites whose backgrounds are `trusted` count.
        """
        if not {first, second} <= set(self.predicted) or (trusted and self.trusted is None):
            return None
        kept = np.ones(len(self.labels), bool)
        if trusted and self.trusted is not None:
            for variant in (first, second):
                kept &= self.trusted[behind(variant, self.labels, self.seed)]
        if not kept.any():
            return None
        return self.scores(first, second, np.flatnonzero(kept), balanced=balanced)

    def scores(
        self,
        first: str,
        second: str | None = None,
        rows: np.ndarray | None = None,
        *,
        balanced: bool = False,
    ) -> Scores:
        """Returns right and wrong in variants that were asked about; see `difference`.

        Args:
          first: a variant.
          second: the one that is subtracted; None for none.
          rows: positions of the images that count; None for all.
          balanced: whether each class counts alike.
        """
        rows = np.arange(len(self.labels)) if rows is None else rows
        last = first if second is None else second
        units = self.units.of(behind(last, self.labels, self.seed))
        return Scores(
            self.right(first)[rows],
            None if second is None else self.right(second)[rows],
            self.labels[rows],
            len(self.names),
            balanced,
            tuple(one[rows] for one in units),
            rows,
        )


def change(
    new: Scores,
    old: Scores,
    new_keys: Sequence[str] | None = None,
    old_keys: Sequence[str] | None = None,
) -> Estimate | None:
    """Returns by how much a measure has changed, paired by image; None without images in common.

    Args:
      new: of one classifier.
      old: the same measure of another.
      new_keys: names of all images that the first was asked about; None where both were asked
        about the same ones.
      old_keys: the same of the other.
    """
    if new_keys is None or old_keys is None:
        names, others = new.rows.tolist(), old.rows.tolist()
    else:
        names, others = [new_keys[row] for row in new.rows], [old_keys[row] for row in old.rows]
    place = {name: number for number, name in enumerate(others)}
    pairs = [(number, place[name]) for number, name in enumerate(names) if name in place]
    if not pairs:
        return None
    first, second = np.array(pairs).T
    labels = new.labels[first] if new.balanced else np.zeros(len(first), np.int64)
    units = [one[first] for one in new.units] or [np.arange(len(first))]
    return _mean(new.values[first] - old.values[second], labels, units)


def _mean(values: np.ndarray, classes: np.ndarray, units: Sequence[np.ndarray]) -> Estimate:
    """Returns the mean over classes of values in -2 to 2, with Student's interval over units.

    One image that gains and one that loses are added to its variance, so that its width is never
    0 (as Agresti and Min 2005, "Simple improved confidence intervals for comparing matched
    proportions", Statistics in Medicine 24(5), do for shares).
    """
    _, numbers, sizes = np.unique(classes, return_inverse=True, return_counts=True)
    weights = 1 / (len(sizes) * sizes[numbers])
    mean = float(weights @ values)
    apart = weights * (values - (np.bincount(numbers, values) / sizes)[numbers])
    variance, fewest = 0.0, len(values)
    for unit in units:
        sums = np.bincount(np.unique(unit, return_inverse=True)[1], apart)
        fewest = min(fewest, len(sums))
        variance = max(variance, float((sums**2).sum()) * len(sums) / max(1, len(sums) - 1))
    variance += 2 / fewest**2
    reach = float(scipy.stats.t.ppf(0.975, max(1, fewest - 1)) * np.sqrt(variance))
    return Estimate(mean, mean - reach, mean + reach, len(values))
