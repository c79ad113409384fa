"""A judge's opinion of class images: its places, its size, and judges that do not fit."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from bg_interp.commands.second_opinion import opened_judge, opinion
from bg_interp.errors import UserError

# Red, green, blue, and a red one that is to be green.
IMAGES = np.zeros((4, 12, 12, 3), np.float32)
for _place, _colour in enumerate((0, 1, 2, 0)):
    IMAGES[_place, ..., _colour] = 200 + _place


def mean_colours(images):
    assert images.shape[1:3] == (6, 6)
    return tf.reduce_mean(images, (1, 2))


def test_places_are_counted_by_likelier_classes():
    found = opinion(mean_colours, IMAGES, [0, 1, 2, 1], 3, image_size=(6, 6))
    assert found.guesses.tolist() == [0, 1, 2, 0]
    assert found.places.tolist() == [0, 0, 0, 1]
    assert "names 3 of 4 at its first guess, 4 within five" in str(found)
    assert found.to_dict(["red", "green", "blue"])["first_guess"][3] == "red"


def test_a_keras_judge_is_called_in_inference():
    inputs = keras.Input((6, 6, 3))
    x = keras.layers.GlobalAveragePooling2D()(keras.layers.Dropout(0.9)(inputs))
    judge = keras.Model(inputs, x)
    found = opinion(judge, IMAGES, [0, 1, 2, 1], 3, image_size=(6, 6))
    assert found.places.tolist() == [0, 0, 0, 1]


def test_a_judge_of_other_classes_is_refused():
    with pytest.raises(UserError, match=r"must have the network's 4 classes.*Received: .*\[3\]"):
        opinion(mean_colours, IMAGES, [0, 1, 2, 1], 4, image_size=(6, 6))


def test_a_judge_is_read_in_its_own_pixels_or_it_is_said_how(capsys):
    network = keras.applications.MobileNetV2(
        input_shape=(32, 32, 3), alpha=0.35, classes=3, weights=None
    )
    judge, size = opened_judge(network, None)
    assert size == (32, 32)
    assert "it takes pixels in" in capsys.readouterr().err
    images = np.random.default_rng(0).uniform(0, 255, (2, 32, 32, 3)).astype(np.float32)
    own = np.asarray(network(images / 127.5 - 1, training=False))
    np.testing.assert_allclose(np.argsort(judge(images)), np.argsort(own))
    inputs = keras.Input((6, 6, 3))
    other = keras.Model(inputs, keras.layers.GlobalAveragePooling2D()(inputs), name="mine")
    opened_judge(other, None)
    assert "it is taken to expect pixels in 0:255" in capsys.readouterr().err
