"""Every kind of classifier is right, said, doubted or refused, by Python and by the tool alike."""

import keras
import kinds
import numpy as np
import pytest
import tensorflow as tf
from keras import layers, ops
from kinds import CLASSES, network, photographs
from PIL import Image

from bg_interp.api.evaluate import evaluate
from bg_interp.commands import evaluate as tool
from bg_interp.config.evaluation import EvaluateConfig
from bg_interp.errors import UserError
from bg_interp.models.opening import opened

# name -> (makes a classifier in a folder, what must be said of it, in notes)
RIGHT = {
    "bytes": (lambda _: network(), "pixels in 0:255"),
    "ones": (lambda _: network("0:1"), "pixels in 0:1"),
    "minus one to one": (lambda _: network("-1:1"), "pixels in -1:1"),
    "mean and deviation": (lambda _: network("imagenet"), "pixels in imagenet"),
    "caffe": (lambda _: network("caffe"), "pixels in caffe"),
    "blue first": (lambda _: network("bgr:0:1"), "pixels in bgr:0:1"),
    "named as another": (lambda _: network("0:1", name="vgg16_toys"), "pixels in 0:1"),
    "sequential": (lambda _: kinds.sequential(), "0:255"),
    "nested": (lambda _: kinds.nested(), "probabilities"),
    "softmax": (lambda _: network(last=layers.Softmax()), "probabilities"),
    "operation": (lambda _: network(last=ops.softmax), "probabilities"),
    "own layer": (lambda _: network(first=[kinds.Own()]), ""),
    "no config": (lambda _: network(first=[kinds.WithoutConfig(layers.ReLU())]), ""),
    "lambda": (lambda _: network(first=[layers.Lambda(lambda x: x * 1.0)]), ""),
    "subclassed": (lambda _: kinds.Subclassed(), ""),
    "augmenting": (lambda _: kinds.augmenting(), ""),
    "adapted": (lambda _: kinds.adapted(), ""),
    "bfloat16": (lambda _: kinds.mixed("mixed_bfloat16"), ""),
    "float16": (lambda _: kinds.mixed("mixed_float16"), ""),
    "uint8": (lambda _: kinds.of_bytes(), "uint8 images"),
    "dict": (lambda _: kinds.several(CLASSES, as_dict=True), ""),
    "one of two fits": (lambda _: kinds.several(2, CLASSES), "of its outputs, 1 is taken"),
    "grey": (lambda _: kinds.grey(), "grey images"),
    "opacity": (lambda _: kinds.rgba(), "opaque"),
    "channels first": (lambda _: kinds.channels_first(), "channels first"),
    "open size": (lambda _: kinds.open_size(), ""),
    "batch of one": (lambda _: kinds.fixed_batch(), ""),
    "convolutions alone": (lambda _: kinds.of_convolutions(), ""),
    "independent": (lambda _: network(last=lambda x: ops.sigmoid(x / 99)), ""),
    "function": (lambda _: kinds.by_floats(), "0:1"),
    "function of bytes": (lambda _: kinds.by_bytes(), "uint8 images"),
    "function of dicts": (lambda _: kinds.by_dict(), "imagenet"),
    "graph": (lambda _: tf.function(network()), ""),
    "graph of bytes": (lambda _: kinds.graph_of(tf.uint8), "uint8"),
    "graph of one": (lambda _: kinds.graph_of(tf.float32, 1), ""),
    "predict": (lambda _: network().predict, ""),
    ".keras": (lambda folder: kinds.saved(folder, network("caffe"), ".keras"), "caffe"),
    ".h5": (lambda folder: kinds.saved(folder, network("0:1"), ".h5"), "0:1"),
    "SavedModel": (lambda folder: kinds.exported(folder, network("-1:1")), "-1:1"),
    "SavedModel of one": (lambda folder: kinds.saved_model(folder, shape=(1, 24, 24, 3)), ""),
    "SavedModel of any": (lambda folder: kinds.saved_model(folder, shape=None), ""),
    "SavedModel predict": (lambda folder: kinds.saved_model(folder, "predict"), ""),
    "SavedModel of two": (lambda folder: kinds.saved_model(folder, more=["other"]), ""),
    "loaded": (lambda folder: tf.saved_model.load(kinds.saved_model(folder)), ""),
    "ONNX": (kinds.onnx_file, "imagenet"),
    "ONNX of one": (lambda folder: kinds.onnx_file(folder, 1), "imagenet"),
    "LiteRT": (kinds.litert, "-1:1"),
    "LiteRT int8": (lambda folder: kinds.litert(folder, tf.int8), ""),
    "LiteRT uint8": (lambda folder: kinds.litert(folder, tf.uint8), ""),
    "module:model": (lambda folder: kinds.named(folder, "net"), ""),
    "module:maker": (lambda folder: kinds.named(folder, "make"), ""),
    "module:function": (lambda folder: kinds.named(folder, "scores"), ""),
}
DOUBTED = {
    "at chance": (lambda _: lambda images: np.ones((len(images), CLASSES)), "preprocessing"),
    "another order": (lambda _: kinds.in_another_order(), "labels"),
}
REFUSED = {
    "two inputs": (lambda _: kinds.two_inputs(), "one input"),
    "two outputs fit": (
        lambda _: kinds.several(CLASSES, CLASSES),
        "one output of shape .* a function",
    ),
    "weights alone": (kinds.weights_alone, "weights without the network"),
    "lambda in a file": (
        lambda folder: kinds.saved(folder, network(first=[layers.Lambda(lambda x: x)]), ".keras"),
        "Python code.* MODULE:NAME",
    ),
    "own layer in a file": (
        lambda folder: kinds.saved(folder, network(first=[kinds.Own()]), ".h5"),
        "a layer or function of its own, 'Own'",
    ),
    "of Keras 2": (kinds.of_keras_2, "TFOpLambda.* SavedModel"),
    "of torch": (lambda folder: kinds.written(folder, "net.pt"), "ONNX"),
    "damaged": (lambda folder: kinds.written(folder, "net.keras"), "damaged"),
    "damaged ONNX": (lambda folder: kinds.written(folder, "net.onnx"), "ONNX"),
    "damaged LiteRT": (lambda folder: kinds.written(folder, "net.tflite"), "LiteRT"),
    "nothing": (lambda folder: str(folder / "net.keras"), "does not exist"),
    "a number": (lambda _: 3, "a Keras model, a path, or a function"),
    "a class": (lambda _: kinds.Subclassed, "a Keras model, a path, or a function"),
    "module:number": (lambda folder: kinds.named(folder, "number"), "a function of images"),
    "of numbers": (lambda _: _of_numbers(), "must take images"),
    "raises": (lambda _: lambda images: 1 / 0, "ZeroDivisionError"),
    "another size": (
        lambda folder: kinds.saved_model(folder, shape=None, side=20),
        "SavedModel|saved raises .* images of another size",
    ),
    "of rows": (lambda _: lambda images: images[..., 0], "must give scores"),
}


def _of_numbers():
    image = keras.Input((5,))
    return keras.Model(image, layers.Dense(3)(image))


def _variables(model):
    return [np.array(one) for one in getattr(model, "variables", ())]


@pytest.mark.parametrize("kind", RIGHT)
def test_it_is_right_and_stays_as_it_was(kind, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    make, said = RIGHT[kind]
    images, _, labels = photographs()
    model = make(tmp_path)
    before = _variables(model)
    found = opened(model, images, labels)
    assert said in "; ".join(found.notes) and not found.doubts
    np.testing.assert_array_equal(np.asarray(found.model(images)).argmax(axis=1), labels)
    for was, now in zip(before, _variables(model), strict=True):
        np.testing.assert_array_equal(was, now)


@pytest.mark.parametrize("last", [None, ops.sigmoid, layers.Activation("sigmoid")])
def test_a_single_output_tells_two_classes(last):
    images, _, labels = photographs(2)
    found = opened(kinds.single(last), images, labels)
    assert found.classes == 2
    np.testing.assert_array_equal(np.asarray(found.model(images)).argmax(axis=1), labels)


@pytest.mark.parametrize("kind", DOUBTED)
def test_it_is_doubted(kind, tmp_path):
    make, about = DOUBTED[kind]
    images, _, labels = photographs()
    assert [one.about for one in opened(make(tmp_path), images, labels).doubts] == [about]


@pytest.mark.parametrize("kind", REFUSED)
def test_it_is_refused_in_one_line(kind, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    make, said = REFUSED[kind]
    images, _, labels = photographs()
    with pytest.raises(UserError, match=said) as refused:
        opened(make(tmp_path), images, labels)
    assert "\n" not in str(refused.value)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    root = tmp_path_factory.mktemp("photographs")
    for number, (image, mask, label) in enumerate(zip(*photographs(), strict=True)):
        for part, values in (("images", image), ("masks", mask.astype(np.uint8) * 255)):
            path = root / part / "test" / f"class{label}" / f"{number:03d}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(values).save(path)
    return root


@pytest.mark.slow
@pytest.mark.parametrize("kind", [".keras", "SavedModel", "ONNX of one", "LiteRT int8"])
def test_the_tool_and_python_measure_the_same(kind, folder, tmp_path):
    images, masks, labels = photographs()
    model = RIGHT[kind][0](tmp_path)
    config = EvaluateConfig(
        model=model,
        dataset=f"folder:{folder / 'images'}",
        masks=f"folder:{folder / 'masks'}",
        output=str(tmp_path / "page"),
        adversarial_backgrounds=0,
    )
    by_tool, by_python = tool.run(config), evaluate(model, images, labels, masks, backgrounds=0)
    for name in ("original", "swap", "mixed_random", "foreground_only"):
        assert by_tool.measures[name].value == by_python.measures[name].value == 1.0
    assert by_tool.facts["found"] == by_python.facts["found"]
