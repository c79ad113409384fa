"""Parametrizations, settings and statistics keep what they promise."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from bg_interp.errors import UserError
from bg_interp.visualization import parametrizations, settings, statistics

SHAPE = (2, 64, 64, 3)
KEY = tf.constant([0, 1])


def anchored(level=127.5):
    known = statistics.generic(64, 64, level=level)
    return parametrizations.Anchor.of(known, known.mean)


def test_projected_keeps_budget_range_and_step_length():
    kind = parametrizations.Projected(settings.SMALL, SHAPE)
    anchor = anchored()
    image, state = kind.begin(anchor, KEY)
    uphill = tf.random.stateless_normal(SHAPE, KEY)
    moved, _ = kind.step(image, state, uphill, anchor, tf.constant(1.0))
    assert np.linalg.norm((moved - image)[0]) == pytest.approx(1, abs=1e-3)
    for _ in range(60):
        moved, _ = kind.step(moved, state, uphill, anchor, tf.constant(1.0))
    # Clipping to the range, after the projection, can only bring the image nearer.
    assert 24 < np.linalg.norm((moved - anchor.start)[0]) <= 25.001
    assert tf.reduce_min(moved) >= 0
    assert tf.reduce_max(moved) <= 1


def test_lengths_grow_with_the_side_of_the_image():
    assert parametrizations.Projected(settings.SMALL, (1, 128, 128, 3)).size_factor == 2


def test_maco_moves_phases_and_keeps_the_magnitude():
    kind = parametrizations.Maco(settings.for_parametrization("maco"), SHAPE)
    anchor = anchored()
    phases, state = kind.begin(anchor, KEY)
    spectra = []
    for _ in range(2):
        flat = parametrizations._coloured(
            tf.complex(tf.cos(phases) * anchor.magnitude, tf.sin(phases) * anchor.magnitude),
            SHAPE,
            anchor,
        )
        colours = np.linalg.solve(anchor.basis.numpy(), flat.numpy()[..., None])[..., 0]
        spectra.append(np.abs(np.fft.rfft2(colours, axes=(1, 2)))[:, 1:31, 1:31])
        phases, state = kind.step(phases, state, tf.sin(phases * 3), anchor, tf.constant(0.5))
    np.testing.assert_allclose(*spectra, rtol=1e-2)


def test_clipping_lets_the_gradient_through():
    values = tf.constant([-1.0, 0.5, 2.0])
    with tf.GradientTape() as tape:
        tape.watch(values)
        clipped = parametrizations.clipped(values)
    np.testing.assert_array_equal(clipped, [0, 0.5, 1])
    np.testing.assert_array_equal(tape.gradient(clipped, values), [1, 1, 1])


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


def test_presets_are_found_by_name_and_by_layers():
    with pytest.raises(UserError, match="did you mean 'small'"):
        settings.preset("smal")
    found = settings.preset_for_layers(["functional", "mobilenetv2_1.00_160"], 160)
    assert found == settings.PRESETS["pretrained"]
    assert not settings.preset_for_layers(["net"], 64).tried


@pytest.mark.parametrize("wrong", [{"parametrization": "pixle"}, {"objective": "x"}, {"steps": 0}])
def test_wrong_settings_are_refused(wrong):
    with pytest.raises(UserError, match="Received"):
        settings.AscentSettings(**wrong)
