"""Which masks a split gets, and what becomes of images whose mask is empty."""

import shutil
import types

import numpy as np
import pytest
import tensorflow as tf

from bg_interp.config.data import DataConfig, check_masks
from bg_interp.data.examples import InMemory, in_order, own_mask
from bg_interp.data.mask_choice import Masks, choose, settle_bad
from bg_interp.data.opening import open_examples
from bg_interp.data.sources.folder import open_folder
from bg_interp.errors import UserError


@pytest.fixture
def folder(shape_folder, own_cache):
    return open_folder(shape_folder.images)


@pytest.fixture
def some() -> InMemory:
    """Four images, the 10th to 13th of their split."""
    masks, labels = np.full((4, 2, 2, 1), 9, np.uint8), np.arange(4, dtype=np.int32)
    return InMemory({"mask": masks, "label": labels, "index": 10 + np.arange(4)})


def chosen(source, masks, tmp_path):
    return choose(source, "train", DataConfig(masks=masks, mask_store=str(tmp_path)))


def test_the_data_sets_own_masks_are_taken_by_themselves(tiny_habitats, tmp_path):
    for masks in ("auto", "dataset"):
        found = chosen(tiny_habitats, masks, tmp_path)
        assert found.origin == "dataset"
        assert found.bad is None


def test_masks_that_were_made_anew_have_another_fingerprint(folder, shape_folder, tmp_path):
    shutil.copytree(shape_folder.masks, tmp_path / "masks")
    where = f"folder:{tmp_path / 'masks'}"
    before = [chosen(folder, where, tmp_path).fingerprint for _ in range(2)]
    assert before[0] == before[1]
    key = folder.splits["train"].keys[0]
    mask = (tmp_path / "masks" / key).with_suffix(".png")
    mask.write_bytes(mask.read_bytes() + b" ")
    assert chosen(folder, where, tmp_path).fingerprint != before[0]


def test_none_reads_nothing(tiny_habitats, tmp_path):
    found = chosen(tiny_habitats, "none", tmp_path)
    assert (found.read, found.origin, found.bad) == (None, "none", {})


def test_masks_of_another_tool_are_read_by_the_images_names(folder, shape_folder):
    masks = f"folder:{shape_folder.masks}"
    kept, found = open_examples(folder, "train", DataConfig(masks=masks, image_size=40))
    assert found.origin == masks
    discs = kept.arrays["mask"][kept.arrays["label"] == 0]
    # The images are drawn in one colour where the mask is white.
    pixels = kept.arrays["image"][kept.arrays["label"] == 0][discs[..., 0] == 255]
    np.testing.assert_array_equal(pixels, np.broadcast_to([200, 60, 30], pixels.shape))


def test_a_mask_that_is_missing_is_named(folder, tmp_path):
    with pytest.raises(UserError) as raised:
        chosen(folder, f"folder:{tmp_path}", tmp_path)
    assert folder.splits["train"].keys[0] in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("masks", ["auto", "object", "selfie", "deeplab", "interactive"])
def test_masks_that_were_not_made_yet_name_the_command(folder, tmp_path, masks):
    with pytest.raises(UserError) as raised:
        chosen(folder, masks, tmp_path)
    assert "tools/segment.py" in str(raised.value)
    assert str(folder.name) in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_data_set_without_masks_says_so(folder, tmp_path):
    with pytest.raises(UserError, match="needs a dataset with masks of its own"):
        chosen(folder, "dataset", tmp_path)


def test_an_unknown_choice_has_a_near_name():
    with pytest.raises(UserError, match="did you mean 'selfie'"):
        check_masks("selfy")
    check_masks("folder:x")


def settled(examples, bad, on_bad_mask, origin="dataset"):
    masks = Masks(own_mask, origin, {verdict: np.array(at) for verdict, at in bad.items()})
    keys = [f"image {number}" for number in range(20)]
    return settle_bad(examples, masks, keys, on_bad_mask)


@pytest.mark.parametrize("origin", ["dataset", "folder:masks", "object-309c84682-1"])
def test_bad_masks_take_one_road_whatever_their_origin(some, origin):
    bad = {"empty": [11], "unsure": [13]}
    found = settled(some, bad, "keep", origin)
    assert (found.arrays["mask"][[1, 3]] == 255).all()
    assert (found.arrays["mask"][[0, 2]] == 9).all()
    assert (some.arrays["mask"] == 9).all()
    assert settled(some, bad, "drop", origin).positions.tolist() == [10, 12]
    with pytest.raises(UserError) as raised:
        settled(some, bad, "error", origin)
    message = f"2 of 20 masks by {origin} are bad (1 empty, 1 unsure), the first that of 'image 11'"
    assert message in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("on_bad_mask", ["keep", "drop", "error"])
def test_sound_masks_stay_as_they_are(some, on_bad_mask):
    assert settled(some, {}, on_bad_mask) is some


class _SplitWithAnEmptyMask:
    """Four images on disk, the third without foreground."""

    keys = ("a.jpg", "b.jpg", "c.jpg", "d.jpg")

    def __len__(self):
        return 4

    def load(self, position):
        opacity = tf.where(position == 2, 0, 9)
        return {
            "image": tf.fill([8, 8, 3], tf.constant(7, tf.uint8)),
            "mask": tf.fill([8, 8, 1], tf.cast(opacity, tf.uint8)),
            "label": tf.cast(position % 2, tf.int32),
        }


@pytest.mark.parametrize("cache_gb", [0.0, 1.0], ids=["decoded each epoch", "in memory"])
def test_empty_masks_are_found_whether_images_stay_in_memory_or_not(cache_gb):
    source = types.SimpleNamespace(splits={"train": _SplitWithAnEmptyMask()}, has_masks=True)

    def opened(on_bad_mask):
        config = DataConfig(image_size=8, cache_gb=cache_gb, on_bad_mask=on_bad_mask)
        found, masks = open_examples(source, "train", config)
        assert masks.counts == {"empty": 1}
        return next(iter(in_order(found, 4).as_numpy_iterator()))

    assert opened("drop")["index"].tolist() == [0, 1, 3]
    assert (opened("keep")["mask"][2] == 255).all()
    assert (opened("keep")["mask"][[0, 1, 3]] == 9).all()
    with pytest.raises(UserError, match=r"1 of 4 masks .* the first that of 'c\.jpg'"):
        opened("error")


def test_the_command_for_missing_masks_opens_the_same_images(tiny_habitats, tmp_path):
    config = DataConfig(
        dataset="habitats", data_seed=7, correlation=0.5, masks="object", mask_store=str(tmp_path)
    )
    with pytest.raises(UserError, match=r"python tools/segment\.py") as caught:
        choose(tiny_habitats, "train", config)
    for flag in ("--dataset=habitats", "--data_seed=7", "--correlation=0.5", "--mask_store="):
        assert flag in str(caught.value)
