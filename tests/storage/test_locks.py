"""One process at a time, and the other learns who works there."""

import os
import socket
import threading
import time

import filelock
import pytest

from bg_interp.errors import UserError
from bg_interp.storage import locks


@pytest.fixture
def taken(tmp_path):
    """The folder's lock, held by somebody who has not said who it is."""
    lock = filelock.FileLock(tmp_path / ".lock", thread_local=False)
    lock.acquire()
    yield lock
    lock.release()


def test_the_second_is_told_who_the_first_is(tmp_path):
    with (
        locks.alone_in(tmp_path),
        pytest.raises(locks.FolderBusy) as raised,
        locks.alone_in(tmp_path),
    ):
        pass
    assert str(raised.value) == f"process {os.getpid()} on {socket.gethostname()}"
    with locks.alone_in(tmp_path):
        pass


def test_one_that_is_about_to_say_who_it_is_is_waited_for(tmp_path, taken):
    del taken
    says = threading.Timer(0.2, (tmp_path / ".lock-holder").write_text, ["process 7 on a"])
    says.start()
    with pytest.raises(locks.FolderBusy, match="process 7 on a"), locks.alone_in(tmp_path):
        pass
    says.join()


def test_one_that_is_about_to_end_is_waited_for(tmp_path, taken):
    ends = threading.Timer(0.2, taken.release)
    ends.start()
    with locks.alone_in(tmp_path):
        pass
    ends.join()


def test_one_that_never_says_who_it_is_is_not_waited_for_long(tmp_path, taken, monkeypatch):
    del taken
    monkeypatch.setattr(locks, "_PATIENCE_SECONDS", 0.1)
    before = time.monotonic()
    with pytest.raises(locks.FolderBusy, match="another process"), locks.alone_in(tmp_path):
        pass
    assert time.monotonic() - before < 5


def test_an_output_folder_goes_again_when_nothing_was_written(tmp_path):
    kept, gone = tmp_path / "kept", tmp_path / "gone"
    for folder, content in ((kept, "a"), (gone, None)):
        with pytest.raises(ZeroDivisionError), locks.alone_in_output(folder):
            if content:
                (folder / "results.json").write_text(content)
            raise ZeroDivisionError
    assert (kept / "results.json").read_text() == "a"
    assert not gone.exists()
    # One that was there before stays, however empty.
    gone.mkdir()
    with pytest.raises(ZeroDivisionError), locks.alone_in_output(gone):
        raise ZeroDivisionError
    assert gone.is_dir()


def test_a_second_one_on_an_output_folder_is_told_of_the_first(tmp_path, speaking_of_flags):
    with (
        locks.alone_in_output(tmp_path),
        pytest.raises(UserError, match=rf"in use by process {os.getpid()} .* another --workdir"),
        locks.alone_in_output(tmp_path, "--workdir"),
    ):
        raise AssertionError


def test_an_output_folder_that_cannot_be_made_is_named(tmp_path, speaking_of_flags):
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(UserError, match=r"cannot write to --output=.*file.*; choose another"),
        locks.alone_in_output(tmp_path / "file" / "below"),
    ):
        raise AssertionError
