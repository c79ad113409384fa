"""Comparisons on studies whose answer is known, and on studies with nothing in them."""

import numpy as np
import pytest

from bg_interp.errors import UserError
from bg_interp.evaluation.statistics import (
    INDICATIVE,
    Comparison,
    Inference,
    compare,
    correct,
    interval,
    paired_differences,
    sentence,
    shown_p,
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


def test_what_all_values_share_widens_the_interval():
    values = 0.5 + 0.1 * np.random.default_rng(0).normal(size=(5, 8))
    narrow, wide = interval(values), interval(values, shared_variance=0.01)
    assert wide[0] < narrow[0] - 0.1 and wide[1] > narrow[1] + 0.1
    found = compare("m", _measure(values), "black", shared_variance=0.01)
    for one in (found.like_these, found.these):
        assert one.high - one.low > 2 * 1.96 * 0.1


def test_shares_have_no_interval_without_width_and_none_beyond_what_is_possible():
    low, high = interval(np.ones((5, 8)))
    assert 0.4 < low < 0.75 and high == 1.0
    low, high = interval(np.full((5, 8), 0.99))
    assert 0.8 < low < high == 1.0
    ones = {"none": {0: [0.0] * 4, 1: [0.0] * 4}, "black": {0: [1.0] * 4, 1: [1.0] * 4}}
    found = compare("m", ones, "black")
    assert found.low < found.high == 1.0 and found.these.low < found.these.high == 1.0


def test_says_which_arms_are_missing():
    with pytest.raises(UserError, match=r"seeds \[0\] and \[1\]; train the missing arms"):
        compare("m", {"none": {1: [0.5]}, "black": {0: [0.5]}}, "black")


def test_says_when_no_class_was_measured():
    with pytest.raises(UserError, match="a class that was measured in both"):
        compare("m", {"none": {1: [None]}, "black": {1: [0.5]}}, "black")


def test_the_interval_of_a_difference_may_lie_below_zero():
    values = np.random.default_rng(0).normal(-0.02, 0.01, (1, 24))
    low, high = interval(values)
    assert low < values.mean() < high < 0
    assert interval(np.abs(values) + 0.2)[0] > 0


def test_a_clear_difference_is_found_and_its_interval_holds_it():
    differences = 0.3 + 0.1 * np.random.default_rng(0).normal(size=(5, 8))
    found = compare("m", _measure(differences), "black")
    assert found.distinguishable and found.low < 0.3 < found.high
    assert found.difference == pytest.approx(differences.mean())
    assert found.effect_size == pytest.approx(differences.mean() / differences.std(ddof=1))


def test_equal_differences_have_no_effect_size_and_are_not_certain():
    found = compare("m", _measure(np.full((5, 4), 0.25)), "black")
    assert found.low < 0.2 and found.high > 0.3
    # 0.25 and a random number do not give back exactly 0.25: the last digit is no spread.
    assert found.effect_size is None
    few = compare("m", _measure(np.full((3, 1), 0.25)), "black")
    assert few.effect_size is None and few.p_value > 0.001


def test_values_without_classes_get_the_interval_of_student():
    values = np.array([[0.1], [0.3], [0.2], [0.5], [0.4]])
    found = compare("m", _measure(values), "black")
    # mean 0.3, standard error 0.0707, t(0.975, 4) = 2.776.
    assert (found.low, found.high) == pytest.approx((0.1037, 0.4963), abs=1e-3)
    assert (found.these.low, found.these.high) == pytest.approx((0.1037, 0.4963), abs=1e-3)


def test_these_classes_and_classes_like_these_are_told_apart():
    # The classes differ, and all seeds agree about each of them.
    classes = np.array([0.9, 0.6, 0.5, 0.05, 0.0, 0.0, -0.05, 0.0])
    differences = classes + 0.02 * np.random.default_rng(0).normal(size=(12, 8))
    found = correct([compare("m", _measure(differences), "black")])[0]
    assert found.verdict_on_these == "yes" and found.these.p_corrected < 0.001
    assert found.verdict_on_like_these == INDICATIVE and found.p_value > 0.05
    many = compare("m", _measure(np.tile(differences, 3)), "black")
    assert many.verdict_on_like_these == "yes"


def test_few_seeds_give_no_verdict():
    differences = 0.5 + 0.01 * np.random.default_rng(0).normal(size=(4, 20))
    found = compare("m", _measure(differences), "black")
    assert found.verdict_on_these == found.verdict_on_like_these == INDICATIVE
    assert not found.distinguishable
    one = compare("m", _measure(differences[:1]), "black")
    assert one.these is None and one.verdict_on_these == INDICATIVE


@pytest.mark.parametrize("deviations", [(0.0, 0.0, 1.0), (0.5, 1.0, 1.0), (1.0, 0.0, 1.0)])
@pytest.mark.parametrize("shape", [(5, 8), (12, 16)])
def test_a_null_study_is_off_zero_one_time_in_twenty(deviations, shape):
    generator, pairs = np.random.default_rng(5), []
    for _ in range(150):
        by_class = deviations[1] * generator.normal(size=(1, shape[1]))
        differences = (
            deviations[0] * generator.normal(size=(shape[0], 1))
            + by_class
            + deviations[2] * generator.normal(size=shape)
        )
        found = compare("m", _measure(differences), "black")
        truth = by_class.mean()
        pairs.append((found.interval_off_zero, not found.these.low <= truth <= found.these.high))
    assert (np.mean(pairs, axis=0) <= 0.09).all()


def test_shuffled_treatment_labels_show_no_effect():
    generator = np.random.default_rng(7)
    none = np.clip(generator.normal(0.4, 0.3, (5, 8)), 0, 1)
    black = np.clip(generator.normal(0.8, 0.2, (5, 8)), 0, 1)
    found = 0
    for _ in range(100):
        swapped = generator.random((5, 8)) < 0.5
        measure = {
            "none": dict(enumerate(np.where(swapped, black, none).tolist())),
            "black": dict(enumerate(np.where(swapped, none, black).tolist())),
        }
        found += compare("m", measure, "black").interval_off_zero
    assert found / 100 <= 0.1


def test_holm_multiplies_by_the_questions_that_are_left_and_stays_monotonic():
    corrected = correct([_comparison(p) for p in (0.01, 0.04, 0.03, 0.5)])
    assert [one.p_corrected for one in corrected] == pytest.approx([0.04, 0.09, 0.09, 0.5])
    assert all(one.questions == 4 for one in corrected)


def test_holm_corrects_both_kinds_of_classes_apart():
    these = [Inference(0.1, 0.3, p, p) for p in (0.02, 0.01)]
    found = correct([_comparison(p, these=one) for p, one in zip((0.01, 0.3), these, strict=True)])
    assert [one.p_corrected for one in found] == pytest.approx([0.02, 0.3])
    assert [one.these.p_corrected for one in found] == pytest.approx([0.02, 0.02])


def test_sentences_say_for_which_classes_it_was_found():
    these = Inference(0.28, 0.34, 0.0001, 0.0001)
    found = _comparison(0.02, these=these)
    assert sentence(found) == (
        "black minus none, m: +.31 [.18, .43]; holds for these classes (p < .001), indicative for "
        "classes like these (8)"
    )
    many = _comparison(0.2, classes=20, low=-0.1, these=these)
    assert sentence(many).endswith(
        "holds for these classes (p < .001), does not hold for classes like these (p = .200)"
    )


def test_sentences_admit_few_seeds_and_many_questions():
    few = _comparison(0.001, seeds=(0, 1, 2), these=Inference(0.2, 0.4, 0.001, 0.001))
    assert sentence(few).endswith("+.31 [.18, .43]; indicative, 3 seeds")
    these = Inference(0.1, 0.4, 0.03, 0.03)
    many = correct([_comparison(0.03, these=these), _comparison(0.04, these=these)])[0]
    assert "does not hold for these classes (p = .060, corrected for 2 questions)" in sentence(many)


def test_p_values_below_a_thousandth_are_not_written_out():
    assert shown_p(0.0002) == "p < .001" and shown_p(0.0344) == "p = .034"
    assert shown_p(1.0) == "p = 1.000"


def test_whole_numbers_keep_their_digits():
    whole = _comparison(0.001, difference=1.0, low=-0.001, high=1.0)
    assert "+1.00 [.00, 1.00]" in sentence(whole)
