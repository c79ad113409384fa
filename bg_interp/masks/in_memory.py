"""Masks of images that are in memory, for Python programs; stores of masks are for folders."""

import dataclasses
import io
import pathlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import tqdm
from PIL import Image

from bg_interp import pictures
from bg_interp.arguments import to_images
from bg_interp.errors import UserError, nearest
from bg_interp.masks import encoding, quality
from bg_interp.masks.segmenters import opening
from bg_interp.masks.segmenters.kinds import KINDS
from bg_interp.masks.segmenters.segmenter import Settings

_SHOWN = 12


@dataclasses.dataclass(frozen=True, eq=False)
class Masks:
    """Masks of images, and how far each can be trusted; NumPy takes it as an array.

    Attributes:
      values: uint8 [N, H, W, 1], 255 = foreground.
      verdicts: of each: ok, empty, full, unsure or failed.
      images: what they are masks of, uint8 [N, H, W, 3].
    """

    values: np.ndarray
    verdicts: tuple[str, ...]
    images: np.ndarray

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return np.array(self.values, dtype=dtype, copy=copy)

    def __len__(self) -> int:
        return len(self.values)

    @property
    def good(self) -> np.ndarray:
        """Which masks can be used, bool [N]."""
        return ~np.isin(self.verdicts, quality.BAD)

    def __str__(self) -> str:
        counts = [
            f"{self.verdicts.count(name)} {name}"
            for name in quality.VERDICTS
            if name in self.verdicts
        ]
        return f"masks of {len(self)} images: {', '.join(counts)}"

    __repr__ = __str__

    def _repr_html_(self) -> str:
        """Shows the first ones: the image above its object on white."""
        images, opacity = self.images[:_SHOWN], self.values[:_SHOWN] / 255.0
        objects = images * opacity + 255 * (1 - opacity)
        shown = pictures.grid(np.stack([images, objects]), self.verdicts[:_SHOWN])
        return pictures.html_image(shown, str(self))


def segment(
    images: np.ndarray | Sequence[np.ndarray], segmenter: str = "object", *, fetch: bool = False
) -> Masks:
    """Makes a mask of each image with MediaPipe.

    Args:
      images: RGB [N, H, W, 3] in 0 to 255 or 0 to 1.
      segmenter: "object" for any salient thing (U²-Net-p), "selfie" for people.
      fetch: download the model (checked against its sha256) when it is not in the cache yet.

    Raises:
      UserError: no such segmenter, images of another form, or a model that is not there.
    """
    pixels = to_images(images)
    path = check(segmenter, fetch)
    made = []
    with opening.open_segmenter(Settings(segmenter), path) as network:
        for image in tqdm.tqdm(pixels, "segmenting", unit="image", delay=1):
            made.append(encoding.mask_of(network, "", np.ascontiguousarray(image)))
    values = [np.asarray(Image.open(io.BytesIO(mask.png)))[..., None] for mask in made]
    return Masks(np.stack(values), tuple(mask.quality.verdict for mask in made), pixels)


def check(segmenter: str, fetch: bool) -> pathlib.Path:
    """Returns the file of a segmenter's model.

    Args:
      segmenter: one that brings its model.
      fetch: download it when it is not in the cache yet.

    Raises:
      UserError: no such segmenter, or its model is not there.
    """
    known = [name for name, kind in KINDS.items() if kind.model is not None]
    if segmenter not in known:
        raise UserError(
            f"segmenter must be one of {', '.join(known)}. "
            f"Received: {segmenter!r}{nearest(segmenter, known)}"
        )
    try:
        return opening.prepare(Settings(segmenter), fetch=fetch)
    except UserError as error:
        if fetch:
            raise
        raise UserError(
            f"the model of the segmenter {segmenter!r} is not in the cache, or damaged; give "
            "fetch=True"
        ) from error
