"""Class images on the page of an audit, of objects and backgrounds side by side."""

import dataclasses

import keras
import numpy as np

from bg_interp.commands import audit_pictures
from bg_interp.config.evaluation import EvaluateConfig
from bg_interp.evaluation.arrays import Arrays
from bg_interp.models.adapter import AdaptedModel
from bg_interp.visualization import presets


def test_a_row_of_objects_and_one_of_backgrounds(monkeypatch):
    short = dataclasses.replace(presets.NATURAL, steps=2, together=2)
    monkeypatch.setitem(presets.PRESETS, "natural", short)
    inputs = keras.Input((16, 16, 3))
    pooled = keras.layers.GlobalAveragePooling2D()(keras.layers.Conv2D(4, 3)(inputs))
    model = keras.Model(inputs, keras.layers.Dense(2)(pooled))
    masks = np.zeros((8, 16, 16, 1), np.uint8)
    masks[:, 4:12, 4:12] = 255
    images = np.random.default_rng(0).integers(0, 256, (8, 16, 16, 3)).astype(np.uint8)
    test = Arrays(images, masks, np.arange(8, dtype=np.int32) % 2)

    def sheet(of):
        config = EvaluateConfig(model="none.keras", class_images_of=of)
        return audit_pictures.class_image_sheet(AdaptedModel(model), test, ["cat", "dog"], config)

    apart, alone = sheet("apart"), sheet("object")
    assert apart.shape[0] > 1.5 * alone.shape[0]
