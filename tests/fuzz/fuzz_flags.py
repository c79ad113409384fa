"""Parses and checks random flags as one tool does, which is named as the first argument.

A program of its own, since the flags of a process are those of one tool.
"""

import contextlib
import importlib
import io
import sys
import unittest.mock

from absl import flags
from absl.testing import flagsaver
from fuzzing import cases
from hypothesis import given
from hypothesis import strategies as st

from bg_interp import cli
from bg_interp.errors import UserError

_VALUES = st.one_of(
    st.text(max_size=30),
    st.integers().map(str),
    st.floats().map(str),
    st.sampled_from(
        "0 -1 1e999 nan inf true no black none 1/0 0/0 ../.. , ,, 1,,2 0x10 1_000 tfds: folder: "
        "folder:. habitats habitats:1 mix <b> \0 ~nobody/x imagenet x.keras".split(" ")
    ),
)


# Flags without which a tool would not look at the others.
NEEDED = {
    "evaluate": ["--model=."],
    "export": ["--model=."],
    "repair": ["--model=."],
    "segment": ["--dataset=habitats"],
    "visualize": ["--model=."],
}


class Accepted(Exception):
    """The flags are checked: now the tool would import TensorFlow."""


def _accept() -> None:
    raise Accepted


def errors_of(arguments: list[str], module) -> str:
    """Parses and checks as a tool does; returns what it prints as its error, "" for none."""
    printed = io.StringIO()
    with (
        flagsaver.flagsaver(),
        contextlib.redirect_stderr(printed),
        unittest.mock.patch.object(cli, "load_tensorflow", _accept),
        contextlib.suppress(Accepted, SystemExit),
    ):
        try:
            cli._parser("doc", cli._ALL)(["tool", *arguments])
            module.main()
        except UserError as error:
            cli._fail(str(error))
    return printed.getvalue()


def main() -> None:
    name = sys.argv[1]
    module = importlib.import_module(f"tools.{name}")
    by_module = flags.FLAGS.flags_by_module_dict()
    known = [flag.name for key, some in by_module.items() if "absl" not in key for flag in some]
    named = st.tuples(st.sampled_from(known), _VALUES).map("=".join)

    @cases()
    @given(st.lists(named.map("--{}".format), max_size=4))
    def any_flags_are_taken_or_refused_in_one_line(arguments):
        printed = errors_of([*NEEDED.get(name, []), *arguments], module)
        assert printed == "" or (printed.startswith("error: ") and printed.count("\n") == 1)
        assert printed.rstrip("\n").isprintable()

    any_flags_are_taken_or_refused_in_one_line()
    assert "tensorflow" not in sys.modules


if __name__ == "__main__":
    main()
