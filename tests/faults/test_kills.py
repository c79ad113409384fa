"""Killed at any moment and started again, each tool ends as if it had never been killed.

BG_INTERP_KILLS sets the kills for each tool. Without it four tools get one, in the middle of their
work, and the others none: the study's judges alone train for minutes.
"""

import dataclasses
import json
import os

import harness
import numpy as np
import pytest

pytestmark = pytest.mark.slow

EVERY_TOOL = "BG_INTERP_KILLS" in os.environ
only_in_make_faults = pytest.mark.skipif(not EVERY_TOOL, reason="`make faults` runs this")
SEED = int(os.environ.get("BG_INTERP_FAULT_SEED", "0"))
SIGKILL = "killed (SIGKILL)"
COMPARED = "runs compared after it"


def survive(job, tmp_path, environment, ledger, whole=None, middle=None):
    """`middle` is the pattern of a file that a single kill waits for."""
    kills = harness.kills_wanted(1)
    if not EVERY_TOOL:
        job = dataclasses.replace(job, boundaries=[middle])
    try:
        for done in harness.survive(job, tmp_path, environment, kills, SEED, whole):
            ledger.count(SIGKILL, job.tool, tried=done)
            ledger.count(COMPARED, job.tool)
    except Exception:
        ledger.count(SIGKILL, job.tool, lost=1)
        raise


def event_steps(folder):
    """Returns the steps of each tag of TensorBoard's events, all of them."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    found = EventAccumulator(str(folder), size_guidance={"tensors": 0})
    found.Reload()
    return {tag: [event.step for event in found.Tensors(tag)] for tag in found.Tags()["tensors"]}


def weights_of(folder):
    from bg_interp.models import loading

    model = loading.load_network(folder / "model.keras").network
    return [values.tobytes() for values in model.get_weights()]


def check_run(whole, killed):
    assert weights_of(whole) == weights_of(killed)
    rows = [(folder / "metrics.jsonl").read_text() for folder in (whole, killed)]
    assert rows[0] == rows[1]
    patterns = ("ascent.npz", "visualizations/class_images-*.png", "saved_model/assets/*")
    assert harness.digests(whole, *patterns) == harness.digests(killed, *patterns)
    names = [sorted(p.name for p in (f / "checkpoints").iterdir()) for f in (whole, killed)]
    assert names[0] == names[1]
    results = [json.loads((folder / "result.json").read_text()) for folder in (whole, killed)]
    assert results[0]["accuracies"] == results[1]["accuracies"]
    assert (killed / "saved_model" / "saved_model.pb").stat().st_size
    for part in ("train", "test"):
        assert event_steps(whole / "events" / part) == event_steps(killed / "events" / part)
    shown = [event_steps(folder / "events" / "images") for folder in (whole, killed)]
    # A picture that a killed run showed after its last checkpoint is shown once more.
    assert {t: set(s) for t, s in shown[0].items()} == {t: set(s) for t, s in shown[1].items()}


def test_train(shape_settings, trained_workdir, tmp_path, environment, ledger):
    settings, whole = shape_settings, trained_workdir
    if EVERY_TOOL:
        settings, whole = {**settings, "steps": 8, "visualize_every": 3}, None
    job = harness.Job(
        "train",
        lambda folder: {**settings, "workdir": folder},
        first=".lock-holder",
        boundaries=(
            "config.json",
            "events/images/*",
            "visualizations/*.png",
            "checkpoints/.partial-*",
            *(f"checkpoints/step-{step:08d}.npz" for step in range(2, settings["steps"] + 1, 2)),
            "metrics.jsonl",
            "ascent.npz",
            "model.keras",
            ".partial-*",
            "saved_model",
            "result.json",
        ),
        check=check_run,
        finished=lambda folder: (folder / "result.json").exists(),
    )
    survive(job, tmp_path, environment, ledger, whole, middle="checkpoints/step-00000002.npz")


def check_masks(whole, killed):
    assert harness.stored_masks(whole) == harness.stored_masks(killed)
    assert len(harness.stored_masks(killed)) == 600
    patterns = ("png/**/*.png", "store/*/*/bad_masks.txt", "store/*/*/store.json")
    assert harness.digests(whole, *patterns) == harness.digests(killed, *patterns)
    orphans = {p.stem for p in killed.rglob("masks-*.tfrecord")}
    assert orphans == {p.stem for p in killed.rglob("masks-*.json")}


def test_segment(photographs, red_is_foreground, tmp_path, environment, ledger):
    job = harness.Job(
        "segment",
        lambda folder: {
            "dataset": f"folder:{photographs}",
            "segmenter_model": red_is_foreground,
            "mask_store": folder / "store",
            "export_png": folder / "png",
            "workers": 1,
        },
        first="store/*/*/store.json",
        boundaries=(
            "store/*/*/.lock",
            "store/*/*/.partial-*.tfrecord",
            *(f"store/*/*/masks-0000{number}.*" for number in range(3)),
            "store/*/*/bad_masks.txt",
            "png/cat/*.png",
            "png/dog/.partial-*",
        ),
        check=check_masks,
    )
    survive(job, tmp_path, environment, ledger, middle="store/*/*/masks-00001.*")


def check_visualization(whole, killed):
    patterns = ("*.png", "*.gif", "images.npz")
    assert harness.digests(whole, *patterns) == harness.digests(killed, *patterns)
    results = [json.loads((folder / "results.json").read_text()) for folder in (whole, killed)]
    assert results[0].pop("seconds") and results[1].pop("seconds")
    assert results[0] == results[1]


def test_visualize(trained_workdir, tmp_path, environment, ledger):
    job = harness.Job(
        "visualize",
        lambda folder: {"model": trained_workdir, "output": folder, "gif": True},
        first="command.txt",
        boundaries=("*-disc.png", "grid.png", "samples.png", "animation.gif", "*.npz", ".partial*"),
        check=check_visualization,
    )
    survive(job, tmp_path, environment, ledger, middle="grid.png")


def many_classes(folder):
    """Writes an untrained network of so many classes that their images are made in parts."""
    import keras

    image = keras.Input((32, 32, 3))
    norm = keras.layers.BatchNormalization()
    seen = keras.layers.ReLU()(norm(keras.layers.Conv2D(8, 3, strides=2)(image)))
    scores = keras.layers.Dense(40)(keras.layers.GlobalAveragePooling2D()(seen))
    # As if it had seen images: the ascent asks what natural features are like.
    chance = np.random.default_rng(0)
    norm.moving_mean.assign(chance.normal(0, 20, 8))
    norm.moving_variance.assign(chance.uniform(900, 2000, 8))
    keras.Model(image, scores).save(folder / "many.keras")
    return folder / "many.keras"


@only_in_make_faults
def test_visualize_many_classes(tmp_path, environment, ledger):
    """A long gallery goes on with the part in which it was killed."""
    model = many_classes(tmp_path)
    job = harness.Job(
        "visualize",
        lambda folder: {
            **{"model": model, "output": folder, "preset": "natural", "input_range": "0:255"},
            **{"steps": 12, "samples": 2, "classes": "all"},
        },
        first="command.txt",
        boundaries=("progress/*.npz", "progress/.partial-*", "grid.png", "images.npz"),
        check=check_visualization,
        finished=lambda folder: (folder / "results.json").exists(),
    )
    survive(job, tmp_path, environment, ledger)


def check_demo(whole, killed):
    for arm in ("none", "black"):
        check_run(whole / arm, killed / arm)
        check_audit(whole / arm / "evaluation", killed / arm / "evaluation")
    check_repair(whole / "repaired", killed / "repaired")
    pages = [(folder / "index.html").read_text() for folder in (whole, killed)]
    # Pictures and numbers; the time that it took stands in no page.
    assert pages[0].replace(str(whole), "") == pages[1].replace(str(killed), "")


@only_in_make_faults
def test_demo(tmp_path, environment, ledger):
    job = harness.Job(
        "demo",
        lambda folder: {"workdir": folder, "steps": 6, "image_size": 32},
        first=".lock-holder",
        boundaries=(
            "none/config.json",
            "none/checkpoints/*.npz",
            "none/model.keras",
            "none/evaluation/*.json",
            "black/config.json",
            "black/result.json",
            "black/evaluation/report.html",
            "repaired/progress/*",
            "repaired/model.keras",
            "repaired/report.html",
        ),
        check=check_demo,
        finished=lambda folder: (folder / "index.html").exists(),
        is_long=True,
    )
    survive(job, tmp_path, environment, ledger)


def check_audit(whole, killed):
    patterns = ("images.csv", "*.png")
    assert harness.digests(whole, *patterns) == harness.digests(killed, *patterns)
    results = [json.loads((folder / "results.json").read_text()) for folder in (whole, killed)]
    differing = {key for key in results[0] if results[0][key] != results[1][key]}
    # A model file says when it was saved, so that the same weights have another sha256.
    assert differing <= {"seconds", "date", "model", "weights_sha256"}
    assert (killed / "report.html").stat().st_size


@only_in_make_faults
def test_evaluate(trained_workdir, shape_settings, tmp_path, environment, ledger):
    data = {name: shape_settings[name] for name in ("dataset", "masks")}
    settings = {**data, "model": trained_workdir, "adversarial_backgrounds": 0}
    job = harness.Job(
        "evaluate",
        lambda folder: {**settings, "output": folder},
        first=".partial-*",
        boundaries=("*.png", "images.csv", "results.json", "report.html", ".partial-*"),
        check=check_audit,
        finished=lambda folder: (folder / "report.html").exists(),
    )
    survive(job, tmp_path, environment, ledger)


def check_repair(whole, killed):
    assert weights_of(whole) == weights_of(killed)
    assert (killed / "report.html").stat().st_size


@only_in_make_faults
def test_repair(trained_workdir, shape_settings, tmp_path, environment, ledger):
    data = {name: shape_settings[name] for name in ("dataset", "masks")}
    job = harness.Job(
        "repair",
        lambda folder: {**data, "model": trained_workdir, "output": folder},
        first="**/*",
        boundaries=("model.keras", ".partial-*", "report.html", "results.json"),
        check=check_repair,
        finished=lambda folder: (folder / "report.html").exists(),
    )
    survive(job, tmp_path, environment, ledger)


def served_weights(folder):
    """Returns the bytes of a SavedModel's weights, but not of seeds that no answer asks for."""
    import tensorflow as tf

    reader = tf.train.load_checkpoint(str(folder / "saved_model" / "variables" / "variables"))
    names = set(reader.get_variable_to_shape_map()) - {"_CHECKPOINTABLE_OBJECT_GRAPH"}
    values = [reader.get_tensor(name) for name in names]
    return sorted(one.tobytes() for one in values if one.dtype.kind == "f")


def check_export(whole, killed):
    import tensorflow as tf

    patterns = ("model.tflite", "saved_model/assets/*")
    assert harness.digests(whole, *patterns) == harness.digests(killed, *patterns)
    assert len(harness.digests(killed, *patterns)) == 2
    assert served_weights(whole) == served_weights(killed)
    assert "serving_default" in tf.saved_model.load(str(killed / "saved_model")).signatures


def test_export(trained_workdir, tmp_path, environment, ledger):
    job = harness.Job(
        "export",
        lambda folder: {
            "model": trained_workdir,
            "output": folder,
            "format": "saved_model,litert",
        },
        first=".partial-*",
        boundaries=(
            ".partial-*/class_names.txt",
            ".partial-*/saved_model/variables/*",
            "saved_model",
            ".partial-*.tflite",
            "model.tflite",
        ),
        check=check_export,
    )
    survive(job, tmp_path, environment, ledger, middle="saved_model")


def check_study(whole, killed):
    for arm in (whole / "arms").iterdir():
        other = killed / "arms" / arm.name
        check_run(arm, other)
        files = ("measures.json", "class_images.npz")
        assert harness.digests(arm, *files) == harness.digests(other, *files)
    files = ("results.csv", "results.md")
    assert harness.digests(whole, *files) == harness.digests(killed, *files)
    assert (killed / "report.html").stat().st_size
    assert event_steps(killed / "events")


@only_in_make_faults
def test_study(shape_settings, tmp_path, environment, ledger):
    """The judges are trained once, by the unbroken run; the others find them in the cache."""
    settings = {k: v for k, v in shape_settings.items() if k not in ("background", "steps")}
    del settings["adversarial_epsilon"]
    job = harness.Job(
        "study",
        lambda folder: {
            **settings,
            "steps": 2,
            "backgrounds": "none,black",
            "seeds": "1",
            "workdir": folder,
        },
        first="arms/*/.lock-holder",
        boundaries=(
            "arms/*/checkpoints/*.npz",
            "arms/*/model.keras",
            "arms/black*/config.json",
            "arms/*/class_images.npz",
            "arms/*/measures.json",
            "results.json",
            "events/*",
            "report.html",
        ),
        check=check_study,
    )
    survive(job, tmp_path, environment, ledger)
