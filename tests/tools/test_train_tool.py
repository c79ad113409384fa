"""The main job, end to end: a run, its files, the same run again, and bad input."""

import dataclasses
import json
import pathlib

import numpy as np
import pytest

from bg_interp.commands import train
from bg_interp.config.training import ArmConfig
from bg_interp.errors import UserError
from bg_interp.storage import files

pytestmark = pytest.mark.usefixtures("speaking_of_flags")

ROOT = pathlib.Path(__file__).parents[2]


@pytest.fixture
def in_session_cache(session_cache, monkeypatch):
    monkeypatch.setenv("BG_INTERP_CACHE", str(session_cache))


def rows_of(folder: pathlib.Path) -> list[dict]:
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]


def test_a_run_leaves_what_it_promises(trained_workdir):
    names = (
        "config.json metrics.jsonl result.json model.keras saved_model ascent.npz "
        "visualizations events checkpoints"
    )
    # Other tests evaluate and visualize the same run into folders beside these.
    assert set(names.split()) <= {path.name for path in trained_workdir.iterdir()}
    assert {p.name for p in (trained_workdir / "events").iterdir()} == {"train", "test", "images"}
    # One with each evaluation, and one of the network as it was.
    assert sorted(p.name for p in (trained_workdir / "visualizations").iterdir()) == [
        f"class_images-00000{step}.png" for step in (0, 2, 4)
    ]
    assert not list(trained_workdir.rglob(".partial-*"))


def test_config_json_holds_no_open_question(trained_workdir, shape_settings):
    written = json.loads((trained_workdir / "config.json").read_text())
    assert shape_settings.items() <= written["config"].items()
    assert written["config"].keys() == {f.name for f in dataclasses.fields(ArmConfig)}
    assert written["class_names"] == ["disc", "square"]
    assert sum(written["examples"].values()) == 20
    assert written["jit_compile"] is False
    assert written["masks"]["bad"] == {}
    assert len(written["fingerprint"]) == 64
    assert "tensorflow" in written["versions"]


def test_metrics_hold_each_step_and_the_three_conditions(trained_workdir):
    rows = rows_of(trained_workdir)
    assert [r["step"] for r in rows if r["split"] == "train"] == [1, 2, 3, 4]
    tests = [r for r in rows if r["split"] == "test"]
    assert [r["step"] for r in tests] == [2, 4]
    for name in ("own_condition", "original", "swapped"):
        assert all(0 <= row[f"accuracy/{name}"] <= 1 for row in tests)
    result = json.loads((trained_workdir / "result.json").read_text())
    assert result["accuracies"] == {k: v for k, v in tests[-1].items() if "/" in k}


def test_tensorboard_holds_scalars_images_and_hparams(trained_workdir):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    tags = {}
    for part in ("train", "test", "images"):
        found = EventAccumulator(str(trained_workdir / "events" / part))
        found.Reload()
        tags[part] = set(found.Tags()["tensors"])
        if part == "test":
            assert {"_hparams_/session_start_info", "_hparams_/experiment"} <= set(
                found.summary_metadata
            )
        if part == "images":
            assert [event.step for event in found.Tensors("class images")] == [0, 2, 4]
    assert {"loss", "accuracy", "bad_masks"} <= tags["train"]
    assert "accuracy/swapped" in tags["test"]
    assert tags["images"] == {"treatment", "class images"}


@pytest.mark.slow
def test_the_same_command_in_another_process_gives_the_same_bytes(
    run_tool, shape_settings, trained_workdir, saved_weights, tmp_path
):
    done = run_tool("train", {**shape_settings, "workdir": tmp_path / "again"}, anew=True)
    assert done.returncode == 0, done.stderr
    first, again = (saved_weights(d / "model.keras") for d in (trained_workdir, tmp_path / "again"))
    assert first == again
    assert rows_of(tmp_path / "again") == rows_of(trained_workdir)
    assert (tmp_path / "again" / "ascent.npz").exists()
    pictures = [
        d / "visualizations/class_images-000004.png" for d in (trained_workdir, tmp_path / "again")
    ]
    assert pictures[0].read_bytes() == pictures[1].read_bytes()
    assert "with backgrounds as in training (mixed: a share of 0.5 black)" in done.stdout
    assert f"tensorboard --logdir {tmp_path / 'again'}" in done.stdout
    assert str(pictures[1]) in done.stdout
    assert "Traceback" not in done.stderr
    assert "cuda" not in done.stderr.lower()


def test_a_finished_run_is_not_run_again(trained_workdir, shape_settings, in_session_cache, capsys):
    before = (trained_workdir / "model.keras").stat().st_mtime_ns
    result = train.run(ArmConfig(**shape_settings, workdir=str(trained_workdir)))
    assert result == files.read_sealed(trained_workdir / "result.json")
    assert (trained_workdir / "model.keras").stat().st_mtime_ns == before
    assert "is finished; --overwrite starts over" in capsys.readouterr().err


def test_another_configuration_in_the_same_folder_is_refused(
    trained_workdir, shape_settings, in_session_cache
):
    other = {**shape_settings, "steps": 5}
    with pytest.raises(UserError, match="--steps was 4, now 5"):
        train.run(ArmConfig(**other, workdir=str(trained_workdir)))
    assert (trained_workdir / "model.keras").exists()


def test_another_seed_gives_other_weights(shape_settings, trained_workdir, saved_weights):
    from bg_interp.models import networks

    first, second = (
        networks.build("small", image_size=32, classes=2, seed=seed).get_weights()
        for seed in (0, 1)
    )
    assert any(not np.array_equal(a, b) for a, b in zip(first, second, strict=True))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"dataset": "tfds:oxford_iiit_pett"}, "did you mean 'oxford_iiit_pet'"),
        ({"network": "MobileNetV9"}, "did you mean 'MobileNetV2'"),
        ({"background": "none", "masks": "selfy"}, "did you mean 'selfie'"),
        ({"masks": "dataset"}, "--masks=dataset needs a dataset with masks of its own"),
        ({"masks": "folder:/nowhere"}, "/nowhere"),
        ({"masks": "object"}, "tools/segment.py"),
        ({"network": "InceptionV3"}, "--image_size=32"),
        ({"weights": __file__}, "must be none, imagenet, or a .keras or .h5 file"),
    ],
)
def test_bad_settings_end_in_one_line(shape_settings, own_cache, tmp_path, change, message):
    config = ArmConfig(**{**shape_settings, **change}, workdir=str(tmp_path / "run"))
    with pytest.raises(UserError) as raised:
        train.run(config)
    assert message in str(raised.value)
    assert "\n" not in str(raised.value)
    assert not (tmp_path / "run" / "config.json").exists() or "network" in change


def test_too_many_damaged_images_stop_the_run_with_their_number(
    shape_settings, own_cache, tmp_path
):
    from PIL import Image

    for kind in ("a", "b"):
        (tmp_path / "images" / kind).mkdir(parents=True)
        for number in range(6):
            Image.new("RGB", (8, 8), (number, 0, 0)).save(
                tmp_path / "images" / kind / f"{number}.png"
            )
        for number in range(3):
            (tmp_path / "images" / kind / f"x{number}.jpg").write_bytes(b"broken")
    settings = {"dataset": f"folder:{tmp_path / 'images'}", "masks": "none", "background": "none"}
    config = ArmConfig(**{**shape_settings, **settings}, workdir=str(tmp_path / "run"))
    with pytest.raises(UserError, match=r"6 of 18 are damaged images, .*--max_bad_fraction=0.2"):
        train.run(config)


def test_a_workdir_that_cannot_be_written_is_one_line(shape_settings, own_cache, tmp_path):
    (tmp_path / "file").write_text("")
    config = ArmConfig(**shape_settings, workdir=str(tmp_path / "file" / "run"))
    with pytest.raises(UserError, match="cannot write to --workdir="):
        train.run(config)


@pytest.mark.slow
def test_an_error_of_the_run_is_one_line_of_the_tool(run_tool, shape_settings, tmp_path):
    empty = tmp_path / "photos"
    (empty / "cat").mkdir(parents=True)
    settings = {**shape_settings, "dataset": f"folder:{empty}", "workdir": tmp_path / "run"}
    done = run_tool("train", settings)
    assert done.returncode == 1
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"error: {empty} must hold one folder of images per class")
    # A folder that nothing was written to goes again.
    assert not (tmp_path / "run").exists()
