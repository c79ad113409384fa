"""Decoding one image file, whatever its format, without surprises.

One decoder serves photographs and masks, training and evaluation, so that orientation and colours
agree everywhere: EXIF orientation is applied, CMYK and palettes become RGB, 16 bits and floats
become 8 bits, the first frame stands for an animation, transparency is laid over white.
"""

import contextlib
import io
import pathlib
import warnings
from collections.abc import Callable, Iterator
from typing import BinaryIO, NamedTuple

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from bg_interp.errors import UserError, one_line

# What Pillow decodes by itself, and HEIC, which its plugin does.
SUFFIXES = tuple(
    ".jpg .jpeg .jpe .jfif .mpo .png .apng .gif .bmp .dib .webp .avif .heic .heif .hif .tif .tiff "
    ".jp2 .j2k .jpx .jpf .jpc .j2c .tga .icb .vda .vst .pbm .pgm .ppm .pnm .pfm .pcx .sgi .rgb "
    ".rgba .bw .ras .dds .psd .qoi .ico .icns .im .xbm .xpm".split()
)
# Any camera's photographs pass, decompression bombs do not.
MAX_PIXELS = 100_000_000
# JPEG can be decoded at an eighth of its size and at whatever lies between.
_SHRINKS = 8
_ORIENTATION = 0x0112
# How stored pixels are shown, by EXIF's number.
_TURNS: dict[int, Callable[[np.ndarray], np.ndarray]] = {
    1: lambda pixels: pixels,
    2: lambda pixels: pixels[:, ::-1],
    3: lambda pixels: pixels[::-1, ::-1],
    4: lambda pixels: pixels[::-1],
    5: lambda pixels: pixels.swapaxes(0, 1),
    6: lambda pixels: pixels[::-1].swapaxes(0, 1),
    7: lambda pixels: pixels[::-1, ::-1].swapaxes(0, 1),
    8: lambda pixels: pixels.swapaxes(0, 1)[::-1],
}


class DamagedImage(UserError):
    """An image that cannot be decoded; the message says why, without the file's name."""


class TooLarge(DamagedImage):
    """An image of more pixels than are read."""


class Header(NamedTuple):
    """What a file says of its pixels before they are decoded.

    Attributes:
      width: of the stored pixels.
      height: of the stored pixels.
      orientation: EXIF's number for how they are to be shown, 1 to 8; 1 is as stored.
    """

    width: int
    height: int
    orientation: int

    @property
    def shown(self) -> tuple[int, int]:
        """Height and width as the image is to be shown."""
        turned = self.orientation > 4
        return (self.width, self.height) if turned else (self.height, self.width)


def turned(pixels: np.ndarray, orientation: int) -> np.ndarray:
    """Returns stored pixels as they are to be shown.

    Args:
      pixels: [height, width] or [height, width, C].
      orientation: EXIF's number, 1 to 8.
    """
    return _TURNS[orientation](pixels)


def decode(data: bytes) -> np.ndarray:
    """Decodes an encoded image.

    Args:
      data: the bytes of a file of one of `SUFFIXES`.

    Returns:
      uint8 [height, width, 3] RGB, upright. A JPEG above `MAX_PIXELS` is decoded at a fraction of
      its size.

    Raises:
      DamagedImage: the bytes are no image, are truncated, are of floats that tell no scale, or hold
        more than `MAX_PIXELS`.
    """
    return decode_with_turn(data)[0]


def decode_with_turn(data: bytes) -> tuple[np.ndarray, int]:
    """Decodes an image as `decode` does, and returns EXIF's orientation of its stored pixels."""
    with opened(data) as image:
        return np.asarray(_to_rgb(_upright(image))), orientation(image)


def decode_with_opacity(data: bytes) -> np.ndarray:
    """Decodes an encoded image with its transparency.

    Returns:
      uint8 [height, width, 4], the colours as the file holds them, not multiplied by the opacity,
      which is 255 everywhere in a file without transparency.

    Raises:
      DamagedImage: see `decode`.
    """
    with opened(data) as image:
        return np.asarray(_upright(image).convert("RGBA"))


def read(path: pathlib.Path) -> np.ndarray:
    """Reads an image file as uint8 [height, width, 3] RGB; see `decode`."""
    return decode(path.read_bytes())


def read_again(path: pathlib.Path) -> np.ndarray:
    """Decodes a file that was whole when its dataset was opened, uint8 [height, width, 3].

    Raises:
      UserError: it is gone or damaged since then.
    """
    try:
        return read(path)
    except (OSError, DamagedImage) as error:
        raise UserError(
            f"{str(path)!r} can no longer be read ({error}); the same command leaves it out, "
            "or start over with --overwrite"
        ) from error


def header(path: pathlib.Path) -> Header:
    """Reads what a file says of its pixels.

    Raises:
      DamagedImage: the file is no image.
      OSError: it cannot be read.
    """
    with open(path, "rb") as file, opened(file) as image:
        return Header(image.width, image.height, orientation(image))


def orientation(image: Image.Image) -> int:
    """Returns EXIF's number for how an image is to be shown; 1 where there is none."""
    # What Pillow raises depends on the damage; without a legible note the pixels stand as stored.
    with contextlib.suppress(Exception):
        stored = image.getexif().get(_ORIENTATION, 1)
        return stored if stored in _TURNS else 1
    return 1


@contextlib.contextmanager
def opened(data: bytes | BinaryIO) -> Iterator[Image.Image]:
    """Opens an encoded image, its pixels as they are stored.

    Args:
      data: a file, or its bytes.

    Raises:
      DamagedImage: see `decode`; also for whatever is raised while the image is open.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Our own limit on pixels follows.
            with _identified(io.BytesIO(data) if isinstance(data, bytes) else data) as image:
                _limit(image)
                yield image
    except UserError:
        raise
    except UnidentifiedImageError as error:
        # Pillow's own message holds an address in memory.
        raise DamagedImage("it is no image of a known format") from error
    # Pillow's readers raise many kinds of exceptions on damaged files, SyntaxError among them.
    except Exception as error:
        raise DamagedImage(one_line(error)) from error


def _identified(file: BinaryIO) -> Image.Image:
    try:
        return Image.open(file)
    except UnidentifiedImageError:
        file.seek(0)
        if file.read(8)[4:] != b"ftyp":
            raise
    # Only for photographs of phones: importing it costs a tenth of a second.
    import pillow_heif

    file.seek(0)
    found = pillow_heif.open_heif(file)
    _refuse_above_limit(*found.size)
    return found.to_pillow()


def _limit(image: Image.Image) -> None:
    """Makes a JPEG that is too large a smaller one, and refuses other formats."""
    if image.width * image.height > MAX_PIXELS and image.format in ("JPEG", "MPO"):
        for shrink in range(2, _SHRINKS + 1):
            if image.width * image.height <= MAX_PIXELS * shrink**2:
                image.draft(image.mode, (image.width // shrink, image.height // shrink))
                break
    _refuse_above_limit(*image.size)


def _refuse_above_limit(width: int, height: int) -> None:
    if width * height > MAX_PIXELS:
        raise TooLarge(
            f"too large: {width} x {height} pixels, above the limit of {MAX_PIXELS}; make it "
            "smaller, or save it as JPEG"
        )


def _upright(image: Image.Image) -> Image.Image:
    return image if orientation(image) == 1 else ImageOps.exif_transpose(image)


def _to_rgb(image: Image.Image) -> Image.Image:
    """Returns `image` as 8-bit RGB."""
    if image.mode == "RGB" and "transparency" not in image.info:
        return image
    if image.mode.startswith("I") or image.mode == "F":
        # Pillow's own conversion clips 16-bit values at 255 and leaves a white image.
        values = np.asarray(image, np.float64)
        scaled = np.round(values * (255.0 / _white_of(values, image.mode == "F")))
        return Image.fromarray(scaled.astype(np.uint8)).convert("RGB")
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        white = Image.new("RGBA", image.size, "white")
        return Image.alpha_composite(white, image.convert("RGBA")).convert("RGB")
    return image.convert("RGB")


def _white_of(values: np.ndarray, floats: bool) -> float:
    """Returns what stands for white in an image that is not of bytes: 1, 255 or 65535.

    Raises:
      DamagedImage: values that tell no scale.
    """
    low, high = float(values.min()), float(values.max())
    scales = (1.0, 255.0) if floats else (255.0, 65535.0)
    for white in scales:
        if low >= 0 and high <= white:  # NaN is neither.
            return white
    raise DamagedImage(
        f"its values run from {low:g} to {high:g}, where bytes, 16 bits, or floats in 0 to 1 or 0 "
        "to 255 are read; save it as PNG or JPEG"
    )
