"""Foreign classifiers seen through the adapter: ranges, outputs, class orders."""

import numpy as np
import pytest
import tensorflow as tf

from bg_interp.errors import UserError
from bg_interp.models.adapter import AdaptedModel, adapt, check_outputs, match_classes
from bg_interp.models.outputs import check_kind
from bg_interp.pixels import of_range

_IMAGES = np.array([0, 51, 255], np.uint8).reshape(3, 1, 1, 1).repeat(3, axis=3)


def _pixel(images: tf.Tensor) -> tf.Tensor:
    return images[:, 0, 0, :]


@pytest.mark.parametrize(
    ("input_range", "expected"),
    [((0, 255), [0, 51, 255]), ((0, 1), [0, 0.2, 1]), ((-1, 1), [-1, -0.6, 1])],
)
def test_pixels_arrive_in_the_range_of_the_model(input_range, expected):
    seen = AdaptedModel(_pixel, of_range(*input_range))(_IMAGES)
    np.testing.assert_allclose(seen[:, 0], expected, atol=1e-6)


def test_probabilities_become_logits_of_the_same_softmax():
    probabilities = tf.constant([[0.7, 0.2, 0.1]])
    model = AdaptedModel(lambda images: probabilities, output_kind="probabilities")
    np.testing.assert_allclose(tf.nn.softmax(model(_IMAGES)), probabilities, rtol=1e-5)


@pytest.mark.parametrize(("kind", "output"), [("logits", 2.0), ("probabilities", 0.880797)])
def test_a_single_output_is_the_second_of_two_classes(kind, output):
    model = AdaptedModel(lambda images: tf.constant([[output]]), output_kind=kind)
    probabilities = tf.nn.softmax(model(_IMAGES))
    np.testing.assert_allclose(probabilities, [[0.119203, 0.880797]], rtol=1e-4)


def test_columns_are_picked_in_the_order_of_the_data_set():
    columns = match_classes(["dog", "Golden_Retriever", "cat"], ["cat", "golden retriever"])
    model = AdaptedModel(lambda images: tf.constant([[1.0, 2.0, 3.0]]), columns=columns)
    assert model(_IMAGES).numpy().tolist() == [[3.0, 2.0]]


def test_a_class_that_the_model_lacks_is_named_with_its_nearest():
    with pytest.raises(UserError, match="Missing: 'starfsh'; did you mean 'starfish'"):
        match_classes(["cup", "starfish"], ["cup", "starfsh"])


def test_a_class_that_two_outputs_bear_is_refused():
    with pytest.raises(UserError, match="2 outputs called 'crane'"):
        match_classes(["crane", "cup", "Crane"], ["crane", "cup"])
    assert match_classes(["crane", "cup", "Crane"], ["cup"]) == (1,)


def test_an_adapted_model_is_not_adapted_again():
    model = AdaptedModel(_pixel)
    assert adapt(model) is model and adapt(_pixel).network is _pixel


def test_logits_that_look_like_probabilities_get_a_note():
    softmax = np.full((3, 2), [0.7, 0.3], np.float32)
    assert "--output_kind=probabilities" in (check_kind("logits", softmax) or "")
    assert check_kind("logits", check_outputs(AdaptedModel(_pixel), _IMAGES)) is None


def test_logits_called_probabilities_are_refused():
    with pytest.raises(UserError, match="Received: 0 to 255; try output_kind='logits'"):
        check_kind("probabilities", check_outputs(AdaptedModel(_pixel), _IMAGES))
