"""What networks want of pixels, by images, by their statistics, by their names, or by habit."""

import keras
import numpy as np
import pytest

from bg_interp.errors import UserError
from bg_interp.models import opening
from bg_interp.models.functions import ArrayFunction
from bg_interp.models.loading import Classifier, load_classifier
from bg_interp.pixels import BYTES, IMAGENET, RANGES, of_range

LABELS = np.arange(40) % 2
# Dark ones and bright ones, with some noise.
IMAGES = np.clip(
    np.random.default_rng(0).normal(80 + 90 * LABELS[:, None, None, None], 30, (40, 4, 4, 3)),
    *(0, 255),
).astype(np.uint8)


def brightness(
    *before: keras.layers.Layer, of: tuple = (0, 255), name: str = "mine"
) -> keras.Sequential:
    """Returns a network that tells bright images from dark ones, in one range of pixels."""
    pooling, dense = keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(2)
    model = keras.Sequential([keras.Input((4, 4, 3)), *before, pooling, dense], name=name)
    middle = of[0] + (of[1] - of[0]) * 125 / 255
    kernel = np.tile([[-1.0, 1.0]], (3, 1)) * 20 / (of[1] - of[0])
    dense.set_weights([kernel, -kernel.sum(axis=0) * middle])
    return model


def seen_in(low: float, high: float) -> keras.layers.BatchNormalization:
    """Returns a layer that saw images like these in a range, and lets them pass as they are."""
    norm, scale = keras.layers.BatchNormalization(), (high - low) / 255
    norm.build((None, 4, 4, 3))
    shown = IMAGES.reshape(-1, 3) * scale + low
    mean, variance = shown.mean(axis=0), shown.var(axis=0)
    norm.set_weights([np.sqrt(variance + norm.epsilon), mean, mean, variance])
    return norm


def assumed(model, *args, **how):
    return opening.assumed(load_classifier(model), *args, **how)


def test_what_was_said_and_what_a_run_knows_is_not_looked_for():
    assert assumed(brightness(), IMAGENET, IMAGES, LABELS) == (IMAGENET, ())
    own = Classifier(brightness(name="vgg16"), is_own=True)
    assert assumed(own, None, IMAGES, LABELS) == (BYTES, ())


def test_images_of_known_classes_decide():
    pixels, notes = assumed(brightness(of=(0, 1)), None, IMAGES, LABELS)
    assert pixels == of_range(0, 1) and len(notes) == 1 and "40 in 0:1" in notes[0]
    pixels, notes = assumed(brightness(of=(300, 301)), None, IMAGES, LABELS)
    assert "no more often than by chance" in notes[-1]


@pytest.mark.parametrize("span", [(0, 1), (-1, 1)])
def test_else_statistics_do(span):
    pixels, notes = assumed(brightness(seen_in(*span)), None, IMAGES)
    assert pixels == of_range(*span)
    assert notes == (f"it takes pixels in {pixels.name}, by its batch normalisation",)


def test_statistics_of_bytes_need_no_word():
    assert assumed(brightness(seen_in(0, 255)), None, IMAGES) == (BYTES, ())


def test_else_the_application_whose_name_and_layers_it_has():
    first = keras.layers.Conv2D(3, 1, name="Conv1")
    pixels, notes = assumed(brightness(first, name="mobilenetv2_1.00_224"), None)
    assert pixels == RANGES[2] and "whose name and layers it has" in notes[0]
    # Its name alone is nobody's word.
    pixels, notes = assumed(brightness(name="mobilenetv2_1.00_224"), None)
    assert pixels == BYTES and notes == (
        "it is taken to expect pixels in 0:255; set --preprocess if that is wrong",
    )


def test_one_that_rescales_takes_bytes_without_a_word():
    assert assumed(brightness(keras.layers.Rescaling(1 / 255)), None) == (BYTES, ())


class Divided(keras.layers.Layer):
    def call(self, images):
        return images / 127.5 - 1


@pytest.mark.parametrize(
    "before",
    [
        [keras.layers.Rescaling(1 / 127.5, -1)],
        [keras.layers.ZeroPadding2D(1), keras.layers.Rescaling(1 / 255)],
        [keras.layers.RandomFlip(), Divided()],
        [keras.layers.Normalization(mean=[124.0, 116.0, 104.0], variance=[3400.0, 3300.0, 3400.0])],
    ],
    ids=["rescaling", "padding", "own layer", "normalization"],
)
def test_an_application_s_name_means_nothing_where_pixels_are_changed_before_its_layers(before):
    first = keras.layers.Conv2D(3, 1, name="Conv1")
    assert assumed(brightness(*before, first, name="mobilenetv2_1.00_224"), None) == (BYTES, ())


def test_arithmetic_on_the_input_counts_as_well():
    image = keras.Input((None, None, 3))
    x = keras.layers.Conv2D(3, 1, name="Conv1")(image / 127.5 - 1.0)
    x = keras.layers.Dense(2)(keras.layers.GlobalAveragePooling2D()(x))
    network = keras.Model(image, x, name="mobilenetv2_1.00_224")
    assert assumed(network, None) == (BYTES, ())


@pytest.mark.parametrize(
    "before",
    [
        keras.layers.Rescaling(2.0, -1.0),
        keras.layers.Normalization(mean=[0.485, 0.456, 0.406], variance=[0.05, 0.05, 0.05]),
    ],
)
def test_one_that_rescales_numbers_from_0_to_1_is_said_to_take_them(before):
    pixels, notes = assumed(brightness(before), None)
    assert pixels == RANGES[1] and notes == ("it takes pixels in 0:1, by its first layers",)


def test_an_application_that_was_asked_not_to_rescale_takes_what_nobody_knows():
    pixels, notes = assumed(brightness(name="MobileNetV3Small"), None)
    assert pixels == BYTES and "set --preprocess if that is wrong" in notes[0]


def test_one_that_says_what_it_may_want_is_believed():
    found = Classifier(brightness(), pixels=(RANGES[1], RANGES[2]))
    pixels, notes = assumed(found, None)
    assert pixels == RANGES[1] and "taken to expect pixels in 0:1" in notes[0]


@pytest.mark.parametrize("pixels", [of_range(0, 1), lambda image: image / 255])
def test_it_becomes_a_network_of_bytes(pixels):
    model = brightness(of=(0, 1))
    network = opening.of_bytes(load_classifier(model), pixels)
    shown = IMAGES.astype(np.float32)
    np.testing.assert_allclose(network(shown), model(shown / 255), rtol=1e-4, atol=1e-4)


def test_where_answers_tell_nothing_statistics_choose_and_a_doubt_stays():
    model = brightness(seen_in(0, 1))
    model.layers[-1].set_weights([np.zeros((3, 2)), np.array([0.0, 1.0])])
    found = opening.opened(model, IMAGES, LABELS)
    assert found.model.pixels == of_range(0, 1)
    assert "by its batch normalisation" in found.notes[-1]
    (doubt,) = found.doubts
    assert doubt.about == "preprocessing" and "no more often than by chance" in doubt.reason


def test_without_labels_nothing_is_decided():
    found = opening.opened(brightness(of=(0, 1)), IMAGES, None)
    assert found.model.pixels == BYTES and found.notes == ("it gives logits",)
    assert found.classes == 2 and not found.doubts


def test_a_function_of_the_callers_stands_before_a_keras_network_alone():
    found = opening.opened(brightness(of=(0, 1)), IMAGES, LABELS, pixels=lambda image: image / 255)
    assert (np.asarray(found.model(IMAGES)).argmax(axis=1) == LABELS).mean() > 0.9
    with pytest.raises(UserError, match="preprocess as a function needs a Keras model"):
        function = ArrayFunction(lambda images: images[:, 0, 0], "mine:f")
        opening.opened(function, IMAGES, LABELS, pixels=lambda image: image)


def test_a_single_output_is_looked_at_in_every_reading():
    """In 0 to 1 its score may look like a probability by chance."""
    function = ArrayFunction(lambda images: images.mean(axis=(1, 2, 3))[:, None] - 0.49, "mine:f")
    found = opening.opened(function, IMAGES, LABELS)
    assert found.model.output_kind == "logits" and found.classes == 2
    assert (np.asarray(found.model(IMAGES)).argmax(axis=1) == LABELS).mean() > 0.9


def test_what_a_network_raises_is_one_line():
    class Stubborn(keras.Model):
        def call(self, images):
            raise KeyError("rows")

    with pytest.raises(UserError, match=r"raises KeyError for images \[8, 4, 4, 3\]: .*MODULE:N"):
        opening.opened(Stubborn(), IMAGES, LABELS)

    def refuse(images):
        raise UserError("ask me later")

    bytes_only = ArrayFunction(refuse, "mine:f", takes_bytes=True)
    with pytest.raises(UserError, match=r"mine:f raises UserError.*ask me later") as raised:
        opening.opened(bytes_only, IMAGES, LABELS)
    assert str(raised.value).count("raises") == 1
