"""Class images whose content is known, scored by judges of known quality."""

import json

import numpy as np
import pytest

from bg_interp.errors import UserError
from bg_interp.evaluation.recognisability import (
    forced_choice,
    judge_class_images,
    score_images,
)
from bg_interp.evaluation.reliance.variants import Variants


@pytest.fixture(scope="module")
def scored(judges, shapes_test):
    """Natural objects, natural backgrounds and noise in the place of class images."""
    first = [int(np.argmax(shapes_test.labels == label)) for label in range(3)]
    noise = np.random.default_rng(0).normal(127, 20, (3, 24, 24, 3))
    backgrounds = Variants(shapes_test).make("background_only", np.array(first))
    objects = Variants(shapes_test).make("foreground_only", np.array(first))
    images = {"objects": objects, "backgrounds": backgrounds, "noise": noise}
    return judge_class_images(images, shapes_test, judges)


def test_natural_objects_are_the_upper_mark(scored):
    for judge in ("foreground_judge", "shape_judge", "development_judge", "forced_choice"):
        assert scored["natural_objects"][judge]["mean"] > 0.85
        assert scored["objects"][judge]["mean"] > 0.6
    assert scored["natural_objects"]["leakage"]["mean"] < 0.1


def test_natural_backgrounds_leak_and_are_not_recognised(scored):
    for name in ("natural_backgrounds", "backgrounds"):
        assert scored[name]["leakage"]["mean"] > 0.9
        assert scored[name]["foreground_judge"]["mean"] < 0.7


def test_noise_has_no_background_and_no_object(scored):
    assert scored["noise"]["leakage"]["mean"] == 0
    assert np.mean(scored["noise"]["leakage"]["none_of_them"]) > 0.5
    assert scored["noise"]["foreground_judge"]["mean"] < 0.7


def test_scores_are_plain_and_by_class(scored):
    again = json.loads(json.dumps(scored))
    assert len(again["objects"]["foreground_judge"]["probability"]) == 3
    assert set(again["objects"]["shape_judge"]["right"]) <= {0.0, 1.0}


def test_a_class_without_images_is_none_and_not_wrong(judges, shapes_test):
    some = shapes_test.take(shapes_test.labels < 2)
    measured = score_images(some.images, some.labels, judges)
    assert measured["foreground_judge"]["right"][2] is None
    assert measured["foreground_judge"]["mean"] is not None


def test_diverged_images_are_refused_by_number(judges):
    images = np.zeros((3, 24, 24, 3))
    images[1, 0, 0, 0] = np.nan
    with pytest.raises(UserError, match=r"NaN or infinity in images \[1\]"):
        score_images(images, np.arange(3), judges)


def _mean_colour(images: np.ndarray) -> np.ndarray:
    return np.asarray(images, np.float64).mean(axis=(1, 2))


def _coloured(channels: list[int]) -> np.ndarray:
    images = np.zeros((len(channels), 4, 4, 3))
    images[np.arange(len(channels)), :, :, channels] = 200
    return images


def test_forced_choice_with_perfect_explanations_is_always_right():
    queries, labels = _coloured([0, 0, 1, 1, 2]), np.array([0, 0, 1, 1, 2])
    shares = forced_choice(_coloured([0, 1, 2]), queries, labels, _mean_colour)
    np.testing.assert_array_equal(shares, [1, 1, 1])


def test_forced_choice_with_equal_explanations_is_at_chance():
    queries, labels = _coloured([0, 0, 1, 1, 2]), np.array([0, 0, 1, 1, 2])
    shares = forced_choice(_coloured([1, 1, 1]), queries, labels, _mean_colour)
    np.testing.assert_array_equal(shares, [0.5, 0.5, 0.5])


def test_forced_choice_with_exchanged_explanations_is_always_wrong():
    queries, labels = _coloured([0, 1]), np.array([0, 1])
    shares = forced_choice(_coloured([1, 0]), queries, labels, _mean_colour)
    np.testing.assert_array_equal(shares, [0, 0])


def test_forced_choice_counts_pairs_of_queries():
    # Preferences of class 0's queries: +, -; of class 1's: -: one pair right, one tied.
    queries, labels = _coloured([0, 1, 1]), np.array([0, 0, 1])
    shares = forced_choice(_coloured([0, 1]), queries, labels, _mean_colour)
    np.testing.assert_array_equal(shares, [0.75, 0.75])


def test_forced_choice_leaves_out_classes_without_queries():
    queries, labels = _coloured([0, 1]), np.array([0, 1])
    shares = forced_choice(_coloured([0, 1, 2]), queries, labels, _mean_colour)
    np.testing.assert_array_equal(shares, [1, 1, np.nan])
