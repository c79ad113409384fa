"""Classifiers from files, and files that are none."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from bg_interp.errors import UserError
from bg_interp.models.loading import load_classifier, load_network
from bg_interp.models.opening import opened
from bg_interp.storage.files import write_sealed

_IMAGES = np.random.default_rng(0).integers(0, 256, (2, 8, 8, 3)).astype(np.float32)


@pytest.fixture(scope="module")
def network() -> keras.Model:
    image = keras.Input((8, 8, 3))
    return keras.Model(image, keras.layers.Dense(3)(keras.layers.Flatten()(image)))


class _Served(tf.Module):
    """A served network; its outputs are named by its caller."""

    def __init__(self, network: keras.Model, outputs: list[str]):
        super().__init__()
        self._network, self._outputs = network, outputs

    @tf.function(input_signature=[tf.TensorSpec([None, None, None, 3], tf.uint8, "pixels")])
    def serve(self, pixels):
        logits = self._network(tf.cast(pixels, tf.float32))
        return {name: logits + i for i, name in enumerate(self._outputs)}


def _save(network, outputs, folder) -> None:
    served = _Served(network, outputs)
    tf.saved_model.save(served, str(folder), {"serving_default": served.serve})


@pytest.mark.parametrize("name", ["MODEL.KERAS", "model.H5"])
def test_a_keras_file_in_capitals_says_what_to_call_it(network, tmp_path, name):
    network.save(tmp_path / name.lower())
    (tmp_path / name.lower()).rename(tmp_path / name)
    with pytest.raises(UserError, match="small letters; rename it"):
        load_classifier(tmp_path / name)


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
def test_a_keras_file_answers_as_its_model(network, tmp_path, suffix):
    network.save(tmp_path / f"model{suffix}")
    found = load_classifier(tmp_path / f"model{suffix}")
    assert found.image_size == 8 and found.class_names is None
    np.testing.assert_allclose(found.network(_IMAGES), network(_IMAGES), rtol=1e-5)


@pytest.mark.parametrize("outputs", [["scores"], ["logits", "other"]])
def test_a_saved_model_answers_as_its_network(network, tmp_path, outputs):
    _save(network, outputs, tmp_path / "saved")
    found = load_classifier(tmp_path / "saved")
    assert found.image_size is None
    model = opened(found, _IMAGES.astype(np.uint8), None).model
    np.testing.assert_allclose(model(_IMAGES), network(_IMAGES), rtol=1e-5)


def test_the_export_of_keras_can_be_differentiated(network, tmp_path):
    network.export(str(tmp_path / "saved"), verbose=False)
    found = load_classifier(tmp_path / "saved")
    images = tf.constant(_IMAGES)
    with tf.GradientTape() as tape:
        tape.watch(images)
        score = tf.reduce_sum(found.network(images))
    assert tape.gradient(score, images) is not None


def test_class_names_travel_with_a_saved_model(network, tmp_path):
    _save(network, ["logits"], tmp_path / "saved")
    assets = tmp_path / "saved" / "assets"
    assets.mkdir(exist_ok=True)
    (assets / "class_names.txt").write_text("cup\nfish\ntree\n")
    assert load_classifier(tmp_path / "saved").class_names == ("cup", "fish", "tree")


def test_several_outputs_without_a_known_name_are_listed(network, tmp_path):
    _save(network, ["one", "two"], tmp_path / "saved")
    with pytest.raises(
        UserError, match=r"one named logits. Received: .*(one|two): .*, (one|two): .* function"
    ):
        opened(tmp_path / "saved", _IMAGES.astype(np.uint8), None)


def test_what_is_no_model_is_refused_in_one_line(tmp_path):
    (tmp_path / "broken.keras").write_bytes(b"not a model")
    for path in (tmp_path, tmp_path / "missing.keras", tmp_path / "broken.keras"):
        with pytest.raises(UserError) as caught:
            load_classifier(path)
        assert "\n" not in str(caught.value) and str(path) in str(caught.value)


def test_a_model_of_something_else_than_images_is_refused(tmp_path):
    image = keras.Input((5,))
    keras.Model(image, keras.layers.Dense(2)(image)).save(tmp_path / "numbers.keras")
    with pytest.raises(UserError, match=r"must take images: .* with \[None, 5\]"):
        load_classifier(tmp_path / "numbers.keras")


def test_a_run_that_is_not_finished_is_refused_the_same_way_by_every_tool(tmp_path):
    write_sealed(tmp_path / "config.json", {"config": {}, "class_names": ["a"]})
    for load in (load_classifier, load_network):
        with pytest.raises(UserError, match=r"not finished; the command that began it resumes it"):
            load(tmp_path)


def test_code_in_a_file_is_never_run_whoever_opens_it(tmp_path):
    image = keras.Input((8, 8, 3))
    output = keras.layers.Lambda(lambda x: x[:, 0, 0])(image)
    keras.Model(image, output).save(tmp_path / "code.keras")
    for load in (load_classifier, load_network):
        with pytest.raises(
            UserError, match="no code of a model file is run here; give it as MODULE"
        ):
            load(tmp_path / "code.keras")
