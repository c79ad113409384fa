"""Work on the machines of a Ray cluster: blocks in order, tasks that are started again, workers.

A leaf: it is handed functions that stand in importable modules, and knows nothing of what they do.
Ray is imported when a cluster is asked for, and holds no state that matters: what is finished
stands in files, and after a lost head the same command resumes.
"""

import contextlib
import importlib.util
import logging
import os
import signal
import socket
from collections.abc import Iterator
from typing import Any

from bg_interp import processes
from bg_interp.cluster.machines import Cluster
from bg_interp.errors import UserError, one_line

_LOCAL = "local"
_ANSWER_SECONDS = 10.0


@contextlib.contextmanager
def connect(address: str, cores: int | None = None) -> Iterator[Cluster]:
    """Joins a cluster for the length of the block, and checks its machines.

    Args:
      address: "local" for Ray on this machine alone, or HOST:PORT of a cluster's head; this process
        must run on one of its machines.
      cores: with "local", how many to use; None for all.

    Raises:
      UserError: Ray isn't installed, nobody answers, or a machine has other versions of what
        results depend on.
    """
    check(address)
    import ray

    # Ray would report its use to its makers.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    own: dict[str, Any] = {"address": address}
    if address == _LOCAL:
        own |= {"num_cpus": cores or processes.cores(), "include_dashboard": False}
    handler = signal.getsignal(signal.SIGTERM)
    try:
        # What workers print comes many times over, and from several machines at once.
        ray.init(**own, log_to_driver=False, logging_level=logging.ERROR)
    except (OSError, RuntimeError, ValueError) as error:
        reason = one_line(error)
        raise UserError(f"--cluster={address} cannot be joined: {reason}") from error
    finally:
        # Ray's own would end this process at once, without a word on what is saved.
        if handler is not None:
            signal.signal(signal.SIGTERM, handler)
    try:
        cluster = Cluster(ray)
        cluster.check_versions()
        yield cluster
    finally:
        ray.shutdown()


def check(address: str) -> None:
    """Checks, before anything takes time, that a cluster can be joined; Ray waits for a minute.

    Args:
      address: see `connect`.

    Raises:
      UserError: Ray isn't installed, or nobody answers.
    """
    if importlib.util.find_spec("ray") is None:
        raise UserError(
            "--cluster needs Ray, which is not installed; pip install 'bg_interp[cluster]', or "
            "make cluster in a clone"
        )
    if address == _LOCAL:
        return
    host, _, port = address.rpartition(":")
    if not (host and port.isdigit()):
        raise UserError(f"--cluster must be none, local or HOST:PORT. Received: {address!r}")
    try:
        socket.create_connection((host.strip("[]"), int(port)), _ANSWER_SECONDS).close()
    except OSError as error:
        raise UserError(
            f"--cluster={address}: nobody answers there ({error.strerror or error}); "
            f"`ray start --head --port={port}` starts a cluster"
        ) from error
