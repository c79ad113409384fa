"""Masks that other tools wrote as pictures or arrays, one file an image."""

import dataclasses
import pathlib
from collections.abc import Hashable, Mapping
from typing import TypeVar

import numpy as np

from bg_interp import decoding
from bg_interp.data.sources.tables.drawn import BadMask, Drawing, read_with, stamp
from bg_interp.data.sources.tables.rows import Notes
from bg_interp.masks import formats, raw

_Key = TypeVar("_Key", bound=Hashable)


@dataclasses.dataclass(frozen=True, eq=False)
class OpacityFile:
    """A picture or .npy file of opacities.

    Attributes:
      path: of the file.
      chosen: how foreground is written; None where the file alone has to tell.
    """

    path: pathlib.Path
    chosen: formats.Format | None = None

    def drawn(self, height: int, width: int) -> np.ndarray:
        """Returns the opacity, uint8 [h, w]."""
        del height, width
        found = read_with(_read, self.path)
        chosen = self.chosen or formats.format_of([found], str(self.path))
        try:
            return decoding.turned(chosen.opacity(found), found.orientation)
        except formats.OddMask as error:
            raise BadMask(f"{self.path} {error}") from error

    def identity(self) -> bytes:
        """Returns the file's name, size and time, and how it is written."""
        return repr((stamp(self.path), self.chosen)).encode()


def _read(path: pathlib.Path) -> raw.Raw:
    """Reads a picture, or an array of one mask: bool, 0 and 1, 0.0 to 1.0, or 0 to 255."""
    if path.suffix == ".npy":
        return raw.of_array(np.squeeze(np.load(path, allow_pickle=False)))
    return raw.decoded(path.read_bytes())


def opacity_files(
    paths: Mapping[_Key, pathlib.Path], what: str, notes: Notes
) -> dict[_Key, Drawing]:
    """Returns the masks that stand in files, by the keys that were given.

    Files that are missing are counted, and their images have no mask.

    Raises:
      UserError: no rule makes opacities of them; see `masks.formats`.
    """
    there = {}
    for key, path in paths.items():
        if path.is_file():
            there[key] = path
        else:
            notes.add("masks are missing", path)
    some = list(there.values())[:: max(1, len(there) // formats.LOOKED_AT)]
    chosen = formats.format_of([read_with(_read, path) for path in some], what)
    return {key: OpacityFile(path, chosen) for key, path in there.items()}
