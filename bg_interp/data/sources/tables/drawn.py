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

from bg_interp import decoding
from bg_interp.errors import UserError, one_line
from bg_interp.masks import shapes

# The borders of VOC lie half on the object; where a mask has to decide, they are left to the rest.
_BORDER = 127
SHARES = (1, 1)
_LONGEST = 100_000  # No image has such a side.
_MOST_PIXELS = 4 * decoding.MAX_PIXELS
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

        height, width = self._drawn_at(height, width)
        own = self.size or (height, width)
        scale = (width / own[1], height / own[0])
        rings = (clipped(ring * scale, height, width) for ring in self.rings)
        cut = [ring for ring in rings if len(ring)]
        if not cut:
            return np.zeros((height, width), np.uint8)
        found = mask.frPyObjects([ring.ravel().tolist() for ring in cut], height, width)
        return mask.decode(mask.merge(found)) * np.uint8(255)

    def _drawn_at(self, height: int, width: int) -> tuple[int, int]:
        """Returns the image's size, or that of its stored pixels where they are meant."""
        own = self.size
        if own is None or own == SHARES or shapes.fits(own, (height, width)):
            return height, width
        if shapes.fits(own, (width, height)):
            return width, height
        raise BadMask(
            f"its outlines are of an image of {own[1]} x {own[0]} pixels, and the image is of "
            f"{width} x {height}"
        )

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
        try:
            numbers = np.array(found, np.int64)
        except OverflowError as error:
            raise BadMask("its run lengths are no lengths of an image") from error
        if (numbers < 0).any() or numbers.sum() != self.size[0] * self.size[1]:
            raise BadMask(
                f"its run lengths cover {int(numbers.sum())} pixels of {self.size[1]} x "
                f"{self.size[0]}"
            )
        return numbers

    def drawn(self, height: int, width: int) -> np.ndarray:
        """Returns the opacity, uint8 [h, w]."""
        del height, width
        if self.size[0] * self.size[1] > _MOST_PIXELS:
            raise BadMask(f"its run lengths are of {self.size[1]} x {self.size[0]} pixels")
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


def is_box(drawing: Drawing) -> bool:
    """Tells whether a drawing is boxes alone, which hold what stands around the objects as well."""
    if isinstance(drawing, Union):
        return all(is_box(part) for part in drawing.parts)
    return isinstance(drawing, Outlines) and all(_is_box(ring) for ring in drawing.rings)


def _is_box(ring: np.ndarray) -> bool:
    """Tells whether a polygon has four corners of which opposite sides are alike."""
    corners = ring[:-1] if len(ring) == 5 and (ring[0] == ring[-1]).all() else ring
    if len(corners) != 4:
        return False
    skew = np.abs(corners[0] + corners[2] - corners[1] - corners[3]).max()
    return bool(skew <= 0.01 * np.ptp(corners, axis=0).max())


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


def fitted(mask: np.ndarray, height: int, width: int, turn: int) -> np.ndarray:
    """Turns a mask so that it lies on its image.

    Annotations speak of pixels as their tool showed them. Tools that don't turn phone photographs
    upright write the sizes that are stored, by which they are told.

    Args:
      mask: uint8 [h, w].
      height: of the image as it is shown.
      width: the same.
      turn: EXIF's orientation of the image.

    Returns:
      uint8 [h, w, 1] of the image's shape, perhaps at another scale.

    Raises:
      BadMask: the mask is of another shape.
    """
    try:
        laid = shapes.laid_on(mask, (height, width), image_turn=turn)
    except shapes.OtherShape as error:
        raise BadMask(f"its mask {error}") from error
    return np.ascontiguousarray(laid)[..., None]


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


def size_of(height: object, width: object) -> tuple[int, int] | None:
    """Returns a size as annotations tell it; None where they don't, or tell none."""
    sides = [side for side in (height, width) if isinstance(side, int | float | str)]
    try:
        found = [int(float(side)) for side in sides]
    except (ValueError, OverflowError):
        return None
    fine = len(found) == 2 and all(0 < side <= _LONGEST for side in found)
    return (found[0], found[1]) if fine else None


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
