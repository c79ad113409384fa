"""A linear model whose accuracy in every group is known before it is measured."""

import numpy as np
import pytest
import tensorflow as tf

from bg_interp.evaluation.arrays import Arrays
from bg_interp.evaluation.measuring import measure
from bg_interp.models.adapter import AdaptedModel

COUNT, SIDE, BEHIND = 2048, 8, 20


@pytest.fixture(scope="module")
def groups():
    """Objects of every strength from 0 to 255, before backgrounds of one, in two colours.

    The object covers a fourth of the image, so the mean of the image sides with an object of
    strength s against the background of the other class where s / 4 > 3 / 4 * BEHIND.
    """
    labels = (np.arange(COUNT) % 2).astype(np.int32)
    strength = np.arange(COUNT) // 2 % 256
    images = np.zeros((COUNT, SIDE, SIDE, 3), np.uint8)
    images[np.arange(COUNT), :, :, labels] = BEHIND
    images[:, 2:6, 2:6] = 0
    images[np.arange(COUNT), 2:6, 2:6, labels] = strength[:, None, None]
    masks = np.zeros((COUNT, SIDE, SIDE, 1), np.uint8)
    masks[:, 2:6, 2:6] = 255
    model = AdaptedModel(lambda images: tf.reduce_mean(images, axis=(1, 2))[:, :2])
    found = measure(model, Arrays(images, masks, labels), ("red", "green"), backgrounds=0)
    return found.groups


def test_accuracies_of_groups_are_those_it_was_built_with(groups):
    against = (np.arange(256) > 3 * BEHIND).mean()
    np.testing.assert_allclose(groups.accuracy, [[1, against], [against, 1]], atol=0.01)


def test_the_worst_group_is_one_of_those_that_were_built_to_be(groups):
    worst, accuracy = groups.worst, groups.worst.accuracy
    assert worst.of_class != worst.kind and accuracy.low < 1 - 61 / 256 < accuracy.high
