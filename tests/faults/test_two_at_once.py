"""Two processes at once: one is refused and told who works there, or they share the work."""

import json
import os
import signal
import socket
import time

import harness
import pytest
import tool_server

pytestmark = pytest.mark.slow
IN_MAKE_FAULTS = "BG_INTERP_KILLS" in os.environ
only_in_make_faults = pytest.mark.skipif(not IN_MAKE_FAULTS, reason="`make faults` runs this")


def start(tool, flags, environment) -> tool_server.ToolProcess:
    job = harness.Job(tool, lambda folder: flags, first="", boundaries=(), check=lambda a, b: None)
    return tool_server.start(job.command(harness.ROOT), environment)


def wait_for(process, folder, pattern):
    deadline = time.monotonic() + 300
    while not list(folder.glob(pattern)):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.005)


@only_in_make_faults
def test_two_trainings_in_one_folder(shape_settings, tmp_path, environment, ledger):
    flags = {**shape_settings, "steps": 60, "workdir": tmp_path / "run"}
    first = start("train", flags, environment)
    try:
        wait_for(first, tmp_path, "run/.lock-holder")
        # The first one is stopped meanwhile: the second must not wait for it to do anything.
        second = start("train", flags, environment)
        _, errors = second.communicate(timeout=300)
        assert second.returncode == 1
        assert f"in use by process {first.pid} on {socket.gethostname()}" in errors
        assert "Traceback" not in errors
        assert first.poll() is None, "the first one ended before the second could be refused"
    finally:
        first.kill()
        first.communicate()
    ledger.count("two at once: refused", "train")


@only_in_make_faults
def test_two_that_fill_one_mask_store(
    shape_folder, red_is_foreground, tmp_path, environment, ledger
):
    flags = {
        "dataset": f"folder:{shape_folder.images}",
        "segmenter_model": red_is_foreground,
        "mask_store": tmp_path,
        "workers": 1,
    }
    pair = [start("segment", flags, environment) for _ in range(2)]
    ends = [(p.communicate(timeout=300), p) for p in pair]
    for (output, errors), process in ends:
        assert "Traceback" not in errors
        other = next(p.pid for p in pair if p is not process)
        # One fills it; the other is refused, or comes when all is done.
        assert ("20 masks in" in output) or f"process {other} on" in errors, errors
    assert any(process.returncode == 0 for process in pair)
    assert sum(1 for _ in tmp_path.rglob("masks-*.json")) == 1
    ledger.count("two at once: nothing twice", "segment")


# Flags of a tool that writes to one folder, from its data and from that folder.
WRITERS = {
    "evaluate": lambda data, run, out: {**data, "model": run, "output": out},
    "export": lambda data, run, out: {"model": run, "output": out},
    "repair": lambda data, run, out: {**data, "model": run, "output": out, "class_images": False},
    "visualize": lambda data, run, out: {"model": run, "output": out, "steps": 4},
    "demo": lambda data, run, out: {"workdir": out, "steps": 4, "image_size": 32},
}


@pytest.mark.parametrize("tool", [*WRITERS] if IN_MAKE_FAULTS else ["visualize"])
def test_a_second_one_on_an_output_folder_is_told_of_the_first(
    tool, trained_workdir, shape_settings, tmp_path, environment, ledger
):
    data = {name: shape_settings[name] for name in ("dataset", "masks")}
    flags = WRITERS[tool](data, trained_workdir, tmp_path / "out")
    first = start(tool, flags, environment)
    try:
        wait_for(first, tmp_path, "out/.lock-holder")
        # However short its work is, it is not over before the second one asks.
        first.send_signal(signal.SIGSTOP)
        second = start(tool, flags, environment)
        _, errors = second.communicate(timeout=300)
        assert second.returncode == 1
        (line,) = [line for line in errors.splitlines() if "error:" in line]
        assert f"in use by process {first.pid} on {socket.gethostname()}" in line
        assert "Traceback" not in errors
        first.send_signal(signal.SIGCONT)
        # The demonstration trains two networks; what is asked here is asked already.
        if tool != "demo":
            _, errors = first.communicate(timeout=600)
            assert first.returncode == 0, errors
    finally:
        first.kill()
        first.communicate()
    ledger.count("two at once: refused", tool)


@only_in_make_faults
def test_two_studies_in_one_folder_share_its_arms(shape_settings, tmp_path, environment, ledger):
    left_out = ("background", "steps", "adversarial_epsilon")
    settings = {name: value for name, value in shape_settings.items() if name not in left_out}
    flags = {**settings, "steps": 2, "backgrounds": "none,black", "seeds": 1, "workdir": tmp_path}
    pair = [start("study", flags, environment) for _ in range(2)]
    for process in pair:
        _, errors = process.communicate(timeout=600)
        assert process.returncode == 0, errors
        assert "Traceback" not in errors
    for arm in (tmp_path / "arms").iterdir():
        # Each step once, whoever took it.
        rows = [json.loads(line) for line in (arm / "metrics.jsonl").open()]
        assert [row["step"] for row in rows if row["split"] == "train"] == [1, 2]
        assert [row["step"] for row in rows if row["split"] == "test"] == [2]
    assert (tmp_path / "results.json").is_file()
    harness.assert_no_strays(tmp_path)
    ledger.count("two at once: shared", "study")
