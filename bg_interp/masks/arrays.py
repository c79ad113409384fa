"""Masks that a Python program holds in an array: turned into opacities of its images."""

import sys
from collections.abc import Sequence

import numpy as np

from bg_interp.config.mask_rules import MaskRules
from bg_interp.errors import UserError
from bg_interp.masks.formats import LOOKED_AT, Format, OddMask, format_of
from bg_interp.masks.raw import of_array
from bg_interp.outside import check_counts, to_array

_NAMED = 3


def opacity_of(
    masks: np.ndarray | Sequence, images: np.ndarray, rules: MaskRules | None = None
) -> np.ndarray:
    """Turns an array of masks into opacities of images, as `to_opacity` does.

    Args:
      masks: one for each image, of its size; of those that `segment` made, bad ones are all
        foreground, so that nothing is measured of them.
      images: [N, H, W, 3].
      rules: what somebody says of the masks.

    Returns:
      uint8 [N, H, W, 1], 255 = foreground.

    Raises:
      UserError: they are no masks of these images.
    """
    found = to_opacity(masks, rules=rules)
    check_counts(images=images, masks=found)
    if found.shape[1:3] != images.shape[1:3]:
        raise UserError(
            f"masks must be of the images' size, {list(images.shape[1:3])}. "
            f"Received: {list(found.shape[1:3])}"
        )
    good = getattr(masks, "good", None)
    return found if good is None else np.where(good[:, None, None, None], found, np.uint8(255))


def to_opacity(
    masks: np.ndarray | Sequence, what: str = "masks", rules: MaskRules | None = None
) -> np.ndarray:
    """Turns an array of masks into opacities.

    Args:
      masks: [N, H, W] or [N, H, W, 1], in any format of `formats`; with colours in `rules`,
        [N, H, W, 3] as well.
      what: names them in messages.
      rules: what somebody says of the masks.

    Returns:
      uint8 [N, H, W, 1], 255 = foreground. Masks that do not fit the others are all foreground, so
      that nothing is measured of them; a line says which.

    Raises:
      UserError: they are no masks, or no rule makes opacities of them.
    """
    values = to_array(masks, what)
    channels = (1, 3) if rules and rules.values and rules.values.colours else (1,)
    if values.ndim == 3:
        values = values[..., None]
    if values.ndim != 4 or values.shape[-1] not in channels:
        raise UserError(
            f"{what} must be of shape [N, height, width] or [N, height, width, 1]. "
            f"Received: {list(np.shape(masks))}"
        )
    if values.dtype != bool and not (
        np.issubdtype(values.dtype, np.integer) or np.issubdtype(values.dtype, np.floating)
    ):
        raise UserError(f"{what} must be numbers or booleans. Received: {values.dtype}")
    if not len(values):
        return np.zeros((*values.shape[:3], 1), np.uint8)
    step = max(1, len(values) // LOOKED_AT)
    chosen = format_of([of_array(mask) for mask in values[::step]], what, rules)
    return _in_format(values, chosen, what)


def _in_format(values: np.ndarray, chosen: Format, what: str) -> np.ndarray:
    """Reads each mask in the format that all shall have."""
    made, odd = np.empty((*values.shape[:3], 1), np.uint8), []
    for number, mask in enumerate(values):
        try:
            made[number, ..., 0] = chosen.opacity(of_array(mask))
        except OddMask as error:
            made[number] = 255
            odd.append(f"number {number} {error}")
    if odd:
        print(
            f"{len(odd)} of {len(values)} {what} do not fit the others and are left out: "
            f"{'; '.join(odd[:_NAMED])}",
            file=sys.stderr,
        )
    return made
