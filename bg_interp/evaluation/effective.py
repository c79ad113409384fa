"""Shares and paired differences of images that count unequally, or belong together.

What all of them are worth is said by one number: how many images, drawn one by one and all
counting alike, would leave a share as uncertain (Kish 1965). Intervals for that many images hold
near 0 and 1 too, where those from a variance alone have no width (Korn and Graubard 1998,
"Confidence intervals for proportions with small expected number of positive counts estimated from
survey data", Survey Methodology 24(2), who also count the degrees of freedom).

Images of one object, place or scene are no news of each other. Where they are known (`units`), the
variance is that of whole units, and of several kinds at once where images share objects and places
(Cameron, Gelbach and Miller 2011, "Robust Inference With Multiway Clustering", Journal of Business
& Economic Statistics 29(2)).
"""

import dataclasses
import itertools
from collections.abc import Sequence

import numpy as np
import scipy.sparse
import scipy.sparse.csgraph
import scipy.stats

from bg_interp.evaluation import intervals
from bg_interp.evaluation.intervals import LEVEL, Interval

# How many answers of the average class are added to each class before its spread is judged: one
# of two images that are both right says little of what the next one will be.
_BORROWED = 2.0


@dataclasses.dataclass(frozen=True)
class Found:
    """A share or a difference of shares.

    Attributes:
      value: what was found.
      interval: its interval.
      count: how many images were looked at.
      worth: how many independent images of equal weight would tell as much.
    """

    value: float
    interval: Interval
    count: int
    worth: float


def share_of(
    right: np.ndarray,
    *,
    classes: np.ndarray | None = None,
    units: Sequence[np.ndarray] = (),
    level: float = LEVEL,
    of: int = 1,
) -> Found:
    """Returns the share of right answers.

    Args:
      right: bool or 0 and 1, [N], N above 0.
      classes: int [N]: each class counts alike, whatever its number of images. None: each image.
      units: arrays [N] that tell which images belong together, such as the object that each
        shows and the place before which it stands.
      level: of the interval.
      of: how many shares are looked at together (Bonferroni).
    """
    values = np.asarray(right, np.float64)
    sample = _Sample(values, classes, units, 1 - (1 - level) / of)
    value, worth = sample.mean, sample.worth(sample.mean - sample.mean**2)
    found = intervals.share(value * worth, worth, level=level, of=of)
    return Found(value, found, len(values), worth)


def paired_difference(
    first: np.ndarray,
    second: np.ndarray,
    *,
    classes: np.ndarray | None = None,
    units: Sequence[np.ndarray] = (),
    level: float = LEVEL,
    of: int = 1,
) -> Found:
    """Returns by how much more of the first answers are right than of the second.

    Args:
      first: whether the first answer to each image is right, bool or 0 and 1, [N].
      second: whether the second one is, [N].
      classes: see `share_of`.
      units: see `share_of`.
      level: of the interval.
      of: how many differences are looked at together (Bonferroni).
    """
    values = np.asarray(first, np.float64) - np.asarray(second, np.float64)
    sample = _Sample(values, classes, units, 1 - (1 - level) / of)
    gained, lost = (float(sample.weights @ (values == sign)) for sign in (1, -1))
    worth = sample.worth(gained + lost - sample.mean**2)
    found = intervals.difference(gained * worth, lost * worth, worth, level=level, of=of)
    return Found(sample.mean, found, len(values), worth)


class _Sample:
    """Values of images, 0, 1 and -1, with what each counts and which belong together."""

    def __init__(
        self,
        values: np.ndarray,
        classes: np.ndarray | None,
        units: Sequence[np.ndarray],
        level: float,
    ):
        kinds = np.zeros(len(values), np.int64) if classes is None else classes
        _, self.classes, self.sizes = np.unique(kinds, return_inverse=True, return_counts=True)
        self.weights = 1.0 / (len(self.sizes) * self.sizes[self.classes])
        self.values = values
        self.units = [np.unique(one, return_inverse=True)[1] for one in units]
        self.level = level
        self.mean = float(self.weights @ values)

    def worth(self, spread: float) -> float:
        """Returns how many images these are worth, if one image has a variance of `spread`."""
        most = self._kish(np.arange(len(self.values))) * self._evenness()
        if spread < 1e-9:
            # All are alike, so nothing tells whether units are: no unit says more than one image.
            return min([most, *map(self._kish, self.units)])
        variance = self._of_images()
        if self.units:
            of_units, freedom = self._of_units()
            tail = 1 - (1 - self.level) / 2
            wider = scipy.stats.t.ppf(tail, freedom) / scipy.stats.norm.ppf(tail)
            variance = max(variance, of_units * float(wider) ** 2)
            # Where each class has a single unit, nothing tells how units differ either.
            alone = [one for one in self.units if self._is_single(one)]
            most = min([most, *map(self._kish, alone)])
        return min(spread / variance, most)

    def _is_single(self, units: np.ndarray) -> bool:
        """Whether no class has two units."""
        pairs = np.unique(np.stack([self.classes, units]), axis=1)
        return pairs.shape[1] == len(self.sizes)

    def _kish(self, units: np.ndarray) -> float:
        """Returns how many units of equal weight are worth as much as these."""
        return float(1 / (np.bincount(units, self.weights) ** 2).sum())

    def _of_images(self) -> float:
        """Returns the variance of the mean if all images are independent."""
        within = []
        for power in (1, 2):
            sums = np.bincount(self.classes, self.values**power)
            overall = float(self.weights @ self.values**power)
            within.append((sums + _BORROWED * overall) / (self.sizes + _BORROWED))
        # Classes differ by chance too, which isn't their own spread.
        lost = self.sizes / (self.sizes + _BORROWED) ** 2 * (1 - 1 / len(self.sizes))
        spread = (within[1] - within[0] ** 2) / (1 - lost)
        return float((spread / self.sizes).sum()) / len(self.sizes) ** 2

    def _evenness(self) -> float:
        """Returns what part of Kish's number is left where few images carry most of the weight.

        A class of three images that counts as much as one of a hundred has its own chance, which
        the hundred don't show.
        """
        share = 1 / self.sizes
        carriers = share.sum() ** 2 / (share**3).sum()
        unequal = 1 - len(self.sizes) ** 2 / share.sum() / len(self.values)
        return float(carriers / (carriers + unequal))

    def _of_units(self) -> tuple[float, float]:
        """Returns the variance of the mean, counting units, and its degrees of freedom."""
        means = np.bincount(self.classes, self.values) / self.sizes
        deviations = self.weights * (self.values - means[self.classes])
        single = [self._of_one_kind(one, deviations) for one in self.units]
        variances, freedoms = zip(*single, strict=True)
        # What is shared in two ways was added twice, and so on.
        total = sum(variances)
        for many in range(2, len(self.units) + 1):
            for some in itertools.combinations(self.units, many):
                shared = np.unique(np.stack(some), axis=1, return_inverse=True)[1].reshape(-1)
                total += (-1) ** (many + 1) * self._of_one_kind(shared, deviations)[0]
        below = sum(one**2 / free for one, free in zip(variances, freedoms, strict=True))
        freedom = sum(variances) ** 2 / below if below > 0 else min(freedoms)
        return max(total, *variances), freedom

    def _of_one_kind(self, units: np.ndarray, deviations: np.ndarray) -> tuple[float, float]:
        """Returns the variance of the mean by one kind of unit, and its degrees of freedom.

        A unit's sum is short of its deviation by its own part in the mean of its class, as values
        are of the mean of a sample; that is made good for (as in CR2 of Bell and McCaffrey 2002).
        """
        many = int(units.max()) + 1
        cells, cell, sizes = np.unique(
            self.classes * many + units, return_inverse=True, return_counts=True
        )
        of_class, of_unit = np.divmod(cells, many)
        part = sizes / self.sizes[of_class]
        is_alone = part > 1 - 1e-9
        sums = np.bincount(cell, deviations) / np.sqrt(np.where(is_alone, 1.0, 1 - part))
        variance = float((np.bincount(of_unit, sums) ** 2).sum())
        # A class of one unit doesn't tell how units differ: it is taken to be as the others are.
        counts = np.bincount(cell, self.weights)
        known = float((counts[~is_alone] ** 2).sum())
        if not known:
            return 0.0, 1.0
        variance *= float((counts**2).sum()) / known
        return variance, _freedom(of_class, of_unit, counts)


def _freedom(of_class: np.ndarray, of_unit: np.ndarray, counts: np.ndarray) -> float:
    """Returns the degrees of freedom of a variance by units (Satterthwaite 1946).

    Classes that share units are compared with each other: each such party has one mean.

    Args:
      of_class: int [M], the class of each pair of class and unit that has images.
      of_unit: int [M], its unit.
      counts: float64 [M], what its images count, 1 in sum.
    """
    classes, units = int(of_class.max()) + 1, int(of_unit.max()) + 1
    edges = (np.ones(len(of_unit)), (of_unit, units + of_class))
    graph = scipy.sparse.coo_matrix(edges, shape=(units + classes,) * 2)
    party = scipy.sparse.csgraph.connected_components(graph, directed=False)[1][:units]
    squares = np.bincount(of_unit, counts) ** 2
    variances, fourth = np.bincount(party, squares), np.bincount(party, squares**2)
    # As many as units that counted alike would have, less the mean.
    members = np.bincount(party)
    with np.errstate(divide="ignore", invalid="ignore"):
        freedoms = variances**2 / fourth * (1 - 1 / members)
        below = np.where(members > 1, variances**2 / freedoms, 0.0).sum()
    return float(max(1.0, variances[members > 1].sum() ** 2 / below)) if below > 0 else 1.0
