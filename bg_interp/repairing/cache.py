"""What a repair has worked out so far, in files: a killed one resumes where it was."""

import dataclasses
import hashlib
import pathlib
import shutil
from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from bg_interp.storage import files


@dataclasses.dataclass(frozen=True)
class ResumeCache:
    """Arrays under the digest of everything that they were computed from.

    Attributes:
      folder: where the files stand; None keeps nothing.
    """

    folder: pathlib.Path | None = None

    def __call__(self, key: str, compute: Callable[[], np.ndarray]) -> np.ndarray:
        """Returns the array of a key; computes it where no earlier run has.

        Raises:
          UserError: the folder cannot be written.
        """
        if self.folder is None:
            return compute()
        # An archive, whose checksum tells of damage; a plain array would have none.
        path = self.folder / f"{key}.npz"
        found = _kept(path)
        if found is None:
            found = compute()
            with files.replacing(path) as temporary:
                np.savez(temporary, array=found)
        return found

    def clear(self) -> None:
        """Removes the files, once what they were kept for is written."""
        if self.folder is not None:
            shutil.rmtree(self.folder, ignore_errors=True)


def _kept(path: pathlib.Path) -> np.ndarray | None:
    """Returns what a file holds; None where there is none, or a damaged one."""
    if not path.is_file():
        return None
    try:
        with np.load(path, allow_pickle=False) as file:
            return file["array"]
    # zipfile and NumPy raise all kinds of exceptions, by the place of the damage.
    except Exception:
        return None


def digest(*parts: Any) -> str:
    """Returns a key for arrays, Keras models (with their weights) and all that prints itself."""
    sha = hashlib.sha256()
    for part in parts:
        if isinstance(part, keras.Model):
            sha.update(_configuration(part).encode())
            for weights in part.get_weights():
                sha.update(np.ascontiguousarray(weights).data)
        elif isinstance(part, np.ndarray):
            sha.update(f"{part.dtype}{part.shape}".encode())
            sha.update(np.ascontiguousarray(part).data)
        else:
            sha.update(f"{part!r};".encode())
    return sha.hexdigest()[:32]


def _configuration(model: keras.Model) -> str:
    """Returns what a network is built of, as far as its layers say."""
    try:
        return model.to_json()
    # Somebody's layers may have no configuration, or one that JSON cannot hold.
    except Exception:
        return repr([(layer.name, type(layer).__name__) for layer in model.layers])
