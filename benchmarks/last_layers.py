"""Last layers that others would fit to the same frozen features, for benchmarks/repair.py.

Each function takes features and gives a kernel [D, K] and a bias [K]: those of `afr` are added to
the old layer, the others' replace it. None of them but `dfr` is told what stands behind an object;
what has settings chooses them as the package's own repair does, on objects and backgrounds of the
half that it has not seen (`repairing.fitting.choose`).
"""

import itertools
import warnings
from collections.abc import Sequence

import numpy as np
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
    nothing = np.zeros((len(some.labels), int(some.labels.max()) + 1), np.float32)
    weights = np.ones(len(some.labels))
    ((kernel, bias),) = fit_path(some.features, some.labels, weights, nothing, (strength,))
    return kernel, bias


def of_black(sample: Sample, black: np.ndarray, max_loss: float, reference: Trial) -> Layer:
    """Fits a layer to images as they are and to their objects on black.

    Args:
      sample: its copies are only looked at to choose.
      black: float32 [N, D], features of each object on black.
      max_loss: see `choose`.
      reference: see `choose`.
    """
    some = sample.take(sample.copy == 0)
    every = Sample(
        np.concatenate([some.features, black[some.objects]]),
        *(np.tile(x, 2) for x in (some.labels, some.objects, some.halves)),
        np.repeat([0, 1], len(some.labels)),
        np.zeros(2 * len(some.labels), bool),
    )
    return from_nothing(every, sample, max_loss, reference)


def from_nothing(train: Sample, sample: Sample, max_loss: float, reference: Trial) -> Layer:
    """Fits a layer to images as they are and to copies, without regard to the old one.

    With copies on random backgrounds and exact masks, this is the last layer of Decompose-and-
    Compose (Noohdani et al. 2024, arXiv 2402.18919).

    Args:
      train: images and copies to learn from.
      sample: those to choose by, of the same halves.
      max_loss: see `choose`.
      reference: see `choose`.
    """

    def fitted(rows: np.ndarray, share: float) -> list[Layer]:
        some = train.take(rows)
        weights = np.where(some.copy == 0, share * some.copy.max(), 1.0)
        nothing = np.zeros((len(some.labels), int(train.labels.max()) + 1), np.float32)
        return list(fit_path(some.features, some.labels, weights, nothing, STRENGTHS))

    ways = list(itertools.product(SHARES, STRENGTHS))
    layers = [
        [layer for share in SHARES for layer in fitted(train.halves == 1 - half, share)]
        for half in range(HALVES)
    ]
    trials = [
        tried(sample, [layers[half][number] for half in range(HALVES)], way)
        for number, way in enumerate(ways)
    ]
    share, strength = ways[trials.index(choose(trials, reference, max_loss))]
    return fitted(np.ones(len(train.labels), bool), share)[STRENGTHS.index(strength)]


def tried(
    sample: Sample,
    layers: Sequence[Layer],
    way: tuple[float, float],
    scores: np.ndarray | float = 0.0,
) -> Trial:
    """Returns how the layer of each half, added to scores [M, K], does on that half."""
    scores = np.broadcast_to(scores, (len(sample.labels), len(layers[0][1])))
    in_half = sample.halves < HALVES
    right = np.zeros(len(sample.labels), bool)
    for half, (kernel, bias) in enumerate(layers):
        rows = sample.halves == half
        right[rows] = (sample.features[rows] @ kernel + bias + scores[rows]).argmax(
            1
        ) == sample.labels[rows]
    original = float(right[(sample.copy == 0) & in_half].mean())
    return Trial(way[1], way[0], original, float(right[sample.is_foreign & in_half].mean()))


def afr(
    features: np.ndarray,
    labels: np.ndarray,
    scores: np.ndarray,
    sample: Sample,
    old: np.ndarray,
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
      scores: float32 [M, K], what it says of them.
      sample: objects on backgrounds, which only choose.
      old: what it says of these.
      max_loss: see `choose`.
      reference: see `choose`.
    """
    sure = scipy.special.softmax(scores, axis=1)[np.arange(len(labels)), labels]
    shares = 1 / np.bincount(labels)[labels]
    layers, trials = [], []
    for gamma in _GAMMAS:
        weights = shares * np.exp(-gamma * sure)
        weights *= len(labels) / weights.sum()
        for layer, strength in zip(
            fit_path(features, labels, weights, scores, STRENGTHS), STRENGTHS, strict=True
        ):
            layers.append(layer)
            trials.append(tried(sample, [layer] * HALVES, (gamma, strength), old))
    return layers[trials.index(choose(trials, reference, max_loss))]


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
