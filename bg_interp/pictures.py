"""Pictures of pictures: labelled grids, sheets, files, and the one font of all names.

Names are written in DejaVu Sans, which matplotlib brings: Latin, Greek, Cyrillic, Arabic, Hebrew
and more. A name with characters that it lacks, Chinese ones for instance, is written in the first
font of this machine that has them all. Where no font has them, they are written as escapes
(\\u4e2d): never as empty boxes.
"""

import base64
import functools
import html
import io
import math
import pathlib
from collections.abc import Sequence
from typing import Any

import matplotlib
import numpy as np
from matplotlib.ft2font import FT2Font
from PIL import Image, ImageDraw, ImageFont

from bg_interp.errors import printable
from bg_interp.storage.files import replacing

_PAPER, _INK = (255, 255, 255), (32, 32, 32)
_SIDE = 128
# A row of images gets no longer than this; more of them become a sheet of about this many columns
# and rows, or a square of smaller images.
_COLUMNS = 12
_SMALL_SIDE = 64


def _default_font() -> str:
    return str(pathlib.Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf")


@functools.cache
def _characters(path: str) -> frozenset[str]:
    """Returns the characters that a font has; none for a file that is no font."""
    try:
        return frozenset(map(chr, FT2Font(path).get_charmap()))
    except (OSError, RuntimeError):
        return frozenset()


def _system_fonts() -> list[str]:
    """Returns the files of all fonts of this machine, in an order that does not change.

    "Last Resort" is left out, which draws a box for each of its characters, and those are all.
    """
    # Imported here: it looks through the machine's fonts, which few names need.
    from matplotlib import font_manager

    known = font_manager.fontManager.ttflist
    return sorted(font.fname for font in known if "LastResort" not in font.name.replace(" ", ""))


@functools.cache
def _font_file(text: str) -> str:
    """Returns the file of the first font that has all characters of a text, else the usual one."""
    if set(text) <= _characters(_default_font()):
        return _default_font()
    fitting = (path for path in _system_fonts() if set(text) <= _characters(path))
    return next(fitting, _default_font())


def writable(text: str) -> str:
    """Returns a text on one line, with escapes for what does not print or what no font has."""
    text = printable(text)
    known = _characters(_font_file(text))
    return "".join(c if c in known else c.encode("unicode_escape").decode() for c in text)


def font(text: str, size: int) -> ImageFont.FreeTypeFont:
    """Returns the font in which Pillow writes a text that `writable` returned."""
    return ImageFont.truetype(_font_file(text), size)


def plot_style(names: Sequence[str]) -> Any:
    """Returns what `rc_context` takes for plots that show names, which `writable` returned."""
    from matplotlib import font_manager

    paths = dict.fromkeys([_default_font(), *map(_font_file, names)])
    for path in paths:
        if path not in {known.fname for known in font_manager.fontManager.ttflist}:
            font_manager.fontManager.addfont(path)
    families = dict.fromkeys(FT2Font(path).family_name for path in paths)
    # A dollar in a name is a dollar, and not the beginning of a formula.
    return {"font.family": list(families), "text.parse_math": False}


def across(count: int, rows: int = 1) -> int:
    """Returns how many columns a grid of `count` columns gets before it is wrapped.

    Args:
      count: how many columns there are.
      rows: how many images stand in each of them.
    """
    widest = max(_COLUMNS, math.ceil(math.sqrt(count * rows)))
    return math.ceil(count / math.ceil(count / widest))


def grid(
    images: np.ndarray,
    columns: Sequence[str],
    rows: Sequence[str] | None = None,
    *,
    side: int | None = None,
    width: int | None = None,
) -> np.ndarray:
    """Lays images out under the names of their columns; many columns are wrapped into a sheet.

    Args:
      images: float or uint8 [R,K,H,W,C] in [0, 255], C = 1 or 3.
      columns: K names.
      rows: R names, or None.
      side: the pixels that the longer side of an image takes in the grid; None for 128, or 64 in a
        grid of more than 256 images.
      width: columns beside each other; None for what `across` finds.

    Returns:
      uint8 [height, width, 3].
    """
    count = images.shape[0] * images.shape[1]
    side = side or (_SIDE if count <= 2 * _SIDE else _SMALL_SIDE)
    width = width or across(images.shape[1], len(images))
    bands = [
        _band(images[:, first : first + width], columns[first : first + width], rows, side)
        for first in range(0, len(columns), width)
    ]
    return sheet(bands, columns=1)


def _band(
    images: np.ndarray, columns: Sequence[str], rows: Sequence[str] | None, side: int
) -> np.ndarray:
    """Lays out [R,K,H,W,C] as one labelled table."""
    size = max(11, side // 8)
    line, gap = round(1.3 * size) + 4, max(2, side // 32)
    height, width = images.shape[2:4]
    height, width = (round(length * side / max(height, width)) for length in (height, width))
    row_names = [writable(name) for name in rows or []]
    lengths = [round(font(name, size).getlength(name)) + 2 * gap for name in row_names]
    left = max(lengths, default=gap)
    extent = (left + len(columns) * (width + gap), line + len(images) * (height + gap))
    band = Image.new("RGB", extent, _PAPER)
    pen = ImageDraw.Draw(band)
    for column, name in enumerate(columns):
        middle = left + column * (width + gap) + width / 2
        name = _shortened(writable(name), size, width)
        pen.text((middle, line / 2), name, fill=_INK, font=font(name, size), anchor="mm")
    for row, name in enumerate(row_names):
        middle = line + row * (height + gap) + height / 2
        pen.text((gap, middle), name, fill=_INK, font=font(name, size), anchor="lm")
    for row, images_of_row in enumerate(images):
        for column, image in enumerate(images_of_row):
            place = (left + column * (width + gap), line + row * (height + gap))
            # Enlarged smoothly: the edges of large pixels hide a small image's shapes.
            picture = as_picture(image).resize((width, height), Image.Resampling.BICUBIC)
            band.paste(picture, place)
    return np.asarray(band)


def _shortened(name: str, size: int, width: int) -> str:
    """Cuts a name that is wider than its column."""
    # One font for the whole search: looking for one is slow, and each part has it.
    chosen = font(name, size)
    if chosen.getlength(name) <= width:
        return name
    cut = "…" if "…" in _characters(_font_file(name)) else "..."
    while name and chosen.getlength(name + cut) > width:
        name = name[:-1]
    return name + cut


def sheet(panels: Sequence[np.ndarray], *, columns: int, gap: int = 0) -> np.ndarray:
    """Lays out panels row by row, with white around them.

    Args:
      panels: uint8 [H_i, W_i, 3], one or more; each gets the place that the largest one needs.
      columns: how many stand beside each other.
      gap: white pixels around each.

    Returns:
      uint8 [height, width, 3].
    """
    columns = min(columns, len(panels))
    height, width = (max(panel.shape[axis] for panel in panels) for axis in (0, 1))
    rows = math.ceil(len(panels) / columns)
    extent = (rows * (height + gap) + gap, columns * (width + gap) + gap, 3)
    laid_out = np.full(extent, 255, np.uint8)
    for number, panel in enumerate(panels):
        row, column = divmod(number, columns)
        top, left = gap + row * (height + gap), gap + column * (width + gap)
        laid_out[top : top + panel.shape[0], left : left + panel.shape[1]] = panel
    return laid_out


def _bytes(values: np.ndarray) -> np.ndarray:
    """Rounds values in [0, 255] to uint8."""
    return np.clip(np.rint(np.asarray(values, np.float32)), 0, 255).astype(np.uint8)


def as_picture(image: np.ndarray) -> Image.Image:
    """Turns [H,W,C] in [0, 255], C = 1 or 3, into an RGB picture."""
    pixels = _bytes(image)
    return Image.fromarray(np.broadcast_to(pixels, (*pixels.shape[:2], 3)).copy())


def html_image(image: np.ndarray, alt: str) -> str:
    """Returns an <img> that holds the picture itself, for notebooks.

    Args:
      image: uint8 [H, W, 3].
      alt: what it shows, in words; escaped here.
    """
    png = io.BytesIO()
    Image.fromarray(image).save(png, format="PNG")
    source = base64.b64encode(png.getvalue()).decode()
    return f'<img alt="{html.escape(alt)}" src="data:image/png;base64,{source}">'


def save_png(path: pathlib.Path, image: np.ndarray) -> None:
    """Writes [H,W,C] in [0, 255] as PNG, whole or not at all."""
    with replacing(path) as temporary:
        as_picture(image).save(temporary, format="PNG")


def save_gif(path: pathlib.Path, frames: Sequence[np.ndarray]) -> None:
    """Writes an animation of 3 seconds that loops, and rests one second on its last frame.

    Args:
      path: the file.
      frames: at least one of [H,W,C] in [0, 255].
    """
    pictures = [as_picture(frame) for frame in frames]
    each = round(3000 / len(pictures))
    durations = [each] * (len(pictures) - 1) + [each + 1000]
    with replacing(path) as temporary:
        pictures[0].save(
            temporary,
            format="GIF",
            save_all=True,
            append_images=pictures[1:],
            duration=durations,
            loop=0,
        )


def file_name(name: str) -> str:
    """Returns a name as part of a file name: letters, digits, - and _ stay, all else becomes _."""
    kept = "".join(c if c.isalnum() or c in "-_" else "_" for c in name)[:64]
    # File systems count bytes, of which a letter takes up to four.
    return kept.encode()[:128].decode(errors="ignore")
