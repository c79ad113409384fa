"""Masks from outside, however they are spelled: turned into opacities of 0 to 255, or refused.

Taken as they come, masks of 0 and 1 are two shades of transparent, and everything turns black
without a word. A single mask can be ambiguous (all zeros, or 0 and 1), so a spelling is decided for
many at once: a folder, an array, the beginning of a data set.

| spelling | becomes |
|---|---|
| bool | 0 and 255 |
| 0 and 1, whole numbers | 0 and 255 |
| 0 to 1, floats | times 255, rounded |
| 0 to 255 | as it is |
| PNGs of modes 1, L, P, RGB | by the same rules; a palette's numbers, the brightness of colours |
| PNGs with alpha (LA, RGBA) | the alpha, where it is not 255 throughout |

Refused, since nobody can tell what is foreground: label maps such as 0, 1, 2 or 0, 1, 128, negative
numbers, numbers above 255, NaN.
"""

import dataclasses
import io
import pathlib
from collections.abc import Iterable, Sequence

import numpy as np
from PIL import Image, UnidentifiedImageError

from bg_interp.errors import UserError
from bg_interp.outside import check_counts, to_array

# Labels are small numbers; opacities of few steps leave them out.
_LABELS_BELOW = 32
_FEW = 8
# So many masks of a folder tell how all of them are spelled.
_LOOKED_AT = 64


@dataclasses.dataclass(frozen=True)
class Spelling:
    """How masks of whole numbers are to be read.

    Attributes:
      scale: what makes them opacities: 255 for 0 and 1, 1 for 0 to 255.
      alpha: whether the mask of a PNG is its alpha.
    """

    scale: int = 1
    alpha: bool = False


def spelling_of(values: Iterable[int], what: str) -> Spelling:
    """Tells how masks of whole numbers are spelled.

    Args:
      values: all values that occur in them.
      what: names them in messages, such as "--masks=folder:masks" or "masks".

    Raises:
      UserError: no rule makes opacities of them.
    """
    found = sorted({int(value) for value in values})
    if not found or (found[-1] <= 1 and found[0] >= 0):
        return Spelling(scale=255)
    below = [value for value in found if 0 < value < 255]
    labels = [value for value in below if value < _LABELS_BELOW]
    if found[0] < 0 or found[-1] > 255:
        raise UserError(
            f"{what} must lie in 0 to 255, or be 0 and 1. Received: values from {found[0]} to "
            f"{found[-1]}; scale them so that foreground is 255"
        )
    # Opacities that blend have many steps, and reach high ones.
    if labels and (len(found) <= _FEW or len(labels) == len(below)):
        raise UserError(
            f"{what} must be opacities: 0 and 1, 0.0 to 1.0, or 0 to 255. Received: "
            f"{_listed(found)} side by side, as a map of labels has them; make foreground 255 and "
            "the rest 0"
        )
    return Spelling()


def _listed(found: Sequence[int]) -> str:
    shown = [str(value) for value in found[:_FEW]]
    if len(found) > _FEW:
        return f"values {', '.join(shown)}, ..., {found[-1]}"
    return f"values {', '.join(shown[:-1])} and {shown[-1]}"


def opacity_of(masks: np.ndarray | Sequence, images: np.ndarray) -> np.ndarray:
    """Turns an array of masks into opacities of images, as `to_opacity` does.

    Args:
      masks: one for each image, of its size; of those that `segment` made, bad ones are all
        foreground, so that nothing is measured of them.
      images: [N, H, W, 3].

    Returns:
      uint8 [N, H, W, 1], 255 = foreground.

    Raises:
      UserError: they are no masks of these images.
    """
    found = to_opacity(masks)
    check_counts(images=images, masks=found)
    if found.shape[1:3] != images.shape[1:3]:
        raise UserError(
            f"masks must be of the images' size, {list(images.shape[1:3])}. "
            f"Received: {list(found.shape[1:3])}"
        )
    good = getattr(masks, "good", None)
    return found if good is None else np.where(good[:, None, None, None], found, np.uint8(255))


def to_opacity(masks: np.ndarray | Sequence, what: str = "masks") -> np.ndarray:
    """Turns an array of masks into opacities.

    Args:
      masks: [N, H, W] or [N, H, W, 1], of any of the spellings above.
      what: names them in messages.

    Returns:
      uint8 [N, H, W, 1], 255 = foreground.

    Raises:
      UserError: they are no masks, or no rule makes opacities of them.
    """
    values = to_array(masks, what)
    if values.ndim == 3:
        values = values[..., None]
    if values.ndim != 4 or values.shape[-1] != 1:
        raise UserError(
            f"{what} must be of shape [N, height, width] or [N, height, width, 1]. "
            f"Received: {list(np.shape(masks))}"
        )
    if values.dtype == bool:
        return values.astype(np.uint8) * 255
    if np.issubdtype(values.dtype, np.integer):
        scale = spelling_of(np.unique(values), what).scale
        return (values * scale).astype(np.uint8)
    if not np.issubdtype(values.dtype, np.floating):
        raise UserError(f"{what} must be numbers or booleans. Received: {values.dtype}")
    low, high = (float(values.min()), float(values.max())) if values.size else (0.0, 0.0)
    if not (low >= 0 and high <= 255):  # NaN is neither.
        raise UserError(
            f"{what} must lie in 0 to 1 or 0 to 255. Received: values from {low:g} to {high:g}"
        )
    if high > 1 and (values == np.floor(values)).all():
        return to_opacity(values.astype(np.int64), what)
    return np.round(values * (255.0 if high <= 1 else 1.0)).astype(np.uint8)


def spelling_of_pngs(paths: Sequence[pathlib.Path], what: str) -> Spelling:
    """Tells how the masks of a folder are spelled, by looking at some of them.

    Args:
      paths: of all masks.
      what: names them in messages.

    Raises:
      UserError: one cannot be read, or no rule makes opacities of them.
    """
    step = max(1, len(paths) // _LOOKED_AT)
    some = [(path, _read(path)) for path in paths[::step]]
    # A tool that always writes alpha has left it opaque, and the mask is in the colours.
    alphas = [_alpha(image) for _, image in some]
    alpha = any(values is not None and values.min() < 255 for values in alphas)
    seen = np.zeros(256, bool)
    for path, image in some:
        values = _alpha(image) if alpha else _values(image)
        if values is None:
            raise UserError(
                f"{what} must all be of one kind. Received: PNGs with alpha, and {path} without"
            )
        seen[np.unique(values)] = True
    found = spelling_of(np.flatnonzero(seen), what)
    return dataclasses.replace(found, scale=1 if alpha else found.scale, alpha=alpha)


def _read(path: pathlib.Path) -> Image.Image:
    try:
        image = Image.open(io.BytesIO(path.read_bytes()))
        image.load()
        return image
    except (OSError, UnidentifiedImageError, SyntaxError) as error:
        raise UserError(f"the mask {path} cannot be read ({error}); make it again") from error


def _alpha(image: Image.Image) -> np.ndarray | None:
    return np.asarray(image.getchannel("A")) if image.mode in ("LA", "RGBA") else None


def _values(image: Image.Image) -> np.ndarray:
    """Returns what a PNG says of each pixel, uint8: a palette's numbers, else its brightness."""
    if image.mode == "P":
        return np.asarray(image)
    if image.mode.startswith("I"):
        return (np.asarray(image) >> 8).astype(np.uint8)
    return np.asarray(image.convert("L"))


def palette_numbers(png: bytes | np.ndarray) -> np.ndarray:
    """Returns the numbers of a PNG with a palette, uint8 [height, width, 1]."""
    # TensorFlow hands over bytes in a graph, and an array of one element eagerly.
    content = png.item() if isinstance(png, np.ndarray) else png
    return np.asarray(Image.open(io.BytesIO(content)))[..., None]
