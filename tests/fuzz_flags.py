"""Parses and checks random flags as one tool does, which is named as the first argument.

A program of its own, since the flags of a process are those of one tool.
"""

import contextlib
import importlib
import io
import sys

from absl import flags
from absl.testing import flagsaver
from fuzzing import cases
from hypothesis import given
from hypothesis import strategies as st

from bg_interp import cli
from bg_interp.config import ascent
from bg_interp.config.training import ArmConfig, check_names
from bg_interp.errors import UserError
from bg_interp.study.plan import SET_BY_STUDY, StudyConfig, make_plan

_VALUES = st.one_of(
    st.text(max_size=30),
    st.integers().map(str),
    st.floats().map(str),
    st.sampled_from(
        "0 -1 1e999 nan inf true no black none 1/0 0/0 ../.. , ,, 1,,2 0x10 1_000 tfds: folder: "
        "folder:. habitats habitats:1 mix <b> \0 ~nobody/x imagenet x.keras".split(" ")
    ),
)


def _check_study(module) -> None:
    training = cli.config_from_flags(ArmConfig, leaving_out=SET_BY_STUDY)
    make_plan(cli.config_from_flags(StudyConfig), training)


CHECKS = {
    "train": lambda module: check_names(cli.config_from_flags(ArmConfig)),
    "study": _check_study,
    "visualize": lambda module: ascent.check_names(cli.config_from_flags(module.VisualizeConfig)),
    "export": lambda module: module._formats(cli.config_from_flags(module.ExportConfig)),
}


def errors_of(arguments: list[str], check) -> str:
    """Parses and checks as a tool does; returns what it prints as its error, "" for none."""
    printed = io.StringIO()
    with flagsaver.flagsaver(), contextlib.redirect_stderr(printed):
        try:
            cli._parser("doc")(["tool", *arguments])
            check()
        except UserError as error:
            with contextlib.suppress(SystemExit):
                cli._fail(str(error))
        except SystemExit as end:
            assert end.code == 1
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
        printed = errors_of(arguments, lambda: CHECKS[name](module))
        assert printed == "" or (printed.startswith("error: ") and printed.count("\n") == 1)
        assert printed.rstrip("\n").isprintable()

    any_flags_are_taken_or_refused_in_one_line()
    assert "tensorflow" not in sys.modules


if __name__ == "__main__":
    main()
