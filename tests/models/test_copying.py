"""Copies are the same networks: state beside weights, own layers and seeds are not lost."""

import keras
import numpy as np
import pytest
from keras import layers

from bg_interp.models import copying

IMAGES = np.random.default_rng(0).uniform(0, 255, (4, 8, 8, 3)).astype(np.float32)


class Own(layers.Layer):
    def call(self, x):
        return x * 0.5


class WithoutConfig(layers.Layer):
    def __init__(self, inner):
        super().__init__()
        self.inner = inner

    def call(self, x):
        return self.inner(x)


def adapted():
    norm = layers.Normalization()
    norm.adapt(IMAGES)
    return norm


FIRST = {
    "adapted": adapted,
    "augmenting": lambda: layers.RandomFlip(seed=3),
    "own": Own,
    "lambda": lambda: layers.Lambda(lambda x: x / 255),
    "without config": lambda: WithoutConfig(layers.Conv2D(3, 1)),
}


def network(first):
    image = keras.Input((8, 8, 3))
    x = layers.GlobalAveragePooling2D()(layers.Conv2D(4, 3)(FIRST[first]()(image)))
    return keras.Model(image, layers.Dense(2, name="scores")(x))


@pytest.mark.parametrize("first", FIRST)
def test_a_network_with_another_layer_is_the_same_but_for_that(first):
    model = network(first)
    before = [np.array(one) for one in model.variables]
    answers = np.asarray(model(IMAGES, training=False))
    head = model.get_layer("scores")
    kernel, bias = head.get_weights()
    changed = copying.with_layer(model, head, [2 * kernel, 2 * bias + 1])
    found = np.asarray(changed(IMAGES, training=False))
    np.testing.assert_allclose(found, 2 * answers + 1, rtol=1e-4, atol=1e-4)
    for was, now in zip(before, model.variables, strict=True):
        np.testing.assert_array_equal(was, np.asarray(now))


def test_what_says_how_it_is_made_is_copied_and_what_does_not_is_not():
    assert all(copying.copied(network(first)) is not None for first in ("adapted", "own"))
    assert copying.copied(network("without config")) is None
