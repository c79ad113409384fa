"""Which masks a split gets, and what becomes of images whose mask is empty."""

import shutil

import numpy as np
import pytest
import tensorflow as tf

from bg_interp.config.data import DataConfig, check_masks
from bg_interp.data.mask_choice import choose, without_empty
from bg_interp.data.opening import open_examples
from bg_interp.data.pipeline import InMemory, empty_masks, in_order, own_mask, prepare
from bg_interp.data.sources.folder import open_folder
from bg_interp.errors import UserError


@pytest.fixture
def folder(shape_folder, own_cache):
    return open_folder(shape_folder.images)


@pytest.fixture
def partly_empty() -> InMemory:
    """Four images, of which the second has an empty mask."""
    masks = np.full((4, 2, 2, 1), 9, np.uint8)
    masks[1] = 0
    labels = np.arange(4, dtype=np.int32)
    return InMemory({"mask": masks, "label": labels, "index": 10 + np.arange(4)})


def chosen(source, masks, tmp_path):
    return choose(source, "train", DataConfig(masks=masks, mask_store=str(tmp_path)))


def test_the_data_sets_own_masks_are_taken_by_themselves(tiny_habitats, tmp_path):
    for masks in ("auto", "dataset"):
        found = chosen(tiny_habitats, masks, tmp_path)
        assert found.origin == "dataset"
        assert len(found.positions) == 32


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
    assert (found.read, found.origin, found.judged) == (None, "none", False)


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
    with pytest.raises(UserError, match="needs a data set with masks of its own"):
        chosen(folder, "dataset", tmp_path)


def test_an_unknown_choice_has_a_near_name():
    with pytest.raises(UserError, match="did you mean 'selfie'"):
        check_masks("selfy")
    check_masks("folder:x")


def test_an_empty_mask_leaves_its_image_untreated(partly_empty):
    found, counts = without_empty(partly_empty, empty_masks(partly_empty, "masks"), "keep")
    assert counts == {"empty": 1}
    assert (found.arrays["mask"][1] == 255).all()
    assert (found.arrays["mask"][[0, 2, 3]] == 9).all()
    assert (partly_empty.arrays["mask"][1] == 0).all()


def test_an_image_with_an_empty_mask_can_be_left_out(partly_empty):
    found, counts = without_empty(partly_empty, empty_masks(partly_empty, "masks"), "drop")
    assert counts == {"empty": 1}
    assert found.arrays["index"].tolist() == [10, 12, 13]


def test_an_empty_mask_can_stop_the_run(partly_empty):
    with pytest.raises(UserError, match="1 of 4 masks are empty, the first at place 1;"):
        without_empty(partly_empty, empty_masks(partly_empty, "masks"), "error")


def test_sound_masks_stay_as_they_are(partly_empty):
    sound = InMemory({k: v[2:] for k, v in partly_empty.arrays.items()})
    found, counts = without_empty(sound, empty_masks(sound, "masks"), "error")
    assert found is sound
    assert counts == {}


class _SplitWithAnEmptyMask:
    """Four images on disk, the third without foreground."""

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
    def opened(on_bad_mask):
        examples = prepare(_SplitWithAnEmptyMask(), own_mask, 8, cache_gb=cache_gb, name="images")
        empty = empty_masks(examples, "masks")
        assert empty.tolist() == [False, False, True, False]
        found, _ = without_empty(examples, empty, on_bad_mask)
        return next(iter(in_order(found, 4).as_numpy_iterator()))

    assert opened("drop")["index"].tolist() == [0, 1, 3]
    assert (opened("keep")["mask"][2] == 255).all()
    assert (opened("keep")["mask"][[0, 1, 3]] == 9).all()
    with pytest.raises(UserError, match="1 of 4 masks are empty"):
        opened("error")
