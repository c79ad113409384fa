"""Segmenters for the tests: the real ones from the cache, and small models made on the spot."""

import os

import numpy as np
import pytest

from bg_interp.errors import UserError
from bg_interp.masks import conversion, models
from bg_interp.masks.segmenters import Settings

SIZE = 64  # Input size of the small models, in pixels.


def open_real(name):
    """Opens a segmenter whose model is in the cache; the tests themselves download nothing."""
    try:
        return Settings(name).open()
    except UserError as error:
        if os.environ.get("CI"):
            pytest.fail(str(error))
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def selfie():
    with open_real("selfie") as segmenter:
        yield segmenter


@pytest.fixture(scope="session")
def object_segmenter():
    with open_real("object") as segmenter:
        yield segmenter


@pytest.fixture(scope="session")
def object_onnx():
    try:
        return models.locate("object")
    except UserError as error:
        if os.environ.get("CI"):
            pytest.fail(str(error))
        pytest.skip(str(error))


def pointwise_model(kernel, bias, labels):
    """Returns a LiteRT model that computes each output channel from the pixel's own values.

    Args:
      kernel: [input channels, output channels], applied to values in [0, 1].
      bias: [output channels].
      labels: the output channels' names.
    """
    import keras
    import tensorflow as tf

    kernel = np.array(kernel, np.float32)
    image = keras.Input((SIZE, SIZE, kernel.shape[0]), batch_size=1)
    layer = keras.layers.Conv2D(kernel.shape[1], 1)
    model = keras.Model(image, layer(image))
    layer.set_weights([kernel[None, None], np.array(bias, np.float32)])
    return conversion.add_metadata(
        tf.lite.TFLiteConverter.from_keras_model(model).convert(), labels
    )


@pytest.fixture(scope="session")
def red_is_foreground(tmp_path_factory):
    """A one-channel model: the foreground's opacity is the red channel."""
    path = tmp_path_factory.mktemp("models") / "red.tflite"
    path.write_bytes(pointwise_model([[1], [0], [0]], [0], ("foreground",)))
    return path


@pytest.fixture(scope="session")
def green_cat_blue_dog(tmp_path_factory):
    """A model of categories: green is a cat, blue a dog, and what is not red is background."""
    path = tmp_path_factory.mktemp("models") / "pets.tflite"
    kernel = [[-1, 0, 0], [0, 1, 0], [0, 0, 1]]
    path.write_bytes(pointwise_model(kernel, [1, 0, 0], ("background", "cat", "dog")))
    return path


@pytest.fixture(scope="session")
def under_the_point(tmp_path_factory):
    """An interactive model: the foreground is the fourth channel, where the point is drawn."""
    path = tmp_path_factory.mktemp("models") / "point.tflite"
    path.write_bytes(pointwise_model([[0], [0], [0], [1]], [0], ("foreground",)))
    return path


@pytest.fixture
def half_red():
    """uint8 [64, 96, 3]: red on the left half, green on the right."""
    image = np.zeros((64, 96, 3), np.uint8)
    image[:, :48, 0] = 255
    image[:, 48:, 1] = 255
    return image
