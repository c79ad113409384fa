"""What a classifier's answers about labelled images say of the readings of its pixels.

In its own reading of pixels a classifier is right more often, or where it is not, its scores tell
more of the classes. How sure it is says little: scores grow with the contrast of images, so
likelihoods are compared at the temperature that suits each reading best.
"""

import dataclasses
import functools
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import scipy.optimize
import scipy.special
import scipy.stats

# A reading is left after so many images where another one is clearly better, else after so many.
FIRST, MOST = 48, 256
_LEVEL = 0.01
# Readings that differ in fewer answers are one for all that is measured.
ALIKE = 0.05
# Differences of log-likelihoods and of temperatures (in logarithms) that mean something.
_LESS, _HOTTER = 0.02, np.log(3)
# Fewer wrong answers do not tell whether a reading is too sure of them.
_WRONG = 4


@dataclasses.dataclass(frozen=True, eq=False)
class Evidence:
    """What a classifier says in one reading about N images of known classes.

    Attributes:
      logits: float64 [N, K]; NaN where it gives no numbers.
      labels: int [N].
    """

    logits: np.ndarray
    labels: np.ndarray

    @functools.cached_property
    def said(self) -> np.ndarray:
        """The classes that it names, int [N]; -1 for none.

        NaN is wrong, and no mistake yet: it may come of a reading that is not the classifier's.
        """
        sound = np.isfinite(self.logits).all(axis=-1)
        return np.where(sound, np.where(sound[:, None], self.logits, 0.0).argmax(axis=-1), -1)

    @functools.cached_property
    def right(self) -> np.ndarray:
        """Which images it is right about, bool [N]."""
        return self.said == self.labels

    @functools.cached_property
    def heat(self) -> float:
        """The logarithm of the temperature at which its scores are likeliest."""
        fit = scipy.optimize.minimize_scalar(
            lambda heat: float(self._loss(heat).mean()), bounds=(-7.0, 7.0), method="bounded"
        )
        return float(fit.x)

    @functools.cached_property
    def loss(self) -> np.ndarray:
        """Minus the log-likelihood of each true class at that temperature, [N]."""
        return self._loss(self.heat)

    def _loss(self, heat: float) -> np.ndarray:
        logits = np.where(self.said[:, None] < 0, 0.0, self.logits) / np.exp(heat)
        known = np.minimum(self.labels, logits.shape[-1] - 1)
        own = np.take_along_axis(logits, known[:, None], axis=-1)[:, 0]
        return scipy.special.logsumexp(logits, axis=-1) - own

    @property
    def above_chance(self) -> bool:
        """Whether it is right clearly more often than if answers had nothing to do with labels."""
        known = np.unique(self.labels)
        chance = sum((self.said == one).mean() * (self.labels == one).mean() for one in known)
        count = len(self.labels)
        test = scipy.stats.binomtest(int(self.right.sum()), count, min(1.0, chance), "greater")
        return bool(test.pvalue < _LEVEL)

    def renumbered(self) -> float:
        """Returns the share that would be right if the outputs were in another order.

        The order that fits best, where it is far better than the present one; else 0.
        """
        classes = int(max(self.labels.max(), self.said.max())) + 1
        known, counts = self.said >= 0, np.zeros((classes, classes))
        np.add.at(counts, (self.labels[known], self.said[known]), 1)
        rows, columns = scipy.optimize.linear_sum_assignment(-counts)
        share = counts[rows, columns].sum() / len(self.labels)
        enough = len(self.labels) >= 3 * len(np.unique(self.labels))
        return float(share) if enough and share > max(0.5, 2 * self.right.mean() + 0.2) else 0.0


def better(first: Evidence, second: Evidence, level: float = _LEVEL) -> bool:
    """Tells whether the first is clearly right more often, or as often and clearly likelier."""
    if more_often(first.right, second.right, level):
        return True
    return not more_often(second.right, first.right, 0.1) and _less(first.loss, second.loss, level)


def more_often(first: np.ndarray, second: np.ndarray, level: float = _LEVEL) -> bool:
    """Tells whether the first is right clearly more often (McNemar's exact test, two-sided).

    Args:
      first: which images it is right about, bool [N]; second: the same of the other.
      level: of significance.
    """
    won, lost = int((first & ~second).sum()), int((second & ~first).sum())
    return bool(won > lost and scipy.stats.binomtest(won, won + lost).pvalue < level)


def _less(first: np.ndarray, second: np.ndarray, level: float) -> bool:
    """Tells whether the first is less in the mean, and not by chance alone (paired t-test)."""
    difference = first - second
    if difference.mean() > -_LESS or not difference.std():
        return False
    return bool(scipy.stats.ttest_1samp(difference, 0, alternative="less").pvalue < level)


def gathered(
    ask: Callable[[int, np.ndarray], np.ndarray], readings: int, labels: np.ndarray
) -> dict[int, Evidence]:
    """Asks about labelled images in several readings, about more where fewer do not decide.

    Args:
      ask: (number of the reading, rows of images) -> logits [N, K].
      readings: how many there are.
      labels: int [N], of all images.

    Returns:
      The evidence for each reading that is not clearly worse than another one.
    """
    rows = np.unique(np.linspace(0, len(labels) - 1, min(len(labels), MOST)).astype(np.int64))
    # Images are often sorted by class: every part of them shall hold all.
    first = np.zeros(len(rows), bool)
    first[np.linspace(0, len(rows) - 1, min(len(rows), FIRST)).astype(np.int64)] = True

    def looked(number: int, some: np.ndarray) -> Evidence:
        return Evidence(np.asarray(ask(number, some), np.float64), labels[some])

    found = _left({number: looked(number, rows[first]) for number in range(readings)})
    if first.all() or (len(found) == 1 and next(iter(found.values())).above_chance):
        return found
    for number, early in found.items():
        late = looked(number, rows[~first])
        logits = np.concatenate([early.logits, late.logits])
        found[number] = Evidence(logits, np.concatenate([early.labels, late.labels]))
    return _left(found)


def _left(readings: dict[int, Evidence]) -> dict[int, Evidence]:
    """Leaves out readings that are clearly worse than another one, in any order of the outputs."""
    best = readings[leading(readings)]
    return {
        number: one
        for number, one in readings.items()
        if not better(best, one) or one.renumbered() > best.right.mean() + 0.2
    }


def leading(readings: Mapping[int, Evidence]) -> int:
    """Returns the likeliest reading of those that none is clearly right more often than."""
    most = max(readings.values(), key=lambda one: one.right.sum())
    often = [n for n, one in readings.items() if not more_often(most.right, one.right, 0.05)]
    return min(often, key=lambda number: readings[number].loss.mean())


def as_good(readings: Mapping[int, Evidence]) -> list[int]:
    """Returns the readings that the leading one is not clearly better than, it among them."""
    best = readings[leading(readings)]
    return [number for number, one in readings.items() if not better(best, one, 0.05)]


def chosen_by_heat(readings: Mapping[int, Evidence], among: Sequence[int]) -> int:
    """Returns the first of readings, or one that is far less too sure, or less unsure, than it.

    Networks of ReLUs without biases give the same answers in 0 to 255 as in 0 to 1, and are beyond
    all measure sure of them.
    """
    first = among[0]
    if min((~readings[number].right).sum() for number in among) < _WRONG:
        return first
    calmest = min(among, key=lambda number: abs(readings[number].heat))
    far = abs(readings[first].heat) - abs(readings[calmest].heat) > _HOTTER
    return calmest if far else first


def differ(first: Evidence, second: Evidence) -> bool:
    """Tells whether two readings answer differently in more than a few images."""
    return bool((first.said != second.said).mean() > ALIKE)


def shares(readings: Mapping[int, Evidence], names: Sequence[str]) -> str:
    """Says how often each reading is right."""
    return ", ".join(f"{one.right.sum()} in {names[number]}" for number, one in readings.items())
