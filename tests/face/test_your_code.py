"""The page for people with a `fit` of their own: its code runs as it stands, three lines a job."""

import ast
import dataclasses
import json
import re

import keras
import numpy as np
import pytest
import source_tree
import tensorflow as tf

from bg_interp.masks import in_memory
from bg_interp.masks.segmenters.segmenter import Segmenter
from bg_interp.visualization import presets

PAGE = (source_tree.ROOT / "docs" / "your_code.md").read_text(encoding="utf-8")
# heading -> its blocks of code
JOBS = {
    part.partition("\n")[0]: re.findall(r"```python\n(.*?)```", part, re.DOTALL)
    for part in PAGE.split("\n## ")[1:]
}
CALLS = {
    "Masks of a batch": ["bg.segment"],
    "Train without backgrounds": ["bg.Treatment"],
    "Class images in TensorBoard": ["ClassImages", "BackgroundReliance"],
    "Does it look at the background?": ["bg.evaluate", "bg.leak"],
    "Repair the model": ["bg.repair"],
    "Class images": ["bg.class_images", "keras.applications"],
    "In a notebook": ["report.worst", "bg.class_images"],
}
COUNT, SIDE = 60, 32


def test_the_page_has_every_job():
    assert {heading: heading in JOBS for heading in CALLS} == dict.fromkeys(CALLS, True)
    for heading, calls in CALLS.items():
        for call in calls:
            assert any(call in block for block in JOBS[heading]), (heading, call)


@pytest.mark.parametrize("heading", JOBS)
def test_a_job_is_three_statements_at_most(heading):
    for block in JOBS[heading]:
        assert len(ast.unparse(ast.parse(block)).splitlines()) <= 3


@pytest.fixture(scope="module")
def yours():
    """What the page says that its reader has."""
    draws = np.random.default_rng(0)
    labels, masks = np.arange(COUNT) % 3, np.zeros((COUNT, SIDE, SIDE), bool)
    masks[:, 8:24, 8:24] = True
    images = draws.integers(0, 90, (COUNT, SIDE, SIDE, 3)).astype(np.uint8)
    images[masks] = (80 * labels)[:, None].repeat(256, 1).reshape(-1, 1)
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [
            keras.Input((SIDE, SIDE, 3)),
            keras.layers.Rescaling(1 / 255),
            keras.layers.Conv2D(4, 3, strides=2, activation="relu"),
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dense(3),
        ]
    )
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile("adam", loss, metrics=["accuracy"])
    return {
        "keras": keras,
        "model": model,
        "names": ["ant", "bee", "cat"],
        "images": images[:2],
        "data": tf.data.Dataset.from_tensor_slices((images, labels, masks)),
        **{"x": images, "y": labels, "masks": masks},
        **{"x_test": images, "y_test": labels, "masks_test": masks},
    }


@pytest.fixture
def small_applications(tmp_path, monkeypatch):
    """A small network by the name of MobileNetV2, ImageNet's names, and short ascents."""
    index = tmp_path / "models" / "imagenet_class_index.json"
    index.parent.mkdir()
    names = {str(number): ["n0", f"name {number}"] for number in range(1000)}
    index.write_text(json.dumps({**names, "281": ["n0", "tabby"]}))
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))

    def mobile():
        inputs = keras.Input((SIDE, SIDE, 3))
        values = keras.layers.Conv2D(4, 3, strides=4)(inputs)
        scores = keras.layers.Dense(1000)(keras.layers.GlobalAveragePooling2D()(values))
        return keras.Model(inputs, scores, name="mobilenetv2_1.00_224")

    # Where its preprocessing is looked for.
    mobile.__module__ = keras.applications.MobileNetV2.__module__
    monkeypatch.setattr(keras.applications, "MobileNetV2", mobile)
    for name in ("natural", "small", "pretrained"):
        short = dataclasses.replace(presets.PRESETS[name], steps=2)
        monkeypatch.setitem(presets.PRESETS, name, short)


@pytest.fixture
def no_segmenter(monkeypatch):
    """The segmenter's network is downloaded in real use, and tested where masks are."""
    monkeypatch.setattr(in_memory.opening, "prepare", lambda settings, fetch: None)

    class Middle(Segmenter):
        def opacities(self, images):
            opacity = np.zeros((SIDE, SIDE), np.float32)
            opacity[8:24, 8:24] = 1.0
            return [opacity] * len(images)

    monkeypatch.setattr(
        in_memory.opening, "open_segmenter", lambda settings, path: Middle(settings)
    )


@pytest.mark.slow
def test_the_page_runs_from_top_to_bottom(
    yours, small_applications, no_segmenter, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    given = yours["masks"]
    names = dict(yours)
    exec(PAGE.split("```python\n")[1].split("```")[0], names)
    for heading, blocks in JOBS.items():
        for block in blocks:
            exec(compile(block, heading, "exec"), names)
            if heading == "Masks of a batch":
                assert np.asarray(names["masks"]).shape == (2, SIDE, SIDE, 1)
                assert names["good"].all()
                names["masks"] = given
    assert len(names["model"].history.history["bg_gap"]) == 1
    assert list(tmp_path.glob("logs/*"))
    for name in ("report.html", "repaired.keras", "classes.png"):
        assert (tmp_path / name).stat().st_size > 1000
    for line in JOBS["In a notebook"][0].splitlines():
        assert "<" in eval(line, names)._repr_html_()
