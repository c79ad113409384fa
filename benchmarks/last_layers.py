"""Last layers that others would fit to the same frozen features, for benchmarks/repair.py.

Each function takes features and gives a kernel [D, K] and a bias [K]. None of them but `dfr` is
told what stands behind an object; what has settings chooses them as the package's own repair does,
on objects and backgrounds of the half that it has not seen (`repairing.fitting.choose`).
"""

import itertools
import warnings
from collections.abc import Sequence

import numpy as np
import scipy.optimize
import scipy.special

from bg_interp.repairing.fitting import SHARES, STRENGTHS, Trial, choose
from bg_interp.repairing.regression import fit_path
from bg_interp.repairing.sample import HALVES, Sample

Layer = tuple[np.ndarray, np.ndarray]

# Of AFR: how much images that the classifier is sure of lose weight, and how near it stays.
_GAMMAS = (0.0, 2.0, 4.0, 8.0, 16.0)
# Of DFR, as in its authors' code: strengths of the L1 penalty, and how many layers are averaged.
_L1 = (1.0, 0.3, 0.1, 0.03, 0.01)
_AVERAGED = 10


def of_originals(sample: Sample, strength: float) -> Layer:
    """Fits a layer to images as they are."""
    some = sample.take(sample.copy == 0)
    weights, classes = np.ones(len(some.labels)), int(some.labels.max()) + 1
    ((kernel, bias),) = fit_path(some.features, some.labels, weights, classes, (strength,))
    return kernel, bias


def of_black(sample: Sample, black: np.ndarray, max_loss: float, reference: Trial) -> Layer:
    """Fits a layer to images as they are and to their objects on black.

    Args:
      sample: its copies are only looked at to choose.
      black: float32 [N, D], features of each object on black.
      max_loss: see `choose`.
      reference: see `choose`.
    """
    first = sample.copy == 0
    features, labels, halves, objects = (
        getattr(sample, name)[first] for name in ("features", "labels", "halves", "objects")
    )
    ways = list(itertools.product(SHARES, STRENGTHS))
    rows, classes = np.concatenate([features, black[objects]]), int(labels.max()) + 1
    twice, behind = np.tile(labels, 2), np.tile(halves, 2)

    def fitted(seen: np.ndarray, share: float) -> list[Layer]:
        weights = np.repeat([share, 1.0], len(labels))[seen]
        return list(fit_path(rows[seen], twice[seen], weights, classes, STRENGTHS))

    layers = {
        half: [layer for share in SHARES for layer in fitted(behind != half, share)]
        for half in range(HALVES)
    }
    trials = [
        tried(sample, [layers[half][number] for half in range(HALVES)], way)
        for number, way in enumerate(ways)
    ]
    best = trials.index(choose(trials, reference, max_loss))
    share, strength = ways[best]
    return fitted(np.ones(len(rows), bool), share)[STRENGTHS.index(strength)]


def tried(sample: Sample, layers: Sequence[Layer], way: tuple[float, float]) -> Trial:
    """Returns how the layer of each half does on that half."""
    right = np.zeros(len(sample.labels), bool)
    for half, (kernel, bias) in enumerate(layers):
        rows = sample.halves == half
        right[rows] = (sample.features[rows] @ kernel + bias).argmax(1) == sample.labels[rows]
    original = float(right[sample.copy == 0].mean())
    return Trial(way[1], way[0], original, float(right[sample.is_foreign].mean()))


def afr(
    features: np.ndarray,
    labels: np.ndarray,
    old: Layer,
    sample: Sample,
    max_loss: float,
    reference: Trial,
) -> Layer:
    """Automatic feature reweighting (Qiu et al. 2023, arXiv 2306.11074).

    Images that the classifier is unsure of count more; the layer is held near the old one. Its
    authors choose both settings by the worst group of held-out images, whose groups they know;
    here composites choose them.

    Args:
      features: float32 [M, D], of images that the classifier was not trained on.
      labels: int [M].
      old: the last layer as it was.
      sample: objects on backgrounds, which only choose.
      max_loss: see `choose`.
      reference: see `choose`.
    """
    sure = scipy.special.softmax(features @ old[0] + old[1], axis=1)[np.arange(len(labels)), labels]
    shares = 1 / np.bincount(labels, minlength=old[0].shape[1])[labels]
    layers, trials = [], []
    for gamma in _GAMMAS:
        weights = shares * np.exp(-gamma * sure)
        weights *= len(labels) / weights.sum()
        for strength in STRENGTHS:
            layers.append(_near(features, labels, weights, old, strength))
            trials.append(tried(sample, [layers[-1]] * HALVES, (gamma, strength)))
    return layers[trials.index(choose(trials, reference, max_loss))]


def _near(
    features: np.ndarray, labels: np.ndarray, weights: np.ndarray, old: Layer, strength: float
) -> Layer:
    """Fits a layer whose distance from the old one is held back, in features of deviation 1."""
    mean, deviation = features.mean(axis=0), features.std(axis=0) + 1e-6
    rows, scores = (features - mean) / deviation, features @ old[0] + old[1]
    shape, numbers = (rows.shape[1] + 1, scores.shape[1]), np.arange(len(rows))
    rows = np.pad(rows, [(0, 0), (0, 1)], constant_values=1).astype(np.float32)

    def lost(flat: np.ndarray) -> tuple[float, np.ndarray]:
        change = flat.reshape(shape)
        moved = scores + rows @ change.astype(np.float32)
        shares = scipy.special.softmax(moved, axis=1)
        loss = -float(weights @ np.log(np.maximum(shares[numbers, labels], 1e-30)))
        shares[numbers, labels] -= 1
        slope = (rows.T @ (shares * weights[:, None])).astype(np.float64)
        loss += float((change[:-1] ** 2).sum()) / (2 * strength)
        slope[:-1] += change[:-1] / strength
        return loss / len(rows), slope.ravel() / len(rows)

    start = np.zeros(shape[0] * shape[1])
    options = {"maxiter": 60}
    ended = scipy.optimize.minimize(lost, start, jac=True, method="L-BFGS-B", options=options)
    change = ended.x.reshape(shape)
    kernel = change[:-1] / deviation[:, None]
    return old[0] + kernel, old[1] + change[-1] - mean @ kernel


def dfr(features: np.ndarray, labels: np.ndarray, groups: np.ndarray, seed: int) -> Layer:
    """Deep feature reweighting (Kirichenko et al. 2023, arXiv 2204.02937).

    Layers with an L1 penalty, fitted to subsets in which each group has as many images as the
    smallest; the penalty is chosen by the mean accuracy of groups of one half.

    Args:
      features: float32 [M, D], of images that the classifier was not trained on.
      labels: int [M].
      groups: int [M], which it is told.
      seed: keys the subsets.
    """
    from sklearn.linear_model import LogisticRegression

    generator = np.random.default_rng(seed)
    mean, deviation = features.mean(axis=0), features.std(axis=0) + 1e-6
    scaled = (features - mean) / deviation

    def balanced(rows: np.ndarray) -> np.ndarray:
        members = [rows[groups[rows] == group] for group in np.unique(groups[rows])]
        least = min(map(len, members))
        return np.concatenate([generator.permutation(some)[:least] for some in members])

    def fitted(rows: np.ndarray, strength: float) -> LogisticRegression:
        model = LogisticRegression(l1_ratio=1, C=strength, solver="saga", max_iter=50)
        return model.fit(scaled[rows], labels[rows])

    def by_group(model: LogisticRegression, rows: np.ndarray) -> float:
        right = model.predict(scaled[rows]) == labels[rows]
        return float(
            np.mean([right[groups[rows] == one].mean() for one in np.unique(groups[rows])])
        )

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        first, second = np.array_split(generator.permutation(len(labels)), 2)
        scores = [by_group(fitted(balanced(first), strength), second) for strength in _L1]
        best = _L1[int(np.argmax(scores))]
        every = np.arange(len(labels))
        models = [fitted(balanced(every), best) for _ in range(_AVERAGED)]
    kernel = np.mean([model.coef_.T for model in models], axis=0) / deviation[:, None]
    return kernel, np.mean([model.intercept_ for model in models], axis=0) - mean @ kernel
