"""A study on a cluster that loses a machine in the middle of an arm is that of one machine."""

import contextlib
import json
import os
import pathlib
import subprocess
import sys
import time

import pytest

pytest.importorskip("ray", reason="`make cluster` installs Ray")

_PROGRAM = pathlib.Path(__file__).with_name("study_program.py")
_LIMIT_SECONDS = 600.0


@pytest.fixture(scope="module")
def start(shape_settings):
    """Starts a study of two arms."""
    settings = {
        name: value
        for name, value in shape_settings.items()
        if name not in ("background", "adversarial_epsilon")
    }
    settings |= {"steps": 6, "backgrounds": "none,black", "seeds": "1"}

    def started(workdir: pathlib.Path, *more: str) -> subprocess.Popen:
        flags = [f"--{name}={value}" for name, value in settings.items()]
        command = [sys.executable, str(_PROGRAM), *flags, f"--workdir={workdir}", *more]
        root = str(_PROGRAM.parents[2])
        path = os.pathsep.join([root, os.environ["PYTHONPATH"]])
        with (workdir.parent / f"{workdir.name}.log").open("w") as log:
            return subprocess.Popen(
                command, stdout=log, stderr=log, env={**os.environ, "PYTHONPATH": path}
            )

    return started


def finish(process: subprocess.Popen, workdir: pathlib.Path) -> None:
    log = workdir.parent / f"{workdir.name}.log"
    assert process.wait(_LIMIT_SECONDS) == 0, log.read_text()
    assert "Traceback" not in log.read_text()


def results_of(workdir: pathlib.Path) -> dict:
    found = json.loads((workdir / "results.json").read_text())
    del found["study"]["workdir"]
    return found


def in_the_middle(workdir: pathlib.Path, nodes) -> bool:
    """Tells whether the second node trains an arm that has a checkpoint."""
    there = {process.pid for process in nodes.processes_of(nodes.second)}
    for arm in workdir.glob("arms/*"):
        with contextlib.suppress(OSError):
            words = (arm / ".lock-holder").read_text().split()
            if int(words[1]) in there and list(arm.glob("checkpoints/step-*.npz")):
                return not (arm / "result.json").exists()
    return False


@pytest.fixture(scope="module")
def alone(start, tmp_path_factory) -> pathlib.Path:
    """The folder of the study that one machine makes."""
    folder = tmp_path_factory.mktemp("studies") / "alone"
    finish(start(folder), folder)
    return folder


@pytest.mark.slow
@pytest.mark.long
def test_a_machine_lost_in_the_middle_of_an_arm_changes_nothing(
    two_nodes, alone, start, saved_weights, tmp_path, pause
):
    shared = tmp_path / "shared"
    process = start(shared, f"--cluster={two_nodes.address}")
    try:
        deadline = time.monotonic() + _LIMIT_SECONDS
        while not in_the_middle(shared, two_nodes):
            assert process.poll() is None and time.monotonic() < deadline, (
                tmp_path / "shared.log"
            ).read_text()
            time.sleep(0.01)
        time.sleep(pause)
        two_nodes.kill(two_nodes.second)
        finish(process, shared)
    finally:
        process.kill()
        process.wait()
    assert results_of(shared) == results_of(alone)
    for arm in (alone / "arms").iterdir():
        weights = saved_weights(shared / "arms" / arm.name / "model.keras")
        assert weights == saved_weights(arm / "model.keras")
