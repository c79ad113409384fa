"""Features of composites: halves share neither objects nor backgrounds."""

import keras
import numpy as np
import pytest

from bg_interp.evaluation.arrays import Arrays
from bg_interp.evaluation.units import Units
from bg_interp.repairing.cache import ResumeCache
from bg_interp.repairing.sample import NEITHER, divided, make_sample


@pytest.mark.parametrize("counts", [(2, 2), (7, 7, 5), (1000, 3)])
def test_halves_have_half_of_each_class(counts):
    labels = np.repeat(np.arange(len(counts)), counts)
    halves = divided(labels, 3)
    for label, count in enumerate(counts):
        assert abs(2 * halves[labels == label].sum() - count) <= 1
    assert abs(2 * halves.sum() - len(labels)) <= 1
    np.testing.assert_array_equal(halves, divided(labels, 3))


def _shown(seed: int = 0):
    """120 images of 3 classes: 10 objects each, before 8 places that classes share."""
    generator, labels = np.random.default_rng(seed), np.arange(120) % 3
    return labels, labels + 3 * generator.integers(0, 10, 120), generator.integers(0, 8, 120)


def test_halves_share_neither_objects_nor_scenes_where_these_are_told():
    labels, objects, scenes = _shown()
    halves = divided(labels, 3, Units(objects, scenes))
    assert set(halves.tolist()) == {0, 1, NEITHER}
    for told in (objects, scenes):
        assert not set(told[halves == 0]) & set(told[halves == 1])
    for half in (0, 1):
        assert (np.bincount(labels[halves == half], minlength=3) > 0).all()
    by_object = divided(labels, 3, Units(objects))
    assert set(by_object.tolist()) == {0, 1}
    assert not set(objects[by_object == 0]) & set(objects[by_object == 1])
    assert abs(2 * by_object.sum() - 120) <= 12
    # Near-duplicates are both: one division is enough.
    assert NEITHER not in divided(labels, 3, Units(objects, objects))


def test_classes_that_no_half_may_lack_go_before_objects():
    labels = np.repeat([0, 1], 20)
    halves = divided(labels, 0, Units(labels))
    assert all(set(labels[halves == half]) == {0, 1} for half in (0, 1))


def test_what_is_in_neither_half_is_pasted_among_itself():
    train, units = _numbered(40), Units(np.arange(40) // 2, np.arange(40) % 5)
    image = keras.Input((8, 8, 3))
    both = keras.layers.Concatenate()([image[:, 2, 2, :1], image[:, 0, 0, 1:2]])
    how = {"copies": 2, "seed": 1, "cache": ResumeCache(), "units": units}
    sample = make_sample(keras.Model(image, both), train, **how)
    behind, halves = sample.features[:, 1].astype(int), divided(train.labels, 1, units)
    assert NEITHER in halves and len(sample.labels) == 120
    np.testing.assert_array_equal(halves[behind], sample.halves)


def _numbered(count: int) -> Arrays:
    """Images whose red is the number of the object, and whose green is that of the background."""
    images = np.zeros((count, 8, 8, 3), np.uint8)
    masks = np.zeros((count, 8, 8, 1), np.uint8)
    masks[:, 2:4, 2:4] = 255
    images[..., 1] = np.arange(count)[:, None, None]
    images[:, 2:4, 2:4] = 0
    images[:, 2:4, 2:4, 0] = np.arange(count)[:, None, None]
    return Arrays(images, masks, np.arange(count) % 2)


def test_objects_are_pasted_before_backgrounds_of_their_own_half():
    train, seed = _numbered(40), 5
    image = keras.Input((8, 8, 3))
    both = keras.layers.Concatenate()([image[:, 2, 2, :1], image[:, 0, 0, 1:2]])
    sample = make_sample(keras.Model(image, both), train, copies=3, seed=seed, cache=ResumeCache())
    objects, behind = sample.features.T.astype(int)
    halves = divided(train.labels, seed)
    np.testing.assert_array_equal(objects, sample.objects)
    np.testing.assert_array_equal(halves[objects], sample.halves)
    np.testing.assert_array_equal(halves[behind], sample.halves)
    np.testing.assert_array_equal(behind == objects, sample.copy == 0)
    np.testing.assert_array_equal(behind % 2 != objects % 2, sample.is_foreign)
    assert len(sample.labels) == 160 and sample.is_foreign.any()
