"""Folders that one process at a time works in, and who that is."""

import contextlib
import os
import pathlib
import socket
from collections.abc import Iterator

import filelock

from bg_interp import files
from bg_interp.errors import UserError


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
    folder.mkdir(parents=True, exist_ok=True)
    lock, holder = filelock.FileLock(folder / ".lock", timeout=0), folder / ".lock-holder"
    try:
        lock.acquire()
    except filelock.Timeout as error:
        raise FolderBusy(_read(holder)) from error
    try:
        files.write_text(holder, f"process {os.getpid()} on {socket.gethostname()}")
        yield
    finally:
        holder.unlink(missing_ok=True)
        lock.release()


def _read(holder: pathlib.Path) -> str:
    try:
        return holder.read_text(encoding="utf-8")
    except OSError:
        return "another process"
