"""Updates of a network: perturbations, XLA, replicas and mixed precision."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from bg_interp.models import networks
from bg_interp.training.updates import (
    Updater,
    UpdateSettings,
    headroom,
    make_optimizer,
    next_perturbation,
)

FREE = UpdateSettings(steps=4, adversarial_epsilon=1.0, adversarial_replays=2)


def lengths(values) -> np.ndarray:
    return np.linalg.norm(np.reshape(values, (len(values), -1)), axis=1)


def batch_of(count: int = 8, size: int = 32, seed: int = 0) -> dict[str, tf.Tensor]:
    generator = np.random.default_rng(seed)
    labels = (np.arange(count) % 2).astype(np.int32)
    images = generator.uniform(0, 200, (count, size, size, 3)) + 50 * labels[:, None, None, None]
    return {"image": tf.constant(images, tf.float32), "label": tf.constant(labels)}


def linear_network() -> keras.Model:
    """A network without layers that draw random numbers or watch the whole batch."""
    image = keras.Input((8, 8, 3))
    x = keras.layers.Rescaling(1 / 255)(image)
    x = keras.layers.Conv2D(4, 3, activation="relu")(x)
    model = keras.Model(image, keras.layers.Dense(2)(keras.layers.Flatten()(x)))
    networks.initialize(model, seed=3)
    return model


def trained(model, settings=FREE, steps=2, mixed_precision="none", size=32, **options):
    """Returns (model, losses) after some steps on the same batch."""
    optimizer = make_optimizer(settings, mixed_precision)
    updater = Updater(model, optimizer, settings, **options)
    batch = batch_of(size=size)
    return model, [float(updater.step(batch, step)[0]) for step in range(steps)]


@pytest.fixture
def gradient():
    return np.random.default_rng(1).normal(size=(5, 6, 6, 3)).astype(np.float32)


def test_the_first_perturbation_goes_along_the_gradient_to_the_rim(gradient):
    moved = next_perturbation(tf.zeros_like(gradient), gradient, tf.constant(7.0)).numpy()
    np.testing.assert_allclose(lengths(moved), 7.0, rtol=1e-5)
    expected = 7.0 * gradient / lengths(gradient)[:, None, None, None]
    np.testing.assert_allclose(moved, expected, rtol=1e-4)


@pytest.mark.parametrize("compiled", [False, True])
def test_no_perturbation_leaves_its_ball(gradient, compiled):
    step = tf.function(next_perturbation) if compiled else next_perturbation
    now = tf.zeros_like(gradient)
    for turn in range(6):
        now = step(now, gradient[:, ::-1] * (-2.0) ** turn, tf.constant(3.0))
        assert lengths(now).max() <= 3.0 * (1 + 1e-5)


def test_a_perturbation_follows_the_gradient_of_later_updates(gradient):
    before = next_perturbation(tf.zeros_like(gradient), gradient, tf.constant(3.0))
    after = next_perturbation(before, gradient[::-1], tf.constant(3.0))
    along = np.sum((after - before).numpy() * gradient[::-1], axis=(1, 2, 3))
    assert (along > -1e-4).all()
    assert along.max() > 1


def test_a_smaller_ball_draws_the_perturbation_in(gradient):
    before = next_perturbation(tf.zeros_like(gradient), gradient, tf.constant(9.0))
    after = next_perturbation(before, tf.zeros_like(gradient), tf.constant(2.0))
    np.testing.assert_allclose(lengths(after), 2.0, rtol=1e-5)


@pytest.mark.parametrize("value", [np.inf, np.nan, 0.0])
def test_a_gradient_without_direction_leaves_the_perturbation(gradient, value):
    before = next_perturbation(tf.zeros_like(gradient), gradient, tf.constant(3.0))
    broken = gradient.copy()
    broken[2] = value
    after = next_perturbation(before, broken, tf.constant(3.0)).numpy()
    assert np.isfinite(after).all()
    np.testing.assert_allclose(after[2], before.numpy()[2], rtol=1e-5)


def test_headroom_is_nothing_at_chance_and_whole_from_half_way():
    accuracies = tf.constant([0.0, 0.25, 0.4375, 0.625, 1.0])
    np.testing.assert_allclose(headroom(accuracies, 4), [0, 0, 0.5, 1, 1], atol=1e-6)


@pytest.mark.parametrize("guard", [False, True])
def test_a_guard_spares_a_network_that_is_always_wrong(guard):
    settings = UpdateSettings(
        steps=1, adversarial_epsilon=1.0, adversarial_replays=2, adversarial_guard=guard
    )
    model = linear_network()
    updater = Updater(model, make_optimizer(settings), settings)
    images = batch_of(size=8)["image"]
    wrong = tf.argmin(model(images), axis=1, output_type=tf.int32)
    still = tf.zeros_like(images)
    moved, *_ = updater._update(images, wrong, still, tf.constant(50.0))
    np.testing.assert_allclose(lengths(moved), 0.0 if guard else 50.0, rtol=1e-4, atol=1e-6)


def test_epsilon_grows_over_the_first_half_in_pixel_units():
    settings = UpdateSettings(steps=100, adversarial_epsilon=6.0, adversarial_replays=4)
    assert settings.epsilon(0) == pytest.approx(255 * 6 / 50)
    assert settings.epsilon(49) == settings.epsilon(99) == 255 * 6
    assert settings.updates == 400


def test_epsilon_may_grow_longer_and_slowly_at_first():
    settings = UpdateSettings(
        steps=100, adversarial_epsilon=4.0, adversarial_ramp=0.8, adversarial_ramp_power=2
    )
    assert settings.epsilon(39) == pytest.approx(255 * 4 / 4)
    assert settings.epsilon(79) == settings.epsilon(99) == 255 * 4


def test_the_rate_warms_up_over_a_tenth_and_falls_to_0():
    rate = make_optimizer(UpdateSettings(steps=100, learning_rate=1.0))._learning_rate
    rates = [float(rate(step)) for step in range(101)]
    assert np.argmax(rates) == 10
    assert rates[10] == pytest.approx(1.0)
    assert rates[0] < 0.2
    assert rates[100] == pytest.approx(0.0, abs=1e-6)


def test_a_step_learns_and_counts_all_its_replays():
    model = networks.build("small", image_size=32, classes=2)
    optimizer = make_optimizer(FREE)
    updater = Updater(model, optimizer, FREE)
    loss, accuracy = updater.step(batch_of(), 0)
    assert int(optimizer.iterations) == 2
    assert 0 < float(loss) < 10
    assert 0 <= float(accuracy) <= 1


def test_the_measures_are_those_of_the_clean_images_before_the_updates():
    model = linear_network()
    batch = batch_of(size=8)
    expected = keras.losses.SparseCategoricalCrossentropy(from_logits=True)(
        batch["label"], model(batch["image"])
    )
    loss, _ = Updater(model, make_optimizer(FREE), FREE).step(batch, 0)
    assert float(loss) == pytest.approx(float(expected), rel=1e-5)


def test_xla_gives_the_same_update():
    pairs = [trained(linear_network(), size=8, jit_compile=jit) for jit in (False, True)]
    (plain, plain_losses), (compiled, compiled_losses) = pairs
    np.testing.assert_allclose(plain_losses, compiled_losses, rtol=1e-4)
    for ours, theirs in zip(plain.get_weights(), compiled.get_weights(), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=2e-5)


@pytest.mark.slow
def test_xla_compiles_the_small_network():
    settings = UpdateSettings(steps=3)
    plain, _ = trained(networks.build("small", image_size=32, classes=2), settings, 1)
    compiled, losses = trained(
        networks.build("small", image_size=32, classes=2), settings, 1, jit_compile=True
    )
    assert np.isfinite(losses).all()
    for ours, theirs in zip(plain.get_weights(), compiled.get_weights(), strict=True):
        # AdamW's first update has the rate's length in each weight, whatever the gradient's.
        np.testing.assert_allclose(ours, theirs, atol=2 * settings.learning_rate)


@pytest.mark.parametrize("precision", ["float16", "bfloat16"])
def test_mixed_precision_trains_finite_weights_of_float32(precision):
    model = networks.build("small", image_size=32, classes=2, mixed_precision=precision)
    assert model.layers[2].compute_dtype == precision
    assert model.output.dtype == "float32"
    model, losses = trained(model, steps=3, mixed_precision=precision)
    assert np.isfinite(losses).all()
    for variable in model.variables:
        values = np.asarray(variable)
        assert values.dtype != np.float16
        assert np.isfinite(values.astype(np.float64)).all(), variable.path


def test_overflow_under_float16_keeps_the_weights_finite():
    """The loss scale starts high: the first gradients of a steep network overflow."""
    model = networks.build("small", image_size=32, classes=2, mixed_precision="float16")
    model.layers[-1].kernel.assign(1000.0 * model.layers[-1].kernel)
    before = [np.array(w) for w in model.get_weights()]
    model, _ = trained(model, steps=1, mixed_precision="float16")
    after = model.get_weights()
    assert all(np.isfinite(w.astype(np.float64)).all() for w in after)
    assert len(before) == len(after)


def test_label_smoothing_raises_the_loss_of_a_sure_network():
    sure = keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=0.2)
    model = linear_network()
    batch = batch_of(size=8)
    settings = UpdateSettings(steps=2, label_smoothing=0.2)
    loss, _ = Updater(model, make_optimizer(settings), settings).step(batch, 0)
    expected = sure(tf.one_hot(batch["label"], 2), linear_network()(batch["image"]))
    assert float(loss) == pytest.approx(float(expected), rel=1e-5)
