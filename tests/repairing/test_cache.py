"""What a repair has worked out is used again, and made again where its file is damaged."""

import keras
import numpy as np
import pytest

from bg_interp.repairing.cache import ResumeCache, digest


@pytest.mark.parametrize("damage", [None, lambda content: content[:-30], lambda content: b"no"])
def test_what_stands_in_a_whole_file_is_not_computed_again(damage, tmp_path):
    cache, calls = ResumeCache(tmp_path / "progress"), []

    def compute():
        calls.append(None)
        return np.arange(1000.0)

    np.testing.assert_array_equal(cache("key", compute), np.arange(1000.0))
    (path,) = (tmp_path / "progress").iterdir()
    if damage is not None:
        path.write_bytes(damage(path.read_bytes()))
    np.testing.assert_array_equal(cache("key", compute), np.arange(1000.0))
    assert len(calls) == (1 if damage is None else 2)
    cache.clear()
    assert not (tmp_path / "progress").exists()


def test_a_flipped_bit_is_noticed(tmp_path):
    cache = ResumeCache(tmp_path)
    cache("key", lambda: np.zeros(1000))
    (path,) = tmp_path.iterdir()
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    assert cache("key", lambda: np.ones(1000)).all()


def test_nothing_is_kept_without_a_folder(tmp_path):
    calls = []
    for _ in range(2):
        ResumeCache()("key", lambda: calls.append(None))
    assert len(calls) == 2
    ResumeCache().clear()


def test_a_key_is_that_of_everything_that_it_was_computed_from():
    image = np.zeros((2, 3), np.float32)
    every = [image, image.T, image.astype(np.float64), image + 1, "a", ("a",), None, 3]
    assert len({digest(one) for one in every} | {digest("a", 3), digest(3, "a")}) == len(every) + 2
    assert digest(image, "a") == digest(image.copy(), "a")


class Secretive(keras.layers.Layer):
    """A layer that tells nobody how it was made."""

    def get_config(self):
        raise NotImplementedError

    def call(self, inputs):
        return inputs


@pytest.mark.parametrize("end", [keras.layers.Identity, Secretive])
def test_a_network_is_known_by_its_layers_and_weights(end):
    def made(units: int, fill: float) -> keras.Model:
        model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(units), end(name="end")])
        model.layers[0]._name = "dense"
        model.set_weights([np.full_like(values, fill) for values in model.get_weights()])
        model._name = "network"
        return model

    keras.utils.clear_session()
    assert digest(made(3, 1.0)) != digest(made(3, 2.0))
    assert digest(made(3, 1.0)) != digest(made(2, 1.0))
    model = made(3, 1.0)
    assert digest(model) == digest(model)
