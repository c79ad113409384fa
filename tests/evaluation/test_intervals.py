"""Intervals hold what they say, at few images and at 0 and 1."""

import numpy as np
import pytest
import scipy.stats

from bg_interp.evaluation import intervals


def _coverages(count: int, shares: np.ndarray, interval) -> np.ndarray:
    every = np.arange(count + 1)
    low, high = (np.asarray(end)[:, None] for end in interval(every, count))
    chances = scipy.stats.binom.pmf(every[:, None], count, shares)
    return np.where((low <= shares) & (shares <= high), chances, 0.0).sum(axis=0)


@pytest.mark.parametrize("count", [10, 13, 20, 50, 200])
def test_shares_are_held_whatever_they_are(count):
    truths = np.linspace(0.5, 0.99, 99)
    found = _coverages(count, truths, intervals.share)
    exact = _coverages(count, truths, _clopper_pearson)
    assert found.min() >= 0.95 and (found <= exact + 1e-9).all() and found.mean() < exact.mean()


def _clopper_pearson(right, count, level=0.95):
    tests = [scipy.stats.binomtest(int(one), count) for one in right]
    return np.array([one.proportion_ci(level, method="exact") for one in tests]).T


def _blaker(right: int, count: int, rare: float) -> tuple[float, float]:
    """Returns the ends as defined: shares at which outcomes as rare as this one are common."""
    shares, every = np.linspace(0, 1, 4001), np.arange(count + 1)
    chances = scipy.stats.binom.pmf(every[:, None], count, shares)
    below = chances.cumsum(axis=0)
    tail = np.minimum(below, 1 - below + chances)
    common = (chances * (tail <= tail[right] + 1e-12)).sum(axis=0) > rare
    return shares[common].min(), shares[common].max()


@pytest.mark.parametrize(("right", "count"), [(0, 7), (3, 7), (7, 13), (19, 20), (50, 50)])
@pytest.mark.parametrize("of", [1, 5])
def test_shares_have_the_interval_of_blaker(right, count, of):
    expected = _blaker(right, count, 0.05 / of)
    assert intervals.share(right, count, of=of) == pytest.approx(expected, abs=5e-4)


def test_fractions_of_answers_lie_between_whole_ones():
    few, many = intervals.share(8, 10), intervals.share(8.8, 11)
    between = intervals.share(8.4, 10.5)
    assert few.low <= between.low <= many.low and many.high <= between.high <= few.high
    lows, highs = intervals.share(np.linspace(0, 10.5, 43), 10.5)
    assert (np.diff(lows) >= 0).all() and (np.diff(highs) >= 0).all()
    low, high = intervals.share(0.25, 0.5)
    assert low < 0.025 and high > 0.975


def test_no_interval_is_without_width_or_outside_of_what_is_possible():
    assert intervals.share(10, 10) == (pytest.approx(0.717, abs=1e-3), 1.0)
    assert intervals.share(0, 10) == (0.0, pytest.approx(0.283, abs=1e-3))
    for gained, lost in ((0, 0), (10, 0), (0, 10), (5, 5)):
        low, high = intervals.difference(gained, lost, 10)
        assert -1 <= low < high <= 1


def test_differences_have_the_score_interval_of_tango():
    # A published example: 32 pairs, 9 and 7 of which differ (Newcombe 1998, table II).
    low, high = intervals.difference(9, 7, 32)
    # Its ends lie 1.96 standard errors from what was found.
    assert intervals.score(low, 9, 7, 32) == pytest.approx(1.96, abs=1e-3)
    assert intervals.score(high, 9, 7, 32) == pytest.approx(-1.96, abs=1e-3)
    assert intervals.difference(7, 9, 32) == pytest.approx((-high, -low))
    # At 0 it is the test of McNemar.
    assert intervals.score(0, 9, 3, 40) == pytest.approx(6 / np.sqrt(12))


@pytest.mark.parametrize(("first", "second"), [(0.95, 0.95), (1.0, 0.95), (0.95, 0.65)])
def test_differences_are_held_at_ten_images(first, second):
    generator = np.random.default_rng(0)
    right = [generator.random((2000, 10)) < share for share in (first, second)]
    gained = (right[0] & ~right[1]).sum(axis=1)
    lost = (right[1] & ~right[0]).sum(axis=1)
    low, high = intervals.difference(gained, lost, 10)
    assert ((low <= first - second) & (first - second <= high)).mean() >= 0.93
    assert (low > 0).mean() <= 0.03 or first - second > 0.1


def test_more_looked_at_together_makes_them_wider():
    one, many = intervals.difference(9, 2, 40), intervals.difference(9, 2, 40, of=9)
    assert many.low < one.low < one.high < many.high
