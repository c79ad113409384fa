"""The one exception that tools turn into a single line."""

import difflib
from collections.abc import Iterable


class UserError(Exception):
    """A mistake that the user can mend.

    The message is one line that names the thing, the rule, the value received and the way out.
    Tools print it and end with exit code 1; anything else that is raised is a defect of ours.
    """


class Terminated(KeyboardInterrupt):
    """SIGTERM came; like Ctrl-C, and told from it by the exit code alone."""


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
