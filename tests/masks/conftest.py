"""Segmenters for the tests: the real ones from the cache, and small models made on the spot."""

import os

import numpy as np
import pytest
from pointwise import pointwise_model

from bg_interp.errors import UserError
from bg_interp.masks.segmenters import model_files
from bg_interp.masks.segmenters.kinds import U2NETP
from bg_interp.masks.segmenters.opening import open_segmenter
from bg_interp.masks.segmenters.segmenter import Settings


def open_real(name):
    """Opens a segmenter whose model is in the cache; the tests themselves download nothing."""
    try:
        return open_segmenter(Settings(name))
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
        return model_files.locate(U2NETP)
    except UserError as error:
        if os.environ.get("CI"):
            pytest.fail(str(error))
        pytest.skip(str(error))


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
