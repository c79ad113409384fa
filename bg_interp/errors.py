"""The one exception that tools turn into a single line, and the words of its message."""

import difflib
import pathlib
import re
from collections.abc import Iterable

from bg_interp import programs

# A setting, perhaps with its value: --overwrite, --output_kind=logits. In what a user gave it
# stands in quotes or within a path, and a command line stands in `backticks`.
_FLAG = re.compile(
    r"(?P<command>`[^`]*`)|(?<![\w'\"/-])--(?P<name>[a-z]\w*)"
    r"(?:=(?P<word>[A-Za-z]\w*)(?=[;,.):]*(?:\s|$)))?"
)


class UserError(Exception):
    """A mistake that the user can fix.

    The message is one line that names the thing, the rule, the value received and the way out.
    Tools print it and end with exit code 1; anything else that is raised is a defect of ours.

    A message is written once, and calls settings by their flags, --start=grey. In a tool it stays
    so; to a Python program the same message speaks of arguments, start='grey'. Programs stand in
    it by their files, tools/segment.py; `programs` puts in how they are called where it is read.

    Attributes:
      speaks_of_flags: whether this process is one of the tools.
    """

    speaks_of_flags = False

    def __str__(self) -> str:
        text = programs.as_called(super().__str__())
        return text if UserError.speaks_of_flags else of_arguments(text)


class Terminated(KeyboardInterrupt):
    """SIGTERM came; like Ctrl-C, and told from it by the exit code alone."""


def of_arguments(text: str) -> str:
    """Returns a text that calls settings by their flags with the names of arguments instead."""

    def argument(match: re.Match[str]) -> str:
        name, word = match["name"], match["word"]
        if name is None:
            return match["command"]
        return name if word is None else f"{name}={word!r}"

    return _FLAG.sub(argument, text)


def printable(text: str) -> str:
    """Returns `text` with its line ends, and what moves a terminal's cursor, as escapes."""
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode()
        for character in text
    )


def one_line(error: Exception) -> str:
    """Returns what an exception of another library says, on one line of at most 300 characters."""
    return printable(" ".join(str(error).split()))[:300] or type(error).__name__


def nearest(name: str, known: Iterable[str]) -> str:
    """Returns "; did you mean X?" for the known name closest to `name`, or "" when none is near."""
    matches = difflib.get_close_matches(name, list(known), n=1, cutoff=0.6)
    return f"; did you mean {matches[0]!r}?" if matches else ""


def nearest_path(path: str) -> str:
    """Returns "; did you mean X?" for what is called nearly so in the same folder, else ""."""
    missing = pathlib.Path(path).expanduser()
    try:
        beside = [one.name for one in missing.parent.iterdir()]
    except OSError:
        return ""
    matches = difflib.get_close_matches(missing.name, beside, n=1, cutoff=0.75)
    return f"; did you mean {str(pathlib.Path(path).with_name(matches[0]))!r}?" if matches else ""
