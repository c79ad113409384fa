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
