"""Whether a mask lies on its image: by its shape, and on photographs that EXIF turns, by how."""

from collections.abc import Sequence

import numpy as np
from PIL import Image

from bg_interp import decoding
from bg_interp.errors import UserError

# A reading is taken where it suits the edges of so large a share of the photographs.
_CLEAR = 0.8
_AT_LEAST = 4


class OtherShape(UserError):
    """A mask whose shape is not that of its image; the message is a clause with both sizes."""


def fits(mask: Sequence[int], image: Sequence[int]) -> bool:
    """Tells whether a mask is its image at another scale, each side rounded to whole pixels.

    Args:
      mask: height and width.
      image: height and width.
    """
    low = max((side - 1) / whole for side, whole in zip(mask, image, strict=True))
    high = min((side + 1) / whole for side, whole in zip(mask, image, strict=True))
    return low < high


def laid_on(
    mask: np.ndarray,
    image: Sequence[int],
    *,
    own_turn: int = 1,
    image_turn: int = 1,
    stored: bool = False,
) -> np.ndarray:
    """Turns a mask so that it lies on its image.

    Args:
      mask: [h, w], pixels as they are stored.
      image: height and width of the image as it is shown.
      own_turn: EXIF's orientation of the mask's own file.
      image_turn: EXIF's orientation of the image.
      stored: whether masks are drawn on stored pixels, where the shape does not tell.

    Returns:
      [h', w'], a view.

    Raises:
      OtherShape: it has another shape than the image, however it is turned.
    """
    turns = [own_turn, 1] if own_turn != 1 else [1, image_turn]
    if stored and own_turn == 1:
        turns = turns[::-1]
    for turn in turns:
        found = decoding.turned(mask, turn)
        if fits(found.shape, image):
            return found
    raise OtherShape(
        f"is of {_size(mask.shape)} and its image of {_size(image)}, where the ratio of the sides "
        "must be the same"
    )


def _size(shape: Sequence[int]) -> str:
    return f"{shape[1]} x {shape[0]} pixels"


def ambiguous(shown: Sequence[int], turn: int) -> bool:
    """Tells whether a photograph that EXIF turns has the same shape before and after it.

    Args:
      shown: height and width of the photograph as it is shown.
      turn: EXIF's orientation.
    """
    return turn != 1 and (turn <= 4 or fits(shown[::-1], shown))


def suits_stored(pairs: Sequence[tuple[np.ndarray, np.ndarray, int]]) -> bool | None:
    """Tells by the edges of photographs whether masks are drawn on stored pixels.

    Args:
      pairs: photographs as they are shown, uint8 [H, W, 3], with their masks as stored, uint8
        [h, w], and EXIF's orientations, between which the shape does not tell.

    Returns:
      None where the edges do not tell.
    """
    votes = []
    for image, mask, turn in pairs:
        edges = _edges(image, mask.shape if turn <= 4 else mask.shape[::-1])
        shown, stored = (_on_outline(edges, one) for one in (mask, decoding.turned(mask, turn)))
        if shown != stored:
            votes.append(stored > shown)
    share = float(np.mean(votes)) if len(votes) >= _AT_LEAST else 0.5
    return None if 1 - _CLEAR < share < _CLEAR else share >= _CLEAR


def _edges(image: np.ndarray, shape: Sequence[int]) -> np.ndarray:
    """Returns how much the colours change at each pixel, float32 of `shape`."""
    small = Image.fromarray(image).resize((shape[1], shape[0]), Image.Resampling.BOX)
    down, across = np.gradient(np.asarray(small, np.float32), axis=(0, 1))
    return np.hypot(down, across).sum(axis=-1)


def _on_outline(edges: np.ndarray, mask: np.ndarray) -> float:
    """Returns the mean change of colours on a mask's outline."""
    if mask.shape != edges.shape:
        return 0.0
    inside = np.pad(mask > 127, 1)
    core = inside[1:-1, 1:-1]
    all_around = inside[:-2, 1:-1] & inside[2:, 1:-1] & inside[1:-1, :-2] & inside[1:-1, 2:]
    outline = core & ~all_around
    return float(edges[outline].mean()) if outline.any() else 0.0
