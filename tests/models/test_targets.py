"""Logits are found and checked; layers are found by name, in nested models too."""

import keras
import numpy as np
import pytest

from bg_interp.errors import UserError
from bg_interp.models import targets

IMAGES = np.random.default_rng(1).uniform(0, 255, (2, 8, 8, 3)).astype(np.float32)


class Shares(keras.layers.Layer):
    def call(self, values):
        return keras.ops.softmax(values)


class Independent(keras.layers.Layer):
    def call(self, values):
        return keras.ops.sigmoid(values)


HIDDEN = {"shares": Shares, "independent": Independent}


def classifier(end, nested=False):
    """Returns a model that ends in `end`, and its logits for IMAGES."""
    inputs = keras.Input((8, 8, 3))
    values = keras.layers.Rescaling(1 / 255)(inputs)
    values = keras.layers.Conv2D(4, 3, name="deep")(values)
    if nested:
        inner = keras.Model(inputs, values, name="backbone")
        inputs = keras.Input((8, 8, 3))
        values = inner(inputs)
    values = keras.layers.GlobalAveragePooling2D()(values)
    dense = keras.layers.Dense(3, activation="softmax" if end == "fused" else None)
    values = dense(values)
    if end == "layer":
        values = keras.layers.Softmax()(values)
    if end == "activation":
        values = keras.layers.Activation("softmax")(values)
    if end == "operation":
        values = keras.ops.softmax(values)
    if end in HIDDEN:
        values = HIDDEN[end]()(values)
    return keras.Model(inputs, values)


@pytest.mark.parametrize("end", ["logits", "fused", "layer", "activation", "operation"])
@pytest.mark.parametrize("nested", [False, True])
def test_softmax_is_left_out(end, nested):
    model = classifier(end, nested)
    logits = targets.logits(model)(IMAGES).numpy()
    if end != "logits":
        logits = keras.ops.softmax(logits)
        assert not np.allclose(targets.logits(model)(IMAGES).numpy().sum(1), 1)
    np.testing.assert_allclose(logits, model(IMAGES), rtol=1e-5)


@pytest.mark.parametrize("end", HIDDEN)
def test_probabilities_of_unknown_origin_are_refused(end):
    with pytest.raises(UserError, match="must give logits, but its outputs are probabilities"):
        targets.logits(classifier(end))


def test_a_sigmoid_is_left_out_and_a_single_output_is_two_classes():
    inputs = keras.Input((8, 8, 3))
    values = keras.layers.GlobalAveragePooling2D()(keras.layers.Conv2D(4, 3)(inputs))
    model = keras.Model(inputs, keras.ops.sigmoid(keras.layers.Dense(1)(values)))
    scores = targets.logits(model)(IMAGES / 255).numpy()
    np.testing.assert_allclose(scores[:, 0], -scores[:, 1])
    np.testing.assert_allclose(keras.ops.sigmoid(scores[:, 1:]), model(IMAGES / 255), rtol=1e-5)
    assert targets.last_link(model) == "sigmoid"


def test_a_model_without_classes_is_refused():
    inputs = keras.Input((8, 8, 3))
    with pytest.raises(UserError, match="name a layer"):
        targets.logits(keras.Model(inputs, keras.layers.Conv2D(2, 3)(inputs)))


def test_several_inputs_are_refused_with_the_way_out():
    inputs = [keras.Input((8, 8, 3)), keras.Input((8, 8, 3))]
    model = keras.Model(inputs, keras.layers.Flatten()(keras.layers.Add()(inputs)))
    with pytest.raises(UserError, match="ActivationMaximization takes models with several"):
        targets.logits(model)


def test_an_open_size_is_asked_for_and_can_be_given():
    inputs = keras.Input((None, None, 3))
    values = keras.layers.GlobalAveragePooling2D()(keras.layers.Conv2D(2, 3)(inputs))
    model = keras.Model(inputs, values)
    with pytest.raises(UserError, match="give the size"):
        targets.logits(model)
    assert targets.logits(model, (10, 12, 3)).inputs[0].shape == (None, 10, 12, 3)


@pytest.mark.parametrize("name", ["deep", "backbone/deep"])
def test_a_layer_of_a_nested_model_is_found(name):
    model = classifier("fused", nested=True)
    channels = targets.layer(model, name)
    assert channels(IMAGES).shape == (2, 6, 6, 4)
    inner = model.get_layer("backbone")
    np.testing.assert_allclose(channels(IMAGES), inner(IMAGES), rtol=1e-6)


def test_a_neuron_is_in_the_middle_or_where_it_is_asked_for():
    channels = targets.layer(classifier("logits"), "deep")
    assert targets.neuron(channels) == (3, 3)
    assert targets.neuron(channels, (5, 0)) == (5, 0)
    with pytest.raises(UserError, match=r"must lie within \(6, 6\). Received: \(6, 0\)"):
        targets.neuron(channels, (6, 0))


def test_near_names_are_suggested():
    with pytest.raises(UserError, match="no layer 'depp'; did you mean 'deep'"):
        targets.layer(classifier("fused"), "depp")
    with pytest.raises(UserError, match=r"no class 'fsh'.*did you mean 'fish'"):
        targets.units(["fsh"], ["fish", "car"], "class")


def test_units_are_names_or_numbers():
    assert targets.units(["car", "0"], ["fish", "car"], "class") == [1, 0]
    for wrong in ("2", "-1"):
        with pytest.raises(UserError, match="from 0 to 1"):
            targets.units([wrong], ["fish", "car"], "class")
