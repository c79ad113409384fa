"""How masks agree with true ones, where a dataset has them."""

import dataclasses

import numpy as np
from scipy import ndimage


@dataclasses.dataclass(frozen=True)
class Scores:
    """Agreement over many images.

    Attributes:
      count: how many images.
      mean_iou: mean intersection over union, both masks made hard at one half.
      median_iou: its median.
      share_below_half: share of the images whose IoU is below 0.5.
      boundary_error: mean distance between the outlines, in shares of the image's diagonal.
    """

    count: int
    mean_iou: float
    median_iou: float
    share_below_half: float
    boundary_error: float

    def __str__(self) -> str:
        return (
            f"against the dataset's own masks, {self.count} images: mean IoU {self.mean_iou:.3f}, "
            f"median {self.median_iou:.3f}, below 0.5 {self.share_below_half:.1%}, boundary error "
            f"{self.boundary_error:.2%} of the diagonal"
        )


def summarise(ious: list[float], errors: list[float]) -> Scores:
    """Sums up the values of `iou` and `boundary_error` of one image each."""
    values = np.array(ious)
    return Scores(
        count=len(ious),
        mean_iou=float(values.mean()),
        median_iou=float(np.median(values)),
        share_below_half=float((values < 0.5).mean()),
        boundary_error=float(np.mean(errors)),
    )


def iou(mask: np.ndarray, truth: np.ndarray) -> float:
    """Returns the intersection over union of two masks, uint8 [H, W], made hard at one half.

    Two empty masks agree fully: 1.
    """
    mask, truth = mask > 127, truth > 127
    union = int((mask | truth).sum())
    return int((mask & truth).sum()) / union if union else 1.0


def boundary_error(mask: np.ndarray, truth: np.ndarray) -> float:
    """Returns how far apart the outlines of two masks lie, in shares of the image's diagonal.

    The mean distance from every outline pixel to the nearest one of the other mask, both ways
    (average symmetric surface distance; Heimann et al., IEEE TMI 28(8), 2009). It is 1 when only
    one of the masks has an outline.

    Args:
      mask: uint8 [H, W], 255 = foreground.
      truth: the same of the true mask.
    """
    outlines = [_outline(mask > 127), _outline(truth > 127)]
    found = [bool(outline.any()) for outline in outlines]
    if not all(found):
        return float(any(found))
    distances = [ndimage.distance_transform_edt(~outline) for outline in outlines]
    both = np.concatenate([distances[0][outlines[1]], distances[1][outlines[0]]])
    return float(both.mean()) / float(np.hypot(*mask.shape))


def _outline(hard: np.ndarray) -> np.ndarray:
    """Returns the foreground pixels that touch the background."""
    return hard & ~ndimage.binary_erosion(hard, border_value=1)
