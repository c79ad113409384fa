"""Adversarial backgrounds: for each object the worst of several backgrounds of other classes.

As in the Backgrounds Challenge of Xiao et al. 2020 (arXiv 2006.09994), but for the number of
backgrounds, which are drawn here instead of all being tried.
"""

import numpy as np

from bg_interp.evaluation.arrays import Model, predict
from bg_interp.evaluation.reliance.variants import Variants


def right_on_every_background(model: Model, variants: Variants, backgrounds: int) -> np.ndarray:
    """Tells of each object whether it is known on every one of several backgrounds.

    Args:
      model: images to logits (see `arrays.compiled`).
      variants: of the test set; its seed keys the drawing.
      backgrounds: how many are drawn for each object, from images of other classes.

    Returns:
      bool [N].
    """
    labels = variants.arrays.labels
    right = np.ones(len(labels), bool)
    for draw in range(1, backgrounds + 1):
        # Once wrong, the object needs no more backgrounds.
        rows = np.flatnonzero(right)
        if not len(rows):
            break
        images = variants.make("swap", rows, draw)
        right[rows] = predict(model, images).argmax(axis=1) == labels[rows]
    return right
