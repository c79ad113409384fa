"""Parametrizations keep what they promise."""

import numpy as np
import tensorflow as tf

from bg_interp.visualization import ActivationMaximization, parametrizations, statistics, views
from bg_interp.visualization.parts import StepContext
from bg_interp.visualization.scores import Activation

SHAPE = (2, 64, 64, 3)
KEY = tf.constant([0, 1])
GREY = tf.fill(SHAPE, 0.5)


def test_maco_moves_phases_and_keeps_the_magnitude():
    known = statistics.generic(64, 64)
    kind = parametrizations.Maco(known)
    (phases,) = kind.begin(GREY, KEY)
    spectra = []
    for moved in (phases, phases + 0.5 * tf.sin(3 * phases)):
        spectrum = tf.complex(tf.cos(moved) * kind.magnitude, tf.sin(moved) * kind.magnitude)
        flat = parametrizations._coloured(spectrum, SHAPE, kind.basis)
        colours = np.linalg.solve(kind.basis, flat.numpy()[..., None])[..., 0]
        spectra.append(np.abs(np.fft.rfft2(colours, axes=(1, 2)))[:, 1:31, 1:31])
    np.testing.assert_allclose(*spectra, rtol=1e-2)


def test_fourier_begins_near_the_start_image():
    kind = parametrizations.Fourier(statistics.generic(64, 64), initial=1e-3)
    images = kind.images(kind.begin(GREY, KEY), GREY)
    np.testing.assert_allclose(images, GREY, atol=0.01)
    assert not np.allclose(images[0], images[1], atol=1e-5)


def test_a_pyramid_begins_at_its_start_image_and_sums_its_sizes():
    kind = parametrizations.Pyramid(smallest=8)
    sizes = kind.begin(GREY, KEY)
    assert [one.shape[1] for one in sizes] == [8, 16, 32, 64]
    np.testing.assert_array_equal(kind.images(sizes, GREY), GREY)
    # A constant at each size is that constant in the image.
    raised = [one + 0.01 * (place + 1) for place, one in enumerate(sizes)]
    np.testing.assert_allclose(kind.images(raised, GREY), GREY + 0.1, atol=1e-6)
    # One value of the smallest size reaches many pixels, one of the largest its own.
    with tf.GradientTape() as tape:
        tape.watch(sizes)
        pixel = kind.images(sizes, GREY)[0, 30, 30, 0]
    reached = [np.count_nonzero(one) for one in tape.gradient(pixel, sizes)]
    assert reached[-1] == 1 and min(reached[:-1]) > 1


def test_a_pyramid_of_odd_sides_begins_with_other_noise_at_each_size():
    kind = parametrizations.Pyramid(initial=0.1, smallest=4)
    start = tf.fill((2, 10, 15, 3), 0.5)
    sizes = kind.begin(start, KEY)
    assert [tuple(one.shape[1:3]) for one in sizes] == [(3, 4), (5, 8), (10, 15)]
    assert kind.images(sizes, start).shape == start.shape
    for one in sizes:
        assert 0.05 < np.std(one) < 0.15
    first = [np.ravel(one)[:4] for one in sizes]
    assert not np.allclose(first[0], first[1]) and not np.allclose(first[1], first[2])
    again = kind.begin(start, KEY)
    np.testing.assert_array_equal(again[0], sizes[0])


def test_clipping_lets_the_gradient_through():
    values = tf.constant([-1.0, 0.5, 2.0])
    with tf.GradientTape() as tape:
        tape.watch(values)
        clipped = parametrizations.clipped(values)
    np.testing.assert_array_equal(clipped, [0, 0.5, 1])
    np.testing.assert_array_equal(tape.gradient(clipped, values), [1, 1, 1])


def test_opacity_shows_white_to_people_and_its_own_background_to_the_network():
    kind = parametrizations.Opacity(parametrizations.Pixels())
    pixels, opacity = kind.begin(GREY, KEY)
    images = kind.images([pixels, opacity * 0], GREY)
    np.testing.assert_array_equal(kind.finished(images), np.ones(SHAPE))
    seen = kind.seen(
        images, StepContext(views.key_of(*KEY), KEY[1], tf.zeros(SHAPE), fuse=False)
    ).numpy()
    assert np.ptp(seen, axis=(1, 2)).max() == 0
    assert not np.allclose(seen[0], seen[1])
    opaque = kind.images([pixels, opacity * 2], GREY)
    np.testing.assert_array_equal(kind.finished(opaque), GREY)


def test_what_is_given_and_returned_stays_in_the_models_range(make_network):
    images = np.random.default_rng(0).uniform(-1, 1, (2, 16, 16, 3)).astype(np.float32)
    made = ActivationMaximization(make_network())(
        Activation([0, 1]),
        seed_input=images,
        input_range=(-1.0, 1.0),
        input_modifiers=None,
        regularizers=None,
        steps=0,
        parametrization=parametrizations.Pixels(),
    )
    np.testing.assert_allclose(made, images, atol=1e-6)
