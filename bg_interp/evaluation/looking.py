"""Maps of where a classifier looks, in the images that depend most on their background."""

import dataclasses

import numpy as np

from bg_interp.errors import one_line
from bg_interp.evaluation.attribution import smoothgrad
from bg_interp.evaluation.reliance.variants import Variants
from bg_interp.evaluation.result import Evaluation
from bg_interp.evaluation.worst import Maps, varied_rows
from bg_interp.models.adapter import AdaptedModel


def with_maps(found: Evaluation, model: AdaptedModel) -> Evaluation:
    """Returns the same with SmoothGrad maps of the true class for its worst images.

    A classifier without gradients has none; `attribution` says why already.

    Args:
      found: with attribution measured.
      model: what was measured.
    """
    rows = varied_rows(found)
    if not len(rows) or "left_out" in found.attribution.get("smoothgrad", {}):
        return found
    swapped = Variants(found.test, found.seed).make("swap", rows)
    both = np.concatenate([found.test.images[rows], swapped])
    labels = np.concatenate([found.test.labels[rows]] * 2)
    try:
        maps = smoothgrad(model, both, labels, found.seed)
    # All numbers are measured already, and somebody's model may raise anything.
    except Exception as error:
        return dataclasses.replace(found, maps=Maps(left_out=one_line(error)))
    unmodified, elsewhere = np.split(maps, 2)
    return dataclasses.replace(found, maps=Maps(rows, unmodified, elsewhere))
