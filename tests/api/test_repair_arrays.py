"""Repair from Python: a shortcut is taken away, everything else stays."""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf

import bg_interp as bg
from bg_interp.repairing import repair as retraining


def coloured(count, seed, own_place=True, classes=3):
    """Squares of a class's colour before a grey that is the class's own, or any."""
    generator = np.random.default_rng(seed)
    labels = np.arange(count) % classes
    places = labels if own_place else generator.integers(0, classes, count)
    images = np.broadcast_to((60 + 60 * places)[:, None, None, None], (count, 8, 8, 3)).copy()
    masks = np.zeros((count, 8, 8), bool)
    masks[:, 3:5, 3:5] = True
    images[:, 3:5, 3:5] = (40 + 180 * np.eye(3)[labels])[:, None, None]
    return (images + generator.integers(-20, 20, images.shape)).astype(np.uint8), labels, masks


def shortcut(classes=3):
    """A classifier that has the object among its features, and answers by the corner's grey."""
    inputs = keras.Input((8, 8, 3))
    x = keras.layers.Flatten()(keras.layers.Rescaling(1 / 255)(inputs))
    model = keras.Model(inputs, keras.layers.Dense(classes, activation="softmax")(x))
    kernel = np.zeros((8, 8, 3, 3), np.float32)
    kernel[0, 0, 0] = [0, 10, 20]
    bias = np.array([0, -10 * 90 / 255, -10 * 90 / 255 - 10 * 150 / 255], np.float32)
    model.layers[-1].set_weights([kernel.reshape(-1, 3)[:, :classes], bias[:classes]])
    return model


@pytest.mark.parametrize("classes", [2, 3])
def test_a_shortcut_is_taken_away_and_the_model_is_left_alone(classes):
    model = shortcut(classes)
    before = [values.copy() for values in model.get_weights()]
    test = coloured(60, 1, own_place=False, classes=classes)
    result = bg.repair(model, *coloured(90, 0, classes=classes), test=test)
    assert result.before.measures["swap"].value < 0.6 < 0.9 < result.after.measures["swap"].value
    assert result.changes["swap"].low > 0
    images, labels, _ = coloured(60, 2, own_place=False, classes=classes)
    assert (np.asarray(result.model(images)).argmax(axis=1) == labels).mean() > 0.9
    for mine, theirs in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(mine, theirs)


def test_a_single_sigmoid_is_repaired_as_two_classes():
    inputs = keras.Input((8, 8, 3))
    x = keras.layers.Flatten()(keras.layers.Rescaling(1 / 255)(inputs))
    model = keras.Model(inputs, keras.layers.Dense(1, activation="sigmoid")(x))
    kernel = np.zeros((8, 8, 3, 1), np.float32)
    kernel[0, 0, 0] = 20
    model.layers[-1].set_weights([kernel.reshape(-1, 1), np.array([-20 * 90 / 255], np.float32)])
    test = coloured(60, 1, own_place=False, classes=2)
    result = bg.repair(model, *coloured(90, 0, classes=2), test=test)
    assert result.before.measures["swap"].value < 0.6 < 0.9 < result.after.measures["swap"].value
    images, labels, _ = coloured(60, 2, own_place=False, classes=2)
    probabilities = np.asarray(result.model(images))
    assert probabilities.shape == (60, 1)
    assert ((probabilities[:, 0] > 0.5) == labels).mean() > 0.9


def test_preprocessing_is_put_before_the_network_and_stays_outside_of_the_result(tmp_path):
    inputs = keras.Input((8, 8, 3))
    x = keras.layers.Flatten()(inputs)
    model = keras.Model(inputs, keras.layers.Dense(3)(x))
    model.layers[-1].set_weights(shortcut().layers[-1].get_weights())
    found = [
        bg.repair(model, *coloured(60, 0), **how)
        for how in ({"input_range": (0.0, 1.0)}, {"preprocess": lambda x: x / 255.0})
    ]
    assert found[0].fit.kernel.tobytes() == found[1].fit.kernel.tobytes()
    images = coloured(5, 3)[0]
    found[0].save(tmp_path)
    served = tf.saved_model.load(str(tmp_path / "saved_model")).signatures["serving_default"]
    # What is exported takes bytes, the network what it always took.
    np.testing.assert_allclose(
        served(images=tf.constant(images))["logits"],
        found[0].model(images.astype(np.float32) / 255),
        rtol=1e-3,
        atol=1e-3,
    )


def test_a_result_shows_itself_and_is_saved(tmp_path):
    result = bg.repair(shortcut(), *coloured(60, 0), ["<r>", "g", "b"])
    assert "swap" in str(result) and "<table>" in result._repr_html_()
    # A fifth or more: images that are nearly the same stay together.
    assert 12 <= result.after.measures["original"].count <= 30
    # Nobody said that the classifier has not seen these.
    assert "may have learnt from them; test=" in str(result) and result.before.doubts
    result.save(tmp_path)
    assert json.loads((tmp_path / "results.json").read_text())["fit"] == result.fit.to_dict()
    opened = keras.models.load_model(tmp_path / "model.keras")
    images = coloured(5, 3)[0].astype(np.float32)
    np.testing.assert_allclose(opened(images), result.model(images), rtol=1e-5)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"class_names": ["a"]}, "class_names must name the model's 3 classes"),
        ({"max_loss": 1.5}, "max_loss must be from 0 to 1"),
        ({"max_loss": "a"}, "max_loss must be from 0 to 1"),
        ({"copies": 0}, "copies must be a whole number, 1 or more"),
        ({"labels": np.zeros(30, int)}, "images of each of the network's 3 classes"),
        ({"labels": np.zeros(29, int)}, "one of each for every example"),
        ({"masks": np.ones((30, 9, 9), bool)}, "masks must be of the images' size"),
    ],
)
def test_what_cannot_be_used_is_one_line(change, message):
    images, labels, masks = coloured(30, 0)
    with pytest.raises(bg.UserError, match=message):
        bg.repair(shortcut(), **{"images": images, "labels": labels, "masks": masks, **change})


def test_without_test_whole_objects_are_set_aside_that_the_new_layer_never_saw(monkeypatch):
    _, labels, masks = coloured(90, 0)
    # Five objects of each class, six images each, which look like nothing else.
    objects = labels + 3 * (np.arange(90) // 3 % 5)
    generator = np.random.default_rng(0)
    looks = generator.integers(20, 235, (15, 8, 8, 3))[objects]
    images = (looks + generator.integers(-9, 10, looks.shape)).astype(np.uint8)
    seen = {}

    def kept(classifier, train, test, how):
        seen.update(train=train, test=test)
        return "repaired"

    monkeypatch.setattr(retraining, "repair", kept)
    assert bg.repair(shortcut(), images, labels, masks, units=objects) == "repaired"
    number = {image.tobytes(): place for place, image in enumerate(images)}
    shown = {
        name: {objects[number[image.tobytes()]] for image in one.arrays.images}
        for name, one in seen.items()
    }
    assert shown["train"] and shown["test"] and not shown["train"] & shown["test"]
    assert set(seen["test"].arrays.labels.tolist()) == {0, 1, 2}
    assert len(seen["test"].arrays.labels) + len(seen["train"].arrays.labels) == 90


def test_units_that_are_not_one_for_each_image_end_in_one_line():
    images, labels, masks = coloured(12, 0)
    with pytest.raises(bg.UserError, match=r"units must hold .* 12 images. Received: 2"):
        bg.repair(shortcut(), images, labels, masks, units=[1, 2])
