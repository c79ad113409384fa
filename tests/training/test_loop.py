"""A run that stops, however it stops, ends as if it had not."""

import json
import os
import pathlib
import signal
import time

import keras
import numpy as np
import pytest
import tensorflow as tf
import tool_server

from bg_interp.errors import Terminated, UserError
from bg_interp.models import networks
from bg_interp.storage.summaries import Summaries
from bg_interp.training import loop as loop_module
from bg_interp.training.loop import Loop, train
from bg_interp.training.updates import UpdateSettings, make_optimizer

RECIPE = UpdateSettings(steps=8, adversarial_epsilon=1.0, adversarial_replays=2)


def network(seed: int = 0) -> keras.Model:
    """A small network with all that has a state: batch statistics and dropout."""
    image = keras.Input((8, 8, 3))
    x = keras.layers.Rescaling(1 / 255)(image)
    x = keras.layers.Conv2D(4, 3, use_bias=False)(x)
    x = keras.layers.ReLU()(keras.layers.BatchNormalization()(x))
    x = keras.layers.Dropout(0.5)(keras.layers.Flatten()(x))
    model = keras.Model(image, keras.layers.Dense(2)(x))
    networks.initialize(model, seed)
    return model


def batches_from(start: int):
    for step in range(start, 1000):
        generator = np.random.default_rng(step)
        yield {
            "image": tf.constant(generator.uniform(0, 255, (4, 8, 8, 3)), tf.float32),
            "label": tf.constant(generator.integers(0, 2, 4), tf.int32),
        }


def run(
    folder, *, evaluate=lambda: {"accuracy/own": 0.5}, visualize=None, settings=RECIPE, every=3
):
    """Runs the loop in `folder`; returns the weights and the rows of metrics."""
    model = network()
    shown = visualize or (lambda step: None)
    summaries = Summaries(folder / "events")
    summaries.clear("train", "test")
    try:
        rows = train(
            model,
            make_optimizer(settings),
            settings,
            batches_from,
            Loop(every, 2 if visualize else 0, evaluate, shown),
            folder=folder,
            summaries=summaries,
            jit_compile=False,
            strategy=tf.distribute.get_strategy(),
        )
    finally:
        summaries.close()
    return [np.asarray(v).tobytes() for v in model.variables], rows


class Stop(Exception):
    """Stands for whatever may happen."""


def stop_after(calls: int, act):
    """Returns an `evaluate` that acts in its n-th call."""
    count = iter(range(1, 100))

    def evaluate():
        if next(count) == calls:
            act()
        return {"accuracy/own": 0.5}

    return evaluate


def fail():
    raise Stop


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A run that was never stopped: (weights, rows, text of metrics.jsonl)."""
    folder = tmp_path_factory.mktemp("whole")
    weights, rows = run(folder)
    return weights, rows, (folder / "metrics.jsonl").read_text()


def test_every_step_and_evaluation_has_one_row(whole):
    _, rows, text = whole
    assert [json.loads(line) for line in text.splitlines()] == rows
    places = [(row["step"], row["split"]) for row in rows]
    train_rows = [(step, "train") for step in range(1, 9)]
    assert sorted(places) == sorted(train_rows + [(step, "test") for step in (3, 6, 8)])
    assert [row["step"] for row in rows] == sorted(row["step"] for row in rows)


@pytest.mark.parametrize("calls", [1, 2, 3])
def test_stopped_by_an_error_it_ends_the_same(tmp_path, whole, calls):
    with pytest.raises(Stop):
        run(tmp_path, evaluate=stop_after(calls, fail))
    weights, _ = run(tmp_path)
    assert weights == whole[0]
    assert (tmp_path / "metrics.jsonl").read_text() == whole[2]


@pytest.mark.parametrize(
    ("number", "error"), [(signal.SIGTERM, Terminated), (signal.SIGINT, KeyboardInterrupt)]
)
def test_a_signal_waits_for_the_step_saves_it_and_the_next_run_ends_the_same(
    tmp_path, whole, number, error
):
    before = signal.getsignal(number)
    steps = []

    def shown(step):
        steps.append(step)
        if step == 4:
            os.kill(os.getpid(), number)

    with pytest.raises(error):
        run(tmp_path, visualize=shown)
    assert signal.getsignal(number) is before
    assert [p.name for p in (tmp_path / "checkpoints").iterdir() if "4" in p.name]
    weights, _ = run(tmp_path)
    assert weights == whole[0]
    assert (tmp_path / "metrics.jsonl").read_text() == whole[2]


def test_measures_between_two_logged_steps_survive_a_signal(tmp_path, monkeypatch):
    monkeypatch.setattr(loop_module, "_LOGGED_POINTS", 2)  # A row for every fourth step.
    run(tmp_path / "whole", every=8)
    with pytest.raises(Terminated):
        run(
            tmp_path / "stopped",
            every=8,
            visualize=lambda step: os.kill(os.getpid(), signal.SIGTERM) if step == 2 else None,
        )
    run(tmp_path / "stopped", every=8)
    texts = [(tmp_path / n / "metrics.jsonl").read_text() for n in ("whole", "stopped")]
    assert texts[0] == texts[1]


def test_a_finished_run_is_not_trained_again(tmp_path, whole):
    run(tmp_path)
    weights, rows = run(tmp_path, evaluate=fail)
    assert weights == whole[0]
    assert rows == whole[1]


def test_metrics_lost_after_their_checkpoint_are_written_again(tmp_path, whole):
    run(tmp_path)
    (tmp_path / "metrics.jsonl").write_text('{"step": 1')
    run(tmp_path)
    assert (tmp_path / "metrics.jsonl").read_text() == whole[2]


def test_tensorboard_shows_each_step_once_after_a_restart(tmp_path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    with pytest.raises(Stop):
        run(tmp_path, evaluate=stop_after(2, fail))
    run(tmp_path)
    for split, steps in (("train", list(range(1, 9))), ("test", [3, 6, 8])):
        found = EventAccumulator(str(tmp_path / "events" / split), size_guidance={"tensors": 0})
        found.Reload()
        for tag in found.Tags()["tensors"]:
            assert [event.step for event in found.Tensors(tag)] == steps, tag


def test_visualizations_come_at_their_steps_and_again_after_a_kill(tmp_path):
    shown = []
    run(tmp_path / "a", visualize=shown.append)
    assert shown == [0, 2, 4, 6]
    shown.clear()
    with pytest.raises(Stop):
        # Killed at step 6, before the checkpoint of that step: 6 is shown by the next run.
        run(tmp_path / "b", visualize=shown.append, evaluate=stop_after(2, fail))
    shown.clear()
    run(tmp_path / "b", visualize=shown.append)
    assert shown == [4, 6]


def test_a_diverging_run_stops_in_one_line_and_keeps_no_broken_checkpoint(tmp_path):
    settings = UpdateSettings(steps=8, learning_rate=1e30)
    with pytest.raises(UserError, match=r"the loss is .* after \d steps: .* learning_rate"):
        run(tmp_path, settings=settings, every=1)
    for path in (tmp_path / "checkpoints").glob("*.npz"):
        assert "nan" not in str(np.load(path)["held"]).lower()


@pytest.mark.parametrize("damage", ["truncated", "flipped", "empty"])
def test_a_damaged_checkpoint_is_named_and_the_one_before_it_used(tmp_path, whole, damage, capsys):
    run(tmp_path)
    newest = max((tmp_path / "checkpoints").glob("step-*.npz"))
    content = bytearray(newest.read_bytes())
    if damage == "flipped":
        content[content.index(b"NUMPY") + 200] ^= 4
    newest.write_bytes({"truncated": content[:-100], "flipped": content, "empty": b""}[damage])
    weights, _ = run(tmp_path)
    assert f"checkpoint {newest} is damaged" in capsys.readouterr().err
    assert weights == whole[0]
    assert (tmp_path / "metrics.jsonl").read_text() == whole[2]


PROGRAM = """
import sys, pathlib, time
sys.path[:0] = {folders!r}
import test_loop
def slowly():
    time.sleep(0.2)
    return {{"accuracy/own": 0.5}}
test_loop.run(pathlib.Path(sys.argv[1]), evaluate=slowly, every=1)
"""


@pytest.mark.slow
def test_killed_by_the_system_it_ends_the_same(tmp_path):
    program = tmp_path / "program.py"
    program.write_text(
        PROGRAM.format(folders=[str(folder) for folder in pathlib.Path(__file__).parents[:2]])
    )
    process = tool_server.start([str(program), str(tmp_path / "killed")])
    try:
        deadline = time.monotonic() + 120
        checkpoints = tmp_path / "killed" / "checkpoints"
        while not list(checkpoints.glob("step-00000003.npz")):
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.01)
    finally:
        process.kill()
        process.communicate()
    assert not (checkpoints / "step-00000008.npz").exists()
    weights, _ = run(tmp_path / "killed", every=1)
    expected, _ = run(tmp_path / "whole", every=1)
    assert weights == expected
    texts = [(tmp_path / n / "metrics.jsonl").read_text() for n in ("whole", "killed")]
    assert texts[0] == texts[1]
