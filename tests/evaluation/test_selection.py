"""The worst group is no worse for having been looked for."""

import numpy as np
import pytest

from bg_interp.evaluation.selection import worst_group


def test_equal_groups_have_no_worst_one():
    generator = np.random.default_rng(0)
    groups, values, held = np.repeat(np.arange(80), 10), [], 0
    for _ in range(60):
        found = worst_group(generator.random(800) < 0.9, groups, generator, splits=30)
        values.append(found.value)
        held += found.interval.low <= 0.9 <= found.interval.high
    assert np.mean(values) == pytest.approx(0.9, abs=0.02) and held >= 56
    assert found.among == 80 and found.count == 10


def test_a_group_that_is_worse_is_found():
    generator = np.random.default_rng(0)
    groups = np.repeat([3, 5, 8], 60)
    right = generator.random(180) < np.where(groups == 5, 0.3, 0.95)
    found = worst_group(right, groups, generator)
    assert (found.group, found.chosen, found.count) == (5, 1.0, 60)
    assert found.value == pytest.approx(right[groups == 5].mean(), abs=0.02)
    assert found.worth == pytest.approx(60, abs=1)


def test_what_belongs_together_is_never_in_both_halves():
    # Each image answered four times alike: a half that holds copies would know the other half.
    generator = np.random.default_rng(0)
    values = []
    for _ in range(40):
        right, groups = generator.random(200) < 0.8, np.arange(200) % 20
        four = [np.repeat(one, 4) for one in (right, groups, np.arange(200))]
        found = worst_group(four[0], four[1], generator, units=four[2], splits=30)
        values.append(found.value)
        assert found.worth <= 200
    assert np.mean(values) == pytest.approx(0.8, abs=0.04)


def test_small_groups_are_left_out():
    groups = np.array([0] * 9 + [1] * 12)
    found = worst_group(groups == 1, groups, np.random.default_rng(0))
    assert (found.group, found.among, found.value) == (1, 1, 1.0)
    assert worst_group(np.ones(9), np.zeros(9, int), np.random.default_rng(0)) is None
    one_unit = np.zeros(12, int)
    assert worst_group(np.ones(12), one_unit, np.random.default_rng(0), units=one_unit) is None


@pytest.mark.parametrize(("bad", "sizes"), [(0.6, 10), (0.8, 40), (0.9, 10)])
def test_the_worst_of_many_is_held_though_halves_miss_it(bad, sizes):
    groups = np.repeat(np.arange(20), sizes)
    truth = np.where(groups == 0, bad, 0.95)
    ends = []
    for seed in range(100):
        generator = np.random.default_rng(seed)
        right = generator.random(len(groups)) < truth
        ends.append(worst_group(right, groups, generator, splits=20).interval)
    low, high = np.array(ends).T
    assert (low > bad).mean() <= 0.05 and (high < bad).mean() <= 0.05
