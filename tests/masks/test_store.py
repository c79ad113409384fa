import dataclasses
import io

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from bg_interp.errors import UserError
from bg_interp.masks import quality
from bg_interp.masks.opening import folder_masks
from bg_interp.masks.segmenters.segmenter import Settings
from bg_interp.masks.shards import Mask, png_name
from bg_interp.masks.store import MaskStore


@dataclasses.dataclass(frozen=True)
class Source:
    name: str = "folder:pets"
    fingerprint: str = "abc"


def open_store(root, source=Source(), settings=Settings()):  # noqa: B008
    return MaskStore(root, source, settings)


def encoded(mask):
    file = io.BytesIO()
    Image.fromarray(mask).save(file, "PNG")
    return file.getvalue()


def make_mask(key, verdict=quality.OK):
    number = int(key.rsplit("/", 1)[1].split(".")[0])
    pixels = np.random.default_rng(number).integers(0, 256, (5 + number, 7), dtype=np.uint8)
    return Mask(key, encoded(pixels), quality.Quality(0.5, 0.9, verdict)), pixels


KEYS = [f"train/cat/{number}.jpg" for number in range(10)]


@pytest.fixture
def filled(tmp_path):
    store = open_store(tmp_path)
    store.write([make_mask(key)[0] for key in KEYS[:4]])
    store.write([make_mask(key)[0] for key in KEYS[4:]])
    return store


@pytest.mark.parametrize("again", [False, True], ids=["same object", "opened again"])
def test_reader_finds_every_mask_in_any_order(filled, tmp_path, again):
    store = open_store(tmp_path) if again else filled
    keys = [KEYS[place] for place in (9, 0, 5, 3, 4)]
    read = store.reader(keys)
    masks = tf.data.Dataset.range(len(keys)).map(read, num_parallel_calls=2)
    for key, mask in zip(keys, masks, strict=True):
        np.testing.assert_array_equal(mask.numpy()[..., 0], make_mask(key)[1])
        assert mask.dtype == tf.uint8


def test_reader_works_eagerly_and_has_no_python_in_the_graph(filled):
    read = filled.reader(KEYS)
    np.testing.assert_array_equal(read(tf.constant(7, tf.int64))[..., 0], make_mask(KEYS[7])[1])
    graph = tf.function(read, input_signature=[tf.TensorSpec((), tf.int64)])
    operations = {op.type for op in graph.get_concrete_function().graph.get_operations()}
    assert not any("PyFunc" in name for name in operations)


def test_shards_are_tfrecord_files(filled):
    shards = sorted(str(path) for path in filled.folder.glob("*.tfrecord"))
    records = [record.numpy() for record in tf.data.TFRecordDataset(shards)]
    assert records == [make_mask(key)[0].png for key in KEYS]


def test_missing_masks_name_the_command(filled):
    with pytest.raises(UserError) as caught:
        filled.reader([*KEYS, "test/dog/99.jpg"])
    message = str(caught.value)
    assert "1 of 11" in message
    assert "test/dog/99.jpg" in message
    assert "python tools/segment.py --dataset=folder:pets --segmenter=object" in message
    assert f"--mask_store={filled._root}" in message


def test_empty_store_names_the_command(tmp_path):
    with pytest.raises(UserError, match=r"10 of 10 .*tools/segment\.py"):
        open_store(tmp_path).verdicts(KEYS)


def test_bad_masks_are_read_as_they_are(tmp_path):
    store = open_store(tmp_path)
    store.write([make_mask(KEYS[0])[0], make_mask(KEYS[1], quality.EMPTY)[0]])
    assert store.verdicts(KEYS[:2]) == [quality.OK, quality.EMPTY]
    raw = store.reader(KEYS[:2])(tf.constant(1, tf.int64))
    np.testing.assert_array_equal(raw[..., 0], make_mask(KEYS[1])[1])


def test_failed_masks_can_be_asked_for_again(tmp_path):
    store = open_store(tmp_path)
    store.write([make_mask(KEYS[0])[0], make_mask(KEYS[1], quality.FAILED)[0]])
    assert store.missing(KEYS[:3]) == [2]
    assert store.missing(KEYS[:3], retry_failed=True) == [1, 2]
    store.write([make_mask(KEYS[1])[0]])
    assert open_store(tmp_path).verdicts(KEYS[:2]) == [quality.OK, quality.OK]


@pytest.mark.parametrize("damage", ["changed", "cut", "gone"])
def test_damaged_shard_is_named_and_made_again(filled, tmp_path, damage):
    shard = filled.folder / "masks-00001.tfrecord"
    content = bytearray(shard.read_bytes())
    if damage == "gone":
        shard.unlink()
    elif damage == "cut":
        shard.write_bytes(content[:-10])
    else:
        content[40] ^= 1
        shard.write_bytes(content)
    store = open_store(tmp_path)
    with pytest.raises(UserError, match=r"masks-00001\.tfrecord is .*tools/segment\.py"):
        store.reader(KEYS)
    (line,) = store.remove_damaged()
    assert "masks-00001" in line
    assert store.missing(KEYS) == [4, 5, 6, 7, 8, 9]
    store.write([make_mask(key)[0] for key in KEYS[4:]])
    assert len(open_store(tmp_path).verdicts(KEYS)) == 10


@pytest.mark.parametrize("content", ["", "{", "[]", '{"masks": [{}]}'])
def test_damaged_index_counts_as_missing(filled, tmp_path, content):
    (filled.folder / "masks-00000.json").write_text(content)
    store = open_store(tmp_path)
    assert store.missing(KEYS) == [0, 1, 2, 3]
    assert "masks-00000" in store.remove_damaged()[0]
    assert store.missing(KEYS) == [0, 1, 2, 3]


def test_shard_without_index_does_not_count_and_is_not_overwritten(filled, tmp_path):
    orphan = filled.folder / "masks-00007.tfrecord"
    orphan.write_bytes(b"killed before the index")
    store = open_store(tmp_path)
    assert store.missing([*KEYS, "new/11.jpg"]) == [10]
    store.write([make_mask("new/11.jpg")[0]])
    assert orphan.read_bytes() == b"killed before the index"


def test_sources_and_settings_have_their_own_folders(tmp_path):
    folders = {
        open_store(tmp_path, source, settings).folder
        for source in (Source(), Source(fingerprint="other"), Source(name="folder:cars"))
        for settings in (Settings(), Settings("selfie"))
    }
    assert len(folders) == 6


def test_names_with_separators_stay_below_the_store(tmp_path):
    folder = open_store(tmp_path, Source(name="folder:../../etc")).folder
    assert folder.resolve().is_relative_to(tmp_path)


def test_full_disk_is_one_line_and_keeps_earlier_shards(filled, tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("bg_interp.storage.records.write", full)
    with pytest.raises(UserError, match="No space left"):
        filled.write([make_mask("new/11.jpg")[0]])
    store = open_store(tmp_path)
    assert store.missing([*KEYS, "new/11.jpg"]) == [10]
    assert not list(store.folder.glob(".partial*"))


def test_exported_masks_are_read_back_as_a_folder(filled, tmp_path):
    filled.export_png(KEYS, tmp_path / "png")
    assert (tmp_path / "png/train/cat/3.png").is_file()
    masks = folder_masks(tmp_path / "png", KEYS).masks
    for place, key in enumerate(KEYS):
        expected = make_mask(key)[1]
        np.testing.assert_array_equal(masks.mask(place, expected.shape)[..., 0], expected)
    assert not masks.odd


def test_export_refuses_two_images_for_one_name(filled, tmp_path):
    with pytest.raises(UserError, match=r"a/1\.jpg.*a/1\.png"):
        filled.export_png(["a/1.jpg", "a/1.png"], tmp_path)


def test_missing_png_is_named(filled, tmp_path):
    filled.export_png(KEYS, tmp_path / "png")
    (tmp_path / "png/train/cat/3.png").unlink()
    with pytest.raises(UserError, match=r"1 of 10 .*train/cat/3\.png"):
        folder_masks(tmp_path / "png", KEYS)
    with pytest.raises(UserError, match="must name a folder"):
        folder_masks(tmp_path / "nowhere", KEYS)


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "1", "I;16"])
def test_masks_of_other_tools_may_have_any_png_mode(tmp_path, mode):
    pixels = np.zeros((6, 8), np.uint8)
    pixels[:, 4:] = 255
    if mode == "I;16":
        image = Image.fromarray(pixels.astype(np.uint16) * 257)
    else:
        image = Image.fromarray(pixels).convert(mode)
    image.save(tmp_path / "a.png")
    mask = folder_masks(tmp_path, ["a.jpg"]).masks.mask(0, pixels.shape)
    np.testing.assert_array_equal(mask[..., 0], pixels)


def test_mask_name_replaces_only_the_last_suffix():
    assert png_name("train/cat.d/a.b.jpeg") == "train/cat.d/a.b.png"
