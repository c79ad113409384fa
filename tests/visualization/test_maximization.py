"""tf-keras-vis's class and ours: the same calls, the same formulas, the same complaints."""

import warnings

import keras
import numpy as np
import pytest
import tensorflow as tf
from tf_keras_vis.activation_maximization import ActivationMaximization as Upstream
from tf_keras_vis.activation_maximization.callbacks import Callback
from tf_keras_vis.activation_maximization.input_modifiers import Jitter, Rotate2D, Scale
from tf_keras_vis.activation_maximization.regularizers import Norm, TotalVariation2D
from tf_keras_vis.utils.scores import CategoricalScore

from bg_interp.visualization import ActivationMaximization
from bg_interp.visualization.callbacks import Frames
from bg_interp.visualization.engine import loop
from bg_interp.visualization.modifiers import Noise, SpectrumWeights, View
from bg_interp.visualization.optimizers import Linear, Projected
from bg_interp.visualization.regularizers import DiversityPenalty
from bg_interp.visualization.scores import Margin
from bg_interp.visualization.tf_keras_vis import mapping

SCORE = CategoricalScore([0, 2, 3])
IMAGES = np.random.default_rng(0).uniform(50, 200, (3, 16, 16, 3)).astype(np.float32)


@pytest.fixture(autouse=True)
def no_warnings_of_upstream():
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The structure of `inputs`")
        yield


@pytest.fixture(params=["fused", "plain"])
def either_way(request, monkeypatch):
    monkeypatch.setattr(loop, "pays_to_fuse", lambda *_: request.param == "fused")


class Listener(Callback):
    def __init__(self):
        self.heard = []
        self.ended = False

    def __call__(self, i, values, grads, scores, model_outputs, **kwargs):
        self.heard.append((i, values[0].numpy(), scores[0].numpy(), sorted(kwargs)))

    def on_end(self):
        self.ended = True


# Each two of the three choices stand together once.
@pytest.mark.parametrize(
    ("either_way", "jit_compile", "optimizer"),
    [
        ("fused", False, None),
        ("fused", True, keras.optimizers.SGD(3.0, momentum=0.5)),
        ("plain", False, keras.optimizers.SGD(3.0, momentum=0.5)),
        ("plain", True, None),
    ],
    indirect=["either_way"],
)
@pytest.mark.usefixtures("either_way")
def test_without_modifiers_the_result_is_upstreams(make_network, optimizer, jit_compile):
    model = make_network()
    arguments = {"seed_input": IMAGES, "input_modifiers": None, "steps": 50}
    expected = Upstream(model)(
        SCORE,
        **arguments,
        optimizer=optimizer and type(optimizer).from_config(optimizer.get_config()),
    )
    maximization = ActivationMaximization(model, jit_compile=jit_compile)
    for _ in range(2):  # An optimizer may be used again.
        made = maximization(SCORE, **arguments, optimizer=optimizer)
        np.testing.assert_allclose(made, expected, atol=0.255)


def test_modifiers_are_seeded_and_leave_the_image_in_its_place(make_network):
    model = make_network()
    arguments = {
        "seed_input": IMAGES,
        "input_modifiers": [Jitter(4), Rotate2D(3), Scale(0.9, 1.1)],
        "steps": 5,
    }
    first, same, other = (
        ActivationMaximization(model, seed=seed)(SCORE, **arguments) for seed in (1, 1, 2)
    )
    assert first.numpy().tobytes() == same.numpy().tobytes()
    assert not np.allclose(first, other)
    still = ActivationMaximization(model)(
        lambda outputs: 0 * outputs[:, 0], regularizers=None, **arguments
    )
    np.testing.assert_allclose(still, IMAGES, atol=1e-3)


@pytest.mark.usefixtures("either_way")
def test_other_classes_seeds_and_weights_need_no_new_trace(make_network):
    model = make_network()
    maximization = ActivationMaximization(model)
    first = maximization(SCORE, seed_input=IMAGES, steps=3, input_modifiers=Jitter(2))
    for variable in model.variables:
        variable.assign(variable * 1.5)
    classes = CategoricalScore([1, 1, 0])
    second = maximization(classes, seed_input=IMAGES, steps=4, input_modifiers=Jitter(2))
    (compiled,) = maximization._loops.values()
    assert compiled._step.experimental_get_tracing_count() == 1
    assert compiled._run.experimental_get_tracing_count() <= 1
    assert not np.allclose(first, second)


@pytest.mark.usefixtures("either_way")
@pytest.mark.parametrize(("every", "expected"), [(1, [0, 1, 2, 3, 4]), (2, [1, 3, 4])])
def test_callbacks_hear_of_the_steps(make_network, every, expected):
    listener = Listener()
    maximization = ActivationMaximization(make_network(), callback_every=every)
    made = maximization(SCORE, seed_input=IMAGES, steps=5, callbacks=listener)
    assert [step for step, *_ in listener.heard] == expected
    np.testing.assert_array_equal(listener.heard[-1][1], made)
    assert listener.heard[0][2].shape == (3,)
    assert listener.heard[0][3] == ["overall_score", "regularizations"]
    assert listener.ended


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        ({"score": lambda outputs: np.asarray(outputs)[:, 0] + 0 * outputs[:, 0]}, "the score"),
        ({"input_modifiers": lambda images: images.numpy()}, "the input modifier"),
        (
            {"gradient_modifier": lambda gradient: tf.constant(gradient.numpy())},
            "gradient modifier",
        ),
    ],
)
def test_what_a_graph_cannot_hold_runs_in_upstreams_loop(make_network, arguments, name):
    arguments = {"score": SCORE, "seed_input": IMAGES, "steps": 2, **arguments}
    with pytest.warns(UserWarning, match=f"tf-keras-vis's own loop.*{name}.*lambda"):
        made = ActivationMaximization(make_network())(**arguments)
    assert made.shape == IMAGES.shape


@pytest.mark.parametrize("shape", [(2, 7, 5, 3), (1, 2, 2, 1), (2, 1, 3, 2)])
@pytest.mark.parametrize("regularizer", [TotalVariation2D(3.0), Norm(0.3, p=1)])
def test_a_gradient_by_a_formula_is_that_of_the_regularizer(regularizer, shape):
    values = tf.random.stateless_uniform(shape, [0, 1], -1)
    with tf.GradientTape() as tape:
        tape.watch(values)
        result = regularizer(values)
    made = mapping.gradient_of(regularizer, shape)(values)
    np.testing.assert_allclose(made, tape.gradient(result, values), rtol=1e-5, atol=1e-7)


def test_no_formula_is_guessed():
    class Doubled(TotalVariation2D):
        def __call__(self, images):
            return 2 * super().__call__(images)

    assert mapping.gradient_of(Doubled(1.0), IMAGES.shape) is None
    assert mapping.gradient_of(Norm(1.0, p=2), IMAGES.shape) is None


def test_the_variation_of_what_is_no_image_is_refused_in_upstreams_words():
    model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(4)])
    with pytest.raises(ValueError, match="shape must be"):
        ActivationMaximization(model)(CategoricalScore(1), input_modifiers=None, steps=1)


def test_a_regularizer_that_was_changed_later_is_not_told_of(make_network):
    class Recorder(Callback):
        def __call__(self, *_, regularizations, **__):
            self.values = dict(regularizations)

    told, maximization = Recorder(), ActivationMaximization(make_network())
    arguments = {"seed_input": IMAGES, "steps": 1, "input_modifiers": None}
    changed = TotalVariation2D(1.0)
    maximization(SCORE, regularizers=changed, **arguments)
    changed.weight = 5.0
    maximization(SCORE, regularizers=TotalVariation2D(1.0), callbacks=told, **arguments)
    expected = TotalVariation2D(1.0)(tf.constant(IMAGES))
    np.testing.assert_allclose(told.values["TotalVariation2D"], expected, rtol=1e-5)


def test_the_last_class_may_be_called_minus_one(make_network):
    model = make_network()
    arguments = {"seed_input": IMAGES[:1], "steps": 2}
    last = model.output_shape[-1] - 1
    made = [ActivationMaximization(model)(CategoricalScore(n), **arguments) for n in (-1, last)]
    np.testing.assert_array_equal(*made)


def test_xla_is_taken_for_many_pixels_and_steps(make_network):
    assert not loop.pays_to_fuse([tf.zeros([10, 64, 64, 3])], 10)
    assert loop.pays_to_fuse([tf.zeros([10, 64, 64, 3])], 200)
    maximization = ActivationMaximization(make_network())
    for steps in (1, 2, 2000):
        maximization(SCORE, seed_input=IMAGES, steps=steps)
    assert [each._call.fuse for each in maximization._loops.values()] == [False, True]


def test_several_inputs_and_outputs():
    inputs = [keras.Input((8, 8, 3), name="left"), keras.Input((6, 6, 1), name="right")]
    flat = [keras.layers.Flatten()(one) for one in inputs]
    both = keras.layers.Concatenate()(flat)
    model = keras.Model(inputs, [keras.layers.Dense(3)(both), keras.layers.Dense(2)(both)])
    left, right = ActivationMaximization(model)(
        [CategoricalScore(0), CategoricalScore(1)],
        input_modifiers={"left": [Jitter(1)]},
        regularizers={"left": [TotalVariation2D(1.0)], "right": [Norm(0.1)]},
        input_range=[(0, 255), (0.0, 1.0)],
        steps=3,
    )
    assert left.shape == (1, 8, 8, 3)
    assert right.shape == (1, 6, 6, 1)
    assert tf.reduce_max(right) <= 1


@pytest.mark.parametrize("dtype", ["mixed_float16", "mixed_bfloat16"])
def test_mixed_precision(make_network, dtype):
    made = ActivationMaximization(make_network(dtype=dtype))(SCORE, seed_input=IMAGES, steps=3)
    assert made.dtype == tf.float32
    assert np.isfinite(made).all()


def test_a_missing_seed_input_is_drawn_by_the_seed(make_network):
    model = make_network()
    state = np.random.get_state()[1].copy()
    made = [ActivationMaximization(model, seed=3)(CategoricalScore(1), steps=1) for _ in range(2)]
    np.testing.assert_array_equal(*made)
    np.testing.assert_array_equal(state, np.random.get_state()[1])


def test_an_open_size_is_asked_for():
    inputs = keras.Input((None, None, 3))
    model = keras.Model(inputs, keras.layers.GlobalAveragePooling2D()(inputs))
    with pytest.raises(ValueError, match="give seed_input"):
        ActivationMaximization(model)(CategoricalScore(0))
    made = ActivationMaximization(model)(CategoricalScore(0), seed_input=IMAGES[:1], steps=2)
    assert made.shape == (1, 16, 16, 3)


@pytest.mark.usefixtures("either_way")
def test_a_gradient_that_is_not_finite_stops_and_keeps_the_image(make_network):
    def score(outputs):
        return tf.sqrt(outputs[:, 0] - outputs[:, 0])

    with pytest.warns(UserWarning, match="gradient of step 0 was not finite"):
        made = ActivationMaximization(make_network())(score, seed_input=IMAGES, steps=5)
    np.testing.assert_allclose(made, IMAGES, atol=1e-4)


def test_wrong_calls_are_refused_as_upstream_does(make_network):
    maximization = ActivationMaximization(make_network())
    with pytest.raises(ValueError, match="Invalid index value"):
        maximization(CategoricalScore(99), steps=1)
    with pytest.raises(TypeError, match="must be callable"):
        maximization(SCORE, seed_input=IMAGES, input_modifiers=[None])
    with pytest.raises(ValueError, match="must depend on every input"):
        maximization(tf.stop_gradient, regularizers=None, steps=1)


def test_pieces_run_in_upstreams_own_loop(make_network):
    made = Upstream(make_network())(
        Margin([0, 2, 3]),
        seed_input=IMAGES,
        input_modifiers=[View(shift=0.1, rotation=5), Noise(2, 0, steps=3)],
        regularizers=DiversityPenalty(1.0, samples=3),
        gradient_modifier=SpectrumWeights(np.ones([3, 16, 9])),
        optimizer=Projected(Linear(1.0, 0.2, steps=3), budget=9.0, limits=(0.0, 255.0)),
        callbacks=Frames(2, images=1),
        steps=3,
    )
    assert made.shape == IMAGES.shape
    assert np.isfinite(made).all()
