"""Masks that other tools wrote as pictures or arrays, one file an image."""

import dataclasses
import io
import pathlib
from collections.abc import Hashable, Mapping
from typing import TypeVar

import numpy as np
from PIL import Image

from bg_interp.data.sources.tables.drawn import BadMask, Drawing, read_with, stamp
from bg_interp.data.sources.tables.rows import Notes
from bg_interp.masks import spelling

_Key = TypeVar("_Key", bound=Hashable)
_OPACITIES = spelling.Spelling()


@dataclasses.dataclass(frozen=True, eq=False)
class OpacityFile:
    """A picture or .npy file of opacities.

    Attributes:
      path: of the file.
      spelled: how foreground is written.
    """

    path: pathlib.Path
    spelled: spelling.Spelling = _OPACITIES

    def drawn(self, height: int, width: int) -> np.ndarray:
        """Returns the opacity, uint8 [h, w]."""
        del height, width
        values = read_with(_array if self.path.suffix == ".npy" else self._picture, self.path)
        if self.spelled.scale != 1 and values.max(initial=0) > 1:
            raise BadMask(f"{self.path} must hold 0 and 1 as the others do")
        return (values * self.spelled.scale).astype(np.uint8)

    def _picture(self, path: pathlib.Path) -> np.ndarray:
        image = Image.open(io.BytesIO(path.read_bytes()))
        image.load()
        return np.asarray(image.getchannel("A")) if self.spelled.alpha else spelling._values(image)

    def identity(self) -> bytes:
        """Returns the file's name, size and time, and how it is spelled."""
        return repr((stamp(self.path), self.spelled)).encode()


def _array(path: pathlib.Path) -> np.ndarray:
    """Reads an array of one mask as uint8 [h, w]: bool, 0 and 1, or 0 to 255."""
    values = np.squeeze(np.load(path, allow_pickle=False))
    return spelling.to_opacity(values[None])[0, ..., 0]


def opacity_files(
    paths: Mapping[_Key, pathlib.Path], what: str, notes: Notes
) -> dict[_Key, Drawing]:
    """Returns the masks that stand in files, by the keys that were given.

    Files that are missing are counted, and their images have no mask.

    Raises:
      UserError: no rule makes opacities of them; see `spelling`.
    """
    there = {}
    for key, path in paths.items():
        if path.is_file():
            there[key] = path
        else:
            notes.add("masks are missing", path)
    pictures = [path for path in there.values() if path.suffix != ".npy"]
    spelled = spelling.spelling_of_pngs(pictures, what) if pictures else spelling.Spelling()
    return {key: OpacityFile(path, spelled) for key, path in there.items()}
