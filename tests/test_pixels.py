"""What is said of pixels by a name does to them what the libraries do that the name is of."""

import importlib

import keras
import numpy as np
import pytest

from bg_interp import pixels
from bg_interp.errors import UserError

IMAGES = np.random.default_rng(0).uniform(0, 255, (2, 3, 3, 3)).astype(np.float32)


@pytest.mark.parametrize("name", sorted(one for one in dir(keras.applications) if one[0].isupper()))
def test_an_application_takes_what_its_own_function_gives(name):
    module = importlib.import_module(getattr(keras.applications, name).__module__)
    found = pixels.application(name)
    np.testing.assert_allclose(found(IMAGES), module.preprocess_input(IMAGES.copy()), atol=1e-3)


def test_mean_and_deviation_are_those_of_torchvision():
    mean, deviation = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
    expected = (IMAGES / 255 - mean) / deviation
    for text in (
        "imagenet",
        "mean:0.485,0.456,0.406/std:0.229,0.224,0.225",
        "mean:123.675,116.28,103.53/std:58.395,57.12,57.375",
    ):
        np.testing.assert_allclose(pixels.named(text)(IMAGES), expected, rtol=1e-4, atol=1e-5)


def test_ranges_and_blue_first():
    np.testing.assert_allclose(pixels.named("-0.5:0.5")(IMAGES), IMAGES / 255 - 0.5, atol=1e-6)
    np.testing.assert_allclose(pixels.named("bgr:0:1")(IMAGES), IMAGES[..., ::-1] / 255, atol=1e-6)
    assert pixels.named("0:255")(IMAGES) is IMAGES


@pytest.mark.parametrize("text", ["1:0", "zero", "mean:1,2/std:1", "mean:1,2,3/std:0", "0:1:2", ""])
def test_what_is_no_preprocessing_is_one_line(text):
    with pytest.raises(UserError, match="must be auto, or one of") as refused:
        pixels.named(text)
    assert "\n" not in str(refused.value)


def test_flags_and_arguments_that_contradict_each_other_are_refused():
    with pytest.raises(UserError, match="exclude each other"):
        pixels.of_flags("imagenet", "0:1")
    with pytest.raises(UserError, match="exclude each other"):
        pixels.given("imagenet", (0, 1))
    assert pixels.of_flags("auto", "auto") is None and pixels.given("auto", None) is None
    assert pixels.given(None, (0, 1)) == pixels.of_flags("auto", "0:1") == pixels.of_range(0, 1)


@pytest.mark.parametrize("name", ["VGG16", "MobileNetV2", "ResNet50V2", "DenseNet121", "ResNet50"])
def test_a_network_is_an_application_by_its_layers_as_well(name):
    layers = [one.name for one in getattr(keras.applications, name)(weights=None).layers]
    assert pixels.is_application(name, layers)
    assert not pixels.is_application(name, ["conv2d", "dense"])
