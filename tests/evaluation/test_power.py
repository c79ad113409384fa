"""What so many images can show agrees with what simulated ones do."""

import numpy as np
import pytest

from bg_interp.evaluation import intervals, power


def _intervals(count: int, gap: float, lost: float = 0.05):
    generator = np.random.default_rng(0)
    rates = [gap + lost, lost, 1 - gap - 2 * lost]
    gained, lost_ones, _ = generator.multinomial(count, rates, 4000).T
    return intervals.difference(gained, lost_ones, count)


@pytest.mark.parametrize("count", [12, 40, 150, 600])
@pytest.mark.parametrize("gap", [0.1, 0.3])
def test_chances_are_those_of_simulated_audits(count, gap):
    low, high = _intervals(count, gap)
    assert power.chance_to_find(count, gap) == pytest.approx((low > 0).mean(), abs=0.04)
    threshold = gap + 0.1
    expected = (high < threshold).mean()
    found = power.chance_to_exclude(count, threshold, gap=gap)
    assert found == pytest.approx(expected, abs=0.04)


def test_a_true_zero_is_found_at_most_one_time_in_forty():
    assert all(power.chance_to_find(count, 0.0) <= 0.026 for count in (10, 40, 100, 1000))


def test_more_images_find_and_exclude_more():
    counts = (10, 50, 200, 1000)
    found = [power.chance_to_find(count, 0.2) for count in counts]
    excluded = [power.chance_to_exclude(count, 0.1) for count in counts]
    assert found == sorted(found) and excluded == sorted(excluded)
    # Fifty images can hardly rule out a gap of a tenth.
    assert excluded[1] < 0.8 < excluded[3]


def test_one_image_shows_nothing():
    assert power.chance_to_find(1, 0.9) == 0.0 and power.chance_to_exclude(1, 0.5) == 0.0


@pytest.mark.parametrize("threshold", [0.05, 0.1, 0.3])
def test_as_many_images_as_are_said_exclude_a_gap(threshold):
    enough = power.enough_to_exclude(threshold)
    assert power.chance_to_exclude(enough, threshold) >= 0.8
    assert power.chance_to_exclude(int(0.9 * enough), threshold) < 0.83
    _, high = _intervals(enough, 0.0)
    assert (high < threshold).mean() == pytest.approx(0.8, abs=0.05)
