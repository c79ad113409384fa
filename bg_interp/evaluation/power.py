"""What so many images can show: how often a gap would be found, and how small a one ruled out.

That nothing was found says little where little could have been found. All of this is about the
score interval of a paired difference (`intervals.difference`), which decides.
"""

import numpy as np
import scipy.special
import scipy.stats

from bg_interp.evaluation import intervals
from bg_interp.evaluation.intervals import LEVEL

# The share of images that a change of background sets right by chance, where nothing is known.
LOST = 0.05
# Up to so many images all outcomes are gone through; above, they are as good as normal.
_MOST_COUNTED = 200


def chance_to_find(
    count: float, gap: float, *, threshold: float = 0.0, lost: float = LOST, level: float = LEVEL
) -> float:
    """Returns how often the whole interval of a difference lies above a threshold.

    Args:
      count: how many independent images there are (`effective.Found.worth`), 1 or more.
      gap: the true difference, 0 to 1.
      threshold: what shall lie below the interval, such as 0.
      lost: the share of images that the second answer is right on and the first one wrong.
      level: of the interval.
    """
    gained, lost = _rates(gap, lost)
    return _chance_above(max(1, int(count)), threshold, gained, lost, level)


def chance_to_exclude(
    count: float, threshold: float, *, gap: float = 0.0, lost: float = LOST, level: float = LEVEL
) -> float:
    """Returns how often the whole interval of a difference lies below a threshold.

    Args:
      count: see `chance_to_find`.
      threshold: what shall lie above the interval.
      gap: the true difference, 0 for images whose backgrounds don't matter.
      lost: see `chance_to_find`.
      level: of the interval.
    """
    gained, lost = _rates(gap, lost)
    # Seen from the other side, it is a difference found above the negative threshold.
    return _chance_above(max(1, int(count)), -threshold, lost, gained, level)


def enough_to_exclude(threshold: float, *, chance: float = 0.8) -> int:
    """Returns how many images exclude a threshold in most cases where backgrounds don't matter.

    Args:
      threshold: above 0; see `chance_to_exclude`.
      chance: how often they are to exclude it.
    """
    enough = 1
    while chance_to_exclude(enough, threshold) < chance:
        enough *= 2
    low, high = enough // 2, enough
    while high - low > max(1, high // 50):
        middle = (low + high) // 2
        if chance_to_exclude(middle, threshold) < chance:
            low = middle
        else:
            high = middle
    return high


def _rates(gap: float, lost: float) -> tuple[float, float]:
    """Returns the shares of images gained and lost, which leave room for each other."""
    lost = min(lost, (1 - gap) / 2)
    return lost + gap, lost


def _chance_above(count: int, threshold: float, gained: float, lost: float, level: float) -> float:
    reach = float(scipy.special.ndtri((1 + level) / 2))
    if count > _MOST_COUNTED:
        # The score's own error, and the spread of what is found.
        expected = count * (gained - lost - threshold)
        spread = np.sqrt(count * (gained + lost - (gained - lost) ** 2))
        error = float(intervals.standard_error(threshold, count * gained, count * lost, count))
        return float(scipy.special.ndtr((expected - reach * error) / max(spread, 1e-9)))
    first, second = (grid.ravel() for grid in np.mgrid[: count + 1, : count + 1])
    inside = first + second <= count
    first, second = first[inside], second[inside]
    rates = [gained, lost, max(0.0, 1 - gained - lost)]
    chances = scipy.stats.multinomial.pmf(
        np.stack([first, second, count - first - second], axis=1), count, rates
    )
    above = intervals.score(threshold, first, second, count) > reach
    return float(chances[above].sum())
