"""What runs in the processes of a cluster, beside the functions that it is handed."""

import contextlib
import importlib.metadata
import os
import pathlib
import platform
from collections.abc import Callable, Mapping, Sequence
from typing import Any

# Masks and networks that depend on these must not depend on the machine.
_COMPARED = ("bg_interp", "tensorflow", "keras", "mediapipe", "numpy")


def versions() -> dict[str, str]:
    """Returns the installed versions of what results depend on."""
    installed = {"Python": platform.python_version()}
    return installed | {name: importlib.metadata.version(name) for name in _COMPARED}


def is_file(path: str) -> bool:
    """Tells whether this machine sees a file."""
    return pathlib.Path(path).is_file()


# In each process of Ray: what it was given to call, by the reference that it came by.
_kept: dict[Any, Callable] = {}


def call_kept(held: Sequence[Any], block: Any) -> Any:
    """Calls for a block what was sent once; `held` is the caller's folder, and the reference."""
    import ray

    here, reference = held
    if reference not in _kept:
        _go_to(here)
        # Another run of the same process; what it kept, a segmenter's process perhaps, ends.
        _kept.clear()
        _kept[reference] = ray.get(reference)
    return _kept[reference](block)


def call_task(here: str, function: Callable, shared: Any, task: Any) -> Any:
    """Calls a function in the caller's folder."""
    _go_to(here)
    return function(shared, task)


def _go_to(folder: str) -> None:
    """Takes relative paths for what they are where the tool was started."""
    with contextlib.suppress(OSError):
        os.chdir(folder)


def call_worker(settings: Mapping[str, Any]) -> None:
    """Calls the function of one worker of Ray Train."""
    # Ray sets it for Keras 2; it sends whoever asks for tf.keras to a package that isn't there.
    os.environ.pop("TF_USE_LEGACY_KERAS", None)
    _go_to(settings["here"])
    settings["function"](settings["argument"])
