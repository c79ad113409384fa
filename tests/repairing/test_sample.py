"""Features of composites: halves share neither objects nor backgrounds."""

import keras
import numpy as np
import pytest

from bg_interp.evaluation.arrays import Arrays
from bg_interp.repairing.cache import ResumeCache
from bg_interp.repairing.sample import divided, make_sample


@pytest.mark.parametrize("counts", [(2, 2), (7, 7, 5), (1000, 3)])
def test_halves_have_half_of_each_class(counts):
    labels = np.repeat(np.arange(len(counts)), counts)
    halves = divided(labels, 3)
    for label, count in enumerate(counts):
        assert abs(2 * halves[labels == label].sum() - count) <= 1
    assert abs(2 * halves.sum() - len(labels)) <= 1
    np.testing.assert_array_equal(halves, divided(labels, 3))


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
