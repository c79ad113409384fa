"""Our logistic regression beside scikit-learn's, to which it must come in fewer steps."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from bg_interp.repairing.regression import fit_path

_COUNT = 400


def _features(classes: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rows of classes that overlap, along directions of very different lengths."""
    generator = np.random.default_rng(classes)
    labels = np.arange(_COUNT) % classes
    centres = generator.normal(0, 1, (classes, 6))
    rows = (centres[labels] + generator.normal(0, 1, (_COUNT, 6))) @ generator.normal(0, 1, (6, 6))
    weights = np.where(np.arange(_COUNT) < 100, 3.0, 1.0)
    return (5 + rows * [0.5, 1, 10, 1, 1, 20]).astype(np.float32), labels, weights


@pytest.mark.parametrize("classes", [2, 3])
def test_it_comes_to_the_layer_of_scikit_learn(classes):
    features, labels, weights = _features(classes)
    mean, deviation = features.mean(axis=0), features.std(axis=0)
    strengths = (1e-3, 0.1)
    nothing = np.zeros((_COUNT, classes), np.float32)
    layers = fit_path(features, labels, weights, nothing, strengths)
    for (kernel, bias), strength in zip(layers, strengths, strict=True):
        # Two classes are one score there, and its length is twice that of each of ours.
        theirs = LogisticRegression(C=strength * (2 if classes == 2 else 1), max_iter=2000)
        theirs.fit((features - mean) / deviation, labels, weights)
        expected = theirs.predict_proba((features - mean) / deviation)
        scores = np.exp(features @ kernel + bias)
        np.testing.assert_allclose(scores / scores.sum(axis=1, keepdims=True), expected, atol=0.01)


def test_features_that_do_not_vary_count_for_nothing():
    features, labels, weights = _features(3)
    features[:, 2] = 7
    ((kernel, bias),) = fit_path(
        features, labels, weights, np.zeros((_COUNT, 3), np.float32), (1.0,)
    )
    assert np.isfinite(kernel).all() and np.isfinite(bias).all()
    assert np.abs(kernel[2]).max() < 1e-3


def test_a_layer_that_is_held_back_stays_what_it_was():
    features, labels, weights = _features(3)
    old = features @ np.random.default_rng(0).normal(0, 1, (6, 3)).astype(np.float32)
    layers = list(fit_path(features, labels, weights, old, (1e-9, 10.0)))
    moved = [np.abs(features @ kernel + bias - bias).max() for kernel, bias in layers]
    assert moved[0] < 1e-3 < 1 < moved[1]
    kernel, bias = layers[1]
    assert ((old + features @ kernel + bias).argmax(1) == labels).mean() > 0.6
