"""SIGTERM and Ctrl-C: the tool saves, says how to go on, and ends; a second one ends it at once."""

import os
import signal
import time

import harness
import pytest
from test_two_at_once import start, wait_for

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif("BG_INTERP_KILLS" not in os.environ, reason="`make faults` runs this"),
]
ENDS = [(signal.SIGTERM, 143, "terminated"), (signal.SIGINT, 130, "interrupted")]


@pytest.mark.parametrize(("number", "code", "word"), ENDS)
def test_a_training_that_is_asked_to_end_saves_and_says_how_to_go_on(
    shape_settings, tmp_path, environment, ledger, number, code, word
):
    flags = {**shape_settings, "steps": 500, "checkpoint_every": 500, "workdir": tmp_path}
    process = start("train", flags, environment)
    wait_for(process, tmp_path, "events/train/*")
    time.sleep(4)
    process.send_signal(number)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == code, errors
    assert errors.splitlines()[-1].startswith(f"{word}; the same command resumes")
    assert "Traceback" not in errors
    assert len(list((tmp_path / "checkpoints").glob("step-*.npz"))) == 1
    harness.assert_no_strays(tmp_path)
    ledger.count(signal.Signals(number).name, "train")


@pytest.mark.parametrize(("number", "code", "word"), ENDS)
@pytest.mark.parametrize("tool", ["visualize", "export"])
def test_other_tools_end_with_one_line(
    trained_workdir, tmp_path, environment, ledger, tool, number, code, word
):
    flags = {"model": trained_workdir, "output": tmp_path}
    # What runs in the background of a shell is given to ignore Ctrl-C, and gives that on.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        process = start(tool, flags, environment)
    finally:
        signal.signal(signal.SIGINT, before)
    wait_for(process, tmp_path, "command.txt" if tool == "visualize" else ".partial-*")
    process.send_signal(number)
    process.send_signal(number)
    before = time.monotonic()
    _, errors = process.communicate(timeout=60)
    assert time.monotonic() - before < 20
    assert process.returncode in (code, -number), errors
    assert "Traceback" not in errors, errors
    harness.assert_no_strays(tmp_path)
    ledger.count(signal.Signals(number).name, tool)
