"""Masks that stand in pictures or arrays, one file an image."""

import dataclasses
import pathlib
from collections.abc import Sequence

import numpy as np

from bg_interp import decoding
from bg_interp.config.mask_rules import MaskRules
from bg_interp.data.sources.tables.drawn import BadMask, read_with, stamp
from bg_interp.masks import formats, opening, raw


@dataclasses.dataclass(frozen=True, eq=False)
class OpacityFile:
    """A picture or .npy file that is known to hold opacities, soft or not.

    Attributes:
      path: of the file.
    """

    path: pathlib.Path

    def drawn(self, height: int, width: int) -> np.ndarray:
        """Returns the opacity, uint8 [h, w]."""
        del height, width
        found = read_with(raw.read, self.path)
        if found.levels is None:
            raise BadMask(f"{self.path} is a picture in colours")
        try:
            white = formats.white_of(found.levels) or 255
        except formats.OddMask as error:
            raise BadMask(f"{self.path} {error}") from error
        opacity = np.round(found.levels.astype(np.float32) * (255 / white)).astype(np.uint8)
        return decoding.turned(opacity, found.orientation)

    def identity(self) -> bytes:
        """Returns the file's name, size and time."""
        return stamp(self.path).encode()


class FileMasks:
    """Masks of some images of a split, in files that somebody names, written as people write them.

    Args:
      paths: of the mask of each image; None for an image without.
      images: the images' files.
      turns: EXIF's orientation of each image.
      what: names the masks in messages.
      rules: what somebody says of them.

    Attributes:
      doubts: what the masks leave open.

    Raises:
      UserError: no rule makes opacities of them; see `masks.opening`.
    """

    def __init__(
        self,
        paths: Sequence[pathlib.Path | None],
        images: Sequence[pathlib.Path],
        turns: np.ndarray,
        what: str,
        rules: MaskRules | None,
    ):
        given = [number for number, path in enumerate(paths) if path is not None]
        self._place = {number: place for place, number in enumerate(given)}
        found = opening.of_files(
            [path for path in paths if path is not None],
            what,
            rules,
            opening.Photographs(lambda place: images[given[place]], turns[given]),
        )
        self._masks, self.doubts = found.masks, found.doubts

    def mask(self, position: int, height: int, width: int) -> np.ndarray:
        """Returns the mask of an image, uint8 [h, w, 1].

        Raises:
          BadMask: it cannot be used.
        """
        place = self._place[position]
        opacity = self._masks.mask(place, (height, width))
        if place in self._masks.odd:
            raise BadMask(self._masks.odd[place])
        return opacity
