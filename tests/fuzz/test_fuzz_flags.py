"""Whatever the flags say, they are taken, or refused in one line before anything heavy starts."""

import os
import pathlib
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).parents[2]


TOOLS = sorted(file.stem for file in (ROOT / "tools").glob("[a-z]*.py"))


@pytest.mark.parametrize("tool", TOOLS)
def test_any_flags_are_taken_or_refused_in_one_line(tool):
    command = [sys.executable, str(pathlib.Path(__file__).with_name("fuzz_flags.py")), tool]
    paths = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        command, env={**os.environ, "PYTHONPATH": paths}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-3000:]
