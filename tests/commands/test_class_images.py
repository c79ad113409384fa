"""Class images of anybody's classifier: its own preprocessing, names, and ranges that don't fit."""

import dataclasses

import keras
import numpy as np
import pytest

from bg_interp.commands import visualize
from bg_interp.commands.class_images import ClassVisualizer, class_images, suited_settings
from bg_interp.config.ascent import OF, AscentSettings, VisualizeConfig
from bg_interp.errors import UserError
from bg_interp.models import opening, preprocessing
from bg_interp.models.loading import load_classifier
from bg_interp.visualization import presets

QUICK = AscentSettings(steps=2)
DRAWS = np.random.default_rng(0)
# Smooth enough to be natural.
DATA = np.kron(DRAWS.integers(0, 256, (24, 4, 4, 3)), np.ones((1, 4, 4, 1))).astype(np.uint8)


class Subclassed(keras.Model):
    def __init__(self):
        super().__init__()
        self.inner = [keras.layers.Conv2D(4, 3), keras.layers.Flatten(), keras.layers.Dense(3)]

    def call(self, x):
        for layer in self.inner:
            x = layer(x)
        return x


def trained_on(low, high, size=16):
    """A network whose batch normalisation has seen images of a range."""
    inputs = keras.Input((size, size, 3))
    x = keras.layers.Conv2D(6, 3)(inputs)
    x = keras.layers.BatchNormalization(momentum=0.0)(x)
    x = keras.layers.Dense(3)(keras.layers.Flatten()(keras.layers.ReLU()(x)))
    model = keras.Model(inputs, x)
    images = DATA.repeat(size // 16, axis=1).repeat(size // 16, axis=2).astype(np.float32)
    model(low + images * ((high - low) / 255), training=True)
    return model


@pytest.fixture(scope="module")
def application():
    return keras.applications.MobileNetV2(
        input_shape=(32, 32, 3), weights=None, classes=5, alpha=0.35
    )


def test_an_application_gets_its_own_preprocessing(application):
    assert preprocessing.application_of(application) == "MobileNetV2"
    pixels, notes = opening.assumed(load_classifier(application), None)
    assert pixels.name == "-1:1" and "keras.applications" in notes[0]
    wrapped = preprocessing.with_pixels(application, pixels)
    images = DRAWS.uniform(0, 255, (2, 32, 32, 3)).astype(np.float32)
    expected = application(keras.applications.mobilenet_v2.preprocess_input(images.copy()))
    np.testing.assert_allclose(wrapped(images), expected, rtol=1e-4, atol=1e-5)
    made = class_images(application, classes=["b", 4], class_names=list("abcde"), preset=QUICK)
    assert made.names == ["b", "e"]
    assert made.images.shape == (2, 32, 32, 3)


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("mobilenetv2_1.00_224", "MobileNetV2"),
        ("resnet50v2", "ResNet50V2"),
        ("vgg16", "VGG16"),
        ("efficientnetv2-b0", "EfficientNetV2B0"),
        ("MobileNetV3Large", "MobileNetV3Large"),
        ("my_network", None),
    ],
)
def test_applications_are_known_by_their_names(name, found):
    inputs = keras.Input((8, 8, 3))
    model = keras.Model(inputs, keras.layers.Flatten()(inputs), name=name)
    assert preprocessing.application_of(model) == found


@pytest.mark.parametrize("span", [(0.0, 255.0), (0.0, 1.0), (-1.0, 1.0)])
def test_the_range_of_its_training_is_found_and_another_one_refused(span, capsys):
    model = trained_on(*span)
    images = class_images(model, data=DATA, input_range=span, preset=QUICK).images
    assert images.min() >= 0
    assert 1 < images.max() <= 255
    found = class_images(model, data=DATA, preset=QUICK).images
    np.testing.assert_array_equal(found, images)
    if span != (0.0, 255.0):
        assert "by its batch normalisation" in capsys.readouterr().err
        with pytest.raises(UserError, match=r"seems to take images in .*, not in 0:255"):
            class_images(model, data=DATA, input_range=(0, 255), preset=QUICK)


def test_a_network_fine_tuned_with_its_normalisation_frozen_is_said_and_gets_plain_images(capsys):
    network = trained_on(0, 255, size=112)
    assert suited_settings(network, None) == presets.NATURAL
    assert capsys.readouterr().err == ""
    kernel = network.layers[1].kernel
    kernel.assign(kernel + 1.0)
    assert suited_settings(network, None) == presets.preset("pretrained")
    assert "batch normalisation was frozen" in capsys.readouterr().err
    # Photographs tell what is natural, and the small networks' ascent asks for nothing of it.
    assert suited_settings(network, None, data=True) == presets.NATURAL
    assert suited_settings(network, "plain") == presets.preset("pretrained")
    assert capsys.readouterr().err == ""


def test_natural_logits_are_logits_and_statistics_those_of_all_classes():
    inputs = keras.Input((16, 16, 3))
    pooled = keras.layers.GlobalAveragePooling2D()(inputs)
    model = keras.Model(inputs, keras.layers.Dense(2, "softmax")(pooled))
    model.layers[-1].set_weights([np.array([[-1.0, 1.0]] * 3), np.zeros(2)])
    # 600 dark images of the first class, then as many bright ones.
    data = np.repeat(np.array([0, 200], np.uint8), 600)[:, None, None, None]
    maker = ClassVisualizer(
        model,
        data=np.broadcast_to(data, (1200, 16, 16, 3)),
        labels=np.repeat([0, 1], 600),
        input_range=(0, 255),
        preset=AscentSettings(steps=2),
    )
    assert maker.statistics().mean.mean() == pytest.approx(100, abs=1)
    assert maker.statistics().natural_logits[1] == pytest.approx(600, rel=0.01)


def test_a_function_may_preprocess():
    model = trained_on(0.0, 1.0)
    made = class_images(model, data=DATA, preprocess=lambda x: x / 255.0, preset=QUICK)
    said = class_images(model, data=DATA, input_range=(0.0, 1.0), preset=QUICK)
    np.testing.assert_allclose(made.images, said.images, atol=0.1)


def test_a_subclassed_model_needs_only_its_size():
    model = Subclassed()
    with pytest.raises(UserError, match="does not say the size of its images; give image_size"):
        class_images(model, preset=QUICK)
    assert class_images(model, image_size=12, preset=QUICK).images.shape == (3, 12, 12, 3)


def test_a_notebook_shows_a_sheet_and_escapes_names(tmp_path):
    made = class_images(trained_on(0, 255), class_names=["<b>", "ä", "c"], preset=QUICK)
    shown = made._repr_html_()
    assert "data:image/png;base64," in shown
    assert "<b>" not in shown
    assert "logits reached" in repr(made)
    made.save(tmp_path / "sheet.png")
    assert (tmp_path / "sheet.png").stat().st_size > 500


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ({"classes": ["dgo"], "class_names": ["dog", "cat", "emu"]}, "did you mean 'dog'"),
        ({"classes": 3}, "numbers from 0 to 2"),
        ({"class_names": ["dog"]}, "class_names must name the model's 3 classes"),
        ({"preset": "smal"}, "did you mean 'small'"),
        ({"preprocess": "imagnet"}, "preprocess must be auto, or one of"),
        ({"preprocess": abs, "input_range": (0, 1)}, "exclude each other"),
        ({"data": DATA[0]}, "data must be RGB"),
    ],
)
def test_mistakes_are_named_by_argument(how, said):
    with pytest.raises(UserError, match=said) as error:
        class_images(trained_on(0, 255), **how)
    assert "--" not in str(error.value)


def test_the_tool_and_the_call_choose_the_same_preset(application, tmp_path):
    application.save(tmp_path / "model.keras")
    config = VisualizeConfig(model=str(tmp_path / "model.keras"))
    opened = keras.models.load_model(config.model)
    assert visualize.ascent_settings(config, opened, opened) == suited_settings(application, None)


MASKS = np.zeros((24, 16, 16), np.uint8)
MASKS[:, 4:12, 4:12] = 255
NATURAL = dataclasses.replace(presets.NATURAL, steps=2, together=4)


def test_masks_hold_images_to_the_features_of_one_part():
    model = trained_on(0, 255)
    made = {
        of: class_images(model, data=DATA, masks=MASKS, of=of, preset=NATURAL, classes=[1])
        for of in OF
    }
    assert np.abs(made["object"].images - made["background"].images).max() > 1
    # With masks and both parts, all places count alike: as without masks.
    both = class_images(model, data=DATA, preset=NATURAL, classes=[1])
    np.testing.assert_array_equal(made["both"].images, both.images)
    assert "made with a prior" in str(both)


@pytest.mark.parametrize("masks", [None, np.ones((24, 16, 16, 1), np.uint8)])
def test_data_tell_what_is_natural_of_a_network_within_a_network(masks):
    """As transfer learning leaves it: a frozen network, and a head with a softmax."""
    inner = trained_on(-1, 1)
    inner.trainable = False
    inputs = keras.Input((16, 16, 3))
    scores = inner(keras.layers.Rescaling(1 / 127.5, -1)(inputs), training=False)
    model = keras.Model(inputs, keras.layers.Dense(4, activation="softmax")(scores))
    settings = dataclasses.replace(presets.NATURAL, steps=4, together=4)
    of = "both" if masks is None else "object"
    made = class_images(model, preset=settings, data=DATA, masks=masks, of=of, seed=1)
    assert made.images.shape == (4, 16, 16, 3)


def test_masks_choose_the_preset_that_knows_of_them():
    maker = ClassVisualizer(trained_on(0, 255), data=DATA, masks=MASKS, of="object")
    assert maker._ascent.settings == presets.NATURAL
    weighed = maker.statistics().features
    plain = ClassVisualizer(trained_on(0, 255), data=DATA, preset="natural")
    # The network's own statistics are live: they are read at each call.
    assert plain.statistics().features is None
    assert weighed.layers


def test_a_class_without_photographs_is_not_failed_by_its_logit():
    model = trained_on(0, 255)
    labels = np.repeat([0, 1], 12)
    made = class_images(model, data=DATA, labels=labels, preset=QUICK).made
    assert np.isnan(made.median[2])
    assert made.median[0] <= made.natural[0]


def test_many_classes_are_asked_for(capsys):
    inputs = keras.Input((16, 16, 3))
    values = keras.layers.GlobalAveragePooling2D()(inputs)
    model = keras.Model(inputs, keras.layers.Dense(40)(values))
    assert ClassVisualizer(model, preset=QUICK).names == [str(number) for number in range(16)]
    assert 'the first 16 of 40 classes; name others, or ask for "all"' in capsys.readouterr().err
    assert len(ClassVisualizer(model, "all", preset=QUICK).names) == 40
    assert "the first 16" not in capsys.readouterr().err
    # A class may have that name.
    names = ["all", *(str(number) for number in range(39))]
    assert ClassVisualizer(model, "all", class_names=names, preset=QUICK).names == ["all"]


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ({"of": "object", "data": DATA}, "needs masks"),
        ({"masks": MASKS}, "masks are those of data"),
        ({"of": "objects"}, "did you mean 'object'"),
        ({"of": "object", "data": DATA, "masks": MASKS, "preset": "small"}, "needs a preset with"),
        ({"of": "object", "data": DATA, "masks": MASKS[:, :8]}, "must be of the images' size"),
        ({"data": DATA[:, :8, :8], "preset": "natural"}, "must be of the model's size"),
        ({"labels": [0]}, "labels are those of data"),
    ],
)
def test_masks_and_data_that_do_not_fit(how, said):
    with pytest.raises(UserError, match=said) as error:
        class_images(trained_on(0, 255), **how)
    assert "\n" not in str(error.value)
