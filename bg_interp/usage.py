"""What `--help` prints: a program's docstring and its flags, within the width of a terminal."""

import dataclasses
import html
import re
import textwrap
from collections.abc import Sequence

from absl import flags

from bg_interp import programs

_WIDTH = 80
# A flag with its value, or code that is marked already.
_FLAG = re.compile(r"(?P<code>`[^`]*`)|(?<![\w-])--[a-z]\w*(?:='[^']*'|=[\w:./]*\w)?")


@dataclasses.dataclass(frozen=True)
class Order:
    """How a program's flags are listed.

    Attributes:
      first: names of those that `--help` lists, in that order; all of them where it is empty.
      last: names of those that `--helpfull` puts at its end, since they matter in few cases.
    """

    first: tuple[str, ...] = ()
    last: tuple[str, ...] = ()

    def __call__(self, flag: flags.Flag) -> tuple[bool, int]:
        """Returns what sorts flags; those that are not named keep their order."""
        known = flag.name in self.first
        place = self.first.index(flag.name) if known else len(self.first)
        return flag.name in self.last, place


def text(doc: str, own: Sequence[flags.Flag], order: Order, full: bool) -> str:
    """Returns the help of a program.

    Args:
      doc: its docstring: paragraphs, and commands that are indented.
      own: its flags.
      order: how they are listed.
      full: whether all of them are.
    """
    shown = [flag for flag in own if full or not order.first or flag.name in order.first]
    lines = [*_paragraphs(doc), "", "Flags:", *map(_flag, sorted(shown, key=order)), ""]
    if len(shown) < len(own):
        lines.append(f"--helpfull lists {len(own) - len(shown)} more flags.")
    return "\n".join([*lines, "--flagfile=FILE reads flags from a file, one a line."])


def _paragraphs(doc: str) -> list[str]:
    """Returns a docstring's lines; paragraphs are filled anew, commands stay as they are."""
    lines: list[str] = []
    for paragraph in programs.as_called(doc).strip().split("\n\n"):
        is_command = paragraph.startswith(" ")
        shown = paragraph.split("\n") if is_command else [_filled(paragraph, _WIDTH)]
        lines += ["", *(_folded(line) if is_command else line for line in shown)]
    return lines[1:]


def _folded(command: str) -> str:
    """Breaks a long command before its flags, as a shell takes it."""
    if len(command) <= _WIDTH:
        return command
    lines = [""]
    for part in re.split(r" (?=--)", command):
        if lines[-1] and len(f"{lines[-1]} {part} \\") > _WIDTH:
            lines.append(" " * 8 + part)
        else:
            lines[-1] = f"{lines[-1]} {part}" if lines[-1] else part
    return " \\\n".join(lines)


def markdown(program: str, doc: str, own: Sequence[flags.Flag], order: Order) -> str:
    """Returns a program's page of the documentation.

    Args:
      program: its name, bg-interp-train.
      doc: its docstring.
      own: its flags.
      order: how they are listed.
    """
    parts = [f"# {program}", _as_markdown(programs.as_called(doc, clone=False)), "## Flags"]
    ranked = sorted(own, key=order)
    for title, of in (
        ("", [flag for flag in ranked if flag.name in order.first or not order.first]),
        ("### More flags", [f for f in ranked if f.name not in (*order.first, *order.last)]),
        ("### For composites", [flag for flag in ranked if flag.name in order.last]),
    ):
        if of and (order.first or not title):
            parts += [title, "\n".join(map(_row, of))]
    return "\n\n".join(part for part in parts if part) + "\n"


def _as_markdown(doc: str) -> str:
    """Turns indented commands into fenced ones."""
    parts = []
    for paragraph in doc.strip().split("\n\n"):
        code = textwrap.dedent(paragraph)
        parts.append(f"```sh\n{code}\n```" if paragraph.startswith(" ") else _marked(paragraph))
    return "\n\n".join(parts)


def _marked(words: str) -> str:
    """Marks flags as code: a page breaks a line behind their dashes else."""
    return _FLAG.sub(lambda found: found[0] if found["code"] else f"`{found[0]}`", words)


def _row(flag: flags.Flag) -> str:
    head, body = _head_and_body(flag)
    parts = re.split("(`[^`]*`)", _marked(programs.as_called(body, clone=False)))
    text = "".join(
        part if number % 2 else html.escape(part, quote=False).replace("*", "&#42;")
        for number, part in enumerate(parts)
    )
    return f"- `{head}`<br>\n  {text}"


def _head_and_body(flag: flags.Flag) -> tuple[str, str]:
    """Returns the flag with its choices and default, and its help."""
    choices, colon, rest = flag.help.partition(">: ")
    enumerated = bool(colon) and choices.startswith("<")
    head = f"--{'[no]' if flag.boolean else ''}{flag.name}"
    if enumerated:
        head += f"={choices}>"
    if flag.default not in (None, "") and flag.default is not False:
        head += f" (default: {flag.default})"
    return head, rest if enumerated else flag.help


def _flag(flag: flags.Flag) -> str:
    head, body = _head_and_body(flag)
    # Lines break at the bars between choices.
    head = textwrap.fill(head.replace("|", "| "), _WIDTH - 2, subsequent_indent="    ")
    filled = _filled(programs.as_called(body), _WIDTH - 6)
    return f"  {head.replace('| ', '|')}\n{textwrap.indent(filled, '      ')}"


def _filled(words: str, width: int) -> str:
    """Breaks lines between words alone, and not in `commands`: they are meant to be copied."""
    kept = re.sub("`[^`]*`", lambda found: found[0].replace(" ", "\0"), words)
    lines = textwrap.wrap(kept, width, break_long_words=False, break_on_hyphens=False)
    return "\n".join(lines).replace("\0", " ")
