"""Writes the pages of the documentation that are made from something else: `make reference`.

That is one for each program, from its flags, and one for each notebook, as it was run. A test
compares docs/ with what is written here.
"""

import json
import pathlib
import re
import subprocess
import sys
import textwrap

_ROOT = pathlib.Path(__file__).absolute().parents[1]
_DOCS = _ROOT / "docs"
_SCHEMA = _ROOT / "bg_interp" / "report" / "results.schema.json"
# Of code; more is cut at the right.
_WIDTH = 72
# A process each: programs define flags of the same names.
_PAGE = """
import importlib, sys
from bg_interp import cli, usage
program = importlib.import_module("tools." + sys.argv[1])
_, doc, order = program.run.args
print(usage.markdown("bg-interp-" + sys.argv[1], doc, cli.own_flags(), order), end="")
"""


def pages() -> dict[str, str]:
    """Returns {path below docs/: text} of all of them."""
    names = sorted(path.stem for path in (_ROOT / "tools").glob("[a-z]*.py"))
    notebooks = sorted((_DOCS / "notebooks").glob("*.ipynb"))
    return {
        **{f"reference/{name}.md": _program(name) for name in names},
        "reference/results.md": _results(json.loads(_SCHEMA.read_text(encoding="utf-8"))),
        **{f"notebooks/{path.stem}.md": _notebook(path) for path in notebooks},
    }


def _program(name: str) -> str:
    command = [sys.executable, "-c", _PAGE, name]
    done = subprocess.run(command, cwd=_ROOT, capture_output=True, text=True, check=True)  # noqa: S603
    return done.stdout


def _results(schema: dict) -> str:
    """Returns the page of results.json, from its schema."""
    parts = schema["$defs"]
    lines = [
        "# results.json",
        "",
        'What `bg-interp-evaluate`, `bg-interp-repair` and `report.save("results.json")` write,',
        "for programs of your own. The JSON Schema (draft 2020-12) that this page is made from",
        "comes with the package: `bg_interp/report/results.schema.json`.",
    ]
    for name, one in parts.items():
        if "properties" in one:
            lines += ["", f"## {name}", "", f"{one['description'].capitalize()}.", ""]
            lines += ["| name | type | what it is |", "|---|---|---|", *_members(one)]
    return "\n".join(lines) + "\n"


def _members(schema: dict, before: str = "") -> list[str]:
    """Returns a row for each member of an object, and for those of objects within it."""
    rows = []
    for name, one in schema["properties"].items():
        told = one.get("description", "")
        needed = "" if name in schema["required"] or before else " (not always)"
        rows.append(f"| `{before}{name}`{needed} | {_type(one)} | {told} |")
        if "properties" in one:
            rows += _members(one, f"{before}{name}.")
    return rows


def _type(schema: dict) -> str:
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return f"[{name}](#{name})" if name != "attribution" else "shares by class, or `left_out`"
    if "enum" in schema:
        return ", ".join(f"`{one}`" for one in schema["enum"])
    if "anyOf" in schema:
        return " or ".join(_type(one) for one in schema["anyOf"])
    if schema.get("type") == "array":
        return f"list of {_type(schema['items'])}"
    if schema.get("type") == "object" and "properties" not in schema:
        within = schema.get("additionalProperties", {})
        return f"{{name: {_type(within)}}}" if within else "object"
    return schema.get("type", "anything")


def _notebook(path: pathlib.Path) -> str:
    """Returns a notebook as Markdown, with the outputs that it was saved with."""
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    title, *parts = [part for cell in cells for part in _cell(cell)]
    told = f"*This page is a notebook: [{path.name}]({path.name}), made to be run and changed.*"
    heading, _, rest = title.partition("\n")
    return "\n\n".join([heading, told, rest.strip(), *parts]) + "\n"


def _cell(cell: dict) -> list[str]:
    source = "".join(cell["source"])
    if cell["cell_type"] == "markdown":
        return [source]
    code = f"```python\n{source}\n```"
    if cell["metadata"].get("jupyter", {}).get("source_hidden"):
        code = f"<details markdown><summary>the code</summary>\n\n{code}\n\n</details>"
    return [code, *filter(None, map(_output, cell["outputs"]))]


def _output(output: dict) -> str:
    if output["output_type"] == "stream":
        # Progress and warnings are for whoever runs it.
        return f"```text\n{_text(output['text'])}\n```" if output["name"] == "stdout" else ""
    data = output["data"]
    if "text/html" in data:
        # Markdown takes a line without text for the end of HTML.
        lines = re.sub(r"\n\s*\n", "\n", "".join(data["text/html"]))
        return f"<div>{lines.strip()}</div>"
    for kind in ("image/png", "image/jpeg"):
        if kind in data:
            picture = "".join(data[kind]).strip()
            return f'<img alt="what the code above shows" src="data:{kind};base64,{picture}">'
    return f"```text\n{_text(data['text/plain'])}\n```"


def _text(lines: list[str]) -> str:
    """Returns an output, its long lines folded as a page shows them."""
    told = "".join(lines).rstrip().splitlines()
    return "\n".join(textwrap.fill(one, _WIDTH, subsequent_indent="    ") for one in told)


if __name__ == "__main__":
    for name, text in pages().items():
        (_DOCS / name).write_text(text, encoding="utf-8")
