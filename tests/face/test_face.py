"""`import bg_interp as bg`: light, complete, and typed."""

import inspect
import re
import subprocess
import sys

import pytest
import source_tree

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


def described():
    """Yields the public functions and classes, and the callbacks, by name."""
    for name in bg.__all__:
        if name not in ("callbacks", "UserError"):
            yield name, getattr(bg, name)
    for name in ("ClassImages", "BackgroundReliance"):
        yield name, getattr(bg.callbacks, name)


@pytest.mark.parametrize(("name", "what"), described())
def test_each_argument_is_described_and_so_are_errors(name, what):
    is_class = inspect.isclass(what)
    text = inspect.getdoc(what) + (inspect.getdoc(what.__init__) or "" if is_class else "")
    for argument in inspect.signature(what).parameters:
        assert re.search(rf"^\s+\**{argument}: ", text, re.MULTILINE), argument
    assert "Raises:" in text
    assert is_class or "Returns:" in text


def test_the_reference_shows_every_name():
    page = (source_tree.ROOT / "docs" / "reference" / "python.md").read_text(encoding="utf-8")
    for name in bg.__all__:
        assert f"::: bg_interp.{name}\n" in page
        assert f"](#bg_interp.{name})" in page


def test_another_name_is_refused_as_usual():
    with pytest.raises(AttributeError, match="no attribute 'evalute'"):
        bg.evalute  # noqa: B018
