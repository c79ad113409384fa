"""Post-processing of a segmenter's mask: components, threshold, feather."""

import dataclasses

import numpy as np
from scipy import ndimage


@dataclasses.dataclass(frozen=True)
class Cleaning:
    """What is done to a mask once the network has made it.

    The defaults come from `benchmarks/mask_quality.py`: small components are mostly mistakes,
    while erosion, dilation and the filling of holes did harm.

    Attributes:
      threshold: opacity above which a pixel counts as foreground, from 0 to 1.
      soft: keep the network's opacities; False makes every pixel 0 or 1.
      smallest_component: connected parts whose area is below this share of the largest part's
        are removed; 0 keeps them all.
      feather: standard deviation of the Gaussian that blurs the edge, in pixels of the network's
        input; 0 leaves the edge.
    """

    threshold: float = 0.5
    soft: bool = True
    smallest_component: float = 0.1
    feather: float = 0.0

    def __call__(self, mask: np.ndarray) -> np.ndarray:
        """Returns the mask, treated.

        Args:
          mask: float32 [H, W] in [0, 1], 1 = foreground.
        """
        hard = mask > self.threshold
        cleaned = mask if self.soft else hard.astype(np.float32)
        if self.smallest_component > 0:
            cleaned = np.where(_debris(hard, self.smallest_component), 0.0, cleaned)
        if self.feather > 0:
            cleaned = ndimage.gaussian_filter(cleaned, self.feather)
        return np.clip(cleaned, 0.0, 1.0).astype(np.float32)


def _debris(hard: np.ndarray, share: float) -> np.ndarray:
    """Returns bool [H, W]: the small components, with the soft rim around each of them."""
    labels, count = ndimage.label(hard)
    if count < 2:
        return np.zeros_like(hard)
    areas = np.bincount(labels.ravel())
    areas[0] = 0
    small = areas < share * areas.max()
    small[0] = False
    if not small.any():
        return np.zeros_like(hard)
    # A pixel belongs to the nearest component, so that a removed one leaves no ghost of its rim.
    nearest = ndimage.distance_transform_edt(
        labels == 0, return_distances=False, return_indices=True
    )
    return small[labels[tuple(nearest)]]
