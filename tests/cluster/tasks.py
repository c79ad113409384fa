"""What the tests hand to a cluster; its processes import it by name."""

import os
import pathlib
import signal
import time

from bg_interp.errors import UserError


class Doubler:
    """Doubles numbers; notes in a folder which process did each."""

    def __init__(self, folder: pathlib.Path):
        self._folder = folder

    def __call__(self, number: int) -> int:
        (self._folder / f"{number}-{os.getpid()}").touch()
        return 2 * number


def die_once(folder: pathlib.Path, name: str) -> str:
    """Ends its own process the first time that it is called with a name."""
    mark = folder / name
    if not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return f"{name} done"


def refuse(shared: None, name: str) -> None:
    """Raises what a user can fix."""
    raise UserError(f"{name} is refused")


def break_down(shared: None, name: str) -> None:
    """Raises what is a defect."""
    raise ZeroDivisionError(name)


def wait(shared: None, seconds: float) -> None:
    """Takes its time."""
    time.sleep(seconds)
