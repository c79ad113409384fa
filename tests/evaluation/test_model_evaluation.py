"""All measures of one model at once, on models of known answer, and how they are shown."""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from bg_interp.errors import UserError
from bg_interp.evaluation.model_evaluation import evaluate_model
from bg_interp.report.confusion import save_confusion

_NAMES = ("lying", "standing", "crossed")


def _colour_of_the_background(images: tf.Tensor) -> tf.Tensor:
    """Classifies the tiny data set perfectly by its speckles: class k's are of channel k."""
    border = tf.concat([images[:, :2], images[:, -2:]], axis=1)
    return tf.reduce_mean(border, axis=(1, 2))


@pytest.fixture(scope="module")
def measured(judges, shapes_test) -> dict:
    noise = np.random.default_rng(0).normal(127, 20, (3, 24, 24, 3))
    return evaluate_model(
        _colour_of_the_background,
        shapes_test,
        _NAMES,
        judges=judges,
        class_images={"own": noise},
    )


def test_the_result_is_plain(measured):
    assert json.loads(json.dumps(measured)) == measured
    assert measured["classes"] == list(_NAMES) and measured["images"] == 90


def test_a_model_of_backgrounds_is_found_out(measured):
    accuracy = measured["background"]["accuracy"]
    assert accuracy["original"] > 0.98 and accuracy["background_only"] > 0.98
    assert accuracy["swap"] < 0.02
    assert measured["background"]["bg_gap"]["interval"][0] > 0.4
    shares, areas = (
        measured["attribution"]["smoothgrad"]["share"],
        measured["attribution"]["mask_area"],
    )
    assert np.mean(shares) < np.mean(areas)


def test_class_images_stand_beside_the_natural_marks(measured):
    assert set(measured["class_images"]) == {"natural_objects", "natural_backgrounds", "own"}
    assert measured["judges"]["foreground"]["objects on black"] > 0.8


def test_an_untrained_network_is_at_chance(shapes_test):
    image = keras.Input((24, 24, 3))
    features = keras.layers.GlobalAveragePooling2D()(keras.layers.Conv2D(4, 3)(image))
    untrained = keras.Model(image, keras.layers.Dense(3)(features))
    accuracy = evaluate_model(untrained, shapes_test, _NAMES)["background"]["accuracy"]
    # Speckles of three colours are separable by chance; foregrounds of random colours are not.
    assert 0.15 < accuracy["foreground_only"] < 0.55
    assert 0.15 < accuracy["mixed_random"] < 0.55


def test_images_without_usable_masks_are_left_out_and_counted(shapes_test):
    masks = shapes_test.masks.copy()
    masks[:3], masks[3:6] = 0, 255
    found = evaluate_model(_colour_of_the_background, shapes_test._replace(masks=masks), _NAMES)
    assert (found["images"], found["images_left_out"]) == (84, 6)


def test_a_class_without_images_is_named_and_not_measured(shapes_test):
    some = shapes_test.take(shapes_test.labels < 2)
    found = evaluate_model(_colour_of_the_background, some, _NAMES)
    assert found["classes_without_images"] == ["crossed"]
    assert found["background"]["accuracy_by_class"]["original"][2] is None


def test_no_usable_mask_at_all_is_an_error(shapes_test):
    empty = shapes_test._replace(masks=np.zeros_like(shapes_test.masks))
    with pytest.raises(UserError, match="none of the 90 masks has both"):
        evaluate_model(_colour_of_the_background, empty, _NAMES)


def test_a_model_of_other_classes_is_an_error(shapes_test):
    with pytest.raises(UserError, match="one output for each of the 2 classes"):
        evaluate_model(_colour_of_the_background, shapes_test, _NAMES[:2])


def test_judges_of_other_classes_are_an_error(judges, shapes_test):
    def five(images: tf.Tensor) -> tf.Tensor:
        return tf.zeros([tf.shape(images)[0], 5])

    with pytest.raises(UserError, match="Received judges of 3 classes"):
        evaluate_model(five, shapes_test, list("abcde"), judges=judges)


def test_the_same_seed_gives_the_same_result(judges, shapes_test, measured):
    again = evaluate_model(_colour_of_the_background, shapes_test, _NAMES, judges=judges)
    assert again["background"] == measured["background"]
    assert again["attribution"] == measured["attribution"]


def test_confusion_matrices_are_drawn(measured, tmp_path):
    save_confusion(measured, tmp_path / "confusion.png")
    assert Image.open(tmp_path / "confusion.png").size[0] > 400


def test_class_names_of_any_letters_stand_beside_the_matrices(measured, tmp_path, recwarn):
    names = ["Łoś", "a$b$", "中"]
    save_confusion({**measured, "classes": names}, tmp_path / "confusion.png")
    assert not [str(one.message) for one in recwarn if "Glyph" in str(one.message)]
