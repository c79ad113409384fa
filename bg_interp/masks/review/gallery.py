"""A contact sheet of masks, to be looked at: image, mask and cut-out, the least certain first."""

import dataclasses
import pathlib
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw

from bg_interp import pictures
from bg_interp.masks.quality import OK, Quality

_TILE = 160  # Height and width of a picture, in pixels.
_CAPTION = 16
_GAP = 6
_COLUMNS = 3


@dataclasses.dataclass(frozen=True)
class Shown:
    """One image of the sheet.

    Attributes:
      key: the image's key.
      image: uint8 [H, W, 3].
      mask: uint8 [H, W], 255 = foreground.
      quality: what is known of the mask.
    """

    key: str
    image: np.ndarray
    mask: np.ndarray
    quality: Quality


def panel(shown: Shown) -> np.ndarray:
    """Returns image, mask and cut-out side by side under a caption, uint8 [176, 480, 3]."""
    image, mask = Image.fromarray(shown.image), Image.fromarray(shown.mask)
    cutout = _checkerboard(image.size)
    cutout.paste(image, mask=mask)
    board = Image.new("RGB", (3 * _TILE, _CAPTION + _TILE), "white")
    for column, picture in enumerate((image, mask.convert("RGB"), cutout)):
        picture.thumbnail((_TILE, _TILE))
        left = column * _TILE + (_TILE - picture.width) // 2
        board.paste(picture, (left, _CAPTION + (_TILE - picture.height) // 2))
    known = f"{shown.quality.verdict}  self-IoU {shown.quality.self_iou:.2f}"
    known += f"  area {shown.quality.area:.2f}  "
    drawing = ImageDraw.Draw(board)
    colour = "black" if shown.quality.verdict == OK else "red"
    caption = pictures.writable(known + shown.key[-48:])
    drawing.text((2, 1), caption, fill=colour, font=pictures.font(caption, 11))
    return np.asarray(board)


def write_sheet(path: pathlib.Path, panels: Sequence[np.ndarray]) -> None:
    """Writes panels as one PNG, in three columns, row by row.

    Raises:
      UserError: the file cannot be written.
    """
    pictures.save_png(path, pictures.sheet(panels, columns=_COLUMNS, gap=_GAP))


def write_events(folder: pathlib.Path, panels: Sequence[np.ndarray], share_bad: float) -> None:
    """Writes panels and the share of bad masks for TensorBoard."""
    # TensorFlow is imported here: a gallery alone needs none.
    from bg_interp.storage.summaries import Summaries

    summaries = Summaries(folder)
    summaries.images("", "masks/least_certain", 0, panels)
    summaries.scalars("", 0, {"masks/share_bad": share_bad})
    summaries.close()


def _checkerboard(size: tuple[int, int]) -> Image.Image:
    """Returns the grey squares that show where a cut-out is transparent."""
    square = max(1, max(size) // 20)
    columns, rows = (np.arange(extent) // square for extent in size)
    light = (rows[:, None] + columns[None, :]) % 2
    return Image.fromarray(np.where(light, 235, 190).astype(np.uint8)).convert("RGB")
