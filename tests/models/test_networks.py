"""Networks hold their preprocessing, are flat, and their weights depend on the seed alone."""

import importlib

import h5py
import keras
import numpy as np
import pytest
import tool_server
from keras.src.legacy.saving import legacy_h5_format

from bg_interp.errors import UserError
from bg_interp.models import networks, preprocessing

IMAGES = np.random.default_rng(0).uniform(0, 255, (2, 32, 32, 3)).astype(np.float32)


def same(ours, theirs) -> bool:
    return all(np.array_equal(a, b) for a, b in zip(ours, theirs, strict=True))


@pytest.fixture(scope="module")
def mobile() -> keras.Model:
    """The application that is built fastest."""
    return networks.build("MobileNet", image_size=32, classes=5, seed=1)


@pytest.fixture(scope="module")
def mobile_file(mobile, tmp_path_factory):
    path = tmp_path_factory.mktemp("weights") / "mobile.keras"
    mobile.save(path)
    return path


# caffe: blue first and centred; tf: to [-1, 1]; torch: ImageNet's deviations; and none at all.
@pytest.mark.parametrize("name", ["ResNet50", "MobileNetV2", "DenseNet121", "EfficientNetB0"])
def test_preprocessing_is_that_of_keras_applications(name):
    module = importlib.import_module(getattr(keras.applications, name).__module__)
    image = keras.Input((32, 32, 3))
    output = preprocessing.of_application(image, name)
    found = IMAGES if output is image else keras.Model(image, output).predict(IMAGES, verbose=0)
    expected = np.asarray(module.preprocess_input(IMAGES.copy()))
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_every_application_has_an_affine_preprocessing():
    from bg_interp.config.training import APPLICATIONS

    for name in APPLICATIONS:
        module = importlib.import_module(getattr(keras.applications, name).__module__)
        black, middle, white = np.asarray(
            module.preprocess_input(np.array([[[[0.0] * 3, [100.0] * 3, [200.0] * 3]]]))
        )[0, 0]
        np.testing.assert_allclose(middle, (black + white) / 2, atol=1e-4, err_msg=name)


def test_the_small_network_has_its_size_and_names():
    model = networks.build("small", image_size=64, classes=8)
    assert model.count_params() == 106_952
    assert model.layers[-1].name == networks.LOGITS
    assert model.layers[-1].activation is keras.activations.linear
    assert model.input_shape == (None, 64, 64, 3)


def test_graphs_are_flat(mobile):
    for model in (mobile, networks.build("small", image_size=32, classes=2)):
        assert not any(isinstance(layer, keras.Model) for layer in model.layers)
        assert all(model.get_layer(layer.name) is layer for layer in model.layers)


@pytest.mark.parametrize("name", ["small", "MobileNet"])
def test_the_same_seed_gives_the_same_weights(name):
    build = lambda seed: networks.build(name, image_size=32, classes=3, seed=seed)  # noqa: E731
    first = build(4).get_weights()
    keras.utils.set_random_seed(123)
    assert same(first, build(4).get_weights())
    other = build(5).get_weights()
    kernels = [n for n, w in enumerate(first) if w.ndim == 4]
    assert not any(np.array_equal(first[n], other[n]) for n in kernels)


def test_layers_of_one_shape_get_weights_of_their_own():
    image = keras.Input((4,))
    x = keras.layers.Dense(4)(keras.layers.Dense(4)(image))
    model = keras.Model(image, x)
    networks.initialize(model, seed=0)
    first, second = (layer.kernel.numpy() for layer in model.layers[1:])
    assert not np.array_equal(first, second)


def test_dropout_draws_from_the_seed():
    def dropped(seed):
        model = networks.build("small", image_size=32, classes=2, seed=seed)
        return np.asarray(model.get_layer("dropout")(np.ones((1, 64)), training=True))

    assert np.array_equal(dropped(1), dropped(1))
    assert not np.array_equal(dropped(1), dropped(2))


def test_initial_weights_keep_the_initializers_scale():
    model = networks.build("small", image_size=64, classes=8)
    kernel = model.get_layer("convolution_4").kernel.numpy()
    limit = (6 / (3 * 3 * 64 + 3 * 3 * 96)) ** 0.5  # Glorot's.
    assert kernel.min() >= -limit
    assert kernel.max() <= limit
    assert kernel.std() == pytest.approx(limit / 3**0.5, rel=0.03)


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
def test_weights_come_from_a_file_and_the_head_from_the_seed(mobile, tmp_path, suffix):
    path = tmp_path / f"weights{suffix}"
    mobile.save(path)
    model = networks.build("MobileNet", image_size=32, classes=3, weights=str(path), seed=9)
    for layer in model.layers[:-1]:
        assert same(layer.get_weights(), mobile.get_layer(layer.name).get_weights())
    other = networks.build("MobileNet", image_size=32, classes=3, weights=str(path), seed=8)
    assert same(model.get_weights()[:-2], other.get_weights()[:-2])
    assert not np.array_equal(model.get_weights()[-2], other.get_weights()[-2])
    # Its first answers are near to guessing, so that they spoil no features.
    assert np.abs(model.get_weights()[-2]).max() < 0.01 * mobile.get_weights()[-2].max() * 1.1


def test_weights_of_a_nested_model_are_found(tmp_path):
    backbone = keras.applications.MobileNetV2((32, 32, 3), include_top=False, weights=None)
    image = keras.Input((32, 32, 3))
    x = keras.layers.GlobalAveragePooling2D()(backbone(image))
    nested = keras.Model(image, keras.layers.Dense(19)(x))
    nested.save(tmp_path / "nested.keras")
    model = networks.build(
        "MobileNetV2", image_size=32, classes=3, weights=str(tmp_path / "nested.keras")
    )
    for layer in (layer for layer in backbone.layers if layer.weights):
        assert same(layer.get_weights(), model.get_layer(layer.name).get_weights())


def test_layers_without_a_name_are_found_whatever_was_built_before(tmp_path):
    """Keras' names for them (conv2d_4) count through the process."""

    def unnamed():
        image = keras.Input((8, 8, 3))
        x = keras.layers.SeparableConv2D(4, 3)(keras.layers.Conv2D(5, 3)(image))
        x = keras.layers.Conv2D(4, 1)(keras.layers.Conv2D(4, 1)(x))
        return keras.Model(image, keras.layers.Flatten()(x))

    saved, later = unnamed(), unnamed()
    saved.save(tmp_path / "unnamed.keras")
    assert saved.layers[1].name != later.layers[1].name
    path = tmp_path / "unnamed.keras"
    networks._take_weights(later, networks._saved("small", path), str(path))
    assert same(saved.get_weights(), later.get_weights())


@pytest.mark.slow
@pytest.mark.parametrize(
    ("network", "width", "name"),
    [
        ("MobileNetV2", 0.35, "narrow.keras"),
        # Which width weights alone are of is found by building one after the other.
        ("MobileNet", 0.25, "narrow.weights.h5"),
        ("MobileNet", 0.25, "narrow.h5"),
    ],
)
def test_weights_of_a_narrower_network_and_weights_alone_are_taken(tmp_path, network, width, name):
    build = getattr(keras.applications, network)
    narrow = build((32, 32, 3), width, include_top=False, weights=None)
    if name == "narrow.h5":
        # As keras.applications keeps them: without the network that they are of.
        legacy_h5_format.save_weights_to_hdf5_group(h5py.File(tmp_path / name, "w"), narrow)
    else:
        save = narrow.save_weights if "weights" in name else narrow.save
        save(tmp_path / name)
    path = str(tmp_path / name)
    model = networks.build(network, image_size=32, classes=3, weights=path)
    for layer in (layer for layer in narrow.layers if layer.weights):
        assert same(layer.get_weights(), model.get_layer(layer.name).get_weights())


def test_weights_of_another_network_are_refused(mobile_file):
    with pytest.raises(UserError, match=r"must hold a MobileNetV2; its layer 'Conv1'"):
        networks.build("MobileNetV2", image_size=32, classes=3, weights=str(mobile_file))
    with pytest.raises(UserError, match=r"must hold a small; its layer 'convolution_1'"):
        networks.build("small", image_size=32, classes=3, weights=str(mobile_file))


@pytest.mark.parametrize("content", [b"", b"no model", b"PK\x03\x04"])
@pytest.mark.parametrize("suffix", [".keras", ".h5"])
def test_a_file_that_is_no_model_is_one_line(tmp_path, content, suffix):
    path = tmp_path / f"broken{suffix}"
    path.write_bytes(content)
    with pytest.raises(UserError, match="cannot be opened by Keras") as raised:
        networks.build("small", image_size=32, classes=3, weights=str(path))
    assert "\n" not in str(raised.value)


def test_an_image_size_that_a_network_cannot_take_is_one_line():
    with pytest.raises(UserError, match=r"network=.InceptionV3. .* image_size=32") as raised:
        networks.build("InceptionV3", image_size=32, classes=3)
    assert "\n" not in str(raised.value)


def test_frozen_batch_norm_keeps_its_statistics_and_is_not_trained():
    model = networks.build("small", image_size=32, classes=2, frozen_batch_norm=True)
    assert not any("normalization" in v.path for v in model.trainable_variables)
    before = model.get_weights()
    model(IMAGES, training=True)
    assert same(before, model.get_weights())


@pytest.mark.parametrize(
    ("name", "precision"),
    [("small", "float16"), ("small", "bfloat16"), ("MobileNet", "float16")],
)
def test_logits_are_float32_under_mixed_precision_and_the_policy_is_put_back(name, precision):
    before = keras.config.dtype_policy()
    model = networks.build(name, image_size=32, classes=2, mixed_precision=precision)
    assert model.output.dtype == "float32"
    assert precision in {layer.compute_dtype for layer in model.layers}
    assert keras.config.dtype_policy() == before
    assert np.isfinite(model.predict(IMAGES, verbose=0)).all()


@pytest.mark.slow
def test_the_file_opens_where_this_package_is_not(mobile, mobile_file, tmp_path):
    small = networks.build("small", image_size=32, classes=2)
    small.save(tmp_path / "small.keras")
    for model, path in ((small, tmp_path / "small.keras"), (mobile, mobile_file)):
        np.save(path.with_suffix(".npy"), model.predict(IMAGES, verbose=0))
    np.save(tmp_path / "images.npy", IMAGES)
    code = (
        "import sys; assert 'bg_interp' not in sys.modules; sys.modules['bg_interp'] = None\n"
        "import keras, numpy as np\n"
        f"images = np.load({str(tmp_path / 'images.npy')!r})\n"
        f"for path in {[str(tmp_path / 'small'), str(mobile_file.with_suffix(''))]!r}:\n"
        "    found = keras.models.load_model(path + '.keras').predict(images, verbose=0)\n"
        "    np.testing.assert_allclose(found, np.load(path + '.npy'), atol=1e-5)\n"
    )
    program = tmp_path / "program.py"
    program.write_text(code)
    done = tool_server.run([str(program)])
    assert done.returncode == 0, done.stderr
