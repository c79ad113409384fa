import keras
import numpy as np
import pytest
from skimage import data

from bg_interp.errors import UserError
from bg_interp.masks.segmenters import conversion, u2net
from bg_interp.masks.segmenters.opening import open_segmenter
from bg_interp.masks.segmenters.segmenter import Settings


def test_input_size_must_be_a_multiple_of_32():
    with pytest.raises(ValueError, match="size=100"):
        u2net.build(100)


def test_output_is_an_opacity_at_any_size():
    model = u2net.build(64)
    images = np.random.default_rng(0).uniform(size=(2, 64, 64, 3)).astype(np.float32)
    opacity = model(images).numpy()
    assert opacity.shape == (2, 64, 64, 1)
    assert opacity.min() >= 0
    assert opacity.max() <= 1


def test_another_network_is_refused(tmp_path):
    import onnx

    graph = onnx.helper.make_graph([], "empty", [], [])
    path = tmp_path / "other.onnx"
    onnx.save(onnx.helper.make_model(graph), path)
    with pytest.raises(UserError, match="convolutions of U²-Net-p"):
        u2net.load_weights(u2net.build(64), path)


def test_keras_and_mediapipe_agree(object_segmenter, object_onnx):
    images = [data.astronaut(), data.chelsea()]
    with open_segmenter(Settings("object", backend="keras"), object_onnx) as segmenter:
        ours = segmenter.opacities(images)
    for own, other in zip(ours, object_segmenter.opacities(images), strict=True):
        assert own.shape == (320, 320)
        assert np.abs(own - other).mean() < 0.005


def test_weights_are_those_of_the_onnx_file(object_onnx):
    """The first block against a direct computation from the file's own tensors."""
    import onnx
    from onnx import numpy_helper

    model = u2net.build(64)
    u2net.load_weights(model, object_onnx)
    graph = onnx.load(object_onnx).graph
    node = next(node for node in graph.node if node.op_type == "Conv")
    tensors = {t.name: numpy_helper.to_array(t) for t in graph.initializer}
    kernel, bias = (tensors[name] for name in node.input[1:3])
    image = np.random.default_rng(0).uniform(size=(1, 64, 64, 3)).astype(np.float32)
    first = keras.Model(model.input, model.get_layer("convolution_000").output)
    normalised = (image - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]
    expected = bias + np.einsum("hwc,ochw->o", normalised[0, 10:13, 20:23], kernel)
    np.testing.assert_allclose(first(image)[0, 11, 21], expected, rtol=1e-4, atol=1e-4)


def test_conversion_is_named_by_the_onnx_files_hash(object_onnx, tmp_path, monkeypatch):
    monkeypatch.setenv("BG_INTERP_CACHE", str(tmp_path))
    name = conversion.converted_path(object_onnx).name
    assert "309c8469258dda74" in name
    assert not conversion.converted_path(object_onnx).exists()
