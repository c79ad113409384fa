"""How much backgrounds tell, on backgrounds that tell a known share."""

import numpy as np
import pytest

from bg_interp.errors import UserError
from bg_interp.evaluation.arrays import Arrays
from bg_interp.evaluation.leak import drawn, measure_leak


def _drawn(correlation: float, count: int = 600) -> Arrays:
    """Three classes whose background has the class's colour with a probability."""
    generator = np.random.default_rng(0)
    labels = (np.arange(count) % 3).astype(np.int32)
    places = np.where(generator.random(count) < correlation, labels, (labels + 1) % 3)
    images = generator.integers(0, 60, (count, 16, 16, 3)).astype(np.uint8)
    images[np.arange(count), :, :, places] += 150
    masks = np.zeros((count, 16, 16, 1), np.uint8)
    masks[:, 5:11, 5:11] = 255
    return Arrays(images, masks, labels)


@pytest.mark.parametrize("correlation", [0.6, 1.0])
def test_the_leak_is_the_share_that_backgrounds_tell(correlation):
    assert measure_leak(_drawn(correlation)).accuracy.value == pytest.approx(correlation, abs=0.05)


def test_backgrounds_that_tell_nothing_are_at_chance():
    arrays = _drawn(1.0)
    labels = np.random.default_rng(1).permutation(arrays.labels)
    found = measure_leak(arrays._replace(labels=labels))
    assert found.accuracy.value == pytest.approx(1 / 3, abs=0.08)
    assert found.chance == pytest.approx(1 / 3) and "commonest label" in str(found)


def test_of_many_classes_those_looked_at_have_enough_images():
    labels = np.repeat(np.arange(1000), 20)
    counts = np.bincount(labels[drawn(labels, seed=1)], minlength=1000)
    assert counts.sum() == 1600 and set(counts.tolist()) == {0, 5}
    few = np.array([0] * 3 + [1] * 50 + [2] * 6)
    assert np.bincount(few[drawn(few, seed=1)]).tolist() == [0, 50, 6]


def test_too_few_images_are_one_line():
    with pytest.raises(UserError, match=r"two classes or more .* Received: 1"):
        measure_leak(_drawn(1.0, 30).take(np.r_[0:30:3, 1]))
