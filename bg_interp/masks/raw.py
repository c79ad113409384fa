"""What a mask's file says of each pixel, before anybody decides what is object."""

import pathlib
from typing import NamedTuple

import numpy as np
from PIL import Image

from bg_interp import decoding
from bg_interp.errors import one_line

# Files that masks are read from: pictures, and arrays of one mask.
SUFFIXES = (*decoding.SUFFIXES, ".npy")

# JPEG leaves a trace of colour in a grey picture; a map of colours has more of it.
_COLOURLESS = 40
_COLOURED_SHARE = 0.002
_GREY = ("1", "L", "I", "I;16", "I;16B", "I;16L", "F")


class Raw(NamedTuple):
    """The pixels of one mask as they are stored.

    Attributes:
      levels: [h, w] of whole numbers or floats, the brightness; None where colours differ.
      numbers: [h, w], what `--mask_values` compares labels with: the numbers of a palette, else
        the levels; None where colours differ.
      colours: uint8 [h, w, 3], or None in a grey picture.
      alpha: uint8 [h, w], where the file has any.
      orientation: EXIF's number for how they are to be shown.
    """

    levels: np.ndarray | None
    numbers: np.ndarray | None
    colours: np.ndarray | None = None
    alpha: np.ndarray | None = None
    orientation: int = 1

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width as stored."""
        some = self.colours if self.levels is None else self.levels
        return some.shape[:2]  # type: ignore[union-attr, return-value]  # One of them is there.


def read(path: pathlib.Path) -> Raw:
    """Reads a mask's file: a picture, or an array of one mask as NumPy saves it.

    Raises:
      DamagedImage: see `decoding.decode`; or an array that is no mask.
      OSError: the file cannot be read.
    """
    if path.suffix.lower() == ".npy":
        return of_array(_array(path))
    return decoded(path.read_bytes())


def header(path: pathlib.Path) -> decoding.Header:
    """Reads what a mask's file says of its pixels; errors are those of `read`."""
    if path.suffix.lower() == ".npy":
        height, width = _array(path).shape[:2]
        return decoding.Header(width, height, 1)
    return decoding.header(path)


def _array(path: pathlib.Path) -> np.ndarray:
    """Returns an array of [h, w] or [h, w, C] of numbers, not read into memory yet."""
    try:
        found = np.load(path, mmap_mode="r", allow_pickle=False)
        found = found[0] if found.ndim == 3 and len(found) == 1 else found
    # NumPy raises many kinds of exceptions on damaged files.
    except Exception as error:
        if isinstance(error, OSError) and error.strerror:
            raise
        raise decoding.DamagedImage(one_line(error)) from error
    if found.ndim not in (2, 3) or found.dtype.kind not in "buif" or found.shape[2:] > (4,):
        raise decoding.DamagedImage(
            f"it is an array of {found.dtype} and shape {list(found.shape)}, where one mask is "
            "[height, width]"
        )
    return found


def decoded(data: bytes) -> Raw:
    """Decodes a mask's file.

    Raises:
      DamagedImage: see `decoding.decode`.
    """
    with decoding.opened(data) as image:
        turn = decoding.orientation(image)
        if image.mode in ("1", "L") and "transparency" not in image.info:
            levels = np.asarray(image.convert("L") if image.mode == "1" else image)
            return Raw(levels, levels, orientation=turn)
        return _of_image(image)._replace(orientation=turn)


def of_array(values: np.ndarray) -> Raw:
    """Takes a mask that is an array: [h, w] or [h, w, C], grey or colours, perhaps with alpha."""
    if values.ndim == 2:
        return Raw(values, values)
    channels = values.shape[-1]
    if channels in (1, 2):
        alpha = values[..., 1] if channels == 2 else None
        return Raw(values[..., 0], values[..., 0], alpha=alpha)
    found = _of_colours(values[..., :3])
    return found._replace(alpha=values[..., 3] if channels == 4 else None)


def _of_image(image: Image.Image) -> Raw:
    alpha = _alpha(image)
    if image.mode == "P":
        return _of_palette(image)._replace(alpha=alpha)
    if image.mode in _GREY:
        levels = np.asarray(image)
        return Raw(levels, levels, alpha=alpha)
    if image.mode in ("LA", "La"):
        levels = np.asarray(image.getchannel("L"))
        return Raw(levels, levels, alpha=alpha)
    return _of_colours(np.asarray(image.convert("RGB")))._replace(alpha=alpha)


def _alpha(image: Image.Image) -> np.ndarray | None:
    if image.mode in ("LA", "RGBA"):
        return np.asarray(image.getchannel("A"))
    if image.mode in ("PA", "La", "RGBa") or "transparency" in image.info:
        return np.asarray(image.convert("RGBA").getchannel("A"))
    return None


def _of_palette(image: Image.Image) -> Raw:
    """Reads a palette: its brightness where it is grey, its numbers where it colours labels."""
    numbers = np.asarray(image)
    used = np.flatnonzero(image.histogram())
    palette = np.zeros((256, 3), np.uint8)
    given = np.array(image.getpalette("RGB") or [], np.uint8).reshape(-1, 3)
    palette[: len(given)] = given[:256]
    tells_apart = len(np.unique(palette[used, 0])) == len(used)
    if tells_apart and (palette[used] == palette[used, :1]).all():
        return Raw(palette[:, 0][numbers], numbers, palette[numbers])
    return Raw(numbers, numbers, palette[numbers])


def _of_colours(values: np.ndarray) -> Raw:
    """Returns the brightness of [h, w, 3], or the colours where they differ from grey."""
    if (values[..., 0] == values[..., 1]).all() and (values[..., 0] == values[..., 2]).all():
        levels = np.ascontiguousarray(values[..., 0])
        return Raw(levels, levels, values)
    pixels = values if values.dtype == np.uint8 else np.clip(values, 0, 255).astype(np.uint8)
    spread = np.ptp(pixels.astype(np.int16), axis=-1)
    if (spread > _COLOURLESS).mean() <= _COLOURED_SHARE:
        levels = np.asarray(Image.fromarray(pixels).convert("L"))
        return Raw(levels, levels, pixels)
    return Raw(None, None, pixels)
