"""What is exported answers like the network, elsewhere, and with the names of its classes."""

import io
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from bg_interp.errors import UserError
from bg_interp.models import export, loading, networks

NAMES = ["Käfer", "großer Fisch", "鳥"]


@pytest.fixture(scope="module")
def model() -> keras.Model:
    return networks.build("small", image_size=32, classes=3, seed=2)


@pytest.fixture(scope="module")
def folder(model, tmp_path_factory):
    folder = tmp_path_factory.mktemp("export") / "saved_model"
    export.saved_model(model, NAMES, folder)
    return folder


@pytest.fixture(scope="module")
def images() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (3, 32, 32, 3)).astype(np.uint8)


def encoded(image: np.ndarray, kind: str = "PNG", **options) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, kind, **options)
    return buffer.getvalue()


def test_images_of_the_right_size_get_the_networks_own_logits(model, folder, images):
    answer = tf.saved_model.load(folder).signatures["serving_default"](images=tf.constant(images))
    expected = model.predict(images.astype(np.float32), verbose=0)
    np.testing.assert_allclose(answer["logits"], expected, atol=1e-5)
    np.testing.assert_allclose(answer["probabilities"], tf.nn.softmax(expected), atol=1e-6)
    assert answer["class_index"].numpy().tolist() == expected.argmax(1).tolist()
    names = [name.decode() for name in answer["class_name"].numpy()]
    assert names == [NAMES[index] for index in expected.argmax(1)]


def test_images_are_resized_as_those_of_the_training(model, tmp_path):
    export.saved_model(model, NAMES, tmp_path / "model", "crop")
    image = np.random.default_rng(1).integers(0, 256, (1, 32, 96, 3)).astype(np.uint8)
    signatures = tf.saved_model.load(tmp_path / "model").signatures
    expected = model.predict(image[:, :, 32:64].astype(np.float32), verbose=0)
    answers = (
        signatures["serving_default"](images=tf.constant(image)),
        signatures["serve_bytes"](encoded=tf.constant([encoded(image[0])])),
    )
    for answer in answers:
        np.testing.assert_allclose(answer["logits"], expected, atol=1e-5)


def test_images_of_any_size_are_resized(folder):
    serve = tf.saved_model.load(folder).signatures["serving_default"]
    for height, width in ((50, 70), (8, 200)):
        plain = tf.fill([2, height, width, 3], tf.constant(90, tf.uint8))
        small = tf.fill([2, 32, 32, 3], tf.constant(90, tf.uint8))
        np.testing.assert_allclose(
            serve(images=plain)["logits"], serve(images=small)["logits"], atol=1e-4
        )


def test_encoded_images_of_several_sizes_and_kinds_go_in_one_batch(model, folder, images):
    serve = tf.saved_model.load(folder).signatures["serve_bytes"]
    grey = np.full((50, 40), 90, np.uint8)
    batch = [encoded(images[0]), encoded(images[1], "BMP"), encoded(grey), encoded(grey, "JPEG")]
    answer = serve(encoded=tf.constant(batch))
    plain = np.full((2, 32, 32, 3), 90)
    expected = model.predict(np.concatenate([images[:2], plain]).astype(np.float32), verbose=0)
    np.testing.assert_allclose(answer["logits"], expected, atol=0.02)


def test_class_names_stand_among_the_assets(folder):
    text = (folder / "assets" / "class_names.txt").read_text(encoding="utf-8")
    assert text.splitlines() == NAMES


def test_a_former_export_is_replaced_as_a_whole(model, tmp_path):
    folder = tmp_path / "saved_model"
    folder.mkdir()
    (folder / "old").write_text("")
    export.saved_model(model, NAMES, folder)
    assert not (folder / "old").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["saved_model"]


def test_litert_gives_the_networks_own_logits(model, images, tmp_path):
    export.litert(model, tmp_path / "model.tflite")
    interpreter = tf.lite.Interpreter(str(tmp_path / "model.tflite"))
    (source,), (target,) = interpreter.get_input_details(), interpreter.get_output_details()
    interpreter.resize_tensor_input(source["index"], images.shape)
    interpreter.allocate_tensors()
    interpreter.set_tensor(source["index"], images.astype(np.float32))
    interpreter.invoke()
    expected = model.predict(images.astype(np.float32), verbose=0)
    np.testing.assert_allclose(interpreter.get_tensor(target["index"]), expected, atol=1e-4)


@pytest.mark.parametrize("write", ["saved_model", "litert", "keras_file"])
def test_a_place_that_cannot_be_written_is_one_line(model, tmp_path, write):
    (tmp_path / "file").write_text("")
    arguments = [NAMES] if write == "saved_model" else []
    with pytest.raises(UserError, match="cannot write") as raised:
        getattr(export, write)(model, *arguments, tmp_path / "file" / "model.keras")
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("shape", [(None, None, 3), (7,)])
def test_a_model_without_images_of_a_fixed_size_is_one_line(tmp_path, shape):
    image = keras.Input(shape)
    pooled = keras.layers.GlobalAveragePooling2D()(image) if len(shape) == 3 else image
    odd = keras.Model(image, keras.layers.Dense(3)(pooled))
    with pytest.raises(UserError, match=r"one input, RGB images of a fixed size|must take images"):
        export.saved_model(odd, NAMES, tmp_path / "saved_model")


def test_images_need_not_be_square(tmp_path):
    image = keras.Input((8, 12, 3))
    wide = keras.Model(image, keras.layers.Dense(3)(keras.layers.Flatten()(image)))
    export.saved_model(wide, NAMES, tmp_path / "wide")
    serve = tf.saved_model.load(tmp_path / "wide").signatures["serve_bytes"]
    picture = np.random.default_rng(0).integers(0, 256, (8, 12, 3)).astype(np.uint8)
    expected = wide.predict(picture[None].astype(np.float32), verbose=0)
    answer = serve(encoded=tf.constant([encoded(picture)]))
    np.testing.assert_allclose(answer["logits"], expected, rtol=1e-4)


def test_a_file_that_is_no_model_is_named(tmp_path):
    (tmp_path / "a.keras").write_bytes(b"no model")
    for name, message in (
        ("a.keras", "cannot be opened by Keras"),
        ("b.keras", "does not exist"),
        ("c.pt", "does not exist"),
    ):
        with pytest.raises(UserError, match=message) as raised:
            loading.load_network(tmp_path / name)
        assert name in str(raised.value)
        assert "\n" not in str(raised.value)


def test_code_within_a_model_file_is_never_run(tmp_path):
    image = keras.Input((4,))
    model = keras.Model(image, keras.layers.Lambda(lambda x: x + 1)(image))
    model.save(tmp_path / "code.keras")
    with pytest.raises(UserError, match="cannot be opened"):
        loading.load_network(tmp_path / "code.keras")


def test_a_file_from_anywhere_gets_numbers_for_names(model, tmp_path):
    export.keras_file(model, tmp_path / "model.keras")
    found = loading.load_network(tmp_path / "model.keras")
    opened, names = found.network, loading.names_or_numbers(found)
    assert names == ["0", "1", "2"]
    assert opened.count_params() == model.count_params()


def test_there_must_be_a_name_for_each_class(model):
    assert loading.checked_names(["a ", " b", "c"], model) == ["a", "b", "c"]
    with pytest.raises(UserError, match=r"must be 3 class names\. Received: 2"):
        loading.checked_names(["a", "b"], model)


@pytest.mark.slow
def test_a_clean_process_needs_neither_this_package_nor_keras(model, folder, images, tmp_path):
    np.save(tmp_path / "images.npy", images)
    np.save(tmp_path / "logits.npy", model.predict(images.astype(np.float32), verbose=0))
    (tmp_path / "image.png").write_bytes(encoded(images[0]))
    code = f"""
import sys
sys.modules.update(dict.fromkeys(["bg_interp", "keras"]))
import numpy as np
import tensorflow as tf
loaded = tf.saved_model.load({str(folder)!r})
images, logits = (np.load({str(tmp_path)!r} + name) for name in ("/images.npy", "/logits.npy"))
found = loaded.signatures["serving_default"](images=tf.constant(images))
np.testing.assert_allclose(found["logits"], logits, atol=1e-5)
data = open({str(tmp_path)!r} + "/image.png", "rb").read()
found = loaded.signatures["serve_bytes"](encoded=tf.constant([data]))
np.testing.assert_allclose(found["logits"], logits[:1], atol=1e-5)
print(found["class_name"].numpy()[0].decode())
"""
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() in NAMES


def test_a_name_with_a_line_end_stays_on_its_line(model, tmp_path):
    export.saved_model(model, ["a\nb", "c\u202e", "d"], tmp_path / "saved_model")
    lines = (tmp_path / "saved_model" / "assets" / "class_names.txt").read_text().splitlines()
    assert lines == ["a\\nb", "c\\u202e", "d"]
