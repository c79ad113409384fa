"""By what name the programs are called where their help, messages and pages are read.

In a clone they are files, `python tools/train.py`; whoever installed the package has them as
commands, `bg-interp-train`. Texts are written with the files' names, and `as_called` puts those in
that work here.
"""

import os
import pathlib
import re
import shutil
import sys

_FILE = re.compile(r"(?P<python>\bpython )?\btools/(?P<name>[a-z]+)\.py\b")
_CLONE = pathlib.Path(__file__).parents[1]


def from_clone() -> bool:
    """Tells whether programs are called as files of a clone: this one is, or we stand in one."""
    program = pathlib.Path(sys.argv[0] if sys.argv else "")
    if program.name.startswith("bg-interp-"):
        return False
    if program.parent.name == "tools" and program.suffix == ".py":
        return True
    here, file = "tools/train.py", _CLONE / "tools" / "train.py"
    # A relative path, which is no file where the working directory was deleted.
    return os.path.isfile(here) and file.is_file() and os.path.samefile(here, file)


def called(name: str) -> str:
    """Returns how one of our programs is called here, as a page may say it: without folders.

    Args:
      name: "train", "evaluate", ...
    """
    return f"python tools/{name}.py" if from_clone() else f"bg-interp-{name}"


def found(program: str) -> str:
    """Returns what runs a program of this environment from the working directory.

    That is its name where PATH leads to it, else its path.

    Args:
      program: "python", "tensorboard", ...
    """
    folder = pathlib.Path(sys.executable).parent
    on_path = shutil.which(program)
    # Any Python is called so, and only this one's folder leads to the package: the python of an
    # environment is a link to the system's.
    if on_path and (program != "python" or os.path.samefile(os.path.dirname(on_path), folder)):
        return program
    if not (folder / program).exists():
        return program
    relative = os.path.relpath(folder / program)
    return str(folder / program) if relative.startswith("..") else relative


def as_called(text: str, clone: bool | None = None) -> str:
    """Returns a text that names programs by their files with the names that work here.

    `python tools/segment.py --gallery` becomes `bg-interp-segment --gallery` for who installed the
    package, and `.venv/bin/python tools/segment.py --gallery` in a clone whose environment is not
    on PATH.

    Args:
      text: names them by their files.
      clone: whether it is read in a clone; None for what `from_clone` tells.
    """
    if "tools/" not in text:
        return text
    clone = from_clone() if clone is None else clone

    def name(match: re.Match[str]) -> str:
        if not clone:
            command = f"bg-interp-{match['name']}"
            return found(command) if match["python"] else command
        return (
            f"{found('python')} {match[0].removeprefix('python ')}" if match["python"] else match[0]
        )

    return _FILE.sub(name, text)
