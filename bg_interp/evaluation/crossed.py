"""The mean of values of seeds and classes, with what both leave uncertain.

Two questions are told apart. *These classes*: would other seeds find the same of the same classes?
Each seed's mean is one observation, and Student's t is exact. *Classes like these*: would other
seeds find it of other classes? Seeds and classes are both drawn, and crossed, since all seeds have
the same classes; the variance of the mean is that of the means of seeds, plus that of the means of
classes, less what both count twice (Cameron, Gelbach and Miller 2011, "Robust Inference With
Multiway Clustering", Journal of Business & Economic Statistics 29(2)).

How sure that variance is, is asked twice. Student's t with the degrees of freedom of Satterthwaite
1946 is a little bold where seeds differ more than classes; the generalized p-value of Weerahandi
1995, "Exact Statistical Methods for Data Analysis", which lets every part of the variance be as
large as it may have been, is cautious where they don't. The mean of both holds what it says
(docs/measures.md); with two seeds only the cautious one does.
"""

import dataclasses
import functools

import numpy as np
import scipy.optimize
import scipy.special

LEVEL = 0.95
# As many points stand for all that the variances may have been.
_POINTS = 500
# Steps of a lattice that fills a cube evenly: powers of the root of x^4 = x + 1.
_STEPS = 1.2207440846057596 ** -np.arange(1.0, 4.0)


@dataclasses.dataclass(frozen=True)
class Inference:
    """What is known of a mean.

    Attributes:
      low, high: ends of its 95 % interval.
      p_value: two-sided, of the mean being 0.
    """

    low: float
    high: float
    p_value: float


class _Parts:
    """What makes up the variance of a mean."""

    def __init__(self, variances: np.ndarray, freedoms: np.ndarray, shared: float):
        """Takes parts, 0.0 where there is nothing.

        Args:
          variances: [3]: of the mean by seeds, by classes, and by neither, which both count.
          freedoms: [3], degrees of freedom of each.
          shared: variance by what all values share, which is known.
        """
        by_seeds, by_classes, rest = variances
        self.found = max(by_seeds, by_classes, by_seeds + by_classes - rest) + shared
        squares = (variances[:2] ** 2 / freedoms[:2]).sum()
        self.freedom = (by_seeds + by_classes + shared) ** 2 / squares
        # Of one part alone, Student's t is exact.
        self.is_exact = (variances > 1e-9 * variances.max()).sum() == 1
        if not self.is_exact:
            larger = _how_large(*freedoms.tolist())
            by_seeds, by_classes, rest = variances[:, None] * larger
            self.possible = np.maximum(by_seeds + by_classes - rest, rest) + shared
        self.few_seeds = freedoms[0] == 1

    def p_value(self, distance: float) -> float:
        """Returns how often chance leads so far from the mean, to either side."""
        student = float(2 * scipy.special.stdtr(self.freedom, -distance / np.sqrt(self.found)))
        if self.is_exact:
            return student
        cautious = float(2 * scipy.special.ndtr(-distance / np.sqrt(self.possible)).mean())
        return cautious if self.few_seeds else (student + cautious) / 2


# All comparisons of a study ask for the same few.
@functools.lru_cache(maxsize=16)
def _how_large(*freedoms: int) -> np.ndarray:
    """Returns by how much variances may be larger than they were found to be, [3, points]."""
    places = (0.5 + np.arange(1, _POINTS + 1)[None] * _STEPS[:, None]) % 1.0
    each = np.array(freedoms, np.float64)[:, None]
    larger = each / (2 * scipy.special.gammaincinv(each / 2, places))
    larger.flags.writeable = False
    return larger


def of_these(
    values: np.ndarray, *, binary: bool = False, shared_variance: float = 0.0
) -> Inference | None:
    """Returns what other seeds would find of the same classes.

    Args:
      values: float64 [S, C], NaN where nothing was measured.
      binary: whether what was measured is 0 or 1 each time; so few steps may all be alike by luck.
      shared_variance: of the mean, by what all seeds and classes share, such as the people who
        judged them all.

    Returns:
      None for a single seed, which tells nothing of others.
    """
    filled = _filled(values)
    if len(filled) < 2:
        return None
    least = _least(filled, binary, len(filled))
    means = filled.mean(axis=1, keepdims=True)
    alike = _alike(filled)
    return _inferred(float(means.mean()), _parts(means, len(means), least, alike, shared_variance))


def like_these(
    values: np.ndarray, *, binary: bool = False, shared_variance: float = 0.0
) -> Inference:
    """Returns what other seeds would find of other classes; arguments as those of `of_these`.

    With one seed, or one class, it is about classes, or seeds, alone; with one of both nothing is
    known but that shares differ by 1 at most.
    """
    filled = _filled(values)
    if filled.size < 2:
        return Inference(-1.0, 1.0, 1.0)
    units = min(size for size in filled.shape if size > 1)
    least = _least(filled, binary, units)
    known = int((~np.isnan(values)).sum())
    parts = _parts(filled, known, least, _alike(filled), shared_variance)
    return _inferred(float(filled.mean()), parts)


def _filled(values: np.ndarray) -> np.ndarray:
    """Returns values with what is missing put where its seed and its class lie."""
    known = ~np.isnan(values)
    if known.all():
        return values
    filled = np.where(known, values, np.nanmean(values))
    for _ in range(50):
        rows, columns = filled.mean(axis=1, keepdims=True), filled.mean(axis=0, keepdims=True)
        filled = np.where(known, values, rows + columns - filled.mean())
    return filled


def _least(values: np.ndarray, binary: bool, units: int) -> float:
    """Returns the smallest variance of the mean that is believed.

    Ones and zeros count as if one more answer had been a one, and one a zero. Where all are alike,
    nothing tells whether those of one seed or class are any news of each other.
    """
    answers = values.size
    if np.ptp(values) < 1e-9:
        return (1 / (units + 1)) ** 2 if binary else _alike(values)
    if not binary:
        return 0.0
    spread = (answers * np.abs(values).mean() + 1) / (answers + 2)
    spread -= (answers * values.mean() / (answers + 2)) ** 2
    return float(spread) / (answers + 2)


def _alike(values: np.ndarray) -> float:
    """Returns the variance of the mean that is believed where all values are alike."""
    return (1 / (values.size + 2)) ** 2


def _parts(values: np.ndarray, known: int, least: float, alike: float, shared: float) -> _Parts:
    """Takes the variance of the mean of `values` apart.

    Args:
      values: [S, C], nothing is missing.
      known: how many of them were measured.
      least: see `_least`; what is less grows to it.
      alike: see `_alike`, for seeds and classes whose means are all alike by luck.
      shared: variance by what all values share.
    """
    seeds, classes = values.shape
    deviations = values - values.mean()
    rows, columns = deviations.mean(axis=1), deviations.mean(axis=0)
    rest = deviations - rows[:, None] - columns
    freedoms = np.maximum([seeds - 1, classes - 1, known - seeds - classes + 1], 1)
    spreads = np.array([(one**2).sum() / one.size for one in (rows, columns, rest)])
    variances = spreads / freedoms
    total = max(variances[0], variances[1], variances[0] + variances[1] - variances[2])
    if total < 1e-9 * (least or alike):
        # Of whichever there is less, but more than one, as each is alike.
        few = int(1 < classes < seeds or seeds == 1)
        variances = np.where(np.arange(3) == few, least or max(alike, variances[2]), 0.0)
    elif total < least:
        variances = variances * least / total
    return _Parts(variances, freedoms, shared)


def _inferred(mean: float, parts: _Parts) -> Inference:
    """Returns the interval and the p-value of a mean."""
    far = 2 * float(np.sqrt(parts.found))
    while parts.p_value(far) > 1 - LEVEL:
        far *= 2
    reach = scipy.optimize.brentq(lambda at: parts.p_value(at) - (1 - LEVEL), 0.0, far, rtol=1e-6)
    return Inference(mean - reach, mean + reach, parts.p_value(abs(mean)))
