"""The last layer of classifiers that end in every usual way, and in ways that are refused."""

import keras
import numpy as np
import pytest

from bg_interp.errors import UserError
from bg_interp.models.preprocessing import with_pixels
from bg_interp.pixels import of_range
from bg_interp.repairing.head import find_head, in_order, logits_of_bytes, of_data

IMAGES = np.random.default_rng(0).integers(0, 256, (5, 8, 8, 3)).astype(np.float32)


def network(*end: keras.layers.Layer) -> keras.Model:
    keras.utils.set_random_seed(0)
    return keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            keras.layers.Conv2D(4, 3, name="seen"),
            keras.layers.GlobalAveragePooling2D(),
            *end,
        ]
    )


@pytest.mark.parametrize(
    "end",
    [
        lambda: [keras.layers.Dense(3)],
        lambda: [keras.layers.Dense(3, activation="softmax")],
        lambda: [keras.layers.Dense(3), keras.layers.Softmax()],
        lambda: [keras.layers.Dense(3), keras.layers.Activation("softmax")],
        lambda: [keras.layers.Dense(1, activation="sigmoid")],
        lambda: [keras.layers.Dense(1)],
    ],
)
def test_features_and_weights_give_the_classes_of_the_whole(end):
    model = network(*end())
    head = find_head(model)
    kernel, bias = head.weights()
    logits = np.asarray(head.features()(IMAGES)) @ kernel + bias
    outputs = np.asarray(model(IMAGES))
    assert logits.shape == (5, head.classes)
    if head.dense.units > 1:
        np.testing.assert_array_equal(logits.argmax(1), outputs.argmax(1))
    else:
        threshold = 0.5 if head.dense.activation.__name__ == "sigmoid" else 0.0
        np.testing.assert_array_equal(logits.argmax(1), outputs[:, 0] > threshold)


@pytest.mark.parametrize("units", [1, 4])
def test_a_copy_has_the_new_layer_and_the_old_others(units):
    model = network(keras.layers.Dense(units))
    before = [values.copy() for values in model.get_weights()]
    head = find_head(model)
    kernel = np.arange(4 * head.classes, dtype=np.float32).reshape(4, -1) ** 2
    bias = np.arange(head.classes, dtype=np.float32)
    copy = head.replaced(kernel, bias)
    for mine, theirs in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(mine, theirs)
    for mine, theirs in zip(before[:-2], copy.get_weights()[:-2], strict=True):
        assert mine.tobytes() == theirs.tobytes()
    logits = np.asarray(head.features()(IMAGES)) @ kernel + bias
    expected = logits if units > 1 else logits[:, 1:] - logits[:, :1]
    np.testing.assert_allclose(copy(IMAGES), expected, rtol=1e-4)


def test_layers_that_were_called_before_are_seen_where_they_are_now():
    """As those of a model that was taken apart: what they were called on first is another graph."""
    layers = network(keras.layers.Dense(3)).layers
    model = keras.Sequential([keras.Input((8, 8, 3)), *layers])
    head = find_head(model)
    kernel, bias = head.weights()
    logits = np.asarray(head.features()(IMAGES)) @ kernel + bias
    np.testing.assert_allclose(logits, model(IMAGES), rtol=1e-4, atol=1e-4)


def test_the_order_of_the_network_may_be_that_of_the_data():
    layer = np.ones((4, 3)), np.ones(3)
    assert of_data(*layer, None) == layer and in_order(*layer, None) == layer


def test_a_layer_is_brought_into_the_order_of_the_network():
    kernel, bias = np.arange(12.0).reshape(4, 3), np.arange(3.0)
    # Class 0 of the data is the network's output 2.
    moved, moved_bias = in_order(kernel, bias, (2, 0, 1))
    np.testing.assert_array_equal(moved[:, [2, 0, 1]], kernel)
    np.testing.assert_array_equal(moved_bias[[2, 0, 1]], bias)
    back, back_bias = of_data(moved, moved_bias, (2, 0, 1))
    np.testing.assert_array_equal(back, kernel)
    np.testing.assert_array_equal(back_bias, bias)


def functional(*, two: bool = False, listed_last: bool = True) -> keras.Model:
    """A graph of two inputs, or one in which something follows the last layer that is listed."""
    image, other = keras.Input((8, 8, 3)), keras.Input((4,))
    seen = keras.layers.GlobalAveragePooling2D()(image)
    dense = keras.layers.Dense(3)
    inputs = [image, other] if two else image
    scores = dense(keras.layers.Concatenate()([seen, other]) if two else seen)
    return keras.Model(inputs, scores if listed_last else keras.ops.negative(scores))


class Subclassed(keras.Model):
    def call(self, images):
        return images


@pytest.mark.parametrize(
    ("model", "found"),
    [
        (network, "ends with GlobalAveragePooling2D"),
        (lambda: network(keras.layers.Dense(3), keras.layers.ReLU()), "ends with ReLU"),
        (lambda: network(keras.layers.Dense(3, activation="relu")), "units=3, use_bias=True, relu"),
        (lambda: network(keras.layers.Dense(3, activation="sigmoid")), "sigmoid"),
        (lambda: network(keras.layers.Dense(3, use_bias=False)), "use_bias=False"),
        (lambda: Subclassed(name="mine"), "'mine', which ends with no layers"),
        (lambda: len, "ends with no layers"),
        (lambda: functional(two=True), "and has 2 inputs and 1 outputs"),
        (lambda: functional(listed_last=False), "but gives something else than what that layer"),
    ],
)
def test_another_end_is_one_line_that_says_what_is_needed(model, found):
    with pytest.raises(UserError, match="repair retrains a last layer that is dense") as raised:
        find_head(model())
    assert found in str(raised.value) and "\n" not in str(raised.value)


def test_the_exported_classifier_takes_bytes_whatever_its_network_takes():
    model = network(keras.layers.Dense(3, activation="softmax"))
    head = find_head(model)
    features = with_pixels(head.features(), of_range(0, 1))
    logits = logits_of_bytes(features, *head.weights())
    probabilities = keras.ops.softmax(logits(IMAGES))
    np.testing.assert_allclose(probabilities, model(IMAGES / 255), rtol=1e-4)
