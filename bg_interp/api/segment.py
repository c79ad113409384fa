"""Masks of anybody's images, in memory or in a folder, in one call from Python."""

import pathlib
from collections.abc import Sequence

import numpy as np

from bg_interp.commands import segment as of_folders
from bg_interp.config.segmentation import SegmentConfig
from bg_interp.masks import in_memory


def segment(
    images: np.ndarray | Sequence[np.ndarray] | str | pathlib.Path,
    segmenter: str = "object",
    *,
    fetch: bool = False,
    download: bool = False,
) -> in_memory.Masks | of_folders.Segmented:
    """Makes a mask of each image with MediaPipe.

    Example:
      ```
      masks = bg.segment(images, "object", fetch=True)
      bg.evaluate(model, images, labels, masks)
      ```

    Args:
      images: RGB [N, H, W, 3] in 0 to 255 or 0 to 1; or a folder of photographs with one folder
        per class.
      segmenter: "object" for any salient thing (U²-Net-p), "selfie" for people.
      fetch: download the model (checked against its sha256) when it is not in the cache yet.
      download: an earlier name of `fetch`.

    Returns:
      The masks, uint8 [N, H, W, 1], with a verdict on each. Those of a folder are made once
      and stored where the programs find them; the result says where they are and how good they are,
      and shows the least certain ones.

    Raises:
      UserError: no such segmenter, images of another form, or a model that is not there.
    """
    fetch = fetch or download
    if not isinstance(images, str | pathlib.Path):
        return in_memory.segment(images, segmenter, fetch=fetch)
    in_memory.check(segmenter, fetch)
    config = SegmentConfig(dataset=f"folder:{images}", segmenter=segmenter, gallery=True)
    return of_folders.run(config)
