"""Damaged models of every kind open or are refused in one line; nothing is written elsewhere."""

import json
import os
import pathlib
import resource
import subprocess
import sys
import zipfile

import pytest
from fuzzing import CASES

from bg_interp.errors import UserError

PROGRAM = pathlib.Path(__file__).with_name("model_program.py")
_MOST = 4 * 2**30
# `make fuzz` tries all of them, `make test` one: each starts TensorFlow anew.
KINDS = (
    ("keras", "h5", "onnx", "saved_model", "tflite") if "BG_INTERP_FUZZ" in os.environ else ("h5",)
)


def _peak() -> int:
    """Returns the bytes of the largest program that this process has started and that ended."""
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024


@pytest.mark.parametrize("kind", KINDS)
def test_damaged_models_are_opened_or_refused_in_one_line(kind, tmp_path):
    count = max(10, CASES if CASES > 100 else CASES // 5)
    command = [sys.executable, str(PROGRAM), kind, str(tmp_path), str(count), "0"]
    before = _peak()
    done = subprocess.run(command, capture_output=True, text=True)
    begun = [line for line in done.stderr.splitlines() if line.isdigit()]
    assert done.returncode == 0, f"ended at case {begun[-1:]}: {done.stderr[-2000:]}"
    *bad, ends = map(json.loads, done.stdout.splitlines())
    assert not bad, bad[:5]
    assert sum(ends.values()) == count and ends["refused"]
    # Where another program has taken more before, this one has not taken more than it.
    assert _peak() == before or _peak() < _MOST


def test_an_archive_that_would_fill_the_memory_is_refused(tmp_path, speaking_of_flags):
    from bg_interp.models import keras_files

    path = tmp_path / "model.keras"
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
        archive.open("config.json", "w", force_zip64=True) as member,
    ):
        for _ in range(6):
            member.write(bytes(100_000_000))
    with pytest.raises(UserError, match=r"would take 0\.6 GiB of memory for a file of"):
        keras_files.opened(path)
