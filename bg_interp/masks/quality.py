"""How far a mask can be trusted: its area, its decidedness, and a verdict from both."""

import dataclasses

import numpy as np

OK, EMPTY, FULL, UNSURE, FAILED = "ok", "empty", "full", "unsure", "failed"
VERDICTS = (OK, EMPTY, FULL, UNSURE, FAILED)
BAD = (EMPTY, FULL, UNSURE, FAILED)
# Of a mask from outside: it is no opacity in the format of the others, or of another shape.
ODD = "odd"

# Measured by benchmarks/mask_quality.py: these bounds flag few good masks.
_EMPTY_BELOW = 0.005
_FULL_ABOVE = 0.98
_UNSURE_BELOW = 0.8


@dataclasses.dataclass(frozen=True)
class Quality:
    """What is known of a mask without knowing the truth.

    Attributes:
      area: mean opacity, from 0 to 1.
      self_iou: agreement of the network's opacities with themselves made hard, from 0 to 1;
        low where the network could not decide.
      verdict: one of `VERDICTS`.
    """

    area: float
    self_iou: float
    verdict: str


def assess(opacity: np.ndarray, mask: np.ndarray) -> Quality:
    """Judges one mask.

    Args:
      opacity: float32 [h, w] in [0, 1], what the network said.
      mask: float32 [h, w] in [0, 1], the same after its treatment.
    """
    area = float(mask.mean())
    agreement = self_iou(opacity)
    if area < _EMPTY_BELOW:
        verdict = EMPTY
    elif area > _FULL_ABOVE:
        verdict = FULL
    else:
        verdict = UNSURE if agreement < _UNSURE_BELOW else OK
    return Quality(round(area, 4), round(agreement, 4), verdict)


def self_iou(opacity: np.ndarray) -> float:
    """Returns the soft intersection over union of opacities with their own hard version.

    Sum of minima over sum of maxima; 1 when every opacity is 0 or 1 or nothing is there, and the
    lower, the more opacities lie between.
    """
    hard = (opacity > 0.5).astype(np.float32)
    union = float(np.maximum(opacity, hard).sum())
    return float(np.minimum(opacity, hard).sum()) / union if union > 0 else 1.0
