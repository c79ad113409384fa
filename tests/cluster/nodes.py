"""The nodes of a Ray cluster on one machine, and how to end one as a loss of power does."""

import contextlib
import signal
from typing import Any

import psutil


def processes_of(node: Any) -> list[psutil.Process]:
    """Returns the processes of a node, its workers and their children included."""
    found = []
    for started in [one.process for some in node.all_processes.values() for one in some]:
        # Not yet waited for by Ray, so that the number cannot be another process's.
        if started.poll() is None:
            with contextlib.suppress(psutil.NoSuchProcess):
                process = psutil.Process(started.pid)
                found += [process, *process.children(recursive=True)]
    return found


def kill(node: Any) -> None:
    """Ends a node and all that it started, as a machine that loses its power does."""
    for process in processes_of(node):
        with contextlib.suppress(psutil.NoSuchProcess):
            process.send_signal(signal.SIGKILL)
