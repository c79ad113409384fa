"""Reads an HDF5 file whole in a process that may be lost.

On a damaged file HDF5's library may read for ever, end its process, or fill the memory, and none of
that can be caught by who calls it.
"""

import contextlib
import pathlib
import resource
import select
import sys
from typing import Any

from bg_interp import processes

_PATIENCE_SECONDS = 120.0
_BYTES_A_SECOND = 10_000_000
_MOST_MEMORY = 4 * 2**30
_ENDED = b"ended"
_ATTRIBUTES = (
    *("keras_version", "backend", "model_config", "training_config"),
    *("layer_names", "weight_names", "top_level_model_weights"),
)


def ends(path: pathlib.Path) -> bool:
    """Tells whether a file can be read to its end, or to what the library says is wrong with it."""
    patience = _PATIENCE_SECONDS + path.stat().st_size / _BYTES_A_SECOND
    with processes.worker(__name__, str(path).encode()) as said:
        readable, _, _ = select.select([said], [], [], patience)
        return bool(readable) and said.read() == _ENDED


def _read(path: pathlib.Path) -> None:
    import h5py

    def read(_: str, one: Any) -> None:
        # By their names, as Keras does: a list of all may break off before one that never ends.
        for name in _ATTRIBUTES:
            with contextlib.suppress(Exception):
                one.attrs.get(name)

    with h5py.File(path, "r") as file:
        read("", file)
        file.visititems(read)


def main() -> None:
    """Reads the file that it is told of, and says that this ended."""
    path = pathlib.Path(processes.begin().decode())
    most = _MOST_MEMORY + 2 * path.stat().st_size
    resource.setrlimit(resource.RLIMIT_AS, (most, most))
    # h5py has many kinds of exceptions; who asks reads the file again, and is told.
    with contextlib.suppress(Exception):
        _read(path)
    if not processes.is_short_of_memory():
        sys.stdout.buffer.write(_ENDED)


if __name__ == "__main__":
    main()
