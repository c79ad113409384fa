"""How well backgrounds alone tell the label: a data set judged before anything is trained.

Backgrounds without their objects (tiled) are described by colours and edges, and a linear
classifier of these is cross-validated. What it gets right beyond chance, a network can learn too:
the leak is a lower bound of what backgrounds give away.
"""

import dataclasses
import warnings
from typing import Any

import numpy as np

from bg_interp.errors import UserError
from bg_interp.evaluation.arrays import Arrays, with_usable_masks
from bg_interp.evaluation.estimate import Estimate
from bg_interp.evaluation.judges.data import tiled_backgrounds
from bg_interp.evaluation.judges.shape import gradient_histograms

MOST_IMAGES = 1600
_FOLDS = 5
_BLOCKS, _LEVELS = 4, 4


@dataclasses.dataclass(frozen=True, repr=False)
class Leak:
    """What backgrounds alone tell.

    Attributes:
      accuracy: the share of images whose label a classifier of backgrounds finds.
      chance: what always saying the commonest label would find.
    """

    accuracy: Estimate
    chance: float

    def __str__(self) -> str:
        """Says it in one sentence."""
        return (
            f"backgrounds alone tell {self.accuracy} of the labels of {self.accuracy.count} images "
            f"(the commonest label: {self.chance:.2f})"
        )

    __repr__ = __str__

    def to_dict(self) -> dict[str, Any]:
        """Returns what JSON can hold."""
        return dataclasses.asdict(self)


def describe(images: np.ndarray) -> np.ndarray:
    """Returns colours and edges of images, float32 [N, D], each number of variance 1.

    Args:
      images: uint8 [N, H, W, 3].
    """
    count, height, width = images.shape[:3]
    rows, columns = height // _BLOCKS, width // _BLOCKS
    blocks = images[:, : rows * _BLOCKS, : columns * _BLOCKS].astype(np.float32)
    blocks = blocks.reshape(count, _BLOCKS, rows, _BLOCKS, columns, 3)
    means, spreads = (part.reshape(count, -1) for part in (blocks.mean((2, 4)), blocks.std((2, 4))))
    levels = (images // (256 // _LEVELS)).reshape(count, -1, 3).astype(np.int64)
    colours = levels @ [_LEVELS**2, _LEVELS, 1]
    histograms = np.stack([np.bincount(one, minlength=_LEVELS**3) for one in colours])
    edges = gradient_histograms(images).reshape(count, -1, 9).mean(axis=1)
    found = np.concatenate(
        [means, spreads, np.sqrt(histograms / colours.shape[1]), edges], axis=1, dtype=np.float32
    )
    return (found - found.mean(axis=0)) / np.maximum(found.std(axis=0), 1e-6)


def drawn(labels: np.ndarray, seed: int, most: int = MOST_IMAGES) -> np.ndarray:
    """Draws images to look at, five or more of each class; those of smaller classes are left out.

    Args:
      labels: int [N].
      seed: keys the drawing.
      most: how many at the most.

    Returns:
      int64 [M], positions in `labels`, sorted.
    """
    generator = np.random.default_rng(seed)
    order = generator.permutation(len(labels))
    # How many of its class come before each image.
    sorted_by_class = np.argsort(labels[order], kind="stable")
    counts = np.bincount(labels)
    before = np.empty(len(labels), np.int64)
    before[sorted_by_class] = np.concatenate([np.arange(count) for count in counts])
    large = generator.permutation(np.flatnonzero(counts >= _FOLDS))
    kept = np.isin(labels[order], large[: most // _FOLDS])
    first, others = order[kept & (before < _FOLDS)], order[kept & (before >= _FOLDS)]
    return np.sort(np.concatenate([first, others])[:most])


def measure_leak(arrays: Arrays, seed: int = 0) -> Leak:
    """Measures how well backgrounds alone tell the label.

    Args:
      arrays: labelled images with masks, at most 1,600 of which are looked at.
      seed: keys which, and how they are divided.

    Raises:
      UserError: there are not two classes with five images each.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedKFold, cross_val_predict

    arrays = with_usable_masks(arrays)
    some = arrays.take(drawn(arrays.labels, seed))
    counts = np.bincount(some.labels)
    if (counts > 0).sum() < 2:
        raise UserError(
            f"the leak needs two classes or more with at least {_FOLDS} images each. "
            f"Received: {int((counts > 0).sum())}"
        )
    features = describe(tiled_backgrounds(some))
    folds = StratifiedKFold(_FOLDS, shuffle=True, random_state=seed)
    # It need not converge to the last digit to be right or wrong.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = LogisticRegression(C=0.001, max_iter=60)
        predicted = cross_val_predict(model, features, some.labels, cv=folds)
    accuracy = Estimate.of_share(predicted == some.labels)
    return Leak(accuracy, float(counts.max() / counts.sum()))
