"""Natural statistics of features: told by the network or measured, and held by the loop."""

import dataclasses

import keras
import numpy as np
import pytest
import tensorflow as tf
from tf_keras_vis.activation_maximization.callbacks import Callback

from bg_interp.errors import UserError
from bg_interp.models import graph
from bg_interp.models.folding import FoldedModel
from bg_interp.visualization import ActivationMaximization, features, regularizers, statistics
from bg_interp.visualization.ascent import Ascent
from bg_interp.visualization.gallery import Parts
from bg_interp.visualization.presets import NATURAL
from bg_interp.visualization.regularizers import FeatureStatistics
from bg_interp.visualization.scores import Even, Margin

PHOTOGRAPHS = np.random.default_rng(0).uniform(0, 255, (40, 16, 16, 3)).astype(np.float32)
PHOTOGRAPHS[:, 4:12] /= 4
QUICK = dataclasses.replace(NATURAL, steps=6, together=6)


class Heard(Callback):
    """Keeps what regularizers say."""

    def __init__(self, told):
        self.told = told

    def __call__(self, *_, regularizations, **__):
        self.told.append(regularizations)


@pytest.fixture
def network():
    """A network whose batch normalisation has seen the photographs; one layer can't be folded."""
    keras.utils.set_random_seed(0)
    inputs = keras.Input((16, 16, 3))
    x = keras.layers.Conv2D(6, 3, use_bias=False)(keras.layers.Rescaling(1 / 127.5, -1)(inputs))
    x = keras.layers.BatchNormalization(momentum=0.0, gamma_initializer="random_normal")(x)
    x = keras.layers.BatchNormalization(momentum=0.0)(keras.layers.ReLU()(x))
    x = keras.layers.GlobalAveragePooling2D()(x)
    model = keras.Model(inputs, keras.layers.Dense(4, kernel_initializer="random_normal")(x))
    # Twice: the second layer shall see what the first one gives with its final statistics.
    model(PHOTOGRAPHS, training=True)
    first, second = model.layers[3], model.layers[5]
    seen = keras.Model(inputs, second.input)(PHOTOGRAPHS, training=False).numpy()
    second.moving_mean.assign(seen.mean((0, 1, 2)))
    second.moving_variance.assign(seen.var((0, 1, 2)))
    assert first.name != second.name
    return model


def test_moving_statistics_equal_what_the_photographs_give(network):
    told, measured = features.of_normalisation(network), features.measured(network, PHOTOGRAPHS)
    assert told.layers == measured.layers
    assert told.channels == measured.channels == (6, 6)
    np.testing.assert_allclose(told.means, measured.means, atol=2e-3)
    np.testing.assert_allclose(told.deviations, measured.deviations, rtol=0.02)


def test_untrained_and_folded_statistics_tell_nothing(network):
    for layer in (network.layers[3], network.layers[5]):
        layer.moving_mean.assign(np.zeros(6))
        layer.moving_variance.assign(np.full(6, 1 - layer.epsilon))
    assert features.of_normalisation(network) is None
    folded = FoldedModel(keras.Model(network.inputs, network.layers[4].output)).model
    assert features.of_normalisation(folded) is None


def test_nested_layers_are_seen_under_their_names(network):
    inputs = keras.Input((16, 16, 3))
    outer = keras.Model(inputs, network(inputs))
    told = features.of_normalisation(outer)
    assert told.layers[0] == f"{network.name}/{network.layers[3].name}"
    seen = features.tapped(outer, told.layers)(PHOTOGRAPHS, training=False)
    assert len(seen) == 3
    with pytest.raises(UserError, match="no layer 'none'"):
        features.tapped(outer, ["none"])


def test_masks_leave_one_part_of_the_images():
    # Each place of these features is that of one pixel.
    inputs = keras.Input((16, 16, 3))
    x = keras.layers.Conv2D(5, 1, name="seen")(inputs)
    model = keras.Model(inputs, keras.layers.GlobalAveragePooling2D()(x))
    masks = np.zeros((40, 16, 16), np.float32)
    masks[:, 4:12] = 1
    alone = features.measured(model, PHOTOGRAPHS, masks)
    cut = keras.Model(inputs, x)(PHOTOGRAPHS).numpy()[:, 4:12]
    np.testing.assert_allclose(alone.means, cut.mean((0, 1, 2)), rtol=1e-4)
    np.testing.assert_allclose(alone.deviations, cut.std((0, 1, 2)), rtol=1e-3)
    rest = features.measured(model, PHOTOGRAPHS, 1 - masks)
    assert np.abs(rest.means - alone.means).max() > 1
    with pytest.raises(UserError, match="leave something of the images"):
        features.measured(model, PHOTOGRAPHS, 0 * masks)


def test_tokens_are_weighed_by_where_they_come_from():
    inputs = keras.Input((16, 16, 3))
    x = keras.layers.Reshape((16, 48))(
        keras.layers.Lambda(lambda v: tf.nn.space_to_depth(v, 4), output_shape=(4, 4, 48))(inputs)
    )
    x = keras.layers.Dense(5)(x)
    model = keras.Model(inputs, keras.layers.GlobalAveragePooling1D()(x))
    masks = np.zeros((40, 16, 16), np.float32)
    masks[:, :4] = 1
    found = features.measured(model, PHOTOGRAPHS, masks)
    tokens = keras.Model(inputs, x)(PHOTOGRAPHS).numpy()[:, :4]
    np.testing.assert_allclose(found.means, tokens.mean((0, 1)), rtol=1e-3, atol=1e-2)


def test_expansions_are_left_to_the_narrow_layers_between_them():
    inputs = x = keras.Input((16, 16, 3))
    for name, width in (("first", 8), ("wide", 48), ("narrow", 12), ("twice", 16), ("last", 64)):
        x = keras.layers.Conv2D(width, 3, padding="same")(x)
        x = keras.layers.BatchNormalization(name=name)(x)
    model = keras.Model(inputs, keras.layers.GlobalAveragePooling2D()(x))
    measured = features.measured(model, PHOTOGRAPHS)
    held = features.narrow_layers(measured, graph.rewire(model).calls)
    assert held == ["first", "narrow", "twice", "last"]
    prior = FeatureStatistics(measured, weight=2.0, held=held)
    assert prior.weight == 2.0 * 5 / 4
    assert prior.channels == (8, 12, 16, 64)
    np.testing.assert_array_equal(prior.means[8:20], measured.means[56:68])
    np.testing.assert_array_equal(prior.deviations[-64:], measured.deviations[-64:])


def test_features_of_another_network_are_refused_in_one_line(network):
    other = features.FeatureMoments(("elsewhere",), (6,), np.zeros(6), np.ones(6))
    known = dataclasses.replace(statistics.generic(16, 16), features=other)
    with pytest.raises(UserError, match="no layer 'elsewhere'"):
        Ascent(network, QUICK)([0], statistics=known)


def test_layers_of_one_width_are_all_held(network):
    measured = features.measured(network, PHOTOGRAPHS)
    assert features.narrow_layers(measured, graph.rewire(network).calls) == [*measured.layers]


def test_distance_is_that_of_its_formula(network):
    natural = features.of_normalisation(network)
    held = FeatureStatistics(natural, weight=2.0, first=10.0)
    seen = features.tapped(network, natural.layers)(PHOTOGRAPHS[:8], training=False)[1:]
    expected = 0.0
    images = len(seen[0])
    for place, one in enumerate(np.asarray(each) for each in seen):
        own = slice(6 * place, 6 * place + 6)
        shift = (one.mean((0, 1, 2)) - natural.means[own]) / natural.deviations[own]
        spread = np.maximum(one.std((0, 1, 2)), 1e-3) / natural.deviations[own] - 1
        expected += images * 2.0 * (10.0, 1.0)[place] * np.mean(shift**2 + spread**2)
    assert float(held(seen)) == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("shape", [(3, 5, 4, 6), (2, 7, 6), (4, 6)])
def test_the_gradient_is_that_of_the_moments(shape):
    """Of images, of tokens, and of vectors, which have one place."""
    generator = np.random.default_rng(0)
    values = tf.constant(generator.normal(size=shape).astype(np.float32))
    factors = [tf.constant(generator.normal(size=(shape[0], 6)).astype(np.float32)) for _ in "ab"]
    places, found = list(range(1, len(shape) - 1)), []
    for moments in (
        regularizers._moments,
        lambda one: (tf.reduce_mean(one, places), tf.reduce_mean(one**2, places)),
    ):
        with tf.GradientTape() as tape:
            tape.watch(values)
            both = moments(values)
            total = tf.add_n([tf.reduce_sum(f * one) for f, one in zip(factors, both, strict=True)])
        found.append(tape.gradient(total, values).numpy())
    np.testing.assert_allclose(*found, rtol=1e-5, atol=1e-6)


def test_a_single_loud_image_is_held_against_even_when_the_batch_is_natural(network):
    natural = features.of_normalisation(network)
    seen = features.tapped(network, natural.layers)(PHOTOGRAPHS, training=False)[1:]
    # Quiet images hide a loud one from the moments of the batch.
    quiet = [one[:8] * 0.3 + 0.7 * tf.reduce_mean(one[:8], (1, 2), keepdims=True) for one in seen]
    loud = [
        tf.concat([one[:1] * 4 - 3 * tf.reduce_mean(one[:1], (1, 2), keepdims=True), each], 0)
        for one, each in zip(seen, quiet, strict=True)
    ]
    plain, each = (FeatureStatistics(natural, each=factor) for factor in (0.0, 1.0))
    assert float(each(seen)) == pytest.approx(float(plain(seen)), abs=0.05)
    expected = 0.0
    for place, one in enumerate(np.asarray(part) for part in loud):
        own = slice(6 * place, 6 * place + 6)
        away = np.sqrt(((one - natural.means[own]) ** 2).mean((1, 2))) / natural.deviations[own]
        expected += np.mean(np.maximum(away.mean(1) - 1.25, 0) ** 2)
    counted = (float(each(loud)) - float(plain(loud))) / len(loud[0])
    assert counted == pytest.approx(expected, rel=1e-3)
    assert expected > 0.1


@pytest.mark.parametrize("steps", [1, 20])
def test_the_loop_sees_features_folded_or_not(network, steps):
    natural = features.of_normalisation(network)
    told = []
    ActivationMaximization(network)(
        Margin([0, 1]),
        seed_input=PHOTOGRAPHS[:2],
        input_modifiers=None,
        regularizers=[FeatureStatistics(natural, weight=3.0)],
        steps=steps,
        optimizer=keras.optimizers.SGD(0.0),
        callbacks=[Heard(told)],
    )
    seen = features.tapped(network, natural.layers)(PHOTOGRAPHS[:2], training=False)[1:]
    ((name, value),) = told[-1]
    assert name == "FeatureStatistics"
    assert float(value) == pytest.approx(float(FeatureStatistics(natural, 3.0)(seen)), rel=1e-3)


def test_a_prior_brings_features_closer(network):
    def distance(weight):
        made = Ascent(network, dataclasses.replace(QUICK, steps=30, features=weight))([0, 1, 2, 3])
        seen = features.tapped(network, natural.layers)(made.images, training=False)[1:]
        return float(FeatureStatistics(natural)(seen))

    natural = features.of_normalisation(network)
    assert distance(100.0) < 0.7 * distance(1e-6)


def test_same_seed_same_bytes_with_company(network):
    ascent = Ascent(network, QUICK)
    once, twice, other = (ascent([2], seed=seed) for seed in (1, 1, 2))
    assert once.images.shape == (1, 16, 16, 3)
    # Two samples and four others make six.
    assert once.samples.shape[:2] == (2, 1)
    np.testing.assert_array_equal(once.images, twice.images)
    assert np.abs(once.images - other.images).max() > 1
    fresh = Ascent(network, QUICK)([2], seed=1)
    np.testing.assert_array_equal(once.images, fresh.images)


def test_weights_and_statistics_are_live(network):
    ascent = Ascent(network, QUICK)
    before = ascent([0, 3])
    network.layers[3].moving_mean.assign(network.layers[3].moving_mean + 0.5)
    network.layers[5].beta.assign(network.layers[5].beta + 0.5)
    after = ascent([0, 3])
    assert np.abs(before.images - after.images).max() > 1
    np.testing.assert_allclose(after.images, Ascent(network, QUICK)([0, 3]).images, atol=0.1)
    loops = ascent._maximization._loops.values()
    # One for each size.
    assert [one._step.experimental_get_tracing_count() for one in loops] == [1, 1]


def test_networks_of_one_size_take_all_steps_at_it():
    inputs = keras.Input((16, 16, 3))
    model = keras.Model(inputs, keras.layers.Dense(3)(keras.layers.Flatten()(inputs)))
    assert [side for side, _ in Ascent(model, QUICK)._stages()] == [1.0]


def test_even_weighs_what_is_behind():
    outputs = tf.constant([[6.0, 0.0, 0.0], [0.0, 2.0, 0.0]])
    weighed, margins = Even([0, 1])(outputs), Margin([0, 1])(outputs)
    shares = (weighed / margins).numpy()
    assert shares.mean() == pytest.approx(1.0)
    assert shares[1] / shares[0] == pytest.approx(np.exp(4 / 3), rel=1e-4)
    np.testing.assert_allclose(Even([0, 1], spread=1e9)(outputs), margins, rtol=1e-5)


def test_statistics_keep_features_in_their_file(network, tmp_path):
    natural = features.measured(network, PHOTOGRAPHS)
    known = dataclasses.replace(statistics.measure(PHOTOGRAPHS), features=natural)
    known.save(tmp_path / "ascent.npz")
    found = statistics.load(tmp_path / "ascent.npz").features
    assert (found.layers, found.channels) == (natural.layers, natural.channels)
    np.testing.assert_array_equal(found.means, natural.means)


def test_a_long_gallery_goes_on(network, tmp_path):
    ascent, made = Ascent(network, dataclasses.replace(QUICK, together=2)), []
    call = ascent._attempt
    ascent._attempt = lambda units, **how: made.append(list(units)) or call(units, **how)
    kept = Parts(tmp_path / "progress", "key", ascent.settings)
    first = ascent.in_parts(keep=kept)
    assert len(made) >= 2
    count = len(made)
    again = ascent.in_parts(keep=kept)
    assert len(made) == count
    for name in ("images", "activations", "guesses"):
        np.testing.assert_array_equal(getattr(first, name), getattr(again, name))
    assert again.units == first.units == (0, 1, 2, 3)
    # A part whose file is damaged is made again.
    damaged = min((tmp_path / "progress").iterdir())
    damaged.write_bytes(damaged.read_bytes()[:-40])
    np.testing.assert_array_equal(ascent.in_parts(keep=kept).images, first.images)
    assert len(made) > count
    # A gallery of a thousand classes fits into memory once.
    assert len(first.samples) > 1 or np.shares_memory(first.images, first.samples)
    kept.clear()
    assert not (tmp_path / "progress").exists()


def test_failed_images_are_marked(network):
    made = Ascent(network, dataclasses.replace(QUICK, steps=1))([0, 1])
    made = dataclasses.replace(made, guesses=np.array([0, 2]), activations=np.array([3.0, 9.0]))
    assert made.failed.tolist() == [False, True]
    assert made.marked(["cat", "dog"]) == ["cat", "dog (failed)"]
    np.testing.assert_array_equal(made.framed[0], made.images[0])
    np.testing.assert_array_equal(made.framed[1, 0, 5], [200, 30, 30])
    np.testing.assert_array_equal(made.framed[1, 1:-1, 1:-1], made.images[1, 1:-1, 1:-1])
    # A class without photographs has no median.
    behind = dataclasses.replace(made, median=np.array([3.5, np.nan], np.float32))
    assert behind.failed.tolist() == [True, True]
    unknown = dataclasses.replace(made, median=np.array([np.nan, 1.0], np.float32))
    assert unknown.failed.tolist() == [False, True]


def test_one_output_is_two_classes_which_keep_each_other_company(network):
    inputs = network.inputs[0]
    single = keras.Model(inputs, keras.layers.Dense(1)(network.layers[-2].output))
    made = Ascent(single, QUICK)([0])
    assert made.images.shape == (1, 16, 16, 3)
    assert made.guesses.shape == (1,)


def test_statistics_of_other_weights_tell_nothing(network):
    first = network.layers[2]
    first.kernel.assign(first.kernel + 2.0)
    assert features.moving_statistics(network) is not None
    assert features.of_normalisation(network) is None
    with pytest.raises(UserError, match="trained with its weights"):
        Ascent(network, QUICK)([0])
    known = dataclasses.replace(
        statistics.generic(16, 16), features=features.measured(network, PHOTOGRAPHS)
    )
    assert Ascent(network, QUICK)([0], statistics=known).images.shape == (1, 16, 16, 3)


@pytest.mark.parametrize("size", [(16, 16), (None, None)])
def test_the_range_of_a_network_is_that_of_the_noise_that_it_is_asked_about(network, size):
    inputs = keras.Input((*size, 3))
    inner = network.layers[2:]
    x = inputs
    for layer in inner:
        x = layer(x)
    shifted = keras.Model(inputs, x)
    assert features.of_normalisation(shifted, input_range=(-1, 1)) is not None
    assert features.of_normalisation(shifted) is None


def test_what_a_prior_cannot_do_is_said_in_a_line():
    inputs = keras.Input((16, 16, 3))
    pooled = keras.layers.GlobalAveragePooling2D()(keras.layers.Conv2D(4, 3)(inputs))
    plain = keras.Model(inputs, keras.layers.Dense(3)(pooled))
    with pytest.raises(UserError, match="no batch normalisation that was trained with its weights"):
        Ascent(plain, QUICK)()
    known = dataclasses.replace(
        statistics.generic(16, 16), features=features.measured(plain, PHOTOGRAPHS)
    )
    assert Ascent(plain, QUICK)([0], statistics=known).images.shape == (1, 16, 16, 3)
    flat = keras.Model(inputs, keras.layers.Dense(3)(keras.layers.Flatten()(inputs)))
    with pytest.raises(UserError, match="no layers whose features"):
        features.measured(flat, PHOTOGRAPHS)
