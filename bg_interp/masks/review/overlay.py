"""Images with their masks laid over them, to be looked at before anything is trained."""

import numpy as np
from PIL import Image, ImageDraw, ImageOps
from scipy import ndimage

from bg_interp import pictures

_TILE = 200  # Longer side of a picture, in pixels.
_CAPTION = 16
_RIM = (255, 40, 200)
# What is taken for background stays visible, and is no longer mistaken for the object.
_DARKENED = 0.35


def laid_over(image: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Returns an image with its background darkened and its object outlined.

    Args:
      image: uint8 [H, W, 3].
      mask: uint8 [h, w], 255 = foreground, of the image's shape at any scale.

    Returns:
      uint8 [H, W, 3].
    """
    size = (image.shape[1], image.shape[0])
    opacity = np.asarray(Image.fromarray(mask).resize(size, Image.Resampling.BILINEAR))
    share = _DARKENED + (1 - _DARKENED) * (opacity[..., None] / 255)
    shown = (image * share).astype(np.uint8)
    hard = opacity > 127
    width = max(1, max(size) // 160)
    rim = ndimage.binary_dilation(hard, iterations=width) & ~hard
    shown[rim] = _RIM
    return shown


def panel(image: np.ndarray, mask: np.ndarray | None, caption: str) -> np.ndarray:
    """Returns an image, and beside it the same with its mask, under a caption.

    Args:
      image: uint8 [H, W, 3].
      mask: see `laid_over`; None shows the image alone.
      caption: such as its class and its name; red where the mask parts nothing.

    Returns:
      uint8 [216, 400, 3], or [216, 200, 3] without a mask.
    """
    shown = [image] if mask is None else [image, laid_over(image, mask)]
    board = Image.new("RGB", (_TILE * len(shown), _CAPTION + _TILE), "white")
    for column, values in enumerate(shown):
        picture = ImageOps.contain(Image.fromarray(values), (_TILE - 4, _TILE - 4))
        left = column * _TILE + (_TILE - picture.width) // 2
        board.paste(picture, (left, _CAPTION + (_TILE - picture.height) // 2))
    text = pictures.writable(caption)
    odd = mask is not None and mask.min() // 128 == mask.max() // 128
    colour = "red" if odd else "black"  # Nothing is object, or nothing background.
    ImageDraw.Draw(board).text((2, 1), text, fill=colour, font=pictures.font(text, 11))
    return np.asarray(board)
