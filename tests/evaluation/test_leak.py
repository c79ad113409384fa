"""How much backgrounds tell, on backgrounds that tell a known share."""

import numpy as np
import pytest

from bg_interp.errors import UserError
from bg_interp.evaluation import leak
from bg_interp.evaluation.arrays import Arrays
from bg_interp.evaluation.leak import drawn, measure_leak


def _drawn(correlation: float, count: int) -> Arrays:
    """Three classes whose background has the class's colour with a probability."""
    generator = np.random.default_rng(0)
    labels = (np.arange(count) % 3).astype(np.int32)
    places = np.where(generator.random(count) < correlation, labels, (labels + 1) % 3)
    images = generator.integers(0, 60, (count, 16, 16, 3)).astype(np.uint8)
    images[np.arange(count), :, :, places] += 150
    masks = np.zeros((count, 16, 16, 1), np.uint8)
    masks[:, 5:11, 5:11] = 255
    return Arrays(images, masks, labels)


@pytest.mark.parametrize(("correlation", "count"), [(0.6, 240), (1.0, 120)])
def test_the_leak_is_the_share_that_backgrounds_tell(correlation, count):
    arrays = _drawn(correlation, count)
    colours = arrays.images.mean(axis=(1, 2)).argmax(axis=-1)
    told = (colours == arrays.labels).mean()
    assert told == pytest.approx(correlation, abs=0.05)
    assert measure_leak(arrays).accuracy.value == pytest.approx(told, abs=0.02)


def test_backgrounds_that_tell_nothing_are_at_chance():
    arrays = _drawn(1.0, 240)
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


def test_scenes_that_were_seen_several_times_tell_nothing_by_being_known():
    generator = np.random.default_rng(0)
    scenes = generator.integers(0, 256, (30, 24, 24, 3)).astype(np.uint8).repeat(4, axis=0)
    scene = np.arange(30).repeat(4)
    labels = generator.permutation(np.arange(30) % 3)[scene].astype(np.int32)
    masks = np.zeros((120, 24, 24, 1), np.uint8)
    masks[:, 8:14, 8:14] = 255
    arrays = Arrays(scenes, masks, labels)
    found = measure_leak(arrays)
    assert found.scenes == 30 and found.accuracy.low < found.chance and found.p_value > 0.025
    # Scenes that the pixels don't tell may be told.
    noisy = arrays._replace(images=generator.integers(0, 256, scenes.shape).astype(np.uint8))
    # Of 7,140 pairs of noise one may agree by chance.
    assert measure_leak(noisy).scenes >= 118
    assert measure_leak(noisy, scenes=scene).scenes in (29, 30)


def test_the_rim_that_a_small_mask_leaves_is_no_leak():
    arrays = _drawn(1.0, 150)
    grey = np.full_like(arrays.images, 90)
    grey[:, 4:12, 4:12] = 80 * arrays.labels[:, None, None, None]
    noise = np.random.default_rng(0).integers(-20, 20, grey.shape)
    masks = np.zeros_like(arrays.masks)
    masks[:, 5:11, 5:11] = 255
    images = np.clip(grey + noise, 0, 255).astype(np.uint8)
    found = measure_leak(Arrays(images, masks, arrays.labels))
    assert found.accuracy.low < found.chance


def test_labels_by_chance_keep_each_fold_s_classes_and_each_unit_s_label():
    generator = np.random.default_rng(0)
    units = np.repeat(np.arange(60), 2)
    labels = np.repeat(generator.permutation(np.arange(60) % 3), 2)
    folds = leak._Folds(generator.normal(size=(120, 5)).astype(np.float32), labels, units, 0)
    made = folds.permuted(labels, units, generator)
    assert not np.array_equal(made, labels)
    np.testing.assert_array_equal(made[0::2], made[1::2])
    for test, *_ in folds._parts:
        np.testing.assert_array_equal(np.bincount(made[test]), np.bincount(labels[test]))
