"""Modules of this package as worker processes that write to a pipe.

Not a multiprocessing pool: they neither fork a process that holds TensorFlow's threads nor import
the caller's main program again, and they end by themselves when the pipe closes, however the caller
ended.
"""

import contextlib
import os
import pathlib
import resource
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from typing import IO

import bg_interp
from bg_interp.errors import UserError


def cores() -> int:
    """Returns how many cores this process may use."""
    # Containers and `taskset` allow fewer cores than the machine has.
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@contextlib.contextmanager
def worker(module: str, task: bytes) -> Iterator[IO[bytes]]:
    """Starts a module as a process that gets `task` on its standard input; yields its output.

    Args:
      module: its name; it must call `begin`.
      task: what it has to do.

    Raises:
      UserError: the folder of temporary files is full.
    """
    root = pathlib.Path(bg_interp.__file__).parents[1]
    path = os.pathsep.join([str(root), *filter(None, [os.environ.get("PYTHONPATH")])])
    # A file, since a pipe would hold the caller up until the process reads it.
    with tempfile.TemporaryFile() as file:
        try:
            file.write(task)
            file.seek(0)
        except OSError as error:
            raise UserError(
                f"cannot write to {tempfile.gettempdir()}: {error.strerror or error}; free some "
                "space there, or name another folder in TMPDIR"
            ) from error
        process = subprocess.Popen(  # noqa: S603
            [sys.executable, "-m", module],
            stdin=file,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": path},
            # Out of reach of Ctrl-C, which the caller reports, once.
            process_group=0,
        )
    assert process.stdout is not None  # noqa: S101 (for the type checker: PIPE was asked for)
    try:
        yield process.stdout
    finally:
        process.stdout.close()
        process.terminate()
        process.wait()


def begin() -> bytes:
    """Makes this process a worker; returns its task."""
    # The default action ends the process quietly when the caller is gone.
    if hasattr(signal, "SIGPIPE"):
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    return sys.stdin.buffer.read()


# So near to its limit, a process fails wherever it next asks for memory: a tenth of it, and what a
# few threads or libraries take where that is more.
_SHORT, _SHORT_BYTES = 0.1, 64 * 2**20


def is_short_of_memory() -> bool:
    """Tells whether this process has come near to a limit of memory that somebody set (ulimit -v).

    Libraries report such a failure in words of their own: a thread that cannot be started, a file
    that cannot be mapped, an operation that got no input.
    """
    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    if limit == resource.RLIM_INFINITY:
        return False
    with contextlib.suppress(OSError), open("/proc/self/status") as status:
        peak = next((line.split()[1] for line in status if line.startswith("VmPeak:")), "0")
        return limit - int(peak) * 1024 < max(_SHORT * limit, _SHORT_BYTES)
    return False


@contextlib.contextmanager
def quiet_native_logs() -> Iterator[None]:
    """Sends file descriptor 2 to nowhere inside the block; exceptions pass as usual.

    The libraries' own log levels do not silence what they print while they start.
    """
    sys.stderr.flush()
    kept = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        sys.stderr.flush()
        os.dup2(kept, 2)
        os.close(nowhere)
        os.close(kept)
