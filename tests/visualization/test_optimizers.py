"""Steps have their length, keep the budget, and also run in tf-keras-vis's own loop."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from bg_interp.visualization.optimizers import Linear, Projected

SHAPE = (2, 64, 64, 3)


def climb(optimizer, image, steps):
    downhill = -tf.random.stateless_normal(SHAPE, [0, 1])
    variable = keras.Variable(image)
    before = variable.numpy()
    for _ in range(steps):
        optimizer.apply([downhill], [variable])
    return np.linalg.norm((variable.numpy() - before)[0])


@pytest.mark.parametrize(("around", "limits"), [(None, (0, 1)), (0.5, (0, 1)), (None, (0, 255))])
def test_steps_keep_length_budget_and_range(around, limits):
    low, high = limits
    image, scale = tf.fill(SHAPE, (low + high) / 2), high - low
    around = None if around is None else np.full(SHAPE[1:], around)
    make = {"budget": 25.0, "around": around, "limits": (float(low), float(high))}
    assert climb(Projected(1.0, **make), image, 1) == pytest.approx(scale, rel=1e-3)
    # Clipping to the range, after the projection, can only bring the image nearer.
    assert 24 < climb(Projected(1.0, **make), image, 60) / scale <= 25.001


def test_lengths_grow_with_the_side_of_the_image():
    variable = keras.Variable(tf.fill([1, 128, 128, 3], 0.5))
    Projected(1.0).apply([-tf.random.stateless_normal(variable.shape, [0, 1])], [variable])
    assert np.linalg.norm(variable.numpy() - 0.5) == pytest.approx(2, rel=1e-3)


def test_the_rate_falls_along_a_line_and_stays():
    rate = Linear(1.0, 0.2, steps=4)
    np.testing.assert_allclose([rate(step) for step in (0, 1, 4, 9)], [1, 0.8, 0.2, 0.2], rtol=1e-6)


def test_the_configuration_is_the_optimizer():
    made = Projected(Linear(1.0, 0.2, 4), budget=3.0, around=np.ones([4, 4, 3]))
    again = Projected.from_config(made.get_config())
    assert again.budget == 3.0
    assert again.get_config()["learning_rate"] == made.get_config()["learning_rate"]
