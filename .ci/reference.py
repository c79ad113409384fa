"""Writes a page of the documentation for each program, from its flags: `make reference`.

A test compares docs/reference/ with what is written here.
"""

import pathlib
import subprocess
import sys

_ROOT = pathlib.Path(__file__).absolute().parents[1]
# A process each: programs define flags of the same names.
_PAGE = """
import importlib, sys
from bg_interp import cli, usage
program = importlib.import_module("tools." + sys.argv[1])
_, doc, order = program.run.args
print(usage.markdown("bg-interp-" + sys.argv[1], doc, cli.own_flags(), order), end="")
"""


def pages() -> dict[str, str]:
    """Returns {file name: text} of all programs."""
    names = sorted(path.stem for path in (_ROOT / "tools").glob("[a-z]*.py"))
    return {f"{name}.md": _page(name) for name in names}


def _page(name: str) -> str:
    command = [sys.executable, "-c", _PAGE, name]
    done = subprocess.run(command, cwd=_ROOT, capture_output=True, text=True, check=True)  # noqa: S603
    return done.stdout


if __name__ == "__main__":
    for file_name, text in pages().items():
        (_ROOT / "docs" / "reference" / file_name).write_text(text, encoding="utf-8")
