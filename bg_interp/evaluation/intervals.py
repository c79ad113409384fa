"""Intervals of shares and of paired differences that hold for ten images, and at 0 and 1.

None of them has no width: ten right answers of ten leave a share of .72 possible. Numbers of
answers may be fractions, since images that count unequally, or belong together, are worth fewer
than they are (see `effective`).
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import scipy.special
import scipy.stats

LEVEL = 0.95
# The end of a share's interval is looked for on so many points, then as many between two of them.
_POINTS = 48

Numbers = npt.ArrayLike


class Interval(NamedTuple):
    """Both ends of an interval; arrays where many were asked for at once."""

    low: float
    high: float


def _ends(low: np.ndarray, high: np.ndarray) -> Interval:
    """Returns floats for single numbers, arrays for arrays."""
    return Interval(float(low), float(high)) if low.ndim == 0 else Interval(low, high)  # type: ignore[arg-type]


def share(right: Numbers, count: Numbers, *, level: float = LEVEL, of: int = 1) -> Interval:
    """Returns the interval of a share.

    That of Blaker 2000, "Confidence curves and improved exact confidence intervals for discrete
    distributions", Canadian Journal of Statistics 28(4): it never covers less than it says, and
    lies within that of Clopper and Pearson 1934, which covers more than it need.

    Args:
      right: how many answers are right, 0 to `count`; a number or an array.
      count: how many answers there are, above 0.
      level: how often the interval holds the share, at least.
      of: how many shares are looked at together, of which none shall lie outside of its interval
        more often than 1 - level (Bonferroni).
    """
    right, count = np.broadcast_arrays(np.asarray(right, np.float64), np.asarray(count, np.float64))
    part = right / count
    low, rest = _lowest(np.stack([part, 1 - part]), count, (1 - level) / of)
    return _ends(low, 1 - rest)


def _lowest(part: np.ndarray, count: np.ndarray, rare: float) -> np.ndarray:
    """Returns lower ends of shares' intervals; those of fractions lie between whole numbers."""
    wholes = np.floor(count) + np.arange(2).reshape(2, 1, *[1] * part.ndim)
    right = part * wholes
    near = np.floor(right + 1e-9) + np.arange(2).reshape(1, 2, *[1] * part.ndim)
    weight = (1 - np.abs(count - wholes)) * np.clip(1 - np.abs(right - near), 0, 1)
    known = (weight > 1e-12) & (near > 0)
    asked = np.stack([near[known], np.broadcast_to(wholes, near.shape)[known]])
    (rights, counts), where = np.unique(asked, axis=1, return_inverse=True)
    found = np.zeros(near.shape)
    found[known] = weight[known] * _lowest_of_whole(rights, counts, rare)[where.reshape(-1)]
    return found.sum(axis=(0, 1))


def _lowest_of_whole(right: np.ndarray, count: np.ndarray, rare: float) -> np.ndarray:
    """Returns the lowest share for which `right` or more are not among the rarest outcomes.

    Args:
      right: whole numbers above 0, [M].
      count: whole numbers, [M].
      rare: how often one of the rarest outcomes comes.
    """
    # It lies where so many or more come half as often, or as often.
    first, last = (
        scipy.special.betaincinv(right, count - right + 1, tail)[:, None]
        for tail in (rare / 2, rare)
    )
    for _ in range(3):
        shares = first + (last - first) * np.linspace(0, 1, _POINTS)
        enough = _as_rare(shares, right[:, None], count[:, None]) >= rare
        enough[:, -1] = True
        place = enough.argmax(axis=1)[:, None]
        first, last = (
            np.take_along_axis(shares, np.maximum(place - back, 0), axis=1) for back in (1, 0)
        )
    # The one before, so that shares on which the end lies are held.
    return first[:, 0]


def _as_rare(shares: np.ndarray, right: np.ndarray, count: np.ndarray) -> np.ndarray:
    """Returns how often chance gives so many right answers or more, or so few as are as rare."""
    above = scipy.special.betainc(right, count - right + 1, shares)
    fewest = scipy.stats.binom.ppf(above * (1 - 1e-9), count, shares)
    # SciPy rounds other numbers of trials, and warns of them.
    trials = count.astype(np.int64)
    below = scipy.special.bdtr(fewest, trials, shares)
    # The last count that is as rare, or the one before.
    less = np.where(fewest > 0, scipy.special.bdtr(fewest - 1, trials, shares), 0.0)
    return above + np.where(below <= above * (1 + 1e-9), below, less)


def standard_error(supposed: Numbers, gained: Numbers, lost: Numbers, count: Numbers) -> np.ndarray:
    """Returns the standard error of gained minus lost, were a supposed difference the truth.

    Args:
      supposed: what the difference might be, -1 to 1.
      gained: see `difference`.
      lost: see `difference`.
      count: see `difference`.
    """
    supposed, gained, lost, count = (
        np.asarray(one, np.float64) for one in (supposed, gained, lost, count)
    )
    # The share of `lost` that is most likely if the supposed difference is the truth (Tango 1998).
    linear = (2 * count - gained + lost) * supposed - gained - lost
    root = np.sqrt(np.maximum(linear**2 + 8 * count * lost * supposed * (1 - supposed), 0))
    likely = (root - linear) / (4 * count)
    variance = count * (2 * likely + supposed * (1 - supposed))
    return np.sqrt(np.maximum(variance, 1e-12))


def score(supposed: Numbers, gained: Numbers, lost: Numbers, count: Numbers) -> np.ndarray:
    """Returns by how many standard errors what was found lies above a supposed difference.

    Arguments as those of `standard_error`.
    """
    found = np.subtract(gained, lost) - np.multiply(count, supposed)
    return found / standard_error(supposed, gained, lost, count)


def difference(
    gained: Numbers, lost: Numbers, count: Numbers, *, level: float = LEVEL, of: int = 1
) -> Interval:
    """Returns the interval of the difference of two shares of the same images.

    The score interval of Tango 1998, "Equivalence test and confidence interval for the difference
    in proportions for the paired-sample design", Statistics in Medicine 17(8).

    Args:
      gained: how many images the first is right on and the second wrong; a number or an array.
      lost: how many the first is wrong on and the second right.
      count: how many images there are, above 0.
      level: how often the interval holds the difference.
      of: how many differences are looked at together (Bonferroni).
    """
    gained, lost, count = np.broadcast_arrays(
        *(np.asarray(one, np.float64) for one in (gained, lost, count))
    )
    reach = float(scipy.special.ndtri(1 - (1 - level) / of / 2))
    return _ends(*(_solved(gained, lost, count, sign * reach) for sign in (1, -1)))


def _solved(gained: np.ndarray, lost: np.ndarray, count: np.ndarray, errors: float) -> np.ndarray:
    """Returns the difference that what was found lies `errors` standard errors above."""
    low, high = np.full(gained.shape, -1.0), np.full(gained.shape, 1.0)
    for _ in range(50):
        middle = (low + high) / 2
        is_below = score(middle, gained, lost, count) > errors
        low, high = np.where(is_below, middle, low), np.where(is_below, high, middle)
    return (low + high) / 2
