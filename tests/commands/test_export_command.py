"""What tools/export.py makes of classifiers that were not trained here."""

import keras
import numpy as np
import tensorflow as tf

from bg_interp.commands import export
from bg_interp.config.export import ExportConfig


def test_a_softmax_at_the_end_is_not_applied_twice(tmp_path):
    model = keras.Sequential(
        [
            keras.Input((32, 32, 3)),
            keras.layers.Flatten(),
            keras.layers.Dense(3, "softmax", kernel_initializer=keras.initializers.Constant(1e-5)),
        ]
    )
    model.layers[-1].bias.assign([0.0, 1.0, 2.0])
    model.save(tmp_path / "model.keras")
    images = np.full((2, 32, 32, 3), 90, np.uint8)
    (folder,) = export.run(
        ExportConfig(model=str(tmp_path / "model.keras"), output=str(tmp_path / "out"))
    )
    served = tf.saved_model.load(str(folder)).signatures["serving_default"]
    (name,) = served.structured_input_signature[1]
    answers = served(**{name: tf.constant(images)})
    expected = model(images.astype(np.float32)).numpy()
    np.testing.assert_allclose(answers["probabilities"], expected, atol=1e-5)


def served(model, folder, images, **flags):
    """Returns what the SavedModel of a Keras model says of images."""
    model.save(folder / "model.keras")
    (written,) = export.run(
        ExportConfig(model=str(folder / "model.keras"), output=str(folder / "out"), **flags)
    )
    return tf.saved_model.load(str(written)).signatures["serving_default"](
        images=tf.constant(images)
    )


def test_a_single_sigmoid_serves_two_classes(tmp_path):
    model = keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dense(1, "sigmoid"),
        ]
    )
    model.layers[-1].set_weights([np.full((3, 1), 0.01, np.float32), np.array([-3.0])])
    images = np.stack([np.full((8, 8, 3), level, np.uint8) for level in (20, 220)])
    answers = served(model, tmp_path, images, class_names="cat,dog")
    expected = model(images.astype(np.float32)).numpy()[:, 0]
    np.testing.assert_allclose(answers["probabilities"][:, 1], expected, atol=1e-5)
    assert [name.decode() for name in answers["class_name"].numpy()] == ["cat", "dog"]


def test_a_model_of_another_range_gets_its_range(tmp_path):
    model = keras.Sequential(
        [keras.Input((8, 8, 3)), keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(3)]
    )
    images = np.random.default_rng(0).integers(0, 256, (2, 8, 8, 3)).astype(np.uint8)
    answers = served(model, tmp_path, images, input_range="-1:1")
    expected = model(images.astype(np.float32) / 127.5 - 1)
    np.testing.assert_allclose(answers["logits"], expected, atol=1e-5)
