"""What a repair has worked out is used again, and made again where its file is damaged."""

import numpy as np
import pytest

from bg_interp.repairing.cache import ResumeCache


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
