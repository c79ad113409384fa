"""What every tool does the same way: flags from a dataclass, help, and errors in one line.

A setting is declared once, as a dataclass field made by `setting`, with its default, its help and
its rule; from it come the flag, the check before anything heavy is imported, and `config.json`.
"""

import contextlib
import dataclasses
import errno
import functools
import math
import mmap
import os
import re
import signal
import sys
import types
import typing
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any, TypeVar

from absl import app, flags, logging

from bg_interp import programs, usage
from bg_interp.errors import Terminated, UserError, nearest, one_line, printable
from bg_interp.processes import is_short_of_memory, quiet_native_logs
from bg_interp.storage import system_libraries

# Flags that are made here belong to the module that asks for them.
flags.disclaim_key_flags()

_Config = TypeVar("_Config")
Rule = tuple[Callable[[Any], bool], str]


def setting(
    default: Any, help: str, *, choices: Sequence[str] | None = None, rule: Rule | None = None
) -> Any:
    """Declares a dataclass field that is also a command line flag.

    Args:
      default: the value when the flag is not given; None when the program decides.
      help: one or two sentences: unit, and why the default is what it is.
      choices: the only values allowed.
      rule: (accepts(value) -> bool, "must be ...") for any other check; None is not checked.
    """
    metadata = {"help": help, "choices": choices, "rule": rule}
    return dataclasses.field(default=default, metadata=metadata)


# "Not a number" breaks every one of these rules.
FINITE: Rule = (math.isfinite, "must be a finite number")
POSITIVE: Rule = (lambda value: 0 < value < math.inf, "must be above 0, and finite")
NOT_NEGATIVE: Rule = (lambda value: value >= 0, "must be 0 or more")
# Stateless random operations take keys of 32 bits: larger seeds would repeat smaller ones.
SEED: Rule = (lambda value: 0 <= value < 2**31, "must be from 0 to 2147483647")
# An empty name is this folder to Python; where it comes from a variable that is not set, it is not
# what was meant.
FOLDER: Rule = (bool, "must name a folder; . is the one that you are in")
SHARE: Rule = (lambda value: 0 <= value <= 1, "must be from 0 to 1")


# In what ranges models take their pixels, for flags `--input_range`.
INPUT_RANGES = {"0:255": (0.0, 255.0), "0:1": (0.0, 1.0), "-1:1": (-1.0, 1.0)}


_MODULE_NAME = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*")


def names_module(text: str) -> bool:
    """Tells whether a value of a flag has the form of MODULE:NAME."""
    return bool(_MODULE_NAME.fullmatch(text))


def _base_type(annotation: Any) -> type:
    """Returns int for `int`, and for `int | None`."""
    if isinstance(annotation, types.UnionType) or typing.get_origin(annotation) is typing.Union:
        (annotation,) = (kind for kind in typing.get_args(annotation) if kind is not type(None))
    return annotation


def define_flags(config_class: type, *, leaving_out: Collection[str] = ()) -> None:
    """Defines one flag for each field of `config_class` that `setting` made.

    Args:
      config_class: a dataclass whose field types are str, int, float or bool, possibly `| None`.
      leaving_out: fields that get no flag.
    """
    annotations = typing.get_type_hints(config_class)
    for field in dataclasses.fields(config_class):
        if "help" not in field.metadata or field.name in leaving_out:
            continue
        default: Any = field.default
        help, choices = field.metadata["help"], field.metadata["choices"]
        kind = _base_type(annotations[field.name])
        if choices is not None:
            flags.DEFINE_string(field.name, default, f"<{'|'.join(choices)}>: {help}")
        elif kind is bool:
            flags.DEFINE_bool(field.name, default, help)
        elif kind is int:
            flags.DEFINE_integer(field.name, default, help)
        elif kind is float:
            flags.DEFINE_float(field.name, default, help)
        else:
            flags.DEFINE_string(field.name, default, help)


def config_from_flags(config_class: type[_Config], *, leaving_out: Collection[str] = ()) -> _Config:
    """Builds `config_class` from the parsed flags, and checks each value's rule.

    Args:
      config_class: the dataclass whose flags `define_flags` defined.
      leaving_out: fields that have no flag, and keep their defaults.

    Raises:
      UserError: a value breaks its rule.
    """
    parsed = {
        field.name: flags.FLAGS[field.name].value
        for field in dataclasses.fields(config_class)  # type: ignore[arg-type]
        if "help" in field.metadata and field.name not in leaving_out
    }
    config = config_class(**parsed)
    check(config)
    return config


def check(config: Any) -> None:
    """Checks every field of a dataclass against the rule it was declared with.

    Raises:
      UserError: a value is not one of its choices, or breaks its rule.
    """
    for field in dataclasses.fields(config):
        value = getattr(config, field.name)
        choices, rule = field.metadata.get("choices"), field.metadata.get("rule")
        if value is None:
            continue
        if choices is not None and value not in choices:
            raise UserError(
                f"--{field.name} must be one of {', '.join(choices)}. "
                f"Received: {value!r}{nearest(value, choices)}"
            )
        if rule is not None and not _keeps(rule, value):
            raise UserError(f"--{field.name} {rule[1]}. Received: {value!r}")


def _keeps(rule: Rule, value: Any) -> bool:
    try:
        return rule[0](value)
    except TypeError:  # From Python a value may be of any type.
        return False


def own_flags() -> list[flags.Flag]:
    """Returns the flags of the program that was imported, absl's left out."""
    by_module = flags.FLAGS.flags_by_module_dict()
    return [flag for module, listed in by_module.items() if "absl" not in module for flag in listed]


def _print_help(doc: str, order: usage.Order, full: bool) -> None:
    """Prints the program's docstring and its flags."""
    try:
        print(usage.text(doc, own_flags(), order, full), flush=True)
    except BrokenPipeError:
        # The reader, head or less, has seen enough; Python flushes once more when it ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _parser(doc: str, order: usage.Order) -> Callable[[list[str]], list[str]]:
    """Returns absl's flag parser with our help, and with errors in one line."""

    def parse(argv: list[str]) -> list[str]:
        full = "--helpfull" in argv[1:] or "-helpfull" in argv[1:]
        if full or {"--help", "-help", "-h", "--helpshort"} & set(argv[1:]):
            _print_help(doc, order, full)
            sys.exit(0)
        try:
            rest = flags.FLAGS(argv)
        # absl's own for a value where a flag takes none is a ValueError.
        except (flags.Error, ValueError) as error:
            _fail(f"{_of_flags(error)}; --helpfull lists all flags")
        if rest[1:]:
            _fail(f"arguments must be flags of the form --name=value. Received: {rest[1]!r}")
        return rest

    return parse


_NUMBERS = {"int": "a whole number", "float": "a number", "bool": "true or false"}


def _of_flags(error: Exception) -> str:
    """Says in our words what absl has against a flag or its value."""
    if isinstance(error, flags.UnrecognizedFlagError):
        name, known = f"--{error.flagname}", [f"--{one}" for one in flags.FLAGS]
        known += [f"--no{one.name}" for one in own_flags() if one.boolean]
        return f"there is no flag {name}{nearest(name, known)}"
    value = re.fullmatch(r"flag --(\w+)=(.*?): .*", str(error), re.DOTALL)
    kind = flags.FLAGS[value[1]].flag_type() if value and value[1] in flags.FLAGS else ""
    if value and kind in _NUMBERS:
        return f"--{value[1]} must be {_NUMBERS[kind]}. Received: {value[2]!r}"
    return one_line(error)


def _fail(message: str) -> typing.NoReturn:
    # Names of files and folders may hold anything.
    print(f"error: {printable(programs.as_called(message))}", file=sys.stderr)
    sys.exit(1)


# What the system answers when a disk, a quota or rights are at fault, and not this program.
_REFUSALS = {getattr(errno, name) for name in "ENOSPC EIO EACCES EPERM EROFS EDQUOT EMFILE".split()}
_AGAIN = "then start the same command again"
_OF_MEMORY = f"memory ran out; free some, or lower the size or number of images, {_AGAIN}"
# Made beforehand: where memory has run out, there may be none to say so.
_LAST_WORDS = f"error: {_OF_MEMORY}\n".encode()


def _from_system(error: Exception) -> str | None:
    """Returns what the system lacks or refuses: libraries, space, rights, a disk that works."""
    if isinstance(error, OSError) and error.errno in _REFUSALS:
        place = "" if error.filename is None else f" {error.filename}"
        return f"the system refused to read or write{place}: {error.strerror}; {_AGAIN}"
    if type(error).__module__ == "sqlite3":
        return f"the answers cannot be read or written: {error}; see to their disk, {_AGAIN}"
    if _is_of_memory(error):
        return _OF_MEMORY
    if isinstance(error, RuntimeError) and "can't start new thread" in str(error):
        return f"the system allows no more threads (ulimit -u, or its memory); {_AGAIN}"
    # After memory, for want of which no library can be loaded.
    if isinstance(error, ImportError) and (lacking := system_libraries.missing()):
        return system_libraries.way_out(lacking)
    return None


def _is_of_memory(error: Exception) -> bool:
    if isinstance(error, OSError) and error.errno == errno.ENOMEM:
        return True
    # The loader's words for a library that is larger than what is left.
    if isinstance(error, ImportError) and "failed to map segment" in str(error):
        return True
    named = isinstance(error, MemoryError) or type(error).__name__ == "ResourceExhaustedError"
    return named or is_short_of_memory()


def _from_graph(error: Exception) -> str | None:
    """Returns the message of a `UserError` that was raised while TensorFlow read data."""
    if not type(error).__module__.startswith("tensorflow"):
        return None
    # What Python raises inside a graph comes out as the text of TensorFlow's own exception.
    if found := re.search(r"\bUserError: (.+)", str(error)):
        return found[1]
    if found := re.search(r"(?:corrupted|truncated) record at \d+|Dataset was empty", str(error)):
        return (
            f"an example or a mask that is read now is damaged ({found[0]}); prepare the dataset "
            "again, or make the masks again with tools/segment.py, which names a damaged file"
        )
    return None


def _terminate(number: int, frame: types.FrameType | None) -> None:
    raise Terminated


def load_tensorflow() -> None:
    """Imports TensorFlow and finds its devices, without the notes that it prints meanwhile.

    Tools call it when the flags are checked, before they import anything that needs TensorFlow.
    """
    with _waiting("loading TensorFlow"), quiet_native_logs():
        _load_scipy()
        import tensorflow as tf

        tf.config.list_physical_devices("GPU")
    # Advice to programmers: a tool that opens several networks is told of their traces.
    tf.get_logger().setLevel("ERROR")


# Of addresses: what SciPy's libraries take, and at once each of the threads, 64 at most, of their
# OpenBLAS.
_SCIPY_BYTES, _THREAD_BYTES, _MOST_THREADS = 1 << 28, 1 << 25, 64


def _load_scipy() -> None:
    """Imports what TensorFlow imports as well, while there is room for it.

    SciPy's OpenBLAS, loaded where none is left, asks for memory for ever.

    Raises:
      MemoryError: there is no room.
    """
    threads = min(os.cpu_count() or 1, _MOST_THREADS)
    try:
        mmap.mmap(-1, _SCIPY_BYTES + threads * _THREAD_BYTES, flags=mmap.MAP_PRIVATE).close()
    except OSError as error:
        raise MemoryError("no room for SciPy") from error
    import scipy.special  # noqa: F401


@contextlib.contextmanager
def _waiting(what: str) -> Iterator[None]:
    """Says on a terminal what takes a while, and takes the line away again; logs stay clean."""
    if not sys.stderr.isatty():
        yield
        return
    print(f"{what} ...", end="", file=sys.stderr, flush=True)
    yield
    print(f"\r{' ' * len(what)}    \r", end="", file=sys.stderr, flush=True)


def explained(error: Exception) -> str | None:
    """Returns one line for an error of the system's or TensorFlow's that the user can fix.

    None for all others, which are defects of ours.
    """
    return _from_system(error) or _from_graph(error)


@contextlib.contextmanager
def as_a_tool() -> Iterator[None]:
    """Makes this process one of the tools within the block: in what it says, and how it ends."""
    # TensorFlow reads this once, when it is imported; its notes on missing GPUs help nobody here.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    # SIGTERM, which schedulers send, takes the way of Ctrl-C.
    signal.signal(signal.SIGTERM, _terminate)
    UserError.speaks_of_flags = True
    # TensorFlow, TFDS and Keras tell of every file they write.
    logging.set_verbosity(logging.ERROR)
    try:
        yield
    finally:
        # Whoever calls a tool from Python goes on speaking of arguments.
        UserError.speaks_of_flags = False


_ALL = usage.Order()


def run(main: Callable[[], None], doc: str, order: usage.Order = _ALL) -> None:
    """Runs a tool: parses the flags, calls `main`, and turns a `UserError` into one line.

    Exit codes: 0 done, 1 an error that the line on standard error explains, 130 interrupted,
    143 terminated.

    Args:
      main: the program, called without arguments once the flags are parsed.
      doc: what `--help` prints above the flags: the tool's module docstring.
      order: in which order `--help` lists the flags, and which of them.
    """

    def guarded(_: list[str]) -> None:
        # Flags, once parsed, have set it anew.
        logging.set_verbosity(logging.ERROR)
        try:
            main()
        except UserError as error:
            _fail(str(error))
        except KeyboardInterrupt as stop:
            terminated = isinstance(stop, Terminated)
            print(
                f"{'terminated' if terminated else 'interrupted'}; the same command resumes from "
                "what is saved",
                file=sys.stderr,
            )
            sys.exit(143 if terminated else 130)
        except Exception as error:
            try:
                if message := explained(error):
                    _fail(message)
            except MemoryError:
                os.write(2, _LAST_WORDS)
                sys.exit(1)
            raise

    with as_a_tool():
        app.run(guarded, flags_parser=_parser(doc, order))


def program(
    main: Callable[[], None], doc: str, first: str = "", last: Collection[str] = ()
) -> Callable[[], None]:
    """Returns `run` of a tool: what its console script calls, and the file when it is run.

    Args:
      main: see `run`.
      doc: see `run`.
      first: names of the flags that `--help` lists, in that order; `--helpfull` lists all.
      last: names of those that `--helpfull` puts at its end.
    """
    return functools.partial(run, main, doc, usage.Order(tuple(first.split()), tuple(last)))
