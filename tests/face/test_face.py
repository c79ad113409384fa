"""`import bg_interp as bg`: light, complete, and typed."""

import subprocess
import sys

import pytest

import bg_interp as bg
from bg_interp import visualization


def test_importing_it_imports_nothing_heavy():
    code = (
        "import sys, time; begun = time.perf_counter(); import bg_interp; "
        "print(time.perf_counter() - begun, *{'numpy', 'tensorflow', 'keras'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    seconds, *heavy = done.stdout.split()
    assert not heavy
    assert float(seconds) < 0.1


@pytest.mark.parametrize("name", bg.__all__)
def test_every_name_is_there_and_documented(name):
    assert getattr(bg, name).__doc__
    assert getattr(bg, name) is getattr(bg, name)


def test_completion_lists_the_public_names_and_no_others():
    for package in (bg, visualization):
        shown = [name for name in dir(package) if not name.startswith("_")]
        assert shown == sorted(package.__all__)
        for name in shown:
            assert getattr(package, name).__doc__


def test_another_name_is_refused_as_usual():
    with pytest.raises(AttributeError, match="no attribute 'evalute'"):
        bg.evalute  # noqa: B018
