"""Multinomial logistic regression of many rows in few steps.

What scikit-learn's gives, from L-BFGS as well, but preconditioned: the Hessian of every softmax
regression is at most half of the features' weighted second moments (Böhning 1992, "Multinomial
logistic regression algorithm"), whose Cholesky factor makes steep and flat directions alike. A
fourth of the steps is enough, and each of them works in single precision.
"""

from collections.abc import Iterator, Sequence

import numpy as np
import scipy.linalg
import scipy.optimize

# The last digit of a weight decides nothing.
_STEPS = 60
_TOLERANCE = 1e-6
# Features that hardly vary are not blown up to more than this many times the mean one.
_LARGEST_FACTOR = 100.0


def fit_path(
    features: np.ndarray,
    labels: np.ndarray,
    weights: np.ndarray,
    scores: np.ndarray,
    strengths: Sequence[float],
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Fits changes of a layer, of growing strength, each from the one before.

    Minimises the weighted sum of cross-entropies plus the squared length of the change's kernel, of
    features of mean 0 and deviation 1, over twice the strength.

    Args:
      features: float32 [M, D].
      labels: int [M].
      weights: float [M], how much each row counts.
      scores: float32 [M, K], what the layer says as it is; zeros fit one from nothing.
      strengths: smaller ones hold the change back more, as scikit-learn's C.

    Yields:
      kernel float32 [D, K] and bias float32 [K] to be added, of the features as they are given.
    """
    mean, deviation = features.mean(axis=0), features.std(axis=0)
    deviation = np.maximum(deviation, deviation.mean() / _LARGEST_FACTOR) + 1e-12
    # A last column of ones is for the bias, which nothing holds back.
    rows = np.ones((len(features), features.shape[1] + 1), np.float32)
    rows[:, :-1] = (features - mean) / deviation
    weights = weights.astype(np.float32)
    moments = (rows.T @ (rows * weights[:, None])).astype(np.float64) / 2
    layer = np.zeros((rows.shape[1], scores.shape[1]))
    for strength in strengths:
        layer = _fitted(rows, labels, weights, scores, moments, strength, layer)
        kernel = layer[:-1] / deviation[:, None]
        yield kernel.astype(np.float32), (layer[-1] - mean @ kernel).astype(np.float32)


def _fitted(
    rows: np.ndarray,
    labels: np.ndarray,
    weights: np.ndarray,
    before: np.ndarray,
    moments: np.ndarray,
    strength: float,
    start: np.ndarray,
) -> np.ndarray:
    """Returns the layer [D + 1, K], its last row the bias."""
    total, numbers = float(weights.sum()), np.arange(len(rows))
    held = np.append(np.full(len(moments) - 1, 1 / strength), 1e-6 * total)
    factor = scipy.linalg.cholesky((moments + np.diag(held)) / total, lower=True)
    held /= total
    held[-1] = 0.0

    def lost(flat: np.ndarray) -> tuple[float, np.ndarray]:
        steps = flat.reshape(start.shape)
        layer = scipy.linalg.solve_triangular(factor.T, steps, lower=False)
        scores = rows @ layer.astype(np.float32) + before
        scores -= scores.max(axis=1, keepdims=True)
        own = scores[numbers, labels]
        shares = np.exp(scores, out=scores)
        sums = shares.sum(axis=1)
        loss = float(weights @ (np.log(sums) - own)) / total
        shares *= (weights / sums)[:, None]
        shares[numbers, labels] -= weights
        slope = (rows.T @ shares).astype(np.float64) / total + held[:, None] * layer
        loss += float((held[:, None] * layer**2).sum()) / 2
        return loss, scipy.linalg.solve_triangular(factor, slope, lower=True).ravel()

    options = {"maxiter": _STEPS, "ftol": _TOLERANCE, "gtol": 1e-6}
    first = (factor.T @ start).ravel()
    ended = scipy.optimize.minimize(lost, first, jac=True, method="L-BFGS-B", options=options)
    return scipy.linalg.solve_triangular(factor.T, ended.x.reshape(start.shape), lower=False)
