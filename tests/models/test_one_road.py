"""One road for classifiers: the tool's answers are Python's, and both are the owner's."""

import keras
import numpy as np
import pytest
from PIL import Image

from bg_interp.api.evaluate import evaluate
from bg_interp.commands import evaluate as tool
from bg_interp.config.evaluation import EvaluateConfig

SIDE, CLASSES, EACH = 24, 4, 12
NAMES = [f"class{number}" for number in range(CLASSES)]


def _drawn():
    """Objects of four colours of the same brightness before noise."""
    generator = np.random.default_rng(0)
    colours = np.array([[220, 60, 60], [60, 160, 60], [70, 90, 230], [200, 120, 20]])
    labels = np.repeat(np.arange(CLASSES), EACH)
    images = generator.integers(60, 150, (len(labels), SIDE, SIDE, 3)).astype(np.uint8)
    masks = np.zeros((len(labels), SIDE, SIDE), bool)
    masks[:, 6:18, 5:19] = True
    images[masks] = np.repeat(colours[labels], 12 * 14, axis=0)
    return images, labels, masks


IMAGES, LABELS, MASKS = _drawn()


def _untrained(*first):
    """A network with batch normalisation inside."""
    return keras.Sequential(
        [
            keras.Input((SIDE, SIDE, 3)),
            *first,
            keras.layers.Conv2D(12, 3, strides=2, activation="relu"),
            keras.layers.BatchNormalization(momentum=0.6),
            keras.layers.Conv2D(12, 3, strides=2, activation="relu"),
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dense(CLASSES),
        ]
    )


@pytest.fixture(scope="module")
def weights():
    """Of a network that was trained on images in -1..1."""
    keras.utils.set_random_seed(1)
    model = _untrained()
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(0.01), loss)
    images = READINGS["-1:1"](IMAGES.astype(np.float32))
    model.fit(images, LABELS, epochs=25, batch_size=16, verbose=0)
    return model.get_weights()


def _network(weights, reading):
    """The network of these weights as if its images had been read in another way."""
    if reading == "0:255":
        model = _untrained(keras.layers.Rescaling(1 / 127.5, -1.0))
        model.set_weights(weights)
        return model
    model = _untrained()
    model.set_weights(weights)
    # All readings are affine: their inverse is put into the first convolution.
    corners = np.concatenate([np.zeros((1, 3)), 255 * np.eye(3)]).astype(np.float32)
    seen = READINGS[reading](corners[:, None, None].copy())[:, 0, 0]
    slopes = np.linalg.inv(seen[1:] - seen[0]) * 2
    kernel, bias = model.layers[0].get_weights()
    bias += np.einsum("hwio,i->o", kernel, -1 - seen[0] @ slopes)
    model.layers[0].set_weights([np.einsum("hwio,ji->hwjo", kernel, slopes), bias])
    return model


READINGS = {
    "caffe": keras.applications.vgg16.preprocess_input,
    "imagenet": keras.applications.densenet.preprocess_input,
    "-1:1": keras.applications.mobilenet_v2.preprocess_input,
    "0:255": lambda images: images,
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    root = tmp_path_factory.mktemp("photographs")
    for number, (image, mask, label) in enumerate(zip(IMAGES, MASKS, LABELS, strict=True)):
        for split in ("train", "test"):
            for part, values in (("images", image), ("masks", mask.astype(np.uint8) * 255)):
                path = root / part / split / NAMES[label] / f"{number:03d}.png"
                path.parent.mkdir(parents=True, exist_ok=True)
                Image.fromarray(values).save(path)
    return root


@pytest.mark.parametrize("reading", READINGS)
def test_the_tool_answers_as_python_and_as_the_owner(reading, weights, folder, tmp_path):
    prepared = READINGS[reading]
    model = _network(weights, reading)
    own = model.predict(prepared(IMAGES.astype(np.float32)), verbose=0)
    before = [np.array(variable) for variable in model.variables]
    model.save(tmp_path / "model.keras")
    config = EvaluateConfig(
        model=str(tmp_path / "model.keras"),
        dataset=f"folder:{folder / 'images'}",
        masks=f"folder:{folder / 'masks'}",
        output=str(tmp_path / "page"),
        adversarial_backgrounds=0,
    )
    by_tool = tool.run(config)
    by_python = evaluate(model, IMAGES, LABELS, MASKS, backgrounds=0)
    for found in (by_tool, by_python):
        assert found.facts["preprocess"] == reading
        assert found.measures["original"].value == (own.argmax(axis=1) == LABELS).mean() > 0.9
        assert not found.doubts
    np.testing.assert_allclose(by_python.logits["original"], own, atol=1e-3)
    np.testing.assert_allclose(by_tool.logits["original"], own, atol=1e-3)
    for variable, value in zip(model.variables, before, strict=True):
        np.testing.assert_array_equal(np.asarray(variable), value)
