"""The real `tools/evaluate.py` on somebody's folder of images and Keras file."""

import hashlib
import json
import pathlib

import json_schema
import keras
import numpy as np
import pytest
from PIL import Image


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ({}, "--model must be given"),
        ({"model": "missing.keras"}, "does not exist: missing.keras"),
        ({"model": ".", "input_range": "0:2"}, "must be one of auto, 0:255, 0:1, -1:1"),
        ({"model": ".", "output_kind": "logit"}, "did you mean 'logits'?"),
        ({"leak": True, "fail_if": "bg_gap>0.1"}, "--fail_if can only name leak"),
    ],
)
def test_mistyped_flags_end_in_one_line_before_anything_heavy_is_imported(
    run_tool, tmp_path, flags, message
):
    ended = run_tool("evaluate", flags, cwd=tmp_path)
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
                # Pictures that differ, in a colour that the model does not look at.
                blocks = generator.integers(0, 255, (4, 4))
                image[..., 2] = np.kron(blocks, np.ones((5, 5)))
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


_FLAGS = {
    "model": "model.keras",
    "dataset": "folder:photos",
    "masks": "folder:masks",
    "input_range": "0:1",
    "output_kind": "probabilities",
    "output": "audit",
}


@pytest.mark.slow
def test_audits_a_model_that_was_trained_elsewhere(run_tool, photos):
    ended = run_tool(
        "evaluate", {**_FLAGS, "class_names": "dog,emu,cat", "class_images": True}, cwd=photos
    )
    assert ended.returncode == 0, ended.stderr
    assert "It relies on backgrounds: reliance is 1.00" in ended.stdout
    results = json.loads((photos / "audit" / "results.json").read_text())
    json_schema.check_results(results)
    weights = hashlib.sha256((photos / "model.keras").read_bytes()).hexdigest()
    assert results["weights_sha256"] == weights
    assert weights in (photos / "audit" / "model_card.md").read_text()
    accuracy = results["background"]["accuracy"]
    assert accuracy["original"] == accuracy["mixed_same"] == 1 and accuracy["swap"] == 0
    assert results["classes"] == ["cat", "dog"] and results["images"] == 16
    assert results["attribution"]["smoothgrad"]["share"] == [0, 0]
    for picture in ("variants.png", "confusion.png", "class_images.png"):
        assert Image.open(photos / "audit" / picture).size[0] > 30


@pytest.mark.slow
def test_a_class_that_the_model_lacks_ends_in_one_line(run_tool, photos):
    ended = run_tool("evaluate", {**_FLAGS, "class_names": "dgo,emu,cat"}, cwd=photos)
    assert ended.returncode == 1
    assert "Missing: 'dog'; did you mean 'dgo'?" in ended.stderr.splitlines()[-1]


@pytest.mark.slow
def test_a_run_folder_needs_no_other_flag_and_its_exports_agree(
    run_tool, trained_workdir, tmp_path
):
    ended = run_tool("evaluate", {"model": trained_workdir})
    assert ended.returncode == 0, ended.stderr
    own = json.loads((trained_workdir / "evaluation" / "results.json").read_text())
    json_schema.check_results(own)
    assert own["data"]["masks"].startswith("folder:") and own["data"]["image_size"] == 32
    assert own["data"]["only_classes"] is None
    served = {
        "model": trained_workdir / "saved_model",
        **{name: own["data"][name] for name in ("dataset", "masks", "image_size")},
        "output": tmp_path,
    }
    assert run_tool("evaluate", served).returncode == 0
    found = json.loads((tmp_path / "results.json").read_text())
    assert found["background"] == own["background"]
    assert "cannot be differentiated" in found["attribution"]["smoothgrad"]["left_out"]


@pytest.mark.slow
def test_a_model_is_compared_with_an_earlier_one_by_its_file_and_by_its_results(run_tool, photos):
    # One that says the same of every image relies on nothing, which is no merit.
    model = keras.models.load_model(photos / "model.keras")
    model.layers[-1].set_weights([np.zeros((3, 3), np.float32)])
    model.save(photos / "blind.keras")
    how = {**_FLAGS, "class_names": "dog,emu,cat", "must": "reliance<baseline+0.02"}
    better = run_tool(
        "evaluate", {**how, "model": "blind.keras", "baseline": "model.keras"}, cwd=photos
    )
    assert better.returncode == 4, better.stderr
    assert "undecided: reliance minus baseline is -1.00" in better.stderr
    assert "no more often than by chance" in better.stderr
    # The audit of the blind one stands in the folder now.
    worse = run_tool(
        "evaluate",
        {**how, "output": "again", "baseline": "audit/results.json", "junit": "gate.xml"},
        cwd=photos,
    )
    assert worse.returncode == 3, worse.stderr
    assert "fails: reliance minus baseline is 1.00" in worse.stderr
    assert 'failures="1"' in (photos / "gate.xml").read_text()
