"""The section of a model card that an audit fills in: Markdown to be pasted."""

import pathlib
from collections.abc import Sequence

import bg_interp
from bg_interp.evaluation.result import Evaluation
from bg_interp.messages import TYPED
from bg_interp.storage import files

# What a card's reader asks first; all others stand in results.json.
_SHOWN = (
    "reliance",
    "original",
    "mixed_same",
    "swap",
    "background_only",
    "worst_group",
    "worst_natural_group",
    "bg_gap",
)

# Said of settings that nobody gave.
_AS_USUAL = "default"


def write(
    path: pathlib.Path, found: Evaluation, command: str, facts: Sequence[tuple[str, str]]
) -> None:
    """Writes the section.

    Args:
      path: a .md file.
      found: the evaluation.
      command: the command that repeats it.
      facts: (name, value) of how it was taken.

    Raises:
      UserError: the file cannot be written.
    """
    files.write_text(path, text(found, command, facts))


def text(found: Evaluation, command: str, facts: Sequence[tuple[str, str]]) -> str:
    """Returns the section; see `write`."""
    rows = [(name, found.measures[name]) for name in _SHOWN if name in found.measures]
    return "\n".join(
        [
            "## Reliance on backgrounds",
            "",
            _plain(found.answer()),
            "",
            "| measure | value | 95 % interval | what it is |",
            "|---|---|---|---|",
            *(
                f"| {name} | {one.value:.2f} | {one.low:.2f} to {one.high:.2f} | "
                f"{_plain(found.meaning(name))} |"
                for name, one in rows
            ),
            "",
            f"{_plain(found.counted())}. Composites are made by the masks; compare their rows "
            "with each other.",
            "",
            *(f"- {_plain(name)}: {_plain(value)}" for name, value in facts if value != _AS_USUAL),
            f"- made by bg_interp {bg_interp.__version__}: `{command.replace('`', '')}`",
            "",
        ]
    )


def _plain(words: str) -> str:
    """Keeps names of classes and files from becoming Markdown; `commands` stay as they are."""
    parts = TYPED.split(str(words))
    return "".join(
        _typed(part) if number % 2 else _escaped(part) for number, part in enumerate(parts)
    )


def _typed(command: str) -> str:
    # A bar would end the cell of a table even here.
    return "`{}`".format(command.replace("|", "\\|"))


def _escaped(words: str) -> str:
    return "".join(f"\\{one}" if one in "\\`*_{}[]<>#|" else one for one in words)
