"""Decoding one image file into RGB, whatever its format, without surprises.

One decoder serves training, masks and evaluation, so that orientation and colours agree
everywhere: EXIF orientation is applied, CMYK and palettes become RGB, 16 bits become 8, the first
frame stands for an animation, transparency is laid over white.
"""

import io
import pathlib
import warnings
from collections.abc import Callable

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from bg_interp.errors import UserError, one_line

SUFFIXES = (".jpg", ".jpeg", ".png", ".gif", ".bmp", ".webp", ".tif", ".tiff")
# 24-megapixel photographs pass, decompression bombs do not.
MAX_PIXELS = 100_000_000


class DamagedImage(UserError):
    """An image that cannot be decoded; the message says why, without the file's name."""


def _to_rgb(image: Image.Image) -> Image.Image:
    """Returns `image` as 8-bit RGB."""
    if image.mode.startswith("I") or image.mode == "F":
        # Pillow's own conversion clips 16-bit values at 255 and leaves a white image.
        values = np.asarray(image, np.float64)
        return Image.fromarray((values / 257.0).round().clip(0, 255).astype(np.uint8)).convert(
            "RGB"
        )
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        white = Image.new("RGBA", image.size, "white")
        return Image.alpha_composite(white, image.convert("RGBA")).convert("RGB")
    return image.convert("RGB")


def decode(data: bytes) -> np.ndarray:
    """Decodes an encoded image.

    Args:
      data: the bytes of a JPEG, PNG, GIF, BMP, WebP or TIFF file.

    Returns:
      uint8 [height, width, 3] RGB.

    Raises:
      DamagedImage: the bytes are no image, are truncated, or hold more than `MAX_PIXELS`.
    """
    return _decoded(data, _to_rgb)


def decode_with_opacity(data: bytes) -> np.ndarray:
    """Decodes an encoded image with its transparency.

    Returns:
      uint8 [height, width, 4], the colours as the file holds them, not multiplied by the opacity,
      which is 255 everywhere in a file without transparency.

    Raises:
      DamagedImage: see `decode`.
    """
    return _decoded(data, lambda image: image.convert("RGBA"))


def _decoded(data: bytes, convert: Callable[[Image.Image], Image.Image]) -> np.ndarray:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Our own limit on pixels follows.
            with Image.open(io.BytesIO(data)) as image:
                if image.width * image.height > MAX_PIXELS:
                    raise DamagedImage(
                        f"{image.width} x {image.height} pixels, above the limit of {MAX_PIXELS}"
                    )
                return np.asarray(convert(ImageOps.exif_transpose(image)))
    except DamagedImage:
        raise
    except UnidentifiedImageError as error:
        # Pillow's own message holds an address in memory.
        raise DamagedImage("it is no image of a known format") from error
    # Pillow's readers raise many kinds of exceptions on damaged files, SyntaxError among them.
    except Exception as error:
        raise DamagedImage(one_line(error)) from error


def read(path: pathlib.Path) -> np.ndarray:
    """Reads an image file as uint8 [height, width, 3] RGB; see `decode`."""
    return decode(path.read_bytes())
