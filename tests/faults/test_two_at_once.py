"""Two processes at once: one is refused and told who works there, or they share the work."""

import os
import socket
import time

import harness
import pytest
import tool_server

pytestmark = pytest.mark.slow
only_in_make_faults = pytest.mark.skipif(
    "BG_INTERP_KILLS" not in os.environ, reason="`make faults` runs this"
)


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


@only_in_make_faults
def test_two_exports_to_one_folder_leave_a_whole_one(
    trained_workdir, tmp_path, environment, ledger
):
    flags = {"model": trained_workdir, "output": tmp_path}
    pair = [start("export", flags, environment) for _ in range(2)]
    for process in pair:
        _, errors = process.communicate(timeout=300)
        assert process.returncode == 0 or errors.splitlines()[-1].startswith("error: cannot write")
        assert "Traceback" not in errors
    assert any(process.returncode == 0 for process in pair)
    assert (tmp_path / "saved_model" / "saved_model.pb").is_file()
    harness.assert_no_strays(tmp_path)
    ledger.count("two at once: whole", "export")
