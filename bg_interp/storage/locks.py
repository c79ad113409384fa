"""Folders that one process at a time works in, and who that is."""

import contextlib
import os
import pathlib
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
