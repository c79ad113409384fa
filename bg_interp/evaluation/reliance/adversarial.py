"""Adversarial backgrounds: for each object the worst of several backgrounds of other classes.

As in the Backgrounds Challenge of Xiao et al. 2020 (arXiv 2006.09994), but for the number of
backgrounds, which are drawn here instead of all being tried. A model whose errors have nothing to
do with backgrounds also fails on the worst of several; how often shows on as many backgrounds of
each object's own class.
"""

import numpy as np

from bg_interp.evaluation.arrays import Model, predict
from bg_interp.evaluation.reliance.variants import Variants


def right_on_every_background(
    model: Model, variants: Variants, variant: str, first: np.ndarray, backgrounds: int
) -> np.ndarray:
    """Tells of each object whether it is recognised on every one of several backgrounds.

    Args:
      model: images to logits (see `arrays.compiled`).
      variants: of the test set; its seed keys the drawing.
      variant: "swap" for backgrounds of other classes, "mixed_same" for those of its own.
      first: whether the answer to that variant itself is right, bool [N].
      backgrounds: how many there are, that of the variant among them.

    Returns:
      bool [N].
    """
    right = first.copy()
    for draw in range(1, backgrounds):
        # Once wrong, the object needs no more backgrounds.
        rows = np.flatnonzero(right)
        if not len(rows):
            break
        images = variants.make(variant, rows, draw)
        right[rows] = predict(model, images).argmax(axis=1) == variants.arrays.labels[rows]
    return right
