"""Full disks and folders that cannot be written: one line, no half file, and the same command
goes on once there is room.

Full disks are small file systems in memory, which only root can mount.
"""

import os
import pathlib
import shutil
import subprocess

import harness
import keras
import numpy as np
import pytest
import tool_server
from test_people_faults import answer_of, answers_in, made_experiment, serving, write_study

from bg_interp import pictures
from bg_interp.errors import UserError
from bg_interp.masks import shards
from bg_interp.masks.quality import Quality
from bg_interp.storage.summaries import EventWriter
from bg_interp.training.checkpoints import Checkpoints, State

only_in_make_faults = pytest.mark.skipif(
    "BG_INTERP_KILLS" not in os.environ, reason="`make faults` runs this"
)


def _mount(*options: str) -> None:
    subprocess.run(["mount", "-t", "tmpfs", *options], check=True, capture_output=True)


@pytest.fixture
def small_disk(tmp_path):
    """Makes a disk of so many KiB at a folder; a second call enlarges it."""
    made: list[pathlib.Path] = []

    def make(folder: pathlib.Path, size: int) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        again = "remount," if folder in made else ""
        try:
            _mount("-o", f"{again}size={size}k", "tmpfs", str(folder))
        except (OSError, subprocess.CalledProcessError) as error:
            pytest.skip(f"a small disk needs the right to mount one: {error}")
        made.append(folder)

    yield make
    for folder in dict.fromkeys(made):
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill_up(folder: pathlib.Path) -> None:
    """Writes to the disk until nothing more fits."""
    with open(folder / "filler", "wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(4096))
        except OSError:
            pass


def save_checkpoint(folder):
    model = keras.Sequential([keras.Input((200,)), keras.layers.Dense(200)])
    optimizer = keras.optimizers.SGD()
    optimizer.build(model.trainable_variables)
    Checkpoints(folder, model, optimizer).save(State(1, [], []))


def write_events(folder):
    import tensorflow as tf

    writer = EventWriter(folder)
    with writer.as_default(step=0):
        tf.summary.image("noise", np.random.default_rng(0).random((1, 200, 200, 3)))
    writer.flush()


def write_model(folder):
    from bg_interp.models import export

    model = keras.Sequential(
        [keras.Input((8, 8, 3)), keras.layers.Flatten(), keras.layers.Dense(99)]
    )
    export.keras_file(model, folder / "model.keras")
    export.saved_model(model, [str(number) for number in range(99)], folder / "saved_model")


WRITERS = {
    "checkpoint": save_checkpoint,
    "events": write_events,
    "model": write_model,
    "picture": lambda folder: pictures.save_png(
        folder / "a.png", np.random.default_rng(0).integers(0, 255, (99, 99, 3), np.uint8)
    ),
    "mask shard": lambda folder: shards.write(
        folder, [shards.Mask("a", bytes(50_000), Quality(0.5, 0.9, "ok"))]
    ),
}


@pytest.mark.parametrize("room", [0, 8, 24])
@pytest.mark.parametrize("kind", WRITERS)
def test_each_kind_of_file_on_a_full_disk(small_disk, tmp_path, ledger, kind, room):
    folder = tmp_path / "disk"
    small_disk(folder, 256)
    fill_up(folder)
    os.truncate(folder / "filler", max(0, (folder / "filler").stat().st_size - room * 1024))
    with pytest.raises(UserError, match="cannot write") as raised:
        WRITERS[kind](folder)
    assert "\n" not in str(raised.value)
    whole = [p for p in folder.rglob("*") if p.is_file() and "events" not in p.name]
    assert [path.name for path in whole] == ["filler"]
    ledger.count("full disk", kind)
    small_disk(folder, 20_000)
    WRITERS[kind](folder)
    harness.assert_no_strays(folder)


def one_line(done: subprocess.CompletedProcess) -> str:
    """Returns a tool's error, which must be one line at the end of what it printed."""
    assert done.returncode == 1, done.stderr
    assert "Traceback" not in done.stderr, done.stderr
    *_, line = done.stderr.strip().splitlines()
    assert line.startswith("error: "), done.stderr
    return line


def tool(name, flags, environment):
    command = [str(harness.ROOT / "tools" / f"{name}.py")]
    command += [f"--{flag}={value}" for flag, value in flags.items()]
    return tool_server.run(command, environment)


@only_in_make_faults
@pytest.mark.slow
@pytest.mark.parametrize("size", [4, 16, 48, 400, 1400, 2700, 3400])
def test_train_on_a_full_disk(
    small_disk, shape_settings, trained_workdir, tmp_path, environment, ledger, size
):
    """Sizes at which different files are the first that do not fit."""
    folder = tmp_path / "disk"
    small_disk(folder, size)
    settings = {**shape_settings, "workdir": folder / "run"}
    line = one_line(tool("train", settings, environment))
    assert str(folder) in line
    if (folder / "run").exists():
        harness.assert_no_strays(folder / "run")
    small_disk(folder, 100_000)
    done = tool("train", settings, environment)
    assert done.returncode == 0, done.stderr
    rows = [(f / "metrics.jsonl").read_text() for f in (folder / "run", trained_workdir)]
    assert rows[0] == rows[1]
    patterns = ("visualizations/class_images-*.png", "ascent.npz")
    assert harness.digests(folder / "run", *patterns) == harness.digests(trained_workdir, *patterns)
    ledger.count("full disk", "train")


@only_in_make_faults
@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "flags", "size"),
    [
        ("visualize", {}, 0),
        ("visualize", {"steps": 4}, 40),
        ("visualize", {"steps": 4}, 100),
        ("export", {}, 40),
        ("export", {}, 300),
        ("export", {"format": "litert"}, 200),
    ],
)
def test_output_on_a_full_disk(
    small_disk, trained_workdir, tmp_path, environment, ledger, name, flags, size
):
    folder = tmp_path / "disk"
    small_disk(folder, max(size, 4))
    flags = {"model": trained_workdir, "output": folder / "out", **flags}
    line = one_line(tool(name, flags, environment))
    assert str(folder) in line
    harness.assert_no_strays(folder)
    ledger.count("full disk", name)


@only_in_make_faults
@pytest.mark.slow
@pytest.mark.parametrize("size", [4, 20])
def test_mask_store_on_a_full_disk(
    small_disk, shape_folder, red_is_foreground, tmp_path, environment, ledger, size
):
    folder = tmp_path / "disk"
    small_disk(folder, size)
    flags = {
        "dataset": f"folder:{shape_folder.images}",
        "segmenter_model": red_is_foreground,
        "mask_store": folder / "store",
        "workers": 1,
    }
    assert str(folder) in one_line(tool("segment", flags, environment))
    harness.assert_no_strays(folder)
    small_disk(folder, 20_000)
    done = tool("segment", flags, environment)
    assert done.returncode == 0, done.stderr
    assert "20 masks in" in done.stdout
    ledger.count("full disk", "segment")


@only_in_make_faults
@pytest.mark.slow
def test_the_server_of_people_on_a_full_disk(small_disk, tmp_path, ledger):
    """One line however many ask, and the answers are taken when there is room again."""
    folder = tmp_path / "disk"
    small_disk(folder, 8000)
    experiment = made_experiment(write_study(folder / "study"))
    public = experiment.read_public()
    with serving.Server(experiment.workdir) as server:
        begun = server.ask("api/start", {"simulated": True})
        trials = public["lists"][begun["list"]][:4]
        sent = [answer_of(begun["participant"], one, place) for place, one in enumerate(trials)]
        server.ask("api/answer", sent[0])
        fill_up(folder)
        for one in sent[1:]:
            with pytest.raises(OSError, match="503"):
                server.ask("api/answer", one)
        (folder / "filler").unlink()
        for one in sent:
            server.ask("api/answer", one)
        (line, *ended) = server.stop().splitlines()
    assert line.startswith("error: ") and "is full" in line and "Traceback" not in str(ended)
    assert answers_in(experiment) == {(begun["participant"], one["id"]) for one in trials}
    ledger.count("full disk", "people")


@only_in_make_faults
@pytest.mark.slow
def test_cache_on_a_full_disk(small_disk, tmp_path, environment, ledger):
    folder = tmp_path / "disk"
    small_disk(folder, 2000)
    environment = {**environment, "BG_INTERP_CACHE": str(folder)}
    flags = {"workdir": tmp_path / "run", "steps": 2, "image_size": 96}
    assert "--data_dir" in one_line(tool("train", flags, environment))
    ledger.count("full disk (cache)", "train")


@only_in_make_faults
@pytest.mark.slow
def test_a_workdir_that_may_only_be_read(small_disk, shape_settings, tmp_path, environment, ledger):
    folder = tmp_path / "disk"
    small_disk(folder, 1000)
    subprocess.run(["mount", "-o", "remount,ro", str(folder)], check=True)
    for name, flags in (
        ("train", {**shape_settings, "workdir": folder / "run"}),
        ("study", {**shape_settings, "workdir": folder / "study", "seeds": 1}),
    ):
        flags = {k: v for k, v in flags.items() if name == "train" or k != "background"}
        flags.pop("adversarial_epsilon")
        assert str(folder) in one_line(tool(name, flags, environment))
        ledger.count("read-only folder", name)
    shutil.rmtree(tmp_path / "run", ignore_errors=True)
