"""Folders that one process at a time works in, and who that is."""

import contextlib
import os
import pathlib
import shutil
import socket
import time
from collections.abc import Iterator

import filelock

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

    The operating system frees the lock when its process ends, however it ends.

    Raises:
      FolderBusy: another process works in it.
      OSError: the folder cannot be made, or holds no lock.
      UserError: the folder cannot be written.
    """
    files.make_folder(folder)
    lock, holder = filelock.FileLock(folder / ".lock", timeout=0), folder / ".lock-holder"
    _acquire(lock, holder)
    try:
        # A killed process may have left its own.
        holder.unlink(missing_ok=True)
        files.write_text(holder, f"process {os.getpid()} on {socket.gethostname()}")
        yield
    finally:
        holder.unlink(missing_ok=True)
        lock.release()


@contextlib.contextmanager
def alone_in_output(folder: pathlib.Path, flag: str = "--output") -> Iterator[None]:
    """Does `alone_in` for the folder that a tool writes its results to.

    A folder that was made for it goes again when the block fails before it has written anything.

    Raises:
      UserError: another process works in it, or it cannot be written; the message is whole.
    """
    is_new = not folder.exists()
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
        try:
            yield
        except BaseException:
            if is_new and all(path.name.startswith(".lock") for path in folder.iterdir()):
                shutil.rmtree(folder, ignore_errors=True)
            raise


def _acquire(lock: filelock.BaseFileLock, holder: pathlib.Path) -> None:
    """Takes a lock, or tells who has it: at once if that is known, else after some patience."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while True:
        try:
            lock.acquire()
            return
        except filelock.Timeout as error:
            with contextlib.suppress(OSError):
                raise FolderBusy(holder.read_text(encoding="utf-8")) from error
            if time.monotonic() > deadline:
                raise FolderBusy("another process") from error
        time.sleep(0.02)
