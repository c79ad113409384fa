"""Every command and Python block of index, tutorial and README, run one after the other."""

import os
import runpy
import shutil
import subprocess
import sys

import pytest
import source_tree

from bg_interp.errors import UserError
from bg_interp.masks.segmenters import model_files
from bg_interp.masks.segmenters.kinds import U2NETP

_PROGRAM = source_tree.ROOT / ".ci" / "documented.py"
_DOCUMENTED = runpy.run_path(str(_PROGRAM))


def test_every_command_of_the_pages_is_among_them():
    for page in _DOCUMENTED["PAGES"]:
        text = (source_tree.ROOT / page).read_text(encoding="utf-8")
        lines = {line for line in text.splitlines() if line.startswith("bg-interp-")}
        run = "".join(code for name, _, code in _DOCUMENTED["blocks"]() if name == page)
        assert lines and all(line in run for line in lines)


def test_what_is_short_differs_in_trailing_flags_alone():
    code = "bg-interp-train --background=black\nbg-interp-evaluate \\\n    --leak\n"
    told = [" ".join(line.split()) for line in _DOCUMENTED["shortened"](code).splitlines()]
    assert told == ["bg-interp-train --background=black --steps=8", "bg-interp-evaluate --leak"]


@pytest.mark.slow
@pytest.mark.long
def test_they_run_as_they_stand(tmp_path):
    if shutil.which("bg-interp-demo") is None:
        pytest.skip("the package is not installed")
    try:
        # Tests download nothing.
        model_files.locate(U2NETP)
    except UserError as error:
        if os.environ.get("CI"):
            pytest.fail(str(error))
        pytest.skip(str(error))
    done = subprocess.run(
        [sys.executable, str(_PROGRAM), str(tmp_path / "here"), "--short"],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    assert "Traceback" not in done.stderr
    written = ("index.html", "report.html", "model.keras")
    found = {path.name for path in (tmp_path / "here").rglob("*")}
    assert set(written) <= found
