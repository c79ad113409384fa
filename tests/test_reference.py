"""The documentation's page of each program is the one that its flags make."""

import runpy

import pytest
import source_tree

_PAGES = runpy.run_path(str(source_tree.ROOT / ".ci" / "reference.py"))["pages"]


@pytest.fixture(scope="module")
def pages():
    return _PAGES()


def test_the_pages_of_the_programs_are_current(pages):
    folder = source_tree.ROOT / "docs" / "reference"
    written = {path.name: path.read_text() for path in folder.glob("*.md")}
    del written["python.md"]
    assert written == pages, "`make reference` writes them"


def test_the_site_leads_to_each_of_them(pages):
    nav = (source_tree.ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    assert [name for name in pages if f"reference/{name}" not in nav] == []
