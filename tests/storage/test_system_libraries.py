"""A machine without libGL is told so in one line, before anything is downloaded."""

import importlib.util
import os
import runpy
import shutil
import sys

import pytest

from bg_interp import cli
from bg_interp.errors import UserError
from bg_interp.storage import system_libraries


@pytest.fixture
def bare(monkeypatch):
    """A machine on which only libglib can be loaded, and what apt-get was asked for there."""
    present, asked = {"libglib-2.0.so.0"}, []
    monkeypatch.setattr(system_libraries, "_loads", present.__contains__)

    def run(command, **options):
        asked.append(command)
        if "install" in command:
            present.update(system_libraries._PACKAGES)

    monkeypatch.setattr(system_libraries.subprocess, "run", run)
    monkeypatch.setattr(shutil, "which", lambda name: f"/usr/bin/{name}")
    return asked


def test_what_is_missing_is_installed_where_it_may_be(bare, monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert system_libraries.main() == 0
    assert [command[1] for command in bare] == ["update", "install"]
    assert bare[1][-3:] == ["libegl1", "libgl1", "libgles2"]


def test_else_one_line_names_it_and_the_command(bare, monkeypatch, capsys):
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert system_libraries.main() == 1
    assert not bare
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: ")
    assert "libEGL.so.1, libGL.so.1, libGLESv2.so.2" in line
    assert "apt-get install libegl1 libgl1 libgles2" in line


def test_here_nothing_is_missing():
    assert not system_libraries.missing()


def test_the_makefile_s_command_ends_well_where_nothing_is_missing():
    with pytest.warns(RuntimeWarning), pytest.raises(SystemExit) as end:
        runpy.run_module("bg_interp.storage.system_libraries", run_name="__main__")
    assert not end.value.code


def test_what_no_library_is_found_for_is_missing_on_linux_alone(monkeypatch):
    lacking = {"libnothing.so.9": "libnothing9"}
    monkeypatch.setattr(system_libraries, "_PACKAGES", lacking)
    monkeypatch.setattr(sys, "platform", "linux")
    assert system_libraries.missing() == lacking
    monkeypatch.setattr(sys, "platform", "darwin")
    assert system_libraries.missing() == {}


def test_a_python_without_its_venv_is_told_as_well(monkeypatch, capsys):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr(system_libraries, "_PACKAGES", {})
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert system_libraries.main() == 1
    assert "apt-get install python3-venv" in capsys.readouterr().err


def test_a_tool_that_cannot_import_opencv_says_the_same(bare, monkeypatch, capsys):
    def main():
        raise ImportError("libGL.so.1: cannot open shared object file: No such file or directory")

    monkeypatch.setattr(cli.app, "run", lambda guarded, flags_parser: guarded([]))
    monkeypatch.setattr(cli.signal, "signal", lambda *args: None)
    with pytest.raises(SystemExit) as end:
        cli.run(main, "")
    assert end.value.code == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert "apt-get install libegl1 libgl1 libgles2" in line


def test_another_import_that_fails_is_a_defect_and_shown_as_one(monkeypatch):
    def main():
        raise ImportError("no module named bg_interp.nothing")

    monkeypatch.setattr(cli.app, "run", lambda guarded, flags_parser: guarded([]))
    monkeypatch.setattr(cli.signal, "signal", lambda *args: None)
    with pytest.raises(ImportError):
        cli.run(main, "")
    assert not UserError.speaks_of_flags
