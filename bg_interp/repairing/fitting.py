"""Retraining the last layer on composites (Kirichenko et al. 2023, arXiv 2204.02937).

A network that relies on backgrounds has often learnt objects as well, and only weighs them less.
Logistic regression on its features, of the training images and of copies of them on random
backgrounds, weighs them anew; the layers below are left as they are. Features are whitened by what
backgrounds change in them, and how strongly the weights are held back is chosen by cross-validation
on kinds of background that the fit has not seen.
"""

import dataclasses
import functools
import warnings
from typing import Any

import numpy as np
import tqdm

from bg_interp.errors import UserError
from bg_interp.models.adapter import for_two_classes
from bg_interp.repairing.cache import ResumeCache, digest
from bg_interp.repairing.sample import Sample
from bg_interp.repairing.whitening import Whitening

# Smaller values hold the weights back more (scikit-learn's C).
CANDIDATES = (1e-4, 1e-3, 1e-2, 1e-1, 1.0)
_FOLDS = 2
# Rows that the choice among candidates looks at.
_ENOUGH = 6000


@dataclasses.dataclass(frozen=True, eq=False)
class Fit:
    """A last layer that was fitted.

    Attributes:
      kernel: float32 [D, K].
      bias: float32 [K].
      strength: the candidate that was chosen.
      unseen: {candidate: accuracy on composites with backgrounds of kinds that it had not seen}.
    """

    kernel: np.ndarray
    bias: np.ndarray
    strength: float
    unseen: dict[float, float]


def check_classes(labels: np.ndarray, classes: int) -> None:
    """Checks that there is something to learn each class from.

    Raises:
      UserError: a class has fewer than two images, or there are others than the network's.
    """
    counts = np.bincount(labels, minlength=classes)
    if len(counts) > classes or counts.min() < 2:
        raise UserError(
            f"repair needs images of each of the network's {classes} classes, at least two with "
            f"usable masks. Received: {counts.tolist()} images by class"
        )


def fit(sample: Sample, seed: int, cache: ResumeCache) -> Fit:
    """Fits a last layer to features.

    Args:
      sample: features of K classes.
      seed: keys how kinds of background are divided.
      cache: fits that are known.
    """
    shown = (sample.features, sample.labels, sample.weights, sample.kinds)
    identity = digest("whitened", *shown, seed)
    unseen = _unseen(sample, seed, cache, identity)
    strength = max(unseen, key=lambda one: (unseen[one], -one))

    def fitted() -> np.ndarray:
        space = Whitening.of(sample.features, sample.objects)
        found = _regression(strength, space(sample.features), sample)
        return np.vstack(space.undone(found.coef_.T, found.intercept_))

    *rows, bias = cache(digest(identity, strength), fitted)
    kernel, bias = for_two_classes(np.array(rows), bias)
    return Fit(kernel.astype(np.float32), bias.astype(np.float32), strength, unseen)


def _regression(strength: float, features: np.ndarray, sample: Sample) -> Any:
    from sklearn.linear_model import LogisticRegression

    with warnings.catch_warnings():
        # The last digit of a weight decides nothing; so many steps are enough.
        warnings.simplefilter("ignore")
        return LogisticRegression(C=strength, max_iter=100).fit(
            features, sample.labels, sample.weights
        )


def _unseen(sample: Sample, seed: int, cache: ResumeCache, identity: str) -> dict[float, float]:
    """Returns the accuracy of each candidate on composites with kinds of background left out."""
    generator = np.random.default_rng([seed, 7])
    count = int(sample.objects.max()) + 1
    objects = generator.permutation(count)[: _ENOUGH * count // len(sample.objects) + 1]
    some = sample.take(np.isin(sample.objects, objects))
    fold_of = generator.permutation(int(sample.kinds.max()) + 1) % _FOLDS
    folds = fold_of[some.kinds]
    right: dict[float, list[float]] = {one: [] for one in CANDIDATES}
    bar = tqdm.tqdm(total=len(CANDIDATES) * _FOLDS, desc="choosing", unit="fit", leave=False)
    with bar:
        for fold in range(_FOLDS):
            seen, tested = some.take(folds != fold), some.take((folds == fold) & some.is_copy)
            if len(np.unique(seen.labels)) < 2 or not len(tested.labels):
                bar.update(len(CANDIDATES))
                continue
            space = Whitening.of(seen.features, seen.objects)
            for strength in CANDIDATES:
                answers = functools.partial(_right, strength, seen, tested, space)
                right[strength] += cache(digest(identity, fold, strength), answers).tolist()
                bar.update()
    return {one: float(np.mean(said)) if said else 0.0 for one, said in right.items()}


def _right(strength: float, seen: Sample, tested: Sample, space: Whitening) -> np.ndarray:
    found = _regression(strength, space(seen.features), seen)
    return found.predict(space(tested.features)) == tested.labels
