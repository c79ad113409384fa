"""The pictures of an audit: its images in every variant, and class images by part."""

import dataclasses

import keras
import numpy as np
import tensorflow as tf

from bg_interp.commands import audit_pictures
from bg_interp.config.evaluation import EvaluateConfig
from bg_interp.evaluation.arrays import Arrays
from bg_interp.evaluation.measuring import measure
from bg_interp.models.adapter import AdaptedModel
from bg_interp.visualization import presets


def _test_images() -> Arrays:
    masks = np.zeros((8, 16, 16, 1), np.uint8)
    masks[:, 4:12, 4:12] = 255
    images = np.random.default_rng(0).integers(0, 256, (8, 16, 16, 3)).astype(np.uint8)
    return Arrays(images, masks, np.arange(8, dtype=np.int32) % 2)


def test_frames_tell_what_was_measured():
    asked = []

    def always_cat(images: tf.Tensor) -> tf.Tensor:
        asked.append(images)
        return tf.stack([tf.ones(tf.shape(images)[0]), tf.zeros(tf.shape(images)[0])], axis=1)

    found = measure(AdaptedModel(always_cat), _test_images(), ["cat", "dog"], explains=False)
    before = len(asked)
    sheet = audit_pictures.example_sheet(found)
    # One row of the sheet shows the first cat in every variant, the next the first dog.
    right, wrong = (
        (sheet == colour).all(axis=-1).any(axis=1) for colour in ((40, 160, 60), (210, 40, 40))
    )
    assert right.any() and wrong.any() and not (right & wrong).any()
    assert len(asked) == before


def test_a_row_of_objects_and_one_of_backgrounds(monkeypatch):
    short = dataclasses.replace(presets.NATURAL, steps=2, together=2)
    monkeypatch.setitem(presets.PRESETS, "natural", short)
    inputs = keras.Input((16, 16, 3))
    pooled = keras.layers.GlobalAveragePooling2D()(keras.layers.Conv2D(4, 3)(inputs))
    model = keras.Model(inputs, keras.layers.Dense(2)(pooled))
    test = _test_images()

    def sheet(of):
        config = EvaluateConfig(model="none.keras", class_images_of=of)
        return audit_pictures.class_image_sheet(AdaptedModel(model), test, ["cat", "dog"], config)

    apart, alone = sheet("apart"), sheet("object")
    assert apart.shape[0] > 1.5 * alone.shape[0]
