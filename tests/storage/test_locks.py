"""One process at a time, and the other learns who works there."""

import contextlib
import fcntl
import os
import pathlib
import socket
import threading
import time

import pytest

from bg_interp.errors import UserError
from bg_interp.storage import locks


@pytest.fixture
def taken(tmp_path):
    """The folder's lock, held by somebody who has not said who it is; `close` frees it."""
    with contextlib.ExitStack() as held:
        handle = os.open(tmp_path / ".lock", os.O_RDWR | os.O_CREAT)
        held.callback(os.close, handle)
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield held


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
    assert not list(tmp_path.iterdir())


def test_what_a_killed_process_left_goes_with_the_next_one(tmp_path):
    (tmp_path / ".lock").touch()
    (tmp_path / ".lock-holder").write_text("process 7 on a")
    with locks.alone_in(tmp_path):
        assert str(os.getpid()) in (tmp_path / ".lock-holder").read_text()
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("does", ["removes", "replaces"])
def test_a_lock_that_is_removed_while_it_is_taken_is_taken_anew(tmp_path, monkeypatch, does):
    """As by the process that had it: the file that we opened keeps nobody out any more."""
    real, calls = fcntl.flock, []

    def flock(handle: int, how: int) -> None:
        if not calls:
            (tmp_path / "lock").unlink()
            if does == "replaces":
                (tmp_path / "lock").touch()
        calls.append(how)
        real(handle, how)

    monkeypatch.setattr(fcntl, "flock", flock)
    with locks.in_turn(tmp_path / "lock"):
        assert len(calls) == 2
        with open(tmp_path / "lock") as again, pytest.raises(BlockingIOError):
            real(again, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_one_at_a_time_though_each_removes_the_lock(tmp_path):
    inside, most = [], []

    def work() -> None:
        for _ in range(60):
            with locks.in_turn(tmp_path / "deep" / "lock"):
                inside.append(1)
                most.append(len(inside))
                time.sleep(0)
                inside.pop()

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(most) == 480 and set(most) == {1}
    assert not list((tmp_path / "deep").iterdir())


def test_a_lock_that_is_a_link_is_not_followed(tmp_path):
    (tmp_path / "lock").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError, match="symbolic"), locks.in_turn(tmp_path / "lock"):
        raise AssertionError
    assert not (tmp_path / "elsewhere").exists()


def test_one_that_is_about_to_say_who_it_is_is_waited_for(tmp_path, taken):
    del taken
    says = threading.Timer(0.2, (tmp_path / ".lock-holder").write_text, ["process 7 on a"])
    says.start()
    with pytest.raises(locks.FolderBusy, match="process 7 on a"), locks.alone_in(tmp_path):
        pass
    says.join()


def test_one_that_is_about_to_end_is_waited_for(tmp_path, taken):
    ends = threading.Timer(0.2, taken.close)
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


@pytest.mark.parametrize("alone", [locks.alone_in, locks.alone_in_output])
@pytest.mark.parametrize("fails", [True, False])
def test_a_folder_that_was_made_goes_again_when_nothing_was_written(tmp_path, alone, fails):
    def work(folder: pathlib.Path, content: str | None) -> None:
        with contextlib.suppress(ZeroDivisionError), alone(folder):
            if content:
                (folder / "results.json").write_text(content)
            if fails:
                raise ZeroDivisionError

    kept, gone = tmp_path / "kept", tmp_path / "gone"
    work(kept, "a")
    work(gone, None)
    assert [path.name for path in kept.iterdir()] == ["results.json"]
    assert not gone.exists()
    # One that was there before stays, however empty.
    gone.mkdir()
    work(gone, None)
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
