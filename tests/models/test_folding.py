"""A folded model computes the same, shares weights, and follows the original."""

import keras
import numpy as np
import pytest

from bg_interp.models.folding import FoldedModel


def randomised(model, seed=0):
    """Gives every weight, moving statistics included, a random value."""
    draws = np.random.default_rng(seed)
    for variable in model.variables:
        low = 0.5 if "variance" in variable.path else -1.0
        variable.assign(draws.uniform(low, 1.5, variable.shape).astype(np.float32))
    return model


def network(nested=False):
    inputs = keras.Input((12, 12, 3))
    values = keras.layers.Conv2D(4, 3, use_bias=False)(inputs)
    values = keras.layers.BatchNormalization()(values)
    values = keras.layers.ReLU()(values)
    values = keras.layers.DepthwiseConv2D(3, depth_multiplier=2)(values)
    values = keras.layers.BatchNormalization(scale=False)(values)
    if nested:
        body = keras.Model(inputs, values, name="body")
        inputs = keras.Input((12, 12, 3))
        values = body(inputs)
    values = keras.layers.GlobalAveragePooling2D()(values)
    values = keras.layers.Dense(5)(values)
    values = keras.layers.BatchNormalization(center=False)(values)
    return randomised(keras.Model(inputs, values))


def norms(model):
    return sum(isinstance(layer, keras.layers.BatchNormalization) for layer in model.layers)


IMAGES = np.random.default_rng(1).uniform(0, 1, (4, 12, 12, 3)).astype(np.float32)


@pytest.mark.parametrize("nested", [False, True])
def test_outputs_agree_and_no_norm_is_left(nested):
    model = network(nested)
    folded = FoldedModel(model).model
    expected = model(IMAGES, training=False).numpy()
    np.testing.assert_allclose(folded(IMAGES, training=False), expected, rtol=1e-4, atol=1e-4)
    assert norms(folded) == 0


def test_refresh_follows_the_original():
    model = network()
    folded = FoldedModel(model)
    randomised(model, seed=7)
    folded.refresh()
    expected = model(IMAGES, training=False).numpy()
    np.testing.assert_allclose(folded.model(IMAGES, training=False), expected, rtol=1e-4, atol=1e-4)


def test_a_convolution_whose_output_is_read_elsewhere_is_left_alone():
    inputs = keras.Input((12, 12, 3))
    raw = keras.layers.Conv2D(4, 3)(inputs)
    normed = keras.layers.BatchNormalization()(raw)
    model = randomised(keras.Model(inputs, keras.layers.Add()([raw, normed])))
    folded = FoldedModel(model).model
    assert norms(folded) == 1
    np.testing.assert_allclose(folded(IMAGES), model(IMAGES), rtol=1e-5)


def test_a_layer_used_twice_is_left_alone():
    convolution, norm = keras.layers.Conv2D(3, 3, padding="same"), keras.layers.BatchNormalization()
    inputs = keras.Input((12, 12, 3))
    model = randomised(keras.Model(inputs, norm(convolution(norm(convolution(inputs))))))
    folded = FoldedModel(model).model
    np.testing.assert_allclose(folded(IMAGES), model(IMAGES), rtol=1e-5)


def test_an_activation_before_the_norm_is_respected():
    inputs = keras.Input((12, 12, 3))
    values = keras.layers.Conv2D(4, 3, activation="relu")(inputs)
    model = randomised(keras.Model(inputs, keras.layers.BatchNormalization()(values)))
    np.testing.assert_allclose(FoldedModel(model).model(IMAGES), model(IMAGES), rtol=1e-5)


def test_the_original_can_still_be_saved(tmp_path):
    model = network()
    FoldedModel(model)
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(again(IMAGES), model(IMAGES))
