"""All measures of one model at once, on models of known answer, and how they are shown."""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from bg_interp.errors import UserError
from bg_interp.evaluation.measuring import measure
from bg_interp.evaluation.result import Evaluation
from bg_interp.models.adapter import adapt
from bg_interp.report.confusion import save_confusion

_NAMES = ("lying", "standing", "crossed")


def _colour_of_the_background(images: tf.Tensor) -> tf.Tensor:
    """Classifies the tiny dataset perfectly by its speckles: class k's are of channel k."""
    border = tf.concat([images[:, :2], images[:, -2:]], axis=1)
    return tf.reduce_mean(border, axis=(1, 2))


def _measured(model, test, names=_NAMES, **how) -> Evaluation:
    return measure(adapt(model), test, names, backgrounds=0, controls=False, **how)


@pytest.fixture(scope="module")
def found(shapes_test) -> Evaluation:
    return _measured(_colour_of_the_background, shapes_test)


def test_the_result_is_plain(found):
    plain = found.to_dict()
    assert json.loads(json.dumps(plain)) == plain
    assert plain["classes"] == list(_NAMES) and plain["images"] == 90


def test_a_model_of_backgrounds_is_found_out(found):
    measures = found.measures
    assert measures["original"].value > 0.98 and measures["background_only"].value > 0.98
    assert measures["swap"].value < 0.02
    assert measures["reliance"].low > 0.9 and measures["bg_gap"].low > 0.4
    shares, areas = found.attribution["smoothgrad"]["share"], found.attribution["mask_area"]
    assert np.mean(shares) < np.mean(areas)


def test_an_untrained_network_is_at_chance(shapes_test):
    image = keras.Input((24, 24, 3))
    features = keras.layers.GlobalAveragePooling2D()(keras.layers.Conv2D(4, 3)(image))
    untrained = keras.Model(image, keras.layers.Dense(3)(features))
    accuracy = _measured(untrained, shapes_test).to_dict()["background"]["accuracy"]
    # Speckles of three colours are separable by chance; foregrounds of random colours are not.
    assert 0.15 < accuracy["foreground_only"] < 0.55
    assert 0.15 < accuracy["mixed_random"] < 0.55


def test_images_without_usable_masks_are_left_out_and_counted(shapes_test):
    masks = shapes_test.masks.copy()
    masks[:3], masks[3:6] = 0, 255
    found = _measured(_colour_of_the_background, shapes_test._replace(masks=masks))
    assert (len(found.keys), found.images_left_out) == (84, 6)


def test_a_class_without_images_is_named_and_not_measured(shapes_test):
    some = shapes_test.take(shapes_test.labels < 2)
    found = _measured(_colour_of_the_background, some).to_dict()
    assert found["classes_without_images"] == ["crossed"]
    assert found["background"]["accuracy_by_class"]["original"][2] is None


def test_no_usable_mask_at_all_is_an_error(shapes_test):
    empty = shapes_test._replace(masks=np.zeros_like(shapes_test.masks))
    with pytest.raises(UserError, match="none of the 90 masks has both"):
        _measured(_colour_of_the_background, empty)


def test_a_model_of_other_classes_is_an_error(shapes_test):
    with pytest.raises(UserError, match="one output for each of the 2 classes"):
        _measured(_colour_of_the_background, shapes_test, _NAMES[:2])


def test_the_same_seed_gives_the_same_result(shapes_test, found):
    again = _measured(_colour_of_the_background, shapes_test)
    assert again.to_dict() == found.to_dict()


def test_confusion_matrices_are_drawn(found, tmp_path):
    save_confusion(found.to_dict(), tmp_path / "confusion.png")
    assert Image.open(tmp_path / "confusion.png").size[0] > 400


def test_class_names_of_any_letters_stand_beside_the_matrices(found, tmp_path, recwarn):
    names = ["Łoś", "a$b$", "中"]
    save_confusion({**found.to_dict(), "classes": names}, tmp_path / "confusion.png")
    assert not [str(one.message) for one in recwarn if "Glyph" in str(one.message)]
