"""Intervals hold what they say, at few images and at 0 and 1."""

import numpy as np
import pytest
import scipy.stats

from bg_interp.evaluation import intervals


def _coverage(count: int, share: float, interval=intervals.share) -> float:
    low, high = interval(np.arange(count + 1), count)
    holds = (low <= share) & (share <= high)
    return float(scipy.stats.binom.pmf(np.arange(count + 1), count, share)[holds].sum())


@pytest.mark.parametrize("count", [10, 13, 20, 50, 200])
def test_shares_are_held_whatever_they_are(count):
    coverages = [_coverage(count, share) for share in np.linspace(0.5, 0.99, 99)]
    assert min(coverages) >= 0.93
    exact = [_coverage(count, share, intervals.exact_share) for share in np.linspace(0.5, 0.99, 99)]
    assert min(exact) >= 0.95 and np.mean(coverages) < np.mean(exact)


def test_the_exact_interval_is_that_of_clopper_and_pearson():
    found = intervals.exact_share(7, 13, of=5)
    expected = scipy.stats.binomtest(7, 13).proportion_ci(0.99, method="exact")
    assert found == pytest.approx((expected.low, expected.high))


def test_no_interval_is_without_width_or_outside_of_what_is_possible():
    assert intervals.share(10, 10) == (pytest.approx(0.719, abs=1e-3), 1.0)
    assert intervals.share(0, 10) == (0.0, pytest.approx(0.281, abs=1e-3))
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
