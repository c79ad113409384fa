"""Two replicas learn what one does."""

import pathlib
import subprocess
import sys

import pytest


@pytest.mark.slow
def test_two_replicas_give_the_weights_of_one():
    program = pathlib.Path(__file__).with_name("mirrored_program.py")
    done = subprocess.run(
        [sys.executable, str(program)], check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    found = dict(line.split() for line in done.stdout.splitlines())
    assert found["replicas"] == "2"
    assert float(found["difference"]) < 1e-5
