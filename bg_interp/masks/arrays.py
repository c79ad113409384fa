"""Masks that a Python program holds in an array: turned into opacities of its images."""

import sys
from collections.abc import Sequence

import numpy as np

from bg_interp.arguments import check_counts, to_array
from bg_interp.config.mask_rules import MaskRules
from bg_interp.errors import UserError
from bg_interp.masks.formats import (
    LOOKED_AT,
    ODD_SHARE,
    WAY_OUT,
    Format,
    OddMask,
    format_of,
)
from bg_interp.masks.raw import of_array

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
    read = InFormat(chosen, what)
    found = read(values)
    read.check(at_least=0)
    return found


class InFormat:
    """Reads arrays of masks that all shall have one format, as they come.

    Args:
      chosen: the format.
      what: names the masks in messages.
    """

    def __init__(self, chosen: Format, what: str):
        self._format, self._what = chosen, what
        self._seen = 0
        self._odd: list[str] = []

    def __call__(self, values: np.ndarray) -> np.ndarray:
        """Returns the opacities of masks [N, H, W, C] as uint8 [N, H, W, 1].

        One that does not fit is all foreground, so that nothing is done to its image.

        Raises:
          UserError: more than a few of many do not fit.
        """
        made = np.empty((*values.shape[:3], 1), np.uint8)
        for number, mask in enumerate(values):
            try:
                made[number, ..., 0] = self._format.opacity(of_array(mask))
            except OddMask as error:
                made[number] = 255
                self._odd.append(f"number {self._seen} {error}")
                if len(self._odd) <= _NAMED:
                    print(f"{self._what}: {self._odd[-1]}; it is left out", file=sys.stderr)
            self._seen += 1
        self.check(at_least=LOOKED_AT)
        return made

    def check(self, at_least: int) -> None:
        """Refuses masks of which more than a few do not fit.

        Args:
          at_least: fewer than so many tell nothing.

        Raises:
          UserError: they are too many.
        """
        if self._seen >= at_least and len(self._odd) > ODD_SHARE * self._seen:
            raise UserError(
                f"{self._what} must all have one format. Received: {len(self._odd)} of "
                f"{self._seen} that do not fit, the first: {self._odd[0]}; {WAY_OUT}"
            )
