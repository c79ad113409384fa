"""The TFDS builder stores exactly what `draw_example` draws, once, whoever asks and dies."""

import pathlib
import subprocess
import sys
import textwrap
import time

import numpy as np
import pytest
import tensorflow as tf
import tool_server

from bg_interp.data.sources.habitats import workers
from bg_interp.data.sources.habitats.builder import Habitats, HabitatsConfig, prepared
from bg_interp.data.sources.habitats.examples import SPLITS, draw_example
from bg_interp.data.sources.habitats.workers import Job, draw_all
from bg_interp.errors import UserError
from bg_interp.storage import locks

TINY = {"image_size": 32, "train_per_class": 2, "test_per_class": 1}


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> pathlib.Path:
    return tmp_path_factory.mktemp("tfds")


@pytest.fixture(scope="module")
def builder(folder) -> Habitats:
    return prepared(HabitatsConfig(**TINY, data_seed=4, correlation=0.5), folder)


def records(path: pathlib.Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in path.glob("*.tfrecord*")}


@pytest.mark.parametrize("split", SPLITS)
def test_read_back_equals_drawn_in_the_order_of_the_index(builder, split):
    examples = list(builder.as_dataset(split=split).as_numpy_iterator())
    assert len(examples) == (16 if split == "train" else 8)
    for index, example in enumerate(examples):
        drawn = draw_example(4, split, index, 32, 0.5)
        np.testing.assert_array_equal(example["image"], drawn.image)
        np.testing.assert_array_equal(example["mask"], drawn.mask)
        assert (example["label"], example["background"]) == (drawn.label, drawn.background)


def test_features_name_classes_and_backgrounds(builder):
    features = builder.info.features
    assert features["label"].names[0] == "fish"
    assert features["background"].names[0] == "water"
    assert features["image"].shape == (32, 32, 3)
    assert features["mask"].shape == (32, 32, 1)


def test_all_classes_are_read_back_with_their_names(folder):
    config = HabitatsConfig(**TINY, classes=24)
    examples = list(prepared(config, folder).as_dataset(split="test").as_numpy_iterator())
    features = prepared(config, folder).info.features
    assert [features["label"].names[8], features["background"].names[8]] == ["turtle", "pebbles"]
    assert [int(one["label"]) for one in examples] == list(range(24))
    for index, example in enumerate(examples):
        drawn = draw_example(0, "test", index, 32, 0.95, 24)
        np.testing.assert_array_equal(example["image"], drawn.image)
        np.testing.assert_array_equal(example["mask"], drawn.mask)
        assert example["background"] == drawn.background


def test_asking_again_draws_nothing_and_writes_nothing(builder, folder, monkeypatch):
    monkeypatch.setattr(Habitats, "_split_generators", None)
    monkeypatch.setattr(locks, "in_turn", None)
    again = prepared(HabitatsConfig(**TINY, data_seed=4, correlation=0.5), folder)
    assert again.info.splits["train"].num_examples == 16


def test_another_folder_holds_the_same_bytes(builder, tmp_path):
    again = prepared(HabitatsConfig(**TINY, data_seed=4, correlation=0.5), tmp_path)
    assert records(pathlib.Path(again.data_dir)) == records(pathlib.Path(builder.data_dir))


def test_the_features_of_a_record_stand_in_a_fixed_order(builder):
    for content in records(pathlib.Path(builder.data_dir)).values():
        places = [content.index(name) for name in (b"background", b"image", b"label", b"mask")]
        assert places == sorted(places)


def test_what_a_killed_process_left_is_removed_and_drawn_again(tmp_path):
    config = HabitatsConfig(**TINY, data_seed=5)
    left = tmp_path / "habitats" / config.name / "incomplete.AAAAAA_1.0.0"
    left.mkdir(parents=True)
    (left / "habitats-train.tfrecord-00000-of-00001").write_bytes(b"half")
    ready = prepared(config, tmp_path)
    assert [path.name for path in left.parent.iterdir()] == ["1.0.0"]
    assert len(list(ready.as_dataset(split="test"))) == 8


def test_preparing_prints_one_bar_and_nothing_else(tmp_path, capfd):
    prepared(HabitatsConfig(**TINY, data_seed=6), tmp_path)
    captured = capfd.readouterr()
    assert captured.out == ""
    assert "drawing habitats: 100%" in captured.err
    assert "Generating" not in captured.err


def test_workers_draw_the_same_bytes_as_this_process_in_the_same_order():
    job = Job(data_seed=0, split="train", image_size=32, correlation=0.95, count=21)
    assert list(draw_all(job, workers=2)) == list(draw_all(job, workers=0))


def test_workers_end_when_the_reader_stops():
    job = Job(data_seed=0, split="train", image_size=32, correlation=0.95, count=100_000)
    examples = draw_all(job, workers=2)
    next(examples)
    examples.close()


def test_a_worker_that_dies_is_an_error_and_not_a_shorter_data_set(monkeypatch):
    monkeypatch.setattr(workers.sys, "executable", "/bin/false")
    job = Job(data_seed=0, split="train", image_size=32, correlation=0.95, count=4)
    with pytest.raises(UserError, match="drawing process ended early, before example 0"):
        list(draw_all(job, workers=1))


@pytest.mark.parametrize("script", ["workers", "examples"])
def test_a_worker_starts_without_tensorflow(script):
    module = f"bg_interp.data.sources.habitats.{script}"
    code = f"import sys, {module}; assert 'tensorflow' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (tf.errors.ResourceExhaustedError(None, None, "No space left"), "No space left"),
        (OSError(28, "No space left on device"), "No space left on device"),
    ],
)
def test_a_full_disk_is_one_line_and_leaves_nothing(tmp_path, monkeypatch, error, reason):
    def write(self, path, examples):
        raise error

    monkeypatch.setattr("bg_interp.data.sources.preparing._FixedOrderWriter.write", write)
    config = HabitatsConfig(**TINY, data_seed=7)
    with pytest.raises(UserError, match=reason) as raised:
        prepared(config, tmp_path)
    assert "choose another folder" in str(raised.value)
    assert "\n" not in str(raised.value)
    assert not list((tmp_path / "habitats" / config.name).iterdir())


@pytest.mark.slow
def test_killed_while_drawing_the_next_start_gives_the_same_bytes(tmp_path):
    values = {"image_size": 32, "train_per_class": 20, "test_per_class": 1}
    code = f"""
    from bg_interp.data.sources.habitats.builder import HabitatsConfig, prepared
    prepared(HabitatsConfig(**{values!r}), {str(tmp_path / "killed")!r})
    """
    program = tmp_path / "program.py"
    program.write_text(textwrap.dedent(code))
    process = tool_server.start([str(program)])
    config = HabitatsConfig(**values)
    folder = tmp_path / "killed" / "habitats" / config.name
    while process.poll() is None and not list(folder.glob("incomplete.*")):
        time.sleep(0.01)
    process.kill()
    process.communicate()
    assert [path.name.partition(".")[0] for path in folder.iterdir()] == ["incomplete"]
    again = prepared(config, tmp_path / "killed")
    straight = prepared(config, tmp_path / "straight")
    assert [path.name for path in folder.iterdir()] == ["1.0.0"]
    assert records(pathlib.Path(again.data_dir)) == records(pathlib.Path(straight.data_dir))


@pytest.mark.slow
def test_two_processes_that_ask_at_once_get_one_data_set(tmp_path):
    code = f"""
    from bg_interp.data.sources.habitats.builder import HabitatsConfig, prepared
    config = HabitatsConfig(image_size=32, train_per_class=15, test_per_class=1)
    builder = prepared(config, {str(tmp_path)!r})
    print(len(list(builder.as_dataset(split="train"))))
    """
    program = tmp_path / "program.py"
    program.write_text(textwrap.dedent(code))
    both = [tool_server.start([str(program)]) for _ in range(2)]
    outputs = [process.communicate() for process in both]
    assert [output.strip() for output, _ in outputs] == ["120", "120"], outputs
    assert sum("drawing habitats" in errors for _, errors in outputs) == 1


def test_config_names_are_unique_and_safe_for_file_systems():
    configs = [
        HabitatsConfig(),
        HabitatsConfig(image_size=96),
        HabitatsConfig(correlation=0.125),
        HabitatsConfig(correlation=0.9500001),
        HabitatsConfig(data_seed=1),
        HabitatsConfig(train_per_class=2),
        HabitatsConfig(test_per_class=2),
        HabitatsConfig(classes=24),
    ]
    names = [config.name for config in configs]
    assert names[0] == "64px-correlation0.95-seed0"
    assert len(set(names)) == len(names)
    assert all(set(name) <= set("abcdefghijklmnopqrstuvwxyz0123456789.-") for name in names)
    assert HabitatsConfig(correlation=1).name == HabitatsConfig(correlation=1.0).name
    assert set(Habitats.builder_configs) == {
        f"{size}px-correlation0.95-seed0" for size in (64, 96, 128)
    }


def test_more_classes_have_fewer_images_each():
    counts = [HabitatsConfig(classes=24).count(split) for split in SPLITS]
    assert counts == [2400, 384, 384]
    assert [HabitatsConfig().count(split) for split in SPLITS] == [2400, 400, 400]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"correlation": 1.2}, "habitats: correlation must be from 0 to 1, received 1.2"),
        ({"image_size": 8}, "habitats: image_size must be from 16 to 512, received 8"),
        ({"data_seed": -1}, "habitats: data_seed must be 0 or more, received -1"),
        ({"classes": 25}, "habitats: classes must be from 2 to 24, received 25"),
        ({"train_per_class": 0}, "habitats: train_per_class must be 1 or more, received 0"),
    ],
)
def test_values_out_of_range_are_named(values, message):
    with pytest.raises(UserError, match=message):
        HabitatsConfig(**values)


def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("")
    with pytest.raises(UserError, match=f"cannot prepare habitats in {blocked}"):
        prepared(HabitatsConfig(**TINY), blocked)
