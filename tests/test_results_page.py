"""Every table of the page of results that names its command is what the command prints."""

import importlib.util
import re
import shlex

import pytest
import source_tree

_PAGE = source_tree.ROOT / "docs" / "results.md"
_TABLE = re.compile(
    r"^((?:\|.*\n)+(?:\n(?:\|.*\n)+)*)\n```sh\npython benchmarks/results\.py (.*)\n```$",
    re.MULTILINE,
)


def _printed() -> list[tuple[str, str]]:
    """Returns (arguments of the command, the table above it)."""
    return [(found[2], found[1]) for found in _TABLE.finditer(_PAGE.read_text(encoding="utf-8"))]


@pytest.fixture(scope="module")
def program():
    path = source_tree.ROOT / "benchmarks" / "results.py"
    spec = importlib.util.spec_from_file_location("results_program", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(("arguments", "table"), _printed())
def test_a_table_is_what_its_command_prints(program, arguments, table):
    values = dict(word.removeprefix("--").split("=", 1) for word in shlex.split(arguments))
    kind, rows = values.get("table", "questions"), values.get("rows", "")
    assert table.rstrip() == program.table(values["study"], kind, rows)


def test_every_kept_study_has_its_questions_or_means_on_the_page():
    shown = {arguments for arguments, _ in _printed()}
    for path in (source_tree.ROOT / "docs" / "results").glob("*.json"):
        assert any(f"--study={path.stem} " in arguments for arguments in shown), path
