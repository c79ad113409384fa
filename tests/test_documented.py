"""What README and docs print can be typed: programs and flags exist, links lead somewhere."""

import itertools
import json
import re
import shlex
import subprocess
import sys

import pytest
import source_tree

_DOCS = source_tree.ROOT / "docs"
_PAGES = [source_tree.ROOT / "README.md", *sorted(_DOCS.rglob("*.md"))]
# Those for somebody who begins.
_FIRST = [
    source_tree.ROOT / "README.md",
    *(_DOCS / f"{name}.md" for name in ("index", "tutorial", "your_classifier", "training")),
]
_FENCE = re.compile(r"^( *)```(\w*)\n(.*?)^ *```$", re.DOTALL | re.MULTILINE)
_CALL = re.compile(r"^(?:\S*python )?(?:tools/(?P<file>[a-z]+)\.py|bg-interp-(?P<name>[a-z]+))$")
_FLAGS = """
import importlib, json, sys
from bg_interp import cli
importlib.import_module("tools." + sys.argv[1])
told = {flag.name: [flag.boolean, flag.help] for flag in cli.own_flags()}
print(json.dumps(told))
"""


def blocks(path, *languages):
    """Yields the code blocks of a page."""
    for _, language, code in _FENCE.findall(path.read_text(encoding="utf-8")):
        if not languages or language in languages:
            yield code


def commands(path):
    """Yields (program, arguments) of each command of ours that a page prints in a block."""
    for code in blocks(path, "sh", "yaml"):
        for line in code.replace("\\\n", " ").replace(">\n", " ").splitlines():
            if not re.search(r"bg-interp-|tools/", line):
                continue
            words = shlex.split(line.removeprefix("- run:"), comments=True)
            words = words[1:] if words and words[0].endswith("python") else words
            if words and (found := _CALL.match(words[0])):
                yield found["file"] or found["name"], words[1:]


@pytest.fixture(scope="module")
def known():
    """{program: {flag: [whether it is boolean, its help]}}."""
    programs = [path.stem for path in source_tree.source_files("tools") if path.stem != "__init__"]
    found = {}
    for name in programs:
        done = subprocess.run(
            [sys.executable, "-c", _FLAGS, name],
            cwd=source_tree.ROOT,
            capture_output=True,
            text=True,
            check=True,
        )
        found[name] = json.loads(done.stdout)
    return found


def _wrong(flags, argument):
    """Returns what is wrong with an argument, or nothing."""
    name, equals, value = argument.removeprefix("--").partition("=")
    if not argument.startswith("--"):
        return f"{argument} is no flag"
    if name not in flags and not (name.startswith("no") and flags.get(name[2:], [False])[0]):
        return f"there is no {argument}"
    choices = re.match(r"<([^>]*)>: ", flags.get(name, [False, ""])[1])
    if equals and choices and value not in choices[1].split("|"):
        return f"{argument} is none of {choices[1]}"
    return ""


@pytest.mark.parametrize("path", _PAGES, ids=lambda path: path.name)
def test_each_command_has_a_program_and_flags_that_exist(known, path):
    wrong = [
        f"{program}: {fault}"
        for program, arguments in commands(path)
        for fault in ([_wrong(known[program], one) for one in arguments if one not in ("--", "|")])
        if fault
    ]
    assert not wrong


def test_the_first_pages_have_commands():
    counts = {path.name: len(list(commands(path))) for path in _FIRST}
    assert min(counts.values()) >= 1, counts


@pytest.mark.parametrize("path", _PAGES, ids=lambda path: path.name)
def test_each_block_says_its_language(path):
    assert [code for _, language, code in _FENCE.findall(path.read_text()) if not language] == []


@pytest.mark.parametrize("path", _PAGES, ids=lambda path: path.name)
def test_code_is_not_cut_at_the_right(path):
    # The data of notebooks are folded away.
    folded = re.sub(r"<details.*?</details>", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
    lines = [line for _, _, code in _FENCE.findall(folded) for line in code.splitlines()]
    assert [line for line in lines if len(line) > 72] == []


@pytest.mark.parametrize("path", _PAGES, ids=lambda path: path.name)
def test_pictures_and_links_are_there(path):
    text = _FENCE.sub("", path.read_text(encoding="utf-8"))
    links = re.findall(r"\]\(([^)#\s]+)", text)
    local = [link for link in links if not re.match(r"[a-z]+:", link)]
    assert [link for link in local if not (path.parent / link).exists()] == []


@pytest.mark.parametrize("path", _PAGES, ids=lambda path: path.name)
def test_lists_and_tables_begin_after_a_line_without_text(path):
    # The site shows them as running text else, though a repository's own view does not.
    lines = _FENCE.sub("```", path.read_text(encoding="utf-8")).splitlines()
    within = re.compile(r"(\||[-*] |\d+\. |  |#|$)")
    pairs = itertools.pairwise(lines)
    assert [b for a, b in pairs if re.match(r"(\||[-*] )", b) and not within.match(a)] == []


def test_the_site_leads_to_each_page():
    nav = (source_tree.ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    pages = [path.relative_to(_DOCS).as_posix() for path in _DOCS.rglob("*.md")]
    assert [page for page in pages if f": {page}\n" not in nav] == []


def test_readers_find_the_words_of_the_field():
    text = " ".join(path.read_text(encoding="utf-8").lower() for path in _PAGES)
    words = "spurious correlation, shortcut learning, robustness, counterfactual, confusion"
    assert [word for word in words.split(", ") if word not in text] == []
