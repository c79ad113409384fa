"""A checkpoint is read whole or not at all."""

import keras
import numpy as np
import pytest

from bg_interp.errors import UserError
from bg_interp.training.checkpoints import Checkpoints, State


def network(units: int = 2) -> keras.Model:
    image = keras.Input((3,))
    return keras.Model(image, keras.layers.Dense(units, name="dense")(image))


@pytest.fixture
def model() -> keras.Model:
    return network()


@pytest.fixture
def checkpoints(model, tmp_path) -> Checkpoints:
    optimizer = keras.optimizers.SGD(0.1)
    optimizer.build(model.trainable_variables)
    return Checkpoints(tmp_path, model, optimizer)


def test_what_is_saved_comes_back(checkpoints, model):
    rows = [{"step": 1, "split": "train", "loss": 0.1}]
    values = [np.full(w.shape, n, w.dtype) for n, w in enumerate(model.get_weights())]
    model.set_weights(values)
    checkpoints.save(State(7, rows, [[0.25, 1.0]]))
    model.set_weights([0 * w for w in values])
    assert checkpoints.restore() == State(7, rows, [[0.25, 1.0]])
    for value, weight in zip(values, model.get_weights(), strict=True):
        np.testing.assert_array_equal(value, weight)


def test_without_any_the_run_begins(checkpoints):
    assert checkpoints.restore() == State(0, [], [])


def test_the_newest_two_are_kept(checkpoints, tmp_path):
    for step in (5, 10, 15):
        checkpoints.save(State(step, [], []))
    assert sorted(p.name for p in tmp_path.iterdir()) == ["step-00000010.npz", "step-00000015.npz"]


def test_that_of_another_network_is_refused_and_nothing_is_changed(checkpoints, tmp_path):
    checkpoints.save(State(1, [], []))
    other = network(units=3)
    other.get_layer("dense").name = "other"
    extended = keras.Model(other.input, keras.layers.Dense(1)(other.output))
    optimizer = keras.optimizers.SGD(0.1)
    optimizer.build(extended.trainable_variables)
    before = extended.get_weights()
    with pytest.raises(UserError, match=r"another network or optimizer; .* overwrite"):
        Checkpoints(tmp_path, extended, optimizer).restore()
    for ours, theirs in zip(before, extended.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_no_flipped_bit_anywhere_is_taken_for_a_value(checkpoints, model, tmp_path, capsys):
    """Each byte of the file, one after the other, with one bit flipped."""
    rng = np.random.default_rng(0)
    model.set_weights([rng.normal(size=w.shape) for w in model.get_weights()])
    expected = model.get_weights()
    rows = [{"step": 1, "split": "train", "loss": 0.1}]
    checkpoints.save(State(9, rows, []))
    (path,) = tmp_path.iterdir()
    sound = path.read_bytes()
    for place in range(0, len(sound), 3):
        damaged = bytearray(sound)
        damaged[place] ^= 1 << (place % 8)
        path.write_bytes(damaged)
        state = checkpoints.restore()
        # Times and attributes within the archive don't matter; all else is noticed.
        assert state in (State(0, [], []), State(9, rows, [])), place
        for ours, theirs in zip(expected, model.get_weights(), strict=True):
            np.testing.assert_array_equal(ours, theirs)
    assert "is damaged" in capsys.readouterr().err
