"""Messages name programs as they are called where they are read; help fits a terminal."""

import pathlib
import re
import subprocess
import sys

import pytest
import source_tree

from bg_interp import programs
from bg_interp.errors import UserError

_TOOLS = [path for path in source_tree.source_files("tools") if path.stem != "__init__"]


def call_from(monkeypatch, program: str, folder: pathlib.Path, bin_on_path: bool = True) -> None:
    monkeypatch.setattr(sys, "argv", [program])
    monkeypatch.chdir(folder)
    monkeypatch.setenv("PATH", str(pathlib.Path(sys.executable).parent) if bin_on_path else "/bin")


@pytest.mark.parametrize(
    ("program", "in_clone", "name"),
    [
        ("tools/train.py", True, "python tools/evaluate.py"),
        ("/somewhere/bg-interp-train", True, "bg-interp-evaluate"),
        ("/somewhere/bg-interp-train", False, "bg-interp-evaluate"),
        ("notebook", True, "python tools/evaluate.py"),
        ("notebook", False, "bg-interp-evaluate"),
    ],
)
def test_programs_are_called_as_they_can_be_here(monkeypatch, tmp_path, program, in_clone, name):
    call_from(monkeypatch, program, source_tree.ROOT if in_clone else tmp_path)
    assert programs.called("evaluate") == name
    assert name in str(UserError("run `python tools/evaluate.py --leak` first"))


def test_names_of_programs_alone_are_theirs_as_well(monkeypatch, tmp_path):
    call_from(monkeypatch, "notebook", tmp_path)
    text = "folder that tools/train.py wrote; see tools/README and my_tools/train.py"
    wanted = "folder that bg-interp-train wrote; see tools/README and my_tools/train.py"
    assert programs.as_called(text) == wanted


def test_what_path_does_not_lead_to_is_called_by_its_path(monkeypatch, tmp_path):
    call_from(monkeypatch, "tools/train.py", source_tree.ROOT, bin_on_path=False)
    call = programs.as_called("python tools/train.py").split()[0]
    assert pathlib.Path(call).samefile(sys.executable)
    assert programs.found("no-such-program") == "no-such-program"


@pytest.mark.parametrize("path", _TOOLS, ids=lambda path: path.stem)
def test_a_python_without_the_package_is_one_line(path):
    # -S leaves the environment's packages out, -E the path to this clone.
    done = subprocess.run(
        [sys.executable, "-S", "-E", str(path)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert re.match(r"error: .* lacks bg_interp; `make install`, then .venv/bin/python", line)


@pytest.mark.parametrize("path", _TOOLS, ids=lambda path: path.stem)
def test_help_fits_a_terminal_and_lists_the_common_flags_first(path):
    short, full = (
        subprocess.run(
            [sys.executable, str(path), flag], capture_output=True, text=True, check=True
        ).stdout.splitlines()
        for flag in ("--help", "--helpfull")
    )
    assert max(map(len, full)) <= 80
    flags = [line.split()[0] for line in short if line.startswith("  --")]
    all_flags = [line.split()[0] for line in full if line.startswith("  --")]
    assert flags == all_flags[: len(flags)]
    assert len(short) <= 75
