"""Shares and differences of images that count unequally, or belong together."""

import numpy as np
import pytest

from bg_interp.evaluation import intervals
from bg_interp.evaluation.effective import paired_difference, share_of


def test_single_images_get_the_plain_intervals():
    right = np.arange(40) < 33
    found = share_of(right)
    assert (found.value, found.worth) == (pytest.approx(0.825), pytest.approx(40))
    assert found.interval == pytest.approx(intervals.share(33, 40))
    other = np.arange(40) % 3 > 0
    found = paired_difference(right, other)
    gained, lost = (right & ~other).sum(), (other & ~right).sum()
    assert found.value == pytest.approx((gained - lost) / 40)
    assert found.interval == pytest.approx(intervals.difference(gained, lost, 40))


def test_each_class_counts_alike():
    classes = np.repeat([0, 1], [97, 3])
    found = paired_difference(np.ones(100), classes == 0, classes=classes)
    assert found.value == pytest.approx(0.5)
    # Three images say little of their class.
    assert found.worth < 10 and found.interval.high - found.interval.low > 0.4


def test_even_classes_cost_nothing():
    right = np.random.default_rng(0).random(200) < 0.8
    found = share_of(right, classes=np.arange(200) % 2)
    assert found.interval == pytest.approx(share_of(right).interval, abs=0.01)


def test_copies_of_an_image_are_no_news():
    right = np.random.default_rng(0).random(30) < 0.7
    objects = np.repeat(np.arange(30), 10)
    copied = share_of(right[objects], units=[objects])
    assert copied.value == pytest.approx(right.mean())
    assert copied.worth <= 30
    plain = share_of(right).interval
    assert copied.interval.low <= plain.low and plain.high <= copied.interval.high
    assert share_of(np.ones(300), units=[objects]).worth == pytest.approx(30)


def test_units_that_are_all_alike_cost_little():
    right = np.tile(np.arange(10) < 8, 30)
    assert share_of(right, units=[np.repeat(np.arange(30), 10)]).worth == pytest.approx(300)


def test_a_class_of_one_object_is_taken_to_be_as_the_others():
    generator = np.random.default_rng(3)
    classes = np.repeat([0, 1, 2], 40)
    objects = np.concatenate([np.zeros(40, int), 1 + np.arange(40) % 4, 5 + np.arange(40) % 4])
    right = generator.random(120) < generator.random(9)[objects]
    found = share_of(right, classes=classes, units=[objects])
    assert 0 < found.interval.low < found.value < found.interval.high < 1 and found.worth < 100
    alone = share_of(right, classes=classes, units=[classes])
    assert alone.worth == pytest.approx(3)


@pytest.mark.parametrize("deviations", [(1.0, 0.0), (0.0, 1.0), (1.0, 1.0)])
def test_new_objects_before_new_places_are_held(deviations):
    generator = np.random.default_rng(0)
    objects, places = generator.integers(0, 30, 300), generator.integers(0, 20, 300)

    def drawn(shape):
        return 1 / (1 + np.exp(-1.5 - np.hypot(*deviations) * generator.normal(size=shape)))

    truth, held, plain = drawn(200_000).mean(), 0, 0
    for _ in range(200):
        logits = 1.5 + deviations[0] * generator.normal(size=30)[objects]
        logits = logits + deviations[1] * generator.normal(size=20)[places]
        right = generator.random(300) < 1 / (1 + np.exp(-logits))
        low, high = share_of(right, units=[objects, places]).interval
        held += low <= truth <= high
        low, high = share_of(right).interval
        plain += low <= truth <= high
    assert held >= 0.92 * 200 > plain


@pytest.mark.parametrize("sizes", [(5, 5), (3,) * 7, (1,) * 10, (91, 9)])
def test_balanced_differences_are_held_with_few_images_a_class(sizes):
    generator = np.random.default_rng(0)
    classes, held = np.repeat(np.arange(len(sizes)), sizes), 0
    for _ in range(200):
        first = generator.random(len(classes)) < 0.95
        second = generator.random(len(classes)) < 0.6
        low, high = paired_difference(first, second, classes=classes).interval
        held += low <= 0.35 <= high
    assert held >= 0.92 * 200
