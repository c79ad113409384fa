"""Images within a page, as data: URLs."""

import base64
import io

import numpy as np
from PIL import Image

from bg_interp import pictures

# Class images and other pictures whose every pixel counts.
PNG = "PNG"
# Photographs: a tenth of the bytes.
WEBP = "WEBP"


def data_url(image: np.ndarray, kind: str = PNG, side: int | None = None) -> str:
    """Returns an image as a data: URL.

    Args:
      image: [H, W, 1 or 3] in [0, 255].
      kind: PNG or WEBP, which is lossy.
      side: the pixels that the longer side is reduced to; None, or a smaller image, leaves it.
    """
    picture = pictures.as_picture(image)
    if side is not None and max(picture.size) > side:
        picture.thumbnail((side, side), Image.Resampling.LANCZOS)
    data = io.BytesIO()
    options = {"optimize": True} if kind == PNG else {"quality": 80, "method": 4}
    picture.save(data, format=kind, **options)
    encoded = base64.b64encode(data.getvalue()).decode()
    return f"data:image/{kind.lower()};base64,{encoded}"
