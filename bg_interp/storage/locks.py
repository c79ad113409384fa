"""Folders that one process at a time works in, and who that is.

A lock is the operating system's, of a file that stands only while somebody holds it: what a process
wrote is all that is left when it has ended. One that was killed leaves the file as well; it keeps
nobody out, and goes with the next one's.
"""

import contextlib
import fcntl
import os
import pathlib
import socket
import time
from collections.abc import Iterator

from bg_interp.errors import UserError
from bg_interp.storage import files

# Between taking a lock and saying who took it, and between the two at the end, a process has not
# said who it is. Moments pass there, or more on a busy machine.
_PATIENCE_SECONDS = 2.0


class FolderBusy(UserError):
    """Another process works in the folder; the message is its number and its machine."""


@contextlib.contextmanager
def alone_in(folder: pathlib.Path) -> Iterator[None]:
    """Keeps other processes out of a folder within the block; makes the folder.

    A folder that was made for it goes again when the block has written nothing to it. The operating
    system frees the lock when its process ends, however it ends.

    Raises:
      FolderBusy: another process works in it.
      OSError: the folder cannot be made, or holds no lock.
      UserError: the folder cannot be written.
    """
    is_new = not folder.exists()
    lock, holder = folder / ".lock", folder / ".lock-holder"
    handle = _acquire(lock, holder)
    try:
        # A killed process may have left its own.
        holder.unlink(missing_ok=True)
        files.write_text(holder, f"process {os.getpid()} on {socket.gethostname()}")
        yield
    finally:
        holder.unlink(missing_ok=True)
        _release(lock, handle)
        if is_new:
            # It holds something, or another process has come since.
            with contextlib.suppress(OSError):
                folder.rmdir()


@contextlib.contextmanager
def alone_in_output(folder: pathlib.Path, flag: str = "--output") -> Iterator[None]:
    """Does `alone_in` for the folder that a tool writes its results to.

    Raises:
      UserError: another process works in it, or it cannot be written; the message is whole.
    """
    with contextlib.ExitStack() as held:
        try:
            held.enter_context(alone_in(folder))
        except FolderBusy as error:
            raise UserError(
                f"{folder} is in use by {error}; wait for it, or choose another {flag}"
            ) from error
        except OSError as error:
            raise UserError(
                f"cannot write to {flag}={folder}: {error.strerror or error}; choose another"
            ) from error
        yield


@contextlib.contextmanager
def in_turn(lock: pathlib.Path) -> Iterator[None]:
    """Lets one process at a time into the block; the others wait.

    Args:
      lock: the file that stands while one is in it; its folder is made.

    Raises:
      OSError: the file cannot be made, or holds no lock.
    """
    while (handle := _take(lock, waits=True)) is None:
        pass
    try:
        yield
    finally:
        _release(lock, handle)


def _acquire(lock: pathlib.Path, holder: pathlib.Path) -> int:
    """Takes a lock, or tells who has it: at once if that is known, else after some patience."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while (handle := _take(lock)) is None:
        with contextlib.suppress(OSError):
            raise FolderBusy(holder.read_text(encoding="utf-8"))
        if time.monotonic() > deadline:
            raise FolderBusy("another process")
        time.sleep(0.02)
    return handle


def _take(lock: pathlib.Path, waits: bool = False) -> int | None:
    """Returns the open file of a lock; None where another process has it, or had until now."""
    files.make_folder(lock.parent)
    with contextlib.ExitStack() as opened, contextlib.suppress(BlockingIOError, FileNotFoundError):
        handle = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o666)
        opened.callback(os.close, handle)
        fcntl.flock(handle, fcntl.LOCK_EX | (0 if waits else fcntl.LOCK_NB))
        # One that was removed in between keeps nobody out: the next process makes another.
        if os.path.samestat(os.fstat(handle), os.stat(lock)):
            opened.pop_all()
            return handle
    return None


def _release(lock: pathlib.Path, handle: int) -> None:
    # While it is ours, since afterwards the name may be another process's lock.
    with contextlib.suppress(OSError):
        lock.unlink()
    os.close(handle)
