"""Images are examined alike by this process and by others."""

import errno
import io
import json
import os
import pathlib
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from bg_interp import processes
from bg_interp.data.sources import examining
from bg_interp.errors import UserError


@pytest.fixture
def paths(tmp_path):
    """Five images, one of them damaged, one missing, one with a name that is not UTF-8."""
    paths = [tmp_path / f"{number}.png" for number in range(4)]
    paths.append(pathlib.Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff.png")))
    for number, path in enumerate(paths):
        Image.fromarray(np.full((3, 4, 3), number, np.uint8)).save(path)
    paths[1].write_bytes(paths[1].read_bytes()[:40])
    paths[2].unlink()
    return paths


def test_processes_say_what_this_one_says(paths):
    here = list(examining.examine_all(paths, workers=0))
    assert [bool(one.digest) for one in here] == [True, False, False, True, False]
    assert here == [examining.examine(path) for path in paths]
    for workers in (1, 2):
        assert list(examining.examine_all(paths, workers=workers)) == here


def test_many_images_get_processes(monkeypatch, paths):
    asked = []
    monkeypatch.setattr(processes, "cores", lambda: asked.append(1) or 1)
    list(examining.examine_all(paths))
    assert not asked
    monkeypatch.setattr(examining, "_WORTH_A_PROCESS", 5)
    list(examining.examine_all(paths))
    assert asked


def test_a_process_that_was_killed_is_one_line(monkeypatch, paths):
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with pytest.raises(UserError, match=r"ended early, at .*0\.png'; did it run out of memory"):
        list(examining.examine_all(paths, workers=1))


def test_a_full_folder_of_temporary_files_is_one_line(monkeypatch, paths):
    class Full(io.BytesIO):
        def write(self, _):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(processes.tempfile, "TemporaryFile", Full)
    with pytest.raises(UserError, match="No space left on device; free some space there"):
        list(examining.examine_all(paths, workers=1))


def test_a_process_ends_quietly_when_its_reader_is_gone(paths):
    with processes.worker(
        "bg_interp.data.sources.examining", json.dumps([str(paths[0])] * 3000).encode()
    ):
        pass
    done = subprocess.run(
        [sys.executable, "-m", "bg_interp.data.sources.examining"],
        input=b"[]",
        capture_output=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
