"""Programs of tools/ started in a moment: forked from a process that has imported TensorFlow.

Importing takes longer than most tests. `start` takes the place of `subprocess.Popen` for a tool:
the child is a process of its own, with its own arguments, environment, folder and output, and can
be killed; only its imports are done before it begins. What a program imports, and when, is tested
on processes that start from nothing.
"""

import array
import atexit
import contextlib
import functools
import importlib
import json
import os
import pathlib
import runpy
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import traceback
from collections.abc import Mapping, Sequence
from typing import IO

# Nothing of ours: a tool imports its own modules in the order in which it does.
_PRELOADED = """
numpy tensorflow keras tensorflow_datasets tf_keras_vis matplotlib.figure scipy.stats scipy.ndimage
sklearn.linear_model skimage.feature skimage.transform cv2 jinja2 tqdm PIL.Image
tensorboard.plugins.hparams.summary_v2
""".split()


class ToolProcess:
    """A running program, with what the tests use of `subprocess.Popen`.

    Attributes:
      pid: of the process.
      returncode: None while it runs; negative numbers are signals.
    """

    def __init__(self, pid: int, ended: threading.Event, status: list[int], files: list[IO[bytes]]):
        self.pid = pid
        self._ended, self._status, self._files = ended, status, files

    @property
    def returncode(self) -> int | None:
        return self._status[0] if self._ended.is_set() else None

    def poll(self) -> int | None:
        return self.returncode

    def communicate(self, timeout: float | None = None) -> tuple[str, str]:
        """Waits for the end; returns standard output and standard error."""
        if not self._ended.wait(timeout):
            raise subprocess.TimeoutExpired(str(self.pid), timeout)
        texts = []
        for file in self._files:
            file.seek(0)
            # As text files do it: a progress bar goes back to the start of its line.
            texts.append(file.read().decode().replace("\r\n", "\n").replace("\r", "\n"))
        return texts[0], texts[1]

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


class _Server:
    """The process that forks, and a thread that hears from it."""

    def __init__(self) -> None:
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        command = [sys.executable, str(pathlib.Path(__file__)), str(theirs.fileno())]
        self._process = subprocess.Popen(command, pass_fds=[theirs.fileno()])
        theirs.close()
        self._lock = threading.Lock()
        self._started: list[int] = []
        self._heard = threading.Condition()
        self._ends: dict[int, tuple[threading.Event, list[int]]] = {}
        threading.Thread(target=self._listen, daemon=True).start()
        atexit.register(self._socket.close)

    def _listen(self) -> None:
        while message := self._socket.recv(1 << 16):
            values = json.loads(message)
            with self._heard:
                if "started" in values:
                    self._ends[values["started"]] = threading.Event(), []
                    self._started.append(values["started"])
                    self._heard.notify_all()
                else:
                    ended, status = self._ends[values["ended"]]
                    status.append(values["status"])
                    ended.set()

    def start(self, command: Sequence[str], env: Mapping[str, str], cwd: str) -> ToolProcess:
        # Files, since a pipe that nobody reads would stop the program; they go with the process.
        files: list[IO[bytes]] = [tempfile.TemporaryFile() for _ in range(2)]  # noqa: SIM115
        request = {"argv": list(command), "env": dict(env), "cwd": cwd}
        request["ignore_interrupt"] = signal.getsignal(signal.SIGINT) == signal.SIG_IGN
        with self._lock, tempfile.TemporaryFile() as body, self._heard:
            # An environment can be longer than a message: it goes as a file.
            body.write(json.dumps(request).encode())
            body.seek(0)
            numbers = array.array("i", [body.fileno(), *(file.fileno() for file in files)])
            rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, numbers)]
            self._socket.sendmsg([b"start"], rights)
            assert self._heard.wait_for(lambda: self._started, timeout=120)
            pid = self._started.pop()
            return ToolProcess(pid, *self._ends[pid], files)


@functools.cache
def _server() -> _Server:
    return _Server()


def start(
    command: Sequence[str],
    env: Mapping[str, str] | None = None,
    cwd: str | os.PathLike | None = None,
) -> ToolProcess:
    """Starts a Python program.

    Args:
      command: the path of the program, then its arguments.
      env: its environment; None for that of this process.
      cwd: its folder; None for that of this process.
    """
    environment = os.environ if env is None else env
    return _server().start(command, environment, os.fspath(cwd or os.getcwd()))


def run(
    command: Sequence[str],
    env: Mapping[str, str] | None = None,
    cwd: str | os.PathLike | None = None,
    timeout: float = 600.0,
) -> subprocess.CompletedProcess:
    """Runs a Python program to its end; the arguments are those of `start`."""
    process = start(command, env, cwd)
    try:
        output, errors = process.communicate(timeout)
    except BaseException:
        process.kill()
        raise
    return subprocess.CompletedProcess(list(command), process.returncode, output, errors)


def _become(request: dict, output: int, errors: int) -> None:
    """Turns a fork of the server into the program, until its end."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    ignored = request["ignore_interrupt"]
    signal.signal(signal.SIGINT, signal.SIG_IGN if ignored else signal.default_int_handler)
    nowhere = os.open(os.devnull, os.O_RDONLY)
    for number, file in enumerate((nowhere, output, errors)):
        os.dup2(file, number)
    os.closerange(3, 256)
    os.environ.clear()
    os.environ.update(request["env"])
    os.chdir(request["cwd"])
    sys.argv = request["argv"]
    sys.path[0] = str(pathlib.Path(sys.argv[0]).parent)
    code = 0
    try:
        runpy.run_path(sys.argv[0], run_name="__main__")
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
        if isinstance(end.code, str):
            print(end.code, file=sys.stderr)
    except BaseException:
        traceback.print_exc()
        code = 1
    # The rest of Python's own end, but for what the server had registered.
    threading._shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def _reap(connection: socket.socket) -> None:
    with contextlib.suppress(ChildProcessError):
        while True:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if not pid:
                return
            ended = {"ended": pid, "status": os.waitstatus_to_exitcode(status)}
            connection.send(json.dumps(ended).encode())


def _serve(connection: socket.socket) -> None:
    for name in _PRELOADED:
        importlib.import_module(name)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    connection.settimeout(0.01)
    while True:
        _reap(connection)
        try:
            message, rights, _, _ = connection.recvmsg(16, socket.CMSG_SPACE(3 * 4))
        except TimeoutError:
            continue
        if not message:
            return
        numbers = array.array("i")
        numbers.frombytes(rights[0][2])
        with open(numbers[0], "rb") as body:
            request = json.loads(body.read())
        pid = os.fork()
        if not pid:
            _become(request, *numbers[1:])
        connection.send(json.dumps({"started": pid}).encode())
        for number in numbers[1:]:
            os.close(number)


if __name__ == "__main__":
    # The caller's end closes the connection, and so ends the server.
    _serve(socket.socket(fileno=int(sys.argv[1])))
