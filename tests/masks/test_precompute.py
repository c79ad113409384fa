import multiprocessing

import numpy as np
import pytest

from bg_interp.errors import UserError
from bg_interp.masks import encoding, precompute, quality
from bg_interp.masks.segmenters.opening import prepare
from bg_interp.masks.segmenters.segmenter import Segmenter, Settings
from bg_interp.masks.store import MaskStore


class Source:
    name, fingerprint = "folder:pets", "abc"


@pytest.fixture
def settings(red_is_foreground):
    return Settings("object", model=str(red_is_foreground))


@pytest.fixture
def store(tmp_path, settings):
    return MaskStore(tmp_path, Source(), settings)


def image(number, width=40):
    """Red up to column `number`."""
    pixels = np.zeros((30, width, 3), np.uint8)
    pixels[:, :number, 0] = 255
    return pixels


KEYS = [f"a/{number}.jpg" for number in range(12)]


def keyed():
    return ((key, image(number + 10)) for number, key in enumerate(KEYS))


def fill(store, images, workers=1):
    return precompute.fill(store, images, prepare(store.settings), workers)


class Red(Segmenter):
    """The red channel is the foreground's opacity."""

    def opacities(self, images):
        return [picture[..., 0] / np.float32(255) for picture in images]


def kept(store):
    """As `fill`, without the seconds that another process takes to start."""
    return precompute.keep(store, precompute.in_batches(keyed(), Red(store.settings)))


@pytest.mark.parametrize("workers", [1, 2])
def test_every_image_gets_its_own_mask(store, workers):
    masks = {mask.key: mask for mask in fill(store, keyed(), workers)}
    assert set(masks) == set(KEYS) == set(store.entries())
    assert store.verdicts(KEYS) == [quality.OK] * len(KEYS)
    for number, key in enumerate(KEYS):
        assert masks[key].quality.area == pytest.approx((number + 10) / 40, abs=0.02)


def test_stopping_early_keeps_what_was_made(store):
    masks = fill(store, keyed())
    made = [next(masks).key for _ in range(3)]
    masks.close()
    assert set(made) <= set(store.entries())
    assert multiprocessing.active_children() == []


def test_source_that_fails_keeps_what_was_made(store):
    def failing():
        yield from list(keyed())[:4]
        raise UserError("the folder is gone")

    with pytest.raises(UserError, match="the folder is gone"):
        list(fill(store, failing()))
    # The image being decoded when the source failed is the only one that may lack its mask.
    assert len(store.entries()) >= 3


def test_worker_that_dies_costs_one_image(store):
    def images():
        for number, (key, pixels) in enumerate(keyed()):
            if number == 5:
                (worker,) = multiprocessing.active_children()
                worker.kill()
            yield key, pixels

    masks = list(fill(store, images()))
    assert len(masks) == len(KEYS)
    failures = [mask for mask in masks if mask.quality.verdict == quality.FAILED]
    assert len(failures) == 1
    assert "died" in failures[0].problem


def test_model_that_cannot_be_opened_is_one_error(store, tmp_path, settings):
    broken = tmp_path / "broken.tflite"
    broken.write_bytes(b"no model")
    with pytest.raises(UserError, match=r"broken\.tflite must be a LiteRT"):
        list(precompute.fill(store, keyed(), broken, 1))


def test_full_disk_stops_with_one_line(store, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("bg_interp.storage.records.write", full)
    monkeypatch.setattr(precompute, "_SHARD_MASKS", 4)
    with pytest.raises(UserError, match="No space left on device"):
        list(kept(store))


class Moody(Segmenter):
    """Fails on images that are 13 pixels wide."""

    def opacities(self, images):
        if images[0].shape[1] == 13:
            raise RuntimeError("calculator graph failed")
        return [np.ones(picture.shape[:2], np.float32) * 0.6 for picture in images]


def test_image_that_fails_is_flagged_and_full(settings):
    segmenter = Moody(settings)
    good = encoding.mask_of(segmenter, "a", image(3))
    bad = encoding.mask_of(segmenter, "b", image(3, width=13))
    assert good.problem == ""
    assert bad.quality.verdict == quality.FAILED
    assert "calculator graph failed" in bad.problem
    assert bad.png


def test_second_process_on_the_same_store_is_refused(store):
    first = kept(store)
    next(first)
    with pytest.raises(UserError, match="is being filled by process"):
        next(kept(store))
    first.close()
    assert len(list(kept(store))) == len(KEYS)


def test_store_that_cannot_be_written_is_found_before_the_work(tmp_path, settings):
    (tmp_path / "file").write_text("")
    store = MaskStore(tmp_path / "file", Source(), settings)

    def never():
        raise AssertionError("no image is needed")
        yield

    with pytest.raises(UserError, match="cannot write"):
        next(fill(store, never()))


def test_shards_close_by_count(store, monkeypatch):
    monkeypatch.setattr(precompute, "_SHARD_MASKS", 5)
    list(kept(store))
    assert len(list(store.folder.glob("*.tfrecord"))) == 3


def test_keras_backend_fills_in_batches(tmp_path, object_onnx):
    from skimage import data

    settings = Settings("object", backend="keras")
    store = MaskStore(tmp_path, Source(), settings)
    images = [data.chelsea(), data.coffee(), data.astronaut()]
    made = list(precompute.fill(store, zip("abc", images, strict=True), object_onnx))
    assert [mask.key for mask in made] == ["a", "b", "c"]
    assert store.verdicts(["a", "b", "c"]) == [quality.OK] * 3


def test_a_shard_that_a_killed_process_left_without_its_index_is_removed(store):
    store.describe()
    orphan = store.folder / "masks-00000.tfrecord"
    orphan.write_bytes(b"killed before the index")
    assert len(list(kept(store))) == len(KEYS)
    assert orphan.read_bytes() != b"killed before the index"
    assert orphan.with_suffix(".json").is_file()
    assert store.missing(KEYS) == []
