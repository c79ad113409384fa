"""Statistics measure what they say, and are read as they were written."""

import dataclasses

import numpy as np
import pytest

from bg_interp.errors import UserError
from bg_interp.visualization import statistics


def test_generic_spectrum_gives_pictures_of_variance_one():
    known = statistics.generic(64, 64)
    phases = np.random.default_rng(0).uniform(-np.pi, np.pi, known.magnitude.shape)
    picture = np.fft.irfft2(known.magnitude * np.exp(1j * phases), (64, 64))
    assert picture.std() == pytest.approx(1, abs=0.2)


def test_statistics_measure_mean_colours_and_spectrum():
    images = np.random.default_rng(0).integers(0, 256, (64, 8, 6, 3)).astype(np.uint8)
    known = statistics.measure(images)
    np.testing.assert_allclose(known.mean, images.mean(0), atol=1e-3)
    np.testing.assert_allclose(
        known.colour_basis @ known.colour_basis.T * 255**2,
        np.cov(images.reshape(-1, 3).T),
        rtol=1e-2,
        atol=30,
    )
    # White noise of variance 1: every frequency has the root of the number of pixels.
    assert known.magnitude.shape == (3, 8, 4)
    np.testing.assert_allclose(known.magnitude[:, 1:, 1:3].mean(), np.sqrt(48), rtol=0.05)


def test_statistics_of_one_colour_are_finite():
    known = statistics.measure(np.zeros((4, 8, 8, 3), np.uint8))
    assert all(np.isfinite(value).all() for value in vars(known).values() if value is not None)


def test_statistics_are_read_as_written(tmp_path):
    known = dataclasses.replace(statistics.generic(8, 6), natural_logits=np.arange(3.0))
    known.save(tmp_path / "ascent.npz")
    again = statistics.load(tmp_path / "ascent.npz")
    for name, value in vars(known).items():
        np.testing.assert_array_equal(value, getattr(again, name))


@pytest.mark.parametrize("content", [b"", b"nonsense", None])
def test_damaged_statistics_are_one_line(tmp_path, content):
    path = tmp_path / "ascent.npz"
    if content is None:
        np.savez(path, other=np.zeros(3))
    else:
        path.write_bytes(content)
    with pytest.raises(UserError, match="must be the ascent statistics"):
        statistics.load(path)


def test_of_many_large_images_some_that_are_spread_stand_for_all(monkeypatch):
    values = np.random.default_rng(0).uniform(0, 255, (9, 4, 4, 3)).astype(np.float32)
    monkeypatch.setattr(statistics, "_ENOUGH_VALUES", 3 * 4 * 4 * 3)
    np.testing.assert_array_equal(
        statistics.measure(values).magnitude, statistics.measure(values[[0, 4, 8]]).magnitude
    )
