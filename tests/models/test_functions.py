"""Plain functions and ONNX files as classifiers: the same answers as the network they copy."""

import pathlib

import keras
import numpy as np
import onnx
import pytest
import tensorflow as tf
from onnx import helper, numpy_helper

from bg_interp.errors import UserError
from bg_interp.evaluation.arrays import Arrays
from bg_interp.evaluation.measuring import measure
from bg_interp.models import functions
from bg_interp.models.adapter import AdaptedModel
from bg_interp.models.loading import load_classifier

_IMAGES = np.random.default_rng(0).integers(0, 256, (2, 8, 8, 3)).astype(np.float32)
_WEIGHTS = np.random.default_rng(1).normal(size=(192, 3)).astype(np.float32)


def linear_onnx(path, weights, side, channels_first=False):
    """Writes images [B, H, W, 3], or [B, 3, H, W], times weights [H * W * 3, K] as an ONNX file."""
    shape = ["batch", 3, side, side] if channels_first else ["batch", side, side, 3]
    image = helper.make_tensor_value_info("image", onnx.TensorProto.FLOAT, shape)
    scores = helper.make_tensor_value_info("scores", onnx.TensorProto.FLOAT, ["batch", None])
    nodes = [helper.make_node("Transpose", ["image"], ["last"], perm=[0, 2, 3, 1])]
    nodes = nodes if channels_first else [helper.make_node("Identity", ["image"], ["last"])]
    nodes += [
        helper.make_node("Flatten", ["last"], ["flat"]),
        helper.make_node("MatMul", ["flat", "weights"], ["scores"]),
    ]
    graph = helper.make_graph(
        nodes, "linear", [image], [scores], [numpy_helper.from_array(weights, "weights")]
    )
    opset = [helper.make_opsetid("", 17)]
    onnx.save(helper.make_model(graph, opset_imports=opset, ir_version=8), path)


@pytest.mark.parametrize("channels_first", [False, True])
def test_an_onnx_file_answers_as_its_network(tmp_path, channels_first):
    linear_onnx(tmp_path / "linear.onnx", _WEIGHTS, 8, channels_first)
    found = load_classifier(tmp_path / "linear.onnx")
    assert found.image_size == 8
    expected = _IMAGES.reshape(2, -1) @ _WEIGHTS
    np.testing.assert_allclose(
        AdaptedModel(found.network, layout=found.layout)(_IMAGES), expected, rtol=1e-4
    )


@pytest.fixture
def module(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "somebodys_model.py").write_text(
        "def mean(images):\n    return images.mean(axis=(1, 2))\n"
        "def raises(images):\n    raise RuntimeError('out of\\nluck')\n"
        "number = 3\n"
        "import keras\n"
        "network = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Flatten()])\n"
    )


def test_a_keras_model_is_named_by_module_and_name(module):
    found = load_classifier("somebodys_model:network")
    assert isinstance(found.network, keras.Model) and found.image_size == 8


def test_a_function_is_named_by_module_and_name(module):
    found = load_classifier("somebodys_model:mean")
    assert found.image_size is None
    np.testing.assert_allclose(
        found.network(tf.constant(_IMAGES)), _IMAGES.mean(axis=(1, 2)), rtol=1e-6
    )


@pytest.mark.parametrize(
    ("name", "message"),
    [("no_such_module:f", "ModuleNotFoundError"), ("somebodys_model:g", "AttributeError")]
    + [("somebodys_model:number", "a function of images. Received: int")],
)
def test_what_cannot_be_imported_is_one_line(module, name, message):
    with pytest.raises(UserError, match=message) as caught:
        load_classifier(name)
    assert "\n" not in str(caught.value)


def test_a_function_that_raises_is_named_with_what_it_said(module):
    with pytest.raises(UserError, match=r"raises RuntimeError for images .* out of luck"):
        load_classifier("somebodys_model:raises").network(tf.constant(_IMAGES))


def test_windows_paths_and_files_are_no_functions(tmp_path):
    assert functions.names_function("pkg.sub:call")
    assert not functions.names_function("runs/habitats:1") and not functions.names_function("a:b:c")


def test_a_function_is_asked_for_no_gradient(module):
    network = load_classifier("somebodys_model:mean").network
    with pytest.raises(ValueError, match="cannot be differentiated"):
        tf.function(network, autograph=False)(tf.constant(_IMAGES))


def test_a_broken_onnx_file_is_one_line(tmp_path):
    (tmp_path / "broken.onnx").write_bytes(b"nothing")
    with pytest.raises(UserError, match="cannot be opened as an ONNX network"):
        load_classifier(tmp_path / "broken.onnx")


def test_one_classifier_in_four_forms_gives_the_same_figures(tmp_path, monkeypatch):
    """As Keras file, SavedModel, ONNX file and NumPy function: to the last printed digit."""
    monkeypatch.chdir(tmp_path)
    weights = np.random.default_rng(3).normal(size=(192, 3)).astype(np.float32)
    image = keras.Input((8, 8, 3))
    dense = keras.layers.Dense(3, use_bias=False)
    network = keras.Model(image, dense(keras.layers.Flatten()(image)))
    dense.set_weights([weights])
    network.save("model.keras")
    network.export("saved", verbose=False)
    linear_onnx("model.onnx", weights, 8, channels_first=True)
    np.save("weights.npy", weights)
    pathlib.Path("linear_in_numpy.py").write_text(
        "import numpy as np\nweights = np.load('weights.npy')\n"
        "def scores(images):\n    return images.reshape(len(images), -1) @ weights\n"
    )
    generator = np.random.default_rng(0)
    images = generator.integers(0, 256, (60, 8, 8, 3)).astype(np.uint8)
    masks = np.zeros((60, 8, 8, 1), np.uint8)
    masks[:, 2:6, 2:6] = 255
    test = Arrays(images, masks, (np.arange(60) % 3).astype(np.int32))
    texts = []
    for form in ("model.keras", "saved", "model.onnx", "linear_in_numpy:scores"):
        opened = load_classifier(form)
        model = AdaptedModel(opened.network, layout=opened.layout)
        found = measure(model, test, ("a", "b", "c"), backgrounds=2)
        texts.append({name: str(one) for name, one in found.measures.items()})
    assert texts[0] == texts[1] == texts[2] == texts[3]
