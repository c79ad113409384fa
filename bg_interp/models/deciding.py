"""Which of several readings of a classifier its answers about labelled images speak for.

In its own reading of pixels a classifier is right more often, or is as often right and less sure
where it is wrong; in another one it is near chance, or far too sure.
"""

import dataclasses
from collections.abc import Callable, Sequence

import numpy as np
import scipy.optimize
import scipy.special
import scipy.stats

# A reading is left after so many images where another one is clearly better, else after so many.
FIRST, MOST = 48, 256
_LEVEL = 0.01
# Readings that differ in fewer answers are one for all that is measured.
_ALIKE = 0.05


@dataclasses.dataclass(frozen=True, eq=False)
class Evidence:
    """What a classifier says in one reading about N images of known classes.

    Attributes:
      said: int [N], the classes that it names.
      right: bool [N].
      loss: float [N], minus the log-likelihood of the true class.
      labels: int [N].
    """

    said: np.ndarray
    right: np.ndarray
    loss: np.ndarray
    labels: np.ndarray

    @classmethod
    def of(cls, logits: np.ndarray, labels: np.ndarray) -> "Evidence":
        """Looks at logits [N, K]."""
        logits = np.asarray(logits, np.float64)
        # NaN is wrong, and no mistake yet: it may come of a reading that is not the classifier's.
        sound = np.isfinite(logits).all(axis=-1, keepdims=True)
        logits = np.where(sound, logits, 0.0)
        said = np.where(sound[:, 0], logits.argmax(axis=-1), -1)
        own = np.take_along_axis(logits, np.minimum(labels, logits.shape[-1] - 1)[:, None], axis=-1)
        loss = scipy.special.logsumexp(logits, axis=-1) - own[:, 0]
        return cls(said, said == labels, loss, labels)

    def and_(self, more: "Evidence") -> "Evidence":
        """Returns both together."""
        pairs = ((getattr(self, f.name), getattr(more, f.name)) for f in dataclasses.fields(self))
        return Evidence(*(np.concatenate(pair) for pair in pairs))

    @property
    def chance(self) -> float:
        """How often answers and labels would agree if they had nothing to do with each other."""
        known = np.unique(self.labels)
        return float(sum((self.said == k).mean() * (self.labels == k).mean() for k in known))

    @property
    def above_chance(self) -> bool:
        """Whether it is right clearly more often than that."""
        test = scipy.stats.binomtest(int(self.right.sum()), len(self.right), self.chance, "greater")
        return bool(test.pvalue < _LEVEL)

    def renumbered(self) -> float:
        """Returns the share that would be right if the outputs were in another order.

        The order that fits best, where it is far better than the present one; else 0.
        """
        classes = int(max(self.labels.max(), self.said.max())) + 1
        known = self.said >= 0
        counts = np.zeros((classes, classes))
        np.add.at(counts, (self.labels[known], self.said[known]), 1)
        rows, columns = scipy.optimize.linear_sum_assignment(-counts)
        share = counts[rows, columns].sum() / len(self.labels)
        enough = len(self.labels) >= 3 * len(np.unique(self.labels))
        return float(share) if enough and share > max(0.5, 2 * self.right.mean() + 0.2) else 0.0


def better(first: Evidence, second: Evidence, level: float = _LEVEL) -> bool:
    """Tells whether the first is clearly right more often, or as often and far less too sure."""
    if more_often(first.right, second.right, level):
        return True
    return not more_often(second.right, first.right, 0.1) and _less(first.loss, second.loss)


def more_often(first: np.ndarray, second: np.ndarray, level: float = _LEVEL) -> bool:
    """Tells whether the first is right clearly more often (McNemar's exact test, two-sided).

    Args:
      first: which images it is right about, bool [N]; second: the same of the other.
      level: of significance.
    """
    won, lost = int((first & ~second).sum()), int((second & ~first).sum())
    return bool(won > lost and scipy.stats.binomtest(won, won + lost).pvalue < level)


def _less(first: np.ndarray, second: np.ndarray) -> bool:
    """Tells whether the first is half the second or less in the mean, and not by chance alone."""
    difference = first - second
    if first.mean() > second.mean() / 2 or not difference.std():
        return False
    # Few of the images are wrong, and all of the difference is theirs.
    return bool(scipy.stats.ttest_1samp(difference, 0, alternative="less").pvalue < 0.05)


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
    found = {
        number: Evidence.of(ask(number, rows[first]), labels[rows[first]])
        for number in range(readings)
    }
    found = _left(found)
    if not first.all() and (len(found) > 1 or not next(iter(found.values())).above_chance):
        for number, evidence in found.items():
            more = Evidence.of(ask(number, rows[~first]), labels[rows[~first]])
            found[number] = evidence.and_(more)
        found = _left(found)
    return found


def _left(found: dict[int, Evidence]) -> dict[int, Evidence]:
    """Leaves out readings that are clearly worse than another one."""
    best = found[leading(found)]
    return {number: one for number, one in found.items() if not better(best, one)}


def leading(found: dict[int, Evidence]) -> int:
    """Returns the reading that is right most often, and of those the one that is least too sure."""
    best = max(found, key=lambda number: (found[number].right.sum(), -found[number].loss.mean()))
    surer = [n for n in found if better(found[n], found[best])]
    return min(surer, key=lambda number: found[number].loss.mean(), default=best)


def rivals(found: dict[int, Evidence], chosen: int) -> list[int]:
    """Returns the readings that fit as well as the chosen one, and answer differently."""
    own = found[chosen]
    return [
        number
        for number, one in found.items()
        if number != chosen
        and (one.said != own.said).mean() > _ALIKE
        and not better(own, one, 0.05)
    ]


def alike(found: dict[int, Evidence], chosen: int) -> list[int]:
    """Returns the readings with practically the same answers as the chosen one, it among them."""
    own = found[chosen]
    return [
        number
        for number, one in found.items()
        if (one.said != own.said).mean() <= _ALIKE / 5 and not better(own, one, 0.05)
    ]


def shares(found: dict[int, Evidence], names: Sequence[str]) -> str:
    """Says how often each reading is right."""
    return ", ".join(f"{one.right.sum()} in {names[number]}" for number, one in found.items())
