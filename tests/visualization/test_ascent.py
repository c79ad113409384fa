"""The ascent climbs, is seeded, is traced once, and equals its formulas written plainly."""

import dataclasses

import keras
import numpy as np
import pytest
import tensorflow as tf

from bg_interp.config.ascent import PARAMETRIZATIONS, AscentSettings, Views
from bg_interp.errors import UserError
from bg_interp.visualization import statistics, views
from bg_interp.visualization.ascent import Ascent
from bg_interp.visualization.modifiers import SpectrumWeights, View
from bg_interp.visualization.parts import StepContext
from bg_interp.visualization.presets import SMALL

# Shifts compile faster than rotations.
QUICK = dataclasses.replace(SMALL, steps=6, views=Views(shift=1 / 8))
# Adam divides tiny gradients by their own size: only settings without it compare to 1e-3.
PLAIN = dataclasses.replace(SMALL, steps=25)


def class_images(model, settings=QUICK, samples=2, classes=None, **options):
    return Ascent(model, settings, samples=samples)(classes, **options)


def traces(ascent):
    loops = ascent._maximization._loops.values()
    return sum(one._step.experimental_get_tracing_count() for one in loops)


@pytest.mark.parametrize("parametrization", PARAMETRIZATIONS)
def test_own_logit_rises_within_the_range(make_network, parametrization):
    model = make_network()
    settings = dataclasses.replace(
        QUICK, parametrization=parametrization, steps=25, step_length=0.3, noise=1.0, budget=8.0
    )
    made = class_images(model, settings=settings, samples=1)
    grey = np.full((1, 16, 16, 3), 127.5, np.float32)
    before = model(grey, training=False).numpy()[0]
    assert (made.activations > before).all()
    assert made.images.dtype == np.float32
    assert made.images.min() >= 0
    assert made.images.max() <= 255
    again = model(made.images, training=False).numpy().diagonal()
    np.testing.assert_allclose(made.activations, again, rtol=1e-3)


def test_same_seed_same_bytes_and_another_seed_another_image(make_network):
    model = make_network()
    state = np.random.get_state()[1].copy()
    first, same, other = (class_images(model, settings=QUICK, seed=seed) for seed in (1, 1, 2))
    assert first.samples.tobytes() == same.samples.tobytes()
    assert not np.allclose(first.images, other.images)
    np.testing.assert_array_equal(state, np.random.get_state()[1])


def test_traced_once_while_weights_seed_classes_and_start_change(make_network):
    model = make_network()
    ascent = Ascent(model, QUICK)
    first = ascent([0, 1])
    for variable in model.variables:
        variable.assign(variable * 1.5)
    second = ascent([2, 1], start="black", seed=5)
    assert traces(ascent) == 1
    assert not np.allclose(first.images[1], second.images[1])
    fresh = Ascent(model, QUICK)([2, 1], start="black", seed=5)
    np.testing.assert_allclose(second.images, fresh.images, atol=1e-3)


@pytest.fixture(scope="module")
def by_a_plain_loop(make_network):
    """What `PLAIN` makes, by its formulas written plainly and run eagerly."""
    model = make_network()
    known = statistics.generic(16, 16)
    shape, start = (4, 16, 16, 3), tf.constant(known.mean[None] / 255)
    image = start + tf.random.stateless_normal(shape, [3, -1], stddev=PLAIN.initial)
    bank = views.noise_bank(shape, tf.constant([3, -2]))
    weigh = SpectrumWeights(known.magnitude, PLAIN.smoothing)
    view = View(**dataclasses.asdict(PLAIN.views))

    def length(values):
        return tf.sqrt(tf.reduce_sum(values**2, [1, 2, 3], keepdims=True))

    for step in range(PLAIN.steps):
        share, key = step / PLAIN.steps, views.key_of(3, step)
        with tf.GradientTape() as tape:
            tape.watch(image)
            seen = view.apply(image * 255, StepContext(key, step, None, fuse=False))
            seen = views.noise(seen, 8 - 6 * share, bank, key + tf.constant(2**30, tf.uint32))
            logits = model(seen, training=False)
            own = tf.linalg.diag_part(logits)
            total = tf.reduce_sum(own - (tf.reduce_sum(logits, 1) - own) / 3)
        gradient = weigh(tape.gradient(total, image))
        # A quarter of 64 px.
        change = image + (1 - 0.8 * share) * 0.25 * gradient / length(gradient) - start
        change *= tf.minimum(1.0, PLAIN.budget * 0.25 / length(change))
        image = tf.clip_by_value(start + change, 0, 1)
    return image * 255


@pytest.mark.parametrize("jit_compile", [False, True])
def test_equals_a_plain_eager_loop(make_network, by_a_plain_loop, jit_compile):
    ascent = Ascent(make_network(), PLAIN, samples=1, jit_compile=jit_compile)
    made = ascent(statistics=statistics.generic(16, 16), seed=3)
    np.testing.assert_allclose(made.images, by_a_plain_loop, atol=0.255)


@pytest.mark.parametrize("dtype", ["mixed_float16", "mixed_bfloat16"])
def test_mixed_precision(make_network, dtype):
    made = class_images(make_network(dtype=dtype), settings=QUICK)
    assert np.isfinite(made.images).all()
    assert made.stopped_at is None


def test_greyscale(make_network):
    settings = dataclasses.replace(QUICK, parametrization="fourier")
    assert class_images(make_network(channels=1), settings=settings).images.shape[1:] == (16, 16, 1)


def test_a_gradient_that_is_not_finite_stops_and_keeps_the_last_images(make_network):
    inputs = keras.Input((16, 16, 3))
    # The root has no derivative at 0, where the images end up.
    values = keras.layers.Lambda(lambda x: tf.sqrt(tf.nn.relu(100.0 - x)))(inputs)
    values = keras.layers.Flatten()(values)
    model = keras.Model(inputs, keras.layers.Dense(2, kernel_initializer="ones")(values))
    settings = AscentSettings(steps=30, step_length=9.0, noise=0, final_noise=0, objective="logit")
    settings = dataclasses.replace(settings, views=Views(), initial=0.0, smoothing=0.0)
    with pytest.warns(UserWarning, match="gradient of step 0 was not finite"):
        made = class_images(model, settings=settings, start=np.full((16, 16, 3), 100.0))
    assert made.stopped_at == 0
    np.testing.assert_allclose(made.images, 100, atol=1e-3)


def test_a_model_without_gradients_is_refused():
    inputs = keras.Input((8, 8, 3))
    values = keras.layers.Lambda(lambda x: tf.cast(tf.argmax(x, -1), tf.float32))(inputs)
    model = keras.Model(inputs, keras.layers.Flatten()(values))
    with pytest.raises(UserError, match="by a gradient, but one"):
        class_images(model, settings=QUICK)


def test_frames_and_progress_tell_of_the_way(make_network):
    heard = []
    made = Ascent(make_network(), QUICK)(
        [0, 2], frames=3, progress=lambda done, steps: heard.append((done, steps))
    )
    assert made.frames.shape == (3, 2, 16, 16, 3)
    assert heard[-1] == (6, 6)


def test_frames_do_not_change_the_result(make_network):
    ascent = Ascent(make_network(), QUICK)
    np.testing.assert_array_equal(ascent(frames=2).images, ascent().images)


def test_diversity_drives_samples_apart(make_network):
    def likeness(weight):
        settings = dataclasses.replace(QUICK, steps=20, diversity=weight)
        made = class_images(make_network(), settings=settings, classes=[1])
        changes = (made.samples - 127.5).reshape(2, -1)
        return np.corrcoef(changes)[0, 1]

    assert likeness(50.0) < likeness(0.0) - 0.05


@pytest.mark.parametrize("parametrization", ["pixel", "pyramid", "projected"])
def test_what_the_class_does_not_need_becomes_transparent(make_network, parametrization):
    def whiteness(weight):
        settings = dataclasses.replace(
            QUICK, parametrization=parametrization, opacity=weight, steps=20, step_length=8.0
        )
        return (class_images(make_network(), settings=settings).images > 250).mean()

    assert whiteness(1e4) > 0.9 > whiteness(1e-6)


def test_opacity_needs_pixels():
    with pytest.raises(UserError, match="needs the parametrization pixel, pyramid or projected"):
        dataclasses.replace(QUICK, parametrization="maco", opacity=1.0)


def test_natural_logits_stand_beside_those_reached(make_network):
    model = make_network()
    images = np.random.default_rng(0).uniform(0, 255, (20, 16, 16, 3))
    known = statistics.measure(images, model, np.arange(20) % 4)
    made = Ascent(model, QUICK)([3, 1], statistics=known)
    np.testing.assert_array_equal(made.natural, known.natural_logits[[3, 1]])


def test_a_neuron_is_one_position_of_its_channel(make_network):
    model = make_network()
    channels = keras.Model(model.inputs[0], model.get_layer("convolution").output)
    made = Ascent(channels, QUICK, position=(2, 3), samples=1)([1, 5])
    answers = channels(made.images, training=False).numpy()[:, 2, 3]
    np.testing.assert_allclose(made.activations, answers[[0, 1], [1, 5]], rtol=1e-3)


def test_other_ranges_give_the_same_images(make_network):
    model = make_network()
    inputs = keras.Input((16, 16, 3))
    rescaled = keras.Model(inputs, model(keras.layers.Rescaling(127.5, 127.5)(inputs)))
    made = [
        Ascent(one, QUICK, input_range=limits)(seed=2).images
        for one, limits in ((model, (0.0, 255.0)), (rescaled, (-1.0, 1.0)))
    ]
    np.testing.assert_allclose(*made, atol=0.5)


def test_wrong_units_starts_and_sizes_are_refused(make_network):
    ascent = Ascent(make_network(), QUICK)
    with pytest.raises(UserError, match=r"from 0 to 3. Received: 4"):
        ascent([4])
    with pytest.raises(UserError, match=r"mean, black or grey. Received: 'red'"):
        ascent(start="red")
    with pytest.raises(UserError, match=r"Received: \(8, 8, 3\)"):
        ascent(start=np.zeros((8, 8, 3)))
    with pytest.raises(UserError, match="must be of the model's image size"):
        ascent(statistics=statistics.generic(8, 8))
