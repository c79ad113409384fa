"""Two workers of one arm hold one network, and go on after a kill as if there had been none."""

import json
import os
import pathlib
import re
import signal
import socket
import time

import numpy as np
import pytest
import tool_server

pytestmark = pytest.mark.slow

_PROGRAM = pathlib.Path(__file__).with_name("multi_worker_program.py")
_LIMIT_SECONDS = 600.0

# TensorFlow's pools of threads may be cleared away after Python has closed their pipes.
_OF_A_POOL = re.compile(
    r"Exception ignored in: <function Pool\.__del__.*?\nOSError: [^\n]*\n", re.S
)


def free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


@pytest.fixture(scope="module")
def start_workers(shape_settings, session_cache):
    """Starts two workers on the loopback address; those that are left at the end are killed."""
    started = []

    def start(
        folder: pathlib.Path, *arguments: str, changed=({}, {})
    ) -> list[tool_server.ToolProcess]:
        folder.mkdir(exist_ok=True)
        addresses = [f"127.0.0.1:{port}" for port in free_ports(2)]
        pair = []
        for index in range(2):
            task = {"type": "worker", "index": index}
            config = {"cluster": {"worker": addresses}, "task": task}
            settings = shape_settings | {"workdir": folder / "run", "strategy": "multi_worker"}
            flags = [f"--{k}={v}" for k, v in (settings | changed[index]).items()]
            environment = {
                **os.environ,
                "TF_CONFIG": json.dumps(config),
                "BG_INTERP_CACHE": str(session_cache),
            }
            command = [str(_PROGRAM), str(folder), *flags, *arguments]
            pair.append(tool_server.start(command, environment))
        started.extend(pair)
        return pair

    yield start
    for process in started:
        process.kill()
        process.communicate()


def finish(workers: list[tool_server.ToolProcess]) -> list[str]:
    """Waits for both workers; returns what they wrote to standard error."""
    errors = [worker.communicate(timeout=_LIMIT_SECONDS)[1] for worker in workers]
    assert [worker.returncode for worker in workers] == [0, 0], errors
    return errors


def networks_in(folder: pathlib.Path) -> list[list[bytes]]:
    """Returns all variables of the network and optimizer of each worker that ended by itself."""
    found = []
    for path in sorted(folder.glob("worker-*.npz")):
        with np.load(path) as file:
            found.append([file[name].tobytes() for name in file.files])
    return found


@pytest.fixture(scope="module")
def whole(start_workers, tmp_path_factory) -> pathlib.Path:
    """The folder of a pair that never stopped, compared with one worker."""
    folder = tmp_path_factory.mktemp("pairs") / "whole"
    finish(start_workers(folder, "--exact"))
    return folder


@pytest.mark.long
def test_two_workers_learn_what_one_does_and_survive_the_loss_of_one(
    start_workers, whole, tmp_path, pause
):
    killed = tmp_path / "killed"
    assert float((whole / "difference.txt").read_text()) < 1e-4
    first, second = networks_in(whole)
    assert first == second

    pair = start_workers(killed)
    deadline = time.monotonic() + _LIMIT_SECONDS
    while not list(killed.glob("run/checkpoints/step-00000002.npz")):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    time.sleep(pause)
    pair[1].send_signal(signal.SIGKILL)
    _, error = pair[0].communicate(timeout=_LIMIT_SECONDS)
    assert "Traceback" not in _OF_A_POOL.sub("", error)
    if pause and not pair[0].returncode:
        # Killed late, it had done its part already, and nothing is left to go on with.
        assert networks_in(killed)[0] == first
        return
    assert pair[0].returncode == 1
    assert error.count("error: another worker of this arm ended") == 1
    finish(start_workers(killed))
    assert networks_in(killed) == [first, first]


def test_workers_with_other_flags_are_refused(start_workers, tmp_path):
    pair = start_workers(tmp_path / "other", changed=({}, {"seed": 1}))
    errors = [worker.communicate(timeout=_LIMIT_SECONDS)[1] for worker in pair]
    assert [worker.returncode for worker in pair] == [1, 1], errors
    assert "1 of the workers (not this one) have other flags" in errors[0]
    assert "(this one among them)" in errors[1]
