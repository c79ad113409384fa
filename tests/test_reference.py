"""Pages of the documentation that are made from flags and notebooks are current."""

import runpy

import pytest
import source_tree

from bg_interp import usage

_DOCS = source_tree.ROOT / "docs"
_PAGES = runpy.run_path(str(source_tree.ROOT / ".ci" / "reference.py"))["pages"]


@pytest.fixture(scope="module")
def pages():
    return _PAGES()


def test_the_pages_are_those_that_are_made_now(pages):
    folders = ("reference", "notebooks")
    written = {path for folder in folders for path in (_DOCS / folder).glob("*.md")}
    assert written == {_DOCS / name for name in (*pages, "reference/python.md")}
    old = [name for name, text in pages.items() if (_DOCS / name).read_text() != text]
    assert not old, "`make reference` writes them"


def test_each_program_has_a_page(pages):
    names = {path.stem for path in source_tree.source_files("tools")} - {"__init__"}
    assert {f"reference/{name}.md" for name in names} <= set(pages)
    assert all("## Flags" in pages[f"reference/{name}.md"] for name in names)


def test_a_long_command_is_broken_before_a_flag_and_a_flag_is_code():
    command = "tool --first=value" + " --flag=value" * 6
    doc = f"Short words.\n\n    {command}\n\nSee --first='a<b', `--x`."
    shown = usage.text(doc, [], usage.Order(), full=True)
    assert max(map(len, shown.splitlines())) <= 80
    assert f"    {command}" in shown.replace(" \\\n        ", " ")
    page = usage.markdown("tool", doc, [], usage.Order())
    assert "See `--first='a<b'`, `--x`." in page and command in page
