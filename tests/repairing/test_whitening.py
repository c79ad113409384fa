"""Whitened features: what backgrounds change is small in them, and layers can be taken back."""

import numpy as np
import pytest

from bg_interp.repairing import whitening
from bg_interp.repairing.whitening import Whitening

_OBJECTS = np.tile(np.arange(300), 4)


def _features() -> np.ndarray:
    """Five features: objects differ in all of them, backgrounds change along one direction."""
    generator = np.random.default_rng(0)
    objects = generator.normal(0, 1, (300, 5))[_OBJECTS]
    backgrounds = generator.normal(0, 5, (1200, 1)) * np.array([[1, 1, 0, 0, 0]]) / np.sqrt(2)
    found = objects + backgrounds + generator.normal(0, 0.05, (1200, 5))
    return (3 + found * np.array([1, 1, 10, 0.1, 1])).astype(np.float32)


def _due_to_backgrounds(features: np.ndarray) -> float:
    """Returns the largest variance that backgrounds cause, as a share of the largest there is."""
    by_object = features.reshape(4, 300, -1)
    changed = (by_object - by_object.mean(axis=0)).reshape(1200, -1)
    caused, whole = (np.linalg.eigvalsh(np.cov(x, rowvar=False))[-1] for x in (changed, features))
    return caused / whole


def test_what_backgrounds_change_becomes_small_beside_what_objects_do():
    features = _features()
    scaled = (features - features.mean(axis=0)) / features.std(axis=0)
    assert _due_to_backgrounds(scaled) > 0.7
    assert _due_to_backgrounds(Whitening.of(features, _OBJECTS)(features)) < 0.03


@pytest.mark.parametrize("widest", [4096, 4])
def test_a_layer_on_whitened_features_is_one_on_the_features(monkeypatch, widest):
    monkeypatch.setattr(whitening, "_WIDEST", widest)
    features, generator = _features(), np.random.default_rng(1)
    space = Whitening.of(features, _OBJECTS)
    assert space.transform.ndim == (2 if widest == 4096 else 1)
    kernel, bias = generator.normal(size=(5, 3)), generator.normal(size=3)
    plain, offset = space.undone(kernel, bias)
    np.testing.assert_allclose(
        features @ plain + offset, space(features) @ kernel + bias, rtol=1e-3, atol=1e-3
    )


@pytest.mark.parametrize("objects", [np.zeros(6, int), np.arange(6)])
def test_features_that_do_not_change_stay_finite(objects):
    features = np.ones((6, 3), np.float32)
    assert np.isfinite(Whitening.of(features, objects)(features)).all()
