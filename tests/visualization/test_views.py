"""Views are linear maps with exact transposes, keyed, and the same under XLA."""

import numpy as np
import pytest
import tensorflow as tf

from bg_interp.visualization import views
from bg_interp.visualization.modifiers import Jitter, Mirror, Noise, Rotate, Scale, View, modified
from bg_interp.visualization.parts import StepContext

KEY = tf.constant([3, 5], tf.int32)
MODIFIERS = {
    "jitter": [Jitter(4)],
    "mirror and jitter": [Mirror(), Jitter(2)],
    "jitter and rotate": [Jitter(2), Rotate(8)],
    "scale": [Scale(0.8, 1.2)],
    "shift": [View(shift=0.2)],
    "all": [View(shift=0.1, rotation=10, scale=0.2)],
    "crop": [View(rotation=5, crop=(0.5, 1.0))],
}
each_kind = pytest.mark.parametrize("modifiers", MODIFIERS.values(), ids=MODIFIERS)


def view(values, modifiers, key=KEY, fuse=True):
    return modified(
        values, modifiers, StepContext(views.key_of(*tf.unstack(key)), key[1], None, fuse)
    )


def images(shape=(3, 12, 10, 2), seed=0):
    return tf.random.stateless_normal(shape, [seed, 1])


@each_kind
def test_gradient_is_the_transpose(modifiers):
    values, other = images(), images(seed=9)
    with tf.GradientTape() as tape:
        tape.watch(values)
        seen = view(values, modifiers)
    back = tape.gradient(seen, values, output_gradients=other)
    np.testing.assert_allclose(
        tf.reduce_sum(seen * other), tf.reduce_sum(values * back), rtol=1e-4, atol=1e-4
    )


@each_kind
def test_graph_and_xla_agree_with_eager(modifiers):
    values = images()
    eager = view(values, modifiers)
    for compiled in (False, True):
        traced = tf.function(lambda x, k: view(x, modifiers, k), jit_compile=compiled)
        np.testing.assert_allclose(traced(values, KEY), eager, atol=1e-5)


@each_kind
def test_same_key_same_view_and_each_image_its_own(modifiers):
    values = tf.repeat(images((1, 12, 10, 2)), 3, axis=0)
    seen = view(values, modifiers).numpy()
    np.testing.assert_array_equal(seen, view(values, modifiers))
    assert not np.allclose(seen[0], seen[1])
    assert not np.allclose(seen, view(values, modifiers, KEY + 1))


@each_kind
def test_the_same_without_xla(modifiers):
    values = images()
    plain = view(values, modifiers, fuse=False)
    np.testing.assert_allclose(plain, view(values, modifiers), atol=1e-5)


def test_two_of_a_kind_draw_apart():
    values = images((1, 12, 10, 2))
    twice = view(values, [Jitter(4), Jitter(4)])
    once = view(view(values, [Jitter(4)]), [Jitter(4)])
    assert not np.allclose(twice, once)


def test_by_itself_a_modifier_counts_its_calls():
    values = images()
    first, second = (Noise(5.0, 0.0, steps=2) for _ in range(2))
    deviations = [np.std(first(values) - values) for _ in range(3)]
    np.testing.assert_allclose(deviations, [5.0, 2.5, 0.0], rtol=0.15)
    np.testing.assert_array_equal(second(values), Noise(5.0, 0.0, steps=2)(values))
    shift = Jitter(4)
    assert not np.allclose(shift(values), shift(values))


def test_mirror_exchanges_left_and_right_in_some_images():
    values = images((8, 12, 10, 2)).numpy()
    seen = view(values, [Mirror()]).numpy()
    mirrored = [np.array_equal(one, own[:, ::-1]) for one, own in zip(seen, values, strict=True)]
    same = [np.array_equal(one, own) for one, own in zip(seen, values, strict=True)]
    assert np.all(np.array(mirrored) ^ same)
    assert any(mirrored)
    assert any(same)


def test_roll_is_numpys_roll_for_few_and_for_many_images():
    for count in (3, views._MOST_ROLLS + 1):
        values = images((count, 5, 4, 2))
        shifts = tf.random.stateless_uniform([count, 2], KEY, -3, 4, tf.int32)
        rolled = views.roll(values, shifts).numpy()
        for one, shift, result in zip(values.numpy(), shifts.numpy(), rolled, strict=True):
            np.testing.assert_array_equal(np.roll(one, shift, (0, 1)), result)


def test_a_quarter_turn_in_small_turns_of_a_disc_changes_little():
    rows, columns = np.mgrid[:33, :33] - 16
    disc = np.exp(-(rows**2 + columns**2) / 40).astype(np.float32)[None, ..., None]
    rotated = views.rotate(tf.constant(disc), tf.constant([0.15]), 10)
    np.testing.assert_allclose(rotated, disc, atol=0.02)


def test_a_turn_is_the_same_with_xla_and_without():
    values, angle = images(), tf.constant([0.1, -0.1, 0.02])
    fused, plain = (views.rotate(values, angle, 8, fuse=fuse) for fuse in (True, False))
    np.testing.assert_allclose(fused, plain, atol=1e-5)


def test_turn_and_scale_reads_where_the_matrix_says():
    rows, columns = np.mgrid[:21, :21].astype(np.float32)
    ramp = tf.constant(np.stack([rows, columns], -1)[None])
    angle, reach, shift = 0.1, 0.8, np.array([1.5, -0.5], np.float32)
    seen = views.rotate_and_scale(
        ramp, tf.constant([angle]), tf.constant([reach]), tf.constant(shift[None]), 8
    ).numpy()[0]
    # At the middle the ramp tells where it was read; the middle itself only knows the shift.
    np.testing.assert_allclose(seen[10, 10], 10 + shift, atol=0.1)
    step = seen[12, 10] - seen[10, 10]
    np.testing.assert_allclose(np.hypot(*step), 2 * reach, atol=0.02)
    np.testing.assert_allclose(abs(np.arctan2(step[1], step[0])), angle, atol=0.01)


def test_resize_keeps_a_constant_image():
    values = tf.fill([2, 9, 7, 1], 5.0)
    step = tf.constant([0.7, 1.3])
    np.testing.assert_allclose(views.resize(values, step, step, tf.ones([2, 2]) * 3), 5.0, 1e-5)


def test_noise_has_the_deviation_asked_for_and_differs_by_key():
    bank = views.noise_bank((4, 32, 32, 3), KEY)
    zeros, deviation = tf.zeros(bank.shape), tf.constant(7.0)
    first, same, other = (
        views.noise(zeros, deviation, bank, views.key_of(3, step)).numpy() for step in (5, 5, 6)
    )
    assert abs(first.std() - 7) < 0.2
    assert abs(np.corrcoef(first.ravel(), other.ravel())[0, 1]) < 0.05
    np.testing.assert_array_equal(first, same)
