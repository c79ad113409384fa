"""Tiny networks with weights that make a difference."""

import keras
import numpy as np
import pytest


@pytest.fixture
def make_network():
    """Makes a classifier of images with BatchNorm, of random weights."""

    def make(size=16, channels=3, classes=4, seed=0, dtype="float32"):
        policy = dtype if dtype == "float32" else keras.DTypePolicy(dtype)
        inputs = keras.Input((size, size, channels))
        values = keras.layers.Rescaling(1 / 64, -2)(inputs)
        values = keras.layers.Conv2D(
            8, 3, strides=2, use_bias=False, dtype=policy, name="convolution"
        )(values)
        values = keras.layers.BatchNormalization(dtype=policy)(values)
        values = keras.layers.Activation("swish", dtype=policy)(values)
        values = keras.layers.Flatten()(values)
        model = keras.Model(inputs, keras.layers.Dense(classes, dtype=policy)(values))
        draws = np.random.default_rng(seed)
        for variable in model.variables:
            low = 0.5 if "variance" in variable.path else -0.5
            variable.assign(draws.uniform(low, 0.6, variable.shape).astype(np.float32))
        return model

    return make
