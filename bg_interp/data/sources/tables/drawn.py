"""Masks that annotations describe: outlines, run lengths, and levels of a picture of labels.

Each kind gives the mask of one image as opacity, at the size of the image as it is shown.
"""

import dataclasses
import functools
import pathlib
from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar

import cv2
import numpy as np
from PIL import Image, ImageOps

from bg_interp.errors import UserError, one_line

_ORIENTATION = 0x0112  # Of EXIF.
# The borders of VOC lie half on the object; where a mask has to decide, they are left to the rest.
_BORDER = 127
SHARES = (1, 1)
_Read = TypeVar("_Read")


class BadMask(UserError):
    """A mask that cannot be drawn; the message says why, without the image's name."""


class Drawing(Protocol):
    """What an annotation says of one image's object."""

    def drawn(self, height: int, width: int) -> np.ndarray:
        """Returns the opacity, uint8 [h, w], at the annotation's size.

        Args:
          height: of the image as it is shown, for annotations that don't tell their size.
          width: the same.

        Raises:
          BadMask: nothing can be drawn.
        """

    def identity(self) -> bytes:
        """Returns what changes whenever the mask does."""


@dataclasses.dataclass(frozen=True, eq=False)
class Outlines:
    """The union of polygons.

    Attributes:
      rings: float64 [P, 2] each, (x, y) of corners in pixels; (0, 0) is the image's corner, and no
        pixel's middle.
      size: (height, width) of what they were drawn on; None for the image as it is shown, and
        (1, 1) for shares of it.
    """

    rings: tuple[np.ndarray, ...]
    size: tuple[int, int] | None

    def drawn(self, height: int, width: int) -> np.ndarray:
        """Returns the opacity, uint8 [h, w]; what lies outside of the image is cut off."""
        from pycocotools import mask

        scale = (width, height) if self.size == SHARES else (1, 1)
        if self.size not in (None, SHARES):
            height, width = self.size
        rings = (clipped(ring * scale, height, width) for ring in self.rings)
        cut = [ring for ring in rings if len(ring)]
        if not cut:
            return np.zeros((height, width), np.uint8)
        found = mask.frPyObjects([ring.ravel().tolist() for ring in cut], height, width)
        return mask.decode(mask.merge(found)) * np.uint8(255)

    def identity(self) -> bytes:
        """Returns all corners, and the size."""
        return b"".join(ring.tobytes() for ring in self.rings) + repr(self.size).encode()


@dataclasses.dataclass(frozen=True, eq=False)
class RunLengths:
    """Run lengths as COCO has them: background and object in turn, down the columns.

    Attributes:
      counts: numbers, or COCO's own spelling of them in bytes.
      size: (height, width).
    """

    counts: bytes | tuple[int, ...]
    size: tuple[int, int]

    def numbers(self) -> np.ndarray:
        """Returns the run lengths, int64 [R].

        Raises:
          BadMask: they don't cover the image.
        """
        found = _spelled_out(self.counts) if isinstance(self.counts, bytes) else self.counts
        numbers = np.array(found, np.int64)
        if (numbers < 0).any() or numbers.sum() != self.size[0] * self.size[1]:
            raise BadMask(
                f"its run lengths cover {int(numbers.sum())} pixels of {self.size[1]} x "
                f"{self.size[0]}"
            )
        return numbers

    def drawn(self, height: int, width: int) -> np.ndarray:
        """Returns the opacity, uint8 [h, w]."""
        del height, width
        numbers = self.numbers()
        values = np.where(np.arange(len(numbers)) % 2, 255, 0).astype(np.uint8)
        return np.repeat(values, numbers).reshape(self.size[::-1]).T

    def identity(self) -> bytes:
        """Returns the runs as they are given."""
        return repr((self.counts, self.size)).encode()


@dataclasses.dataclass(frozen=True, eq=False)
class Union:
    """Several drawings of one image, of one size."""

    parts: tuple[Drawing, ...]

    def drawn(self, height: int, width: int) -> np.ndarray:
        """Returns the larger opacity of all parts, uint8 [h, w].

        Raises:
          BadMask: a part cannot be drawn, or is of another size.
        """
        drawn = [part.drawn(height, width) for part in self.parts]
        if len({one.shape for one in drawn}) > 1:
            raise BadMask("its objects are drawn on images of different sizes")
        return functools.reduce(np.maximum, drawn)

    def identity(self) -> bytes:
        """Returns that of all parts."""
        return b"|".join(part.identity() for part in self.parts)


@dataclasses.dataclass(frozen=True, eq=False)
class Levels:
    """A file whose pixels are numbers, some of which are the object.

    Attributes:
      path: of the file.
      read: gives its numbers, int [h, w].
      chosen: which are the object; None for all but 0.
      border: the number of what lies around objects, and may belong to them; None for none.
    """

    path: pathlib.Path
    read: Callable[[pathlib.Path], np.ndarray]
    chosen: tuple[int, ...] | None = None
    border: int | None = None

    def drawn(self, height: int, width: int) -> np.ndarray:
        """Returns the opacity, uint8 [h, w]; a border around the object is about half of it."""
        del height, width
        numbers = read_with(self.read, self.path)
        found = numbers != 0 if self.chosen is None else np.isin(numbers, self.chosen)
        opacity = found.astype(np.uint8) * 255
        if self.border is not None:
            around = cv2.dilate(opacity, np.ones((11, 11), np.uint8)) > 0
            opacity[around & (numbers == self.border)] = _BORDER
        return opacity

    def identity(self) -> bytes:
        """Returns the file's name, size and time, and what is chosen."""
        return repr((stamp(self.path), self.chosen, self.border)).encode()


def read_with(read: Callable[[pathlib.Path], _Read], path: pathlib.Path) -> _Read:
    """Calls a reader of one file.

    Raises:
      BadMask: the file cannot be read; the message names it.
    """
    try:
        return read(path)
    # Readers of damaged pictures and arrays raise many kinds of exceptions.
    except Exception as error:
        raise BadMask(f"{path} cannot be read ({one_line(error)})") from error


def stamp(path: pathlib.Path) -> str:
    """Returns what changes whenever a file does; "" for a file that is not there."""
    try:
        found = path.stat()
    except OSError:
        return ""
    return f"{path}-{found.st_size}-{found.st_mtime_ns}"


def fitted(mask: np.ndarray, height: int, width: int, image: pathlib.Path) -> np.ndarray:
    """Brings a mask to the size of its image as it is shown.

    Annotations speak of pixels as their tool showed them. Tools that don't turn phone photographs
    upright write the sizes that are stored, by which they are told.

    Args:
      mask: uint8 [h, w].
      height: of the image as it is shown.
      width: the same.
      image: its file, which tells how it is turned.

    Returns:
      uint8 [height, width, 1].

    Raises:
      BadMask: the mask is of another shape.
    """
    if not _alike(mask.shape, (height, width)):
        turned = _turned(mask, image) if _alike(mask.shape, (width, height)) else None
        if turned is None or turned.shape == mask.shape:
            raise BadMask(
                f"its mask is {mask.shape[1]} x {mask.shape[0]} pixels, the image {width} x "
                f"{height}"
            )
        mask = turned
    if mask.shape != (height, width):
        shrinks = height * width < mask.size
        how = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
        mask = cv2.resize(np.ascontiguousarray(mask), (width, height), interpolation=how)
    return mask[..., None]


def _alike(one: Sequence[int], other: Sequence[int]) -> bool:
    """Tells whether two sizes are of one shape, up to the rounding of a pixel."""
    longer, shorter = max(one, other), min(one, other)
    scale = max(longer) / max(*shorter, 1)
    return all(abs(b * scale - a) <= max(1.0, scale) for a, b in zip(longer, shorter, strict=True))


def _turned(mask: np.ndarray, image: pathlib.Path) -> np.ndarray | None:
    """Turns a mask as the image's file says that its pixels are to be turned."""
    with Image.open(image) as opened:
        orientation = opened.getexif().get(_ORIENTATION, 1)
    if orientation not in range(5, 9):
        return None
    exif = Image.Exif()
    exif[_ORIENTATION] = orientation
    stored = Image.fromarray(mask)
    stored.getexif().update(exif)
    return np.asarray(ImageOps.exif_transpose(stored))


def clipped(ring: np.ndarray, height: int, width: int) -> np.ndarray:
    """Cuts a polygon off at the image's edges (Sutherland and Hodgman 1974).

    Returns:
      float64 [P, 2]; [0, 2] when nothing is left.
    """
    inside = (ring >= 0).all() and (ring <= (width, height)).all()
    if inside or not np.isfinite(ring).all():
        return ring if inside else ring[:0]
    for axis, sign, limit in ((0, -1, 0), (0, 1, width), (1, -1, 0), (1, 1, height)):
        if not len(ring):
            break
        beyond = sign * (ring[:, axis] - limit)
        before, there = np.roll(ring, 1, axis=0), np.roll(beyond, 1)
        crossing = (beyond > 0) != (there > 0)
        with np.errstate(divide="ignore", invalid="ignore"):
            share = np.where(crossing, there / (there - beyond), 0)[:, None]
        cut = before + share * (ring - before)
        kept = np.stack([crossing, beyond <= 0], axis=1).ravel()
        ring = np.stack([cut, ring], axis=1).reshape(-1, 2)[kept]
    return ring if len(ring) >= 3 else ring[:0]


def area(ring: np.ndarray) -> float:
    """Returns the area of a polygon, in pixels (the shoelace formula)."""
    x, y = ring[:, 0], ring[:, 1]
    return float(abs(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1)))) / 2


def ring_of(numbers: Sequence[float]) -> np.ndarray | None:
    """Returns x, y, x, y, ... as a polygon, float64 [P, 2]; None where it is none."""
    try:
        flat = np.array(numbers, np.float64).ravel()
    except (TypeError, ValueError):
        return None
    if len(flat) < 6 or len(flat) % 2 or not np.isfinite(flat).all():
        return None
    return flat.reshape(-1, 2)


def _spelled_out(counts: bytes) -> list[int]:
    """Reads COCO's spelling of run lengths: five bits a byte, from the third on as differences.

    pycocotools reads on behind the end of bytes that are cut off.
    """
    numbers: list[int] = []
    value = shift = 0
    for byte in counts:
        code = byte - 48
        if not 0 <= code < 64:
            raise BadMask("its run lengths are damaged")
        value |= (code & 31) << shift
        shift += 5
        if code & 32:
            continue
        if code & 16:
            value -= 1 << shift
        numbers.append(value + (numbers[-2] if len(numbers) > 2 else 0))
        value = shift = 0
    return numbers
