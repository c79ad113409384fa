"""Comparisons on studies whose answer is known, and on studies with nothing in them."""

import numpy as np
import pytest

from bg_interp.errors import UserError
from bg_interp.evaluation.statistics import (
    Comparison,
    compare,
    correct,
    interval,
    paired_differences,
    resampled_means,
    sentence,
)


def _measure(differences: np.ndarray, seed: int = 0) -> dict:
    """Two treatments whose paired difference is `differences` [seeds, classes]."""
    base = np.random.default_rng(seed).normal(size=differences.shape)
    return {
        "none": dict(enumerate(base.tolist())),
        "black": dict(enumerate((base + differences).tolist())),
    }


def _comparison(p_value: float, **values) -> Comparison:
    fields = {
        "measure": "m",
        "treatment": "black",
        "reference": "none",
        "seeds": (0, 1, 2, 3, 4),
        "classes": 8,
        "difference": 0.31,
        "low": 0.18,
        "high": 0.43,
        "effect_size": 1.0,
        "p_value": p_value,
        "p_corrected": p_value,
    }
    return Comparison(**{**fields, **values})


def test_pairs_by_seed_and_drops_classes_that_were_not_measured():
    measure = {
        "none": {0: [0.1, None, 0.2, None], 1: [0.3, None, 0.4, 0.5], 7: [0, 0, 0, 0]},
        "black": {1: [0.4, 0.5, 0.6, 0.9], 0: [0.2, 0.3, 0.4, 0.6], 9: [1, 1, 1, 1]},
    }
    seeds, differences = paired_differences(measure, "black", "none")
    assert seeds == (0, 1)
    np.testing.assert_allclose(differences, [[0.1, 0.2, np.nan], [0.1, 0.2, 0.4]])


def test_what_was_not_measured_has_no_weight():
    differences = np.array([[0.0, np.nan], [np.nan, 1.0]])
    means = resampled_means(differences, 0, 500)
    assert set(means[~np.isnan(means)]) == {0.0, 0.5, 1.0} and np.isnan(means).any()
    measure = {"none": {0: [0, None], 1: [None, 0]}, "black": {0: [0.25, 1], 1: [1, 0.25]}}
    found = compare("m", measure, "black")
    assert (found.difference, found.low, found.high) == (0.25, 0.25, 0.25)


def test_what_all_values_share_widens_the_interval():
    equal = np.full((5, 8), 0.5)
    assert interval(equal) == (0.5, 0.5)
    low, high = interval(equal, shared_variance=0.01)
    assert (low, high) == pytest.approx((0.5 - 0.196, 0.5 + 0.196), abs=0.01)
    found = compare("m", _measure(equal), "black", shared_variance=0.01)
    assert (found.low, found.high) == pytest.approx((low, high), abs=1e-9)


def test_says_which_arms_are_missing():
    with pytest.raises(UserError, match=r"seeds \[0\] and \[1\]; train the missing arms"):
        compare("m", {"none": {1: [0.5]}, "black": {0: [0.5]}}, "black")


def test_says_when_no_class_was_measured():
    with pytest.raises(UserError, match="a class that was measured in both"):
        compare("m", {"none": {1: [None]}, "black": {1: [0.5]}}, "black")


def test_resampling_draws_rows_and_columns_independently():
    rows_only = np.array([[0.0, 0.0], [1.0, 1.0]])
    assert set(resampled_means(rows_only, 0, 500)) == {0.0, 0.5, 1.0}
    crossed = np.array([[0.0, 0.0], [0.0, 1.0]])
    assert set(resampled_means(crossed, 0, 500)) == {0.0, 0.25, 0.5, 1.0}


def test_the_same_seed_gives_the_same_interval():
    measure = _measure(np.random.default_rng(1).normal(size=(5, 8)))
    assert compare("m", measure, "black") == compare("m", measure, "black")


def test_a_clear_difference_is_found_and_its_interval_holds_it():
    differences = 0.3 + 0.1 * np.random.default_rng(0).normal(size=(5, 8))
    found = compare("m", _measure(differences), "black")
    assert found.distinguishable and found.low < 0.3 < found.high
    assert found.difference == pytest.approx(differences.mean())
    assert found.effect_size == pytest.approx(differences.mean() / differences.std(ddof=1))


def test_equal_differences_have_no_effect_size_and_a_point_interval():
    found = compare("m", _measure(np.full((5, 4), 0.25)), "black", resamples=200)
    assert found.low == pytest.approx(0.25) and found.high == pytest.approx(0.25)
    # 0.25 and a random number do not give back exactly 0.25: the last digit is no spread.
    assert found.effect_size is None


def test_equal_differences_of_seeds_alone_are_not_the_more_certain_for_their_rounding():
    found = compare("m", _measure(np.full((3, 1), 0.25)), "black", resamples=200)
    assert found.effect_size is None and found.p_value > 0.001


def test_values_without_classes_get_the_interval_of_student():
    values = np.array([[0.1], [0.3], [0.2], [0.5], [0.4]])
    found = compare("m", _measure(values), "black")
    # mean 0.3, standard error 0.0707, t(0.975, 4) = 2.776.
    assert (found.low, found.high) == pytest.approx((0.1037, 0.4963), abs=1e-3)


@pytest.mark.parametrize(
    ("seed_effect", "class_effect", "bounds"),
    [(0.0, 0.0, (0.0, 0.05)), (0.5, 1.0, (0.02, 0.09)), (0.0, 1.0, (0.01, 0.09))],
)
def test_a_null_study_finds_an_effect_about_one_time_in_twenty(seed_effect, class_effect, bounds):
    generator = np.random.default_rng(5)
    found = 0
    for _ in range(400):
        differences = (
            seed_effect * generator.normal(size=(5, 1))
            + class_effect * generator.normal(size=(1, 8))
            + generator.normal(size=(5, 8))
        )
        found += compare("m", _measure(differences), "black", resamples=400).interval_off_zero
    assert bounds[0] <= found / 400 <= bounds[1]


def test_shuffled_treatment_labels_show_no_effect():
    generator = np.random.default_rng(7)
    none = np.clip(generator.normal(0.4, 0.3, (5, 8)), 0, 1)
    black = np.clip(generator.normal(0.8, 0.2, (5, 8)), 0, 1)
    found = 0
    for _ in range(200):
        swapped = generator.random((5, 8)) < 0.5
        measure = {
            "none": dict(enumerate(np.where(swapped, black, none).tolist())),
            "black": dict(enumerate(np.where(swapped, none, black).tolist())),
        }
        found += compare("m", measure, "black", resamples=400).interval_off_zero
    assert found / 200 <= 0.08


def test_holm_multiplies_by_the_questions_that_are_left_and_stays_monotonic():
    corrected = correct([_comparison(p) for p in (0.01, 0.04, 0.03, 0.5)])
    assert [one.p_corrected for one in corrected] == pytest.approx([0.04, 0.09, 0.09, 0.5])
    assert all(one.questions == 4 for one in corrected)


def test_sentences_say_what_was_found():
    assert sentence(_comparison(0.001)) == "black minus none, m: +.31 [.18, .43]"
    nothing = _comparison(0.7, difference=0.02, low=-0.1, high=0.14)
    assert sentence(nothing) == (
        "black minus none, m: not distinguishable with 5 seeds (+.02 [-.10, .14])"
    )


def test_sentences_admit_few_seeds_and_many_questions():
    few = _comparison(0.001, seeds=(0, 1, 2))
    assert sentence(few).endswith("+.31 [.18, .43]; indicative, 3 seeds")
    many = correct([_comparison(0.03), _comparison(0.04)])[0]
    assert sentence(many).endswith("not distinguishable once corrected for 2 questions")


def test_whole_numbers_keep_their_digits():
    whole = _comparison(0.001, difference=1.0, low=-0.001, high=1.0)
    assert "+1.00 [.00, 1.00]" in sentence(whole)
