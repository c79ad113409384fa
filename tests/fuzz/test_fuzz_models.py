"""Damaged models of every kind open or are refused in one line; nothing is written elsewhere."""

import json
import os
import pathlib
import resource
import subprocess
import sys

import pytest
from fuzzing import CASES

PROGRAM = pathlib.Path(__file__).with_name("model_program.py")
_MOST = 4 * 2**30
# `make fuzz` tries all of them, `make test` one: each starts TensorFlow anew.
KINDS = ("keras", "h5", "onnx", "saved_model") if "BG_INTERP_FUZZ" in os.environ else ("h5",)


@pytest.mark.parametrize("kind", KINDS)
def test_damaged_models_are_opened_or_refused_in_one_line(kind, tmp_path):
    count = max(10, CASES if CASES > 100 else CASES // 5)
    command = [sys.executable, str(PROGRAM), kind, str(tmp_path), str(count), "0"]
    done = subprocess.run(command, capture_output=True, text=True)
    begun = [line for line in done.stderr.splitlines() if line.isdigit()]
    assert done.returncode == 0, f"ended at case {begun[-1:]}: {done.stderr[-2000:]}"
    *bad, ends = map(json.loads, done.stdout.splitlines())
    assert not bad, bad[:5]
    assert sum(ends.values()) == count and ends["refused"]
    # In kilobytes, of the largest program that ended so far.
    assert resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024 < _MOST
