"""Pictures of pictures: a labelled grid, single images, and an animation."""

import pathlib
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from bg_interp.storage.files import replacing

_PAPER, _INK = (255, 255, 255), (32, 32, 32)


def grid(
    images: np.ndarray,
    columns: Sequence[str],
    rows: Sequence[str] | None = None,
    *,
    side: int = 128,
) -> np.ndarray:
    """Lays images out under the names of their columns.

    Args:
      images: float or uint8 [R,K,H,W,C] in [0, 255], C = 1 or 3.
      columns: K names; rows: R names, or None.
      side: the pixels that the longer side of an image takes in the grid.

    Returns:
      uint8 [height, width, 3].
    """
    font = ImageFont.load_default(size=max(11, side // 8))
    line, gap = round(1.3 * max(11, side // 8)) + 4, max(2, side // 32)
    height, width = images.shape[2:4]
    height, width = (round(length * side / max(height, width)) for length in (height, width))
    row_names = [printable(name) for name in rows or []]
    left = max((round(font.getlength(name)) + 2 * gap for name in row_names), default=gap)
    size = (left + len(columns) * (width + gap), line + len(images) * (height + gap))
    sheet = Image.new("RGB", size, _PAPER)
    pen = ImageDraw.Draw(sheet)
    for column, name in enumerate(columns):
        middle = left + column * (width + gap) + width / 2
        name = _shortened(printable(name), font, width)
        pen.text((middle, line / 2), name, fill=_INK, font=font, anchor="mm")
    for row, name in enumerate(row_names):
        middle = line + row * (height + gap) + height / 2
        pen.text((gap, middle), name, fill=_INK, font=font, anchor="lm")
    for row, images_of_row in enumerate(images):
        for column, image in enumerate(images_of_row):
            place = (left + column * (width + gap), line + row * (height + gap))
            # Enlarged smoothly: the edges of large pixels hide a small image's shapes.
            picture = as_picture(image).resize((width, height), Image.Resampling.BICUBIC)
            sheet.paste(picture, place)
    return np.asarray(sheet)


def as_picture(image: np.ndarray) -> Image.Image:
    """Turns [H,W,C] in [0, 255], C = 1 or 3, into an RGB picture."""
    pixels = np.clip(np.rint(np.asarray(image, np.float32)), 0, 255).astype(np.uint8)
    return Image.fromarray(np.broadcast_to(pixels, (*pixels.shape[:2], 3)).copy())


def save_png(path: pathlib.Path, image: np.ndarray) -> None:
    """Writes [H,W,C] in [0, 255] as PNG, whole or not at all."""
    with replacing(path) as temporary:
        as_picture(image).save(temporary, format="PNG")


def save_gif(path: pathlib.Path, frames: Sequence[np.ndarray], seconds: float = 3.0) -> None:
    """Writes an animation that loops, and rests on its last frame.

    Args:
      path: the file.
      frames: at least one of [H,W,C] in [0, 255].
      seconds: how long one round takes, the rest of one second aside.
    """
    pictures = [as_picture(frame) for frame in frames]
    each = round(1000 * seconds / len(pictures))
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


def printable(name: str) -> str:
    """Returns a name on one line, with characters that do not print written as escapes."""
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode()
        for character in name
    )


def file_name(name: str) -> str:
    """Returns a name as part of a file name: letters, digits, - and _ stay, all else becomes _."""
    kept = "".join(c if c.isalnum() or c in "-_" else "_" for c in name)[:64]
    # File systems count bytes, of which a letter takes up to four.
    return kept.encode()[:128].decode(errors="ignore")


def _shortened(name: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont, width: int) -> str:
    """Cuts a name that is wider than its column."""
    if font.getlength(name) <= width:
        return name
    while name and font.getlength(name + "…") > width:
        name = name[:-1]
    return name + "…"
