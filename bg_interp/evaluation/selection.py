"""The worst of many groups, without the luck of having been chosen.

The smallest of eighty shares is small even where all groups are alike. So the worst group is looked
for with one half of the images and measured with the other, both ways round and many times over.
"""

import dataclasses

import numpy as np

from bg_interp.evaluation import intervals
from bg_interp.evaluation.intervals import Interval

SPLITS = 100
ENOUGH = 10


@dataclasses.dataclass(frozen=True)
class Worst:
    """The worst of several groups.

    Attributes:
      group: the one that was chosen most often.
      chosen: how often it was, 0 to 1: near 1 where one group is worse than all others.
      value: share of right answers, on images that had no part in the choice, of what was chosen.
      interval: of `value`; 95 %.
      count: how many answers `group` has.
      worth: how many independent answers the interval is that of.
      among: how many groups had enough answers.
    """

    group: int
    chosen: float
    value: float
    interval: Interval
    count: int
    worth: float
    among: int


def worst_group(
    right: np.ndarray,
    groups: np.ndarray,
    generator: np.random.Generator,
    *,
    units: np.ndarray | None = None,
    enough: int = ENOUGH,
    splits: int = SPLITS,
) -> Worst | None:
    """Finds the worst group on one half of the images and measures it on the other.

    Half of the images now and then choose a group that isn't the worst, so `value` is rather too
    high where one group is worse than all others. The interval holds the worst of them
    nevertheless: its lower end is no higher than that of any group's own interval, and what is
    known of a chosen group bounds the worst from above (benchmarks/statistics.py).

    Args:
      right: whether each answer is right, bool or 0 and 1, [M].
      groups: int [M], the group of each answer.
      generator: draws the halves.
      units: int [M], what answers share, such as the image or the object; a unit is never in both
        halves. None: each answer is one of its own.
      enough: groups of fewer answers, or units, are left out.
      splits: how many times the images are halved.

    Returns:
      The worst group; None where no group has enough.
    """
    units = np.arange(len(right)) if units is None else np.unique(units, return_inverse=True)[1]
    names, group, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    pairs = np.unique(np.stack([group, units]), axis=1)
    units_of = np.bincount(pairs[0], minlength=len(names))
    large = units_of >= enough
    if not large.any():
        return None
    halves = _Halves(np.asarray(right, np.float64), group, units, large)
    picks = np.zeros(len(names))
    right_of, answers, worths = [], [], []
    for _ in range(splits):
        found = halves.measure(generator)
        right_of.append(sum(one[1] for one in found))
        answers.append(sum(one[2] for one in found))
        worths.append(sum(one[3] for one in found))
        for one in found:
            picks[one[0]] += 1
    share = picks / picks.sum()
    value = float(np.sum(right_of) / np.sum(answers))
    # One halving measures the few answers of two halves, all of them together those of every group
    # that was chosen, which aren't independent: the truth lies between.
    kish = 1 / float((share[large] ** 2 / units_of[large]).sum())
    worth = float(np.sqrt(np.mean(worths) * kish))
    chosen = int(picks.argmax())
    of_chosen = intervals.share(value * worth, worth)
    return Worst(
        group=names[chosen].item(),
        chosen=float(share[chosen]),
        value=value,
        interval=Interval(min(of_chosen.low, halves.lowest()), of_chosen.high),
        count=int(sizes[chosen]),
        worth=worth,
        among=int(large.sum()),
    )


class _Halves:
    """Answers by group and unit, to be halved again and again."""

    def __init__(self, right: np.ndarray, group: np.ndarray, units: np.ndarray, large: np.ndarray):
        many = int(units.max()) + 1
        cells, cell, self.answers = np.unique(
            group * many + units, return_inverse=True, return_counts=True
        )
        self.group, self.unit = np.divmod(cells, many)
        self.right = np.bincount(cell, right)
        self.large = large
        # Any group of a unit: units are halved group by group.
        self.home = np.zeros(many, np.int64)
        self.home[self.unit] = self.group

    def lowest(self) -> float:
        """Returns what no group lies below but one time in forty, whichever is the worst."""
        right, answers, squares = (
            one[self.large] for one in self._sums(np.ones(len(self.unit), bool))
        )
        # No unit says more than one answer.
        worths = answers**2 / squares
        return float(np.min(intervals.share(right / answers * worths, worths).low))

    def measure(self, generator: np.random.Generator) -> list[tuple[int, float, float, float]]:
        """Halves the units; returns (group, right, answers, worth) of both ways round."""
        order = np.lexsort((generator.random(len(self.home)), self.home))
        is_first = np.zeros(len(self.home), bool)
        is_first[order[generator.integers(2) :: 2]] = True
        sums = [self._sums(is_first[self.unit] == first) for first in (True, False)]
        found = []
        for choosing, testing in (sums, sums[::-1]):
            usable = self.large & (choosing[1] > 0) & (testing[1] > 0)
            shares = np.full(len(usable), np.inf)
            # Equal shares are told apart by lot.
            lots = 1e-6 * generator.random(int(usable.sum()))
            shares[usable] = choosing[0][usable] / choosing[1][usable] + lots
            if usable.any():
                place = int(shares.argmin())
                right, answers, squares = (float(one[place]) for one in testing)
                found.append((place, right, answers, answers**2 / squares))
        return found

    def _sums(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Returns right answers, answers, and squared answers of units, of each group."""
        group, groups, answers = self.group[rows], len(self.large), self.answers[rows]
        return (
            np.bincount(group, self.right[rows], groups),
            np.bincount(group, answers, groups),
            np.bincount(group, answers.astype(np.float64) ** 2, groups),
        )
