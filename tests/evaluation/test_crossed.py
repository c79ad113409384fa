"""What seeds and classes leave uncertain of a mean."""

import numpy as np
import pytest
import scipy.stats

from bg_interp.evaluation.crossed import like_these, of_these


def test_seeds_alone_have_the_interval_of_student():
    values = np.random.default_rng(0).normal(size=(6, 4))
    found, means = of_these(values), values.mean(axis=1)
    expected = scipy.stats.ttest_1samp(means, 0.0)
    interval = expected.confidence_interval(0.95)
    assert found.p_value == pytest.approx(expected.pvalue)
    assert (found.low, found.high) == pytest.approx((interval.low, interval.high), abs=1e-5)
    assert of_these(values[:1]) is None


def test_classes_that_seeds_agree_about_are_as_many_as_there_are_classes():
    classes = np.random.default_rng(0).normal(size=8)
    found = like_these(
        np.tile(classes, (12, 1)) + 1e-3 * np.random.default_rng(1).normal(size=(12, 8))
    )
    expected = scipy.stats.ttest_1samp(classes, 0.0)
    interval = expected.confidence_interval(0.95)
    assert found.p_value == pytest.approx(expected.pvalue, rel=0.05)
    assert (found.low, found.high) == pytest.approx((interval.low, interval.high), abs=0.03)


def test_what_is_missing_is_not_made_up():
    generator = np.random.default_rng(0)
    values = generator.normal(size=(5, 1)) + generator.normal(size=(1, 9))
    missing = values.copy()
    missing[0, 0] = missing[3, 5] = np.nan
    # Seeds and classes add up here, so that what is missing is known.
    assert like_these(missing).low == pytest.approx(like_these(values).low, abs=1e-3)


def test_ones_and_zeros_that_are_all_alike_are_not_certain():
    ones = like_these(np.ones((5, 8)), binary=True)
    assert ones.low < 0.6 and 0.001 < ones.p_value < 0.01
    assert of_these(np.zeros((5, 8)), binary=True).low < -0.3
    assert like_these(np.ones((12, 20)), binary=True).low > ones.low + 0.2
    nearly = np.ones((12, 8))
    nearly[0, 0] = 0
    assert like_these(nearly, binary=True).high - like_these(nearly, binary=True).low > 0.03


def test_a_single_value_tells_nothing():
    found = like_these(np.array([[0.4]]))
    assert (found.low, found.high, found.p_value) == (-1.0, 1.0, 1.0)


def test_what_is_shared_by_all_is_added():
    values = np.random.default_rng(0).normal(size=(200, 200)) / 10
    found = like_these(values, shared_variance=0.04)
    assert (found.high - found.low) / 2 == pytest.approx(1.96 * 0.2, abs=0.01)


@pytest.mark.parametrize(
    "values",
    [
        [[0.2, 0.4, 0.9], [0.4, 0.2, 0.9]],
        [[0.0, 1.0], [1.0, 0.0]],
        [[0.5, 0.5], [0.5, 0.5]],
        [[0.1, 0.7, 0.4], [0.4, 0.1, 0.7], [0.7, 0.4, 0.1]],
    ],
)
def test_seeds_whose_means_are_alike_by_luck_are_not_certain(values):
    values = np.array(values)
    for found in (of_these(values), like_these(values)):
        middle = values.mean()
        assert found.low < middle - 0.01 and middle + 0.01 < found.high
        assert 0 <= found.p_value <= 1
