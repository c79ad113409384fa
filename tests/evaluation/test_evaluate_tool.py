"""The real `tools/evaluate.py` on somebody's folder of images and Keras file."""

import json
import pathlib
import subprocess
import sys

import keras
import numpy as np
import pytest
from PIL import Image

_TOOL = pathlib.Path(__file__).parents[2] / "tools" / "evaluate.py"


def _run(*flags: str, folder: pathlib.Path) -> subprocess.CompletedProcess:
    command = [sys.executable, str(_TOOL), *flags]
    return subprocess.run(
        command, check=False, cwd=folder, capture_output=True, text=True, timeout=120
    )


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ((), "--model must be given"),
        (("--model=missing.keras",), "does not exist: missing.keras"),
        (("--model=.", "--input_range=0:2"), "--input_range must be one of 0:255, 0:1, -1:1"),
        (("--model=.", "--output_kind=logit"), "did you mean 'logits'?"),
    ],
)
def test_mistyped_flags_end_in_one_line_before_anything_heavy_is_imported(tmp_path, flags, message):
    ended = _run(*flags, folder=tmp_path)
    assert ended.returncode == 1 and ended.stdout == ""
    assert message in ended.stderr and len(ended.stderr.splitlines()) == 1


@pytest.fixture
def photos(tmp_path) -> pathlib.Path:
    """A folder of two classes on backgrounds of their own colour, masks, and a model of colours."""
    generator = np.random.default_rng(0)
    mask = np.zeros((20, 20), np.uint8)
    mask[6:14, 6:14] = 255
    for split, count in (("train", 2), ("test", 8)):
        for label, name in enumerate(("cat", "dog")):
            for number in range(count):
                image = np.zeros((20, 20, 3), np.uint8)
                image[..., label] = 200
                image[mask > 0] = generator.integers(0, 255, 3)
                relative = pathlib.Path(split, name, f"{number}.png")
                for root, pixels in (("photos", image), ("masks", mask)):
                    path = tmp_path / root / relative
                    path.parent.mkdir(parents=True, exist_ok=True)
                    Image.fromarray(pixels).save(path)
    image = keras.Input((20, 20, 3))
    corner = keras.layers.Cropping2D(((0, 15), (0, 15)))(image)
    convolved = keras.layers.Conv2D(3, 1, use_bias=False, name="colours")(corner)
    output = keras.layers.Dense(3, use_bias=False, activation="softmax")(
        keras.layers.GlobalAveragePooling2D()(convolved)
    )
    model = keras.Model(image, output)
    # Takes [0, 1], gives probabilities, and names its classes in another order: dog, emu, cat.
    model.layers[-3].set_weights([np.eye(3, dtype=np.float32)[None, None]])
    weights = 4 * np.array([[0, 0, 1], [1, 0, 0], [0, 0, 0]], np.float32)
    model.layers[-1].set_weights([weights])
    model.save(tmp_path / "model.keras")
    return tmp_path


@pytest.mark.slow
def test_audits_a_model_that_was_trained_elsewhere(photos):
    ended = _run(
        "--model=model.keras",
        "--dataset=folder:photos",
        "--masks=folder:masks",
        "--input_range=0:1",
        "--class_names=dog,emu,cat",
        "--output_kind=probabilities",
        "--output=audit",
        folder=photos,
    )
    assert ended.returncode == 0, ended.stderr
    assert "BG-Gap" in ended.stdout
    results = json.loads((photos / "audit" / "results.json").read_text())
    accuracy = results["background"]["accuracy"]
    assert accuracy["original"] == accuracy["mixed_same"] == 1 and accuracy["swap"] == 0
    assert results["classes"] == ["cat", "dog"] and results["images"] == 16
    assert results["attribution"]["smoothgrad"]["share"] == [0, 0]
    for picture in ("variants.png", "confusion.png"):
        assert Image.open(photos / "audit" / picture).size[0] > 300


@pytest.mark.slow
def test_a_class_that_the_model_lacks_ends_in_one_line(photos):
    ended = _run(
        "--model=model.keras",
        "--dataset=folder:photos",
        "--masks=folder:masks",
        "--class_names=dgo,emu,cat",
        folder=photos,
    )
    assert ended.returncode == 1
    assert "Missing: 'dog'; did you mean 'dgo'?" in ended.stderr.splitlines()[-1]
