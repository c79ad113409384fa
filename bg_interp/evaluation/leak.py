"""How well backgrounds alone predict the label: a dataset judged before anything is trained.

Backgrounds without their objects (tiled) are described by colours and edges, and a linear
classifier of these is cross-validated. What it gets right beyond chance, a network can learn too:
the leak is a lower bound of what backgrounds give away. Its interval is as wide as what it finds
where the labels of scenes are permuted, so that it leaves chance outside only by evidence.
"""

import dataclasses
import warnings
from typing import Any

import numpy as np

from bg_interp.data.near_duplicates import near_duplicates
from bg_interp.errors import UserError
from bg_interp.evaluation import permutation
from bg_interp.evaluation.arrays import Arrays, usable_rows
from bg_interp.evaluation.estimate import Estimate
from bg_interp.evaluation.judges.shape import gradient_histograms
from bg_interp.evaluation.places import same_places
from bg_interp.evaluation.reliance.variants import tiled
from bg_interp.evaluation.units import joined

MOST_IMAGES = 1600
_FOLDS = 5
_BLOCKS, _LEVELS = 4, 4
_STRENGTH = 3000.0


@dataclasses.dataclass(frozen=True, repr=False)
class Leak:
    """What backgrounds alone predict.

    Attributes:
      accuracy: the share of images whose label a classifier of backgrounds finds.
      chance: what always saying the commonest label would find.
      scenes: of how many scenes the backgrounds are, near-duplicates counted once.
      p_value: how often so much or more is found where the labels of scenes are permuted.
    """

    accuracy: Estimate
    chance: float
    scenes: int
    p_value: float

    def __str__(self) -> str:
        """Says it in one sentence."""
        return (
            f"backgrounds alone predict {self.accuracy} of the labels of {self.accuracy.count} "
            f"images of {self.scenes} scenes (the commonest label: {self.chance:.2f})"
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


def measure_leak(arrays: Arrays, seed: int = 0, scenes: np.ndarray | None = None) -> Leak:
    """Measures how well backgrounds alone predict the label.

    Images of one scene, near-duplicates of backgrounds and backgrounds that show one place are
    always in one fold: a classifier would else know a background by its twin.

    Args:
      arrays: labelled images with masks, at most 1,600 of which are looked at.
      seed: keys which, how they are divided, and the permutations.
      scenes: int [N], equal for images of one place or scene; None where nothing tells.

    Raises:
      UserError: there are not two classes with five images each, or not five different scenes.
    """
    usable = usable_rows(arrays)
    some = arrays.take(usable)
    rows = drawn(some.labels, seed)
    some = some.take(rows)
    _, labels, counts = np.unique(some.labels, return_inverse=True, return_counts=True)
    if len(counts) < 2:
        raise UserError(
            f"the leak needs two classes or more with at least {_FOLDS} images each. "
            f"Received: {len(counts)}"
        )
    backgrounds = tiled(some.images, some.masks)
    units = joined(near_duplicates(backgrounds), same_places(some.images, some.masks))
    if scenes is not None:
        units = joined(units, scenes[usable][rows])
    return leak_of(describe(backgrounds), labels, units, seed)


def leak_of(features: np.ndarray, labels: np.ndarray, units: np.ndarray, seed: int) -> Leak:
    """Measures how well descriptions of backgrounds tell the label.

    Args:
      features: float32 [N, D], see `describe`.
      labels: int [N], 0 to K - 1.
      units: int [N], equal for images of one scene.
      seed: keys folds and permutations.

    Raises:
      UserError: all are of one scene.
    """
    counts = np.bincount(labels)
    units = np.unique(units, return_inverse=True)[1]
    answers = _Folds(features, labels, units, seed)
    value, chance = answers.accuracy(labels), float(counts.max() / counts.sum())
    generator = np.random.default_rng([seed, 3])
    draws = (answers.permuted(labels, units, generator) for _ in range(permutation.DRAWS))
    by_chance = permutation.against_chance(
        value, np.array([answers.accuracy(one) for one in draws])
    )
    # Above chance only where more is found than chance gives in 39 of 40 cases. Folds of few scenes
    # lack the scenes that are asked for, and so find less than the commonest label would: as much
    # more may be there.
    low = max(0.0, value - (by_chance.high - min(chance, by_chance.mean)))
    high = min(1.0, value + (max(chance, by_chance.mean) - by_chance.low))
    found = Estimate(value, low, high, len(labels))
    return Leak(found, chance, int(units.max()) + 1, by_chance.p_value)


class _Folds:
    """A linear classifier (ridge regression on the classes), cross-validated.

    What it says of each image is a sum over the labels of those that it learns from, whose weights
    are worked out once: of other labels it is asked in no time.
    """

    def __init__(self, features: np.ndarray, labels: np.ndarray, units: np.ndarray, seed: int):
        from sklearn.model_selection import StratifiedGroupKFold

        folds = min(_FOLDS, int(units.max()) + 1)
        if folds < 2:
            raise UserError(
                "the leak needs backgrounds of two scenes or more. Received: images whose "
                "backgrounds are all nearly the same"
            )
        divided = StratifiedGroupKFold(folds, shuffle=True, random_state=seed)
        with warnings.catch_warnings():
            # A class of fewer scenes than folds is left out of some.
            warnings.simplefilter("ignore")
            parts = list(divided.split(features, labels, units))
        self._parts = [(test, train, _weights(features, train, test)) for train, test in parts]
        self._classes = int(labels.max()) + 1

    def permuted(
        self, labels: np.ndarray, units: np.ndarray, generator: np.random.Generator
    ) -> np.ndarray:
        """Returns labels that images have by chance; see `permutation.permuted`.

        Folds hold the classes evenly. They must still do so: a class that is rare where one learns
        is common where one is asked, and so much less than chance would be found.
        """
        made = labels.copy()
        for test, *_ in self._parts:
            made[test] = permutation.permuted(labels[test], units[test], generator)
        return made

    def accuracy(self, labels: np.ndarray) -> float:
        """Returns the share of labels that are found, each without its own fold."""
        right = 0
        for test, train, weights in self._parts:
            one_hot = np.eye(self._classes, dtype=np.float32)[labels[train]]
            shares = one_hot.mean(axis=0)
            said = weights @ (one_hot - shares) + shares
            right += int((said.argmax(axis=1) == labels[test]).sum())
        return right / len(labels)


def _weights(features: np.ndarray, train: np.ndarray, test: np.ndarray) -> np.ndarray:
    """Returns what each image of a fold makes of each one it learns from, [test, train]."""
    centre = features[train].mean(axis=0)
    known, asked = features[train] - centre, features[test] - centre
    inner = known @ known.T
    inner[np.diag_indices_from(inner)] += _STRENGTH
    return np.linalg.solve(inner, known @ asked.T).T.astype(np.float32)
