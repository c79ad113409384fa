"""Folders of images: their classes, their splits, and what is wrong with them in one line."""

import os
import pathlib
import re
import shutil
import unicodedata

import numpy as np
import pytest
from PIL import Image

from bg_interp.data.sources.folder import open_folder
from bg_interp.errors import UserError

pytestmark = pytest.mark.usefixtures("own_cache")


def save(path: pathlib.Path, seed: int = 0) -> pathlib.Path:
    """Writes a small image of random colours."""
    path.parent.mkdir(parents=True, exist_ok=True)
    values = np.random.default_rng(seed).integers(0, 256, (8, 10, 3)).astype(np.uint8)
    Image.fromarray(values).save(path)
    return path


def fill(root: pathlib.Path, classes=("cat", "dog"), count: int = 10) -> pathlib.Path:
    for name in classes:
        for number in range(count):
            save(root / name / f"{number}.png", number)
    return root


@pytest.fixture
def pets(tmp_path) -> pathlib.Path:
    return fill(tmp_path / "pets")


def refusal(root: pathlib.Path) -> str:
    with pytest.raises(UserError) as raised:
        open_folder(root)
    assert "\n" not in str(raised.value)
    return str(raised.value)


def test_split_folders_are_taken_as_they_are(tmp_path):
    fill(tmp_path / "train", count=3)
    fill(tmp_path / "test", count=2)
    source = open_folder(tmp_path)
    assert source.class_names == ("cat", "dog")
    assert source.splits["train"].keys == [
        f"train/{c}/{n}.png" for c in ("cat", "dog") for n in "012"
    ]
    assert source.splits["train"].labels.tolist() == [0, 0, 0, 1, 1, 1]
    assert len(source.splits["test"]) == 4
    assert not source.has_masks


@pytest.mark.parametrize("name", ["validation", "val"])
def test_held_out_images_may_stand_in_another_folder(tmp_path, name, capsys):
    fill(tmp_path / "train", count=3)
    fill(tmp_path / name, count=2)
    assert open_folder(tmp_path).splits["test"].keys[0] == f"{name}/cat/0.png"
    assert "not used" not in capsys.readouterr().err
    fill(tmp_path / "test", count=1)
    assert open_folder(tmp_path).splits["test"].keys[0] == "test/cat/0.png"
    assert f"testing on test; not used: {tmp_path / name}" in capsys.readouterr().err


def test_without_split_folders_about_a_fifth_is_tested_on(tmp_path):
    fill(tmp_path, count=200)
    splits = open_folder(tmp_path).splits
    assert not set(splits["train"].keys) & set(splits["test"].keys)
    assert len(splits["train"]) + len(splits["test"]) == 400
    assert 50 < len(splits["test"]) < 110
    assert set(splits["test"].labels.tolist()) == {0, 1}


def test_the_split_of_an_image_depends_on_its_name_alone(pets, tmp_path):
    before = set(open_folder(pets).splits["test"].keys)
    copy = shutil.copytree(pets, tmp_path / "elsewhere")
    save(copy / "cat" / "more.png", 99)
    after = set(open_folder(copy).splits["test"].keys)
    assert after - {"cat/more.png"} == before


def test_the_fingerprint_follows_content_and_names_but_not_times(pets):
    first = open_folder(pets).fingerprint
    os.utime(pets / "cat" / "0.png", (1, 1))
    assert open_folder(pets).fingerprint == first
    save(pets / "cat" / "0.png", seed=77)
    changed = open_folder(pets).fingerprint
    assert changed != first
    (pets / "cat" / "0.png").rename(pets / "cat" / "00.png")
    assert open_folder(pets).fingerprint not in (first, changed)


def test_the_place_of_the_folder_does_not_change_the_fingerprint(pets, tmp_path):
    copy = shutil.copytree(pets, tmp_path / "copy")
    assert open_folder(copy).fingerprint == open_folder(pets).fingerprint


def test_images_and_labels_are_loaded_by_position(pets):
    import tensorflow as tf

    split = open_folder(pets).splits["train"]
    expected = np.asarray(Image.open(pets / split.keys[3]))
    numbers = tf.data.Dataset.from_tensors(tf.constant(3, tf.int64))
    for found in (split.load(tf.constant(3, tf.int64)), next(iter(numbers.map(split.load)))):
        np.testing.assert_array_equal(found["image"], expected)
        assert int(found["label"]) == split.labels[3]
    np.testing.assert_array_equal(next(split.images([3])), expected)
    assert len(list(split.images())) == len(split)


def test_names_may_hold_spaces_line_ends_and_letters_of_all_languages(tmp_path):
    names = ["a b.png", "Käfer.png", "鳥 1.PNG", "line\nend.png", "quote'\".png"]
    for kind in ("größer als", "kleiner 鳥"):
        for number, name in enumerate(names):
            save(tmp_path / kind / name, number)
    source = open_folder(tmp_path)
    assert source.class_names == ("größer als", "kleiner 鳥")
    assert not source.damaged
    found = source.splits["train"].keys + source.splits["test"].keys
    assert sorted(found) == sorted(
        f"{kind}/{name}" for kind in source.class_names for name in names
    )
    assert len(list(source.splits["train"].images())) == len(source.splits["train"])


def test_names_that_are_not_utf8_are_left_out_and_named(pets):
    strange = os.path.join(os.fsencode(pets), b"cat", b"\xff.png")
    shutil.copy(os.fsencode(pets / "cat" / "0.png"), strange)
    source = open_folder(pets)
    ((_, reason),) = source.damaged
    assert "not UTF-8" in reason


def test_a_class_folder_whose_name_is_not_utf8_is_one_line(pets):
    strange = os.path.join(os.fsencode(pets), b"\xff")
    os.mkdir(strange)
    shutil.copy(os.fsencode(pets / "cat" / "0.png"), os.path.join(strange, b"0.png"))
    assert "without undamaged images" in refusal(pets)


def test_damaged_images_are_skipped_counted_and_listed(pets, capsys):
    good = (pets / "cat" / "1.png").read_bytes()
    (pets / "cat" / "1.png").write_bytes(good[:60])
    (pets / "dog" / "empty.jpg").write_bytes(b"")
    (pets / "dog" / "nowhere.png").symlink_to(pets / "missing.png")
    source = open_folder(pets)
    assert [key for key, _ in source.damaged] == ["cat/1.png", "dog/empty.jpg", "dog/nowhere.png"]
    assert all(reason and "\n" not in reason for _, reason in source.damaged)
    keys = {*source.splits["train"].keys, *source.splits["test"].keys}
    assert not keys & {key for key, _ in source.damaged}
    said = capsys.readouterr().err
    assert "skipping damaged image 'cat/1.png'" in said
    assert "skipping 3 damaged of 22 images" in said


def test_a_damaged_image_that_was_mended_is_taken(pets):
    good = (pets / "cat" / "1.png").read_bytes()
    (pets / "cat" / "1.png").write_bytes(good[:60])
    assert open_folder(pets).damaged
    (pets / "cat" / "1.png").write_bytes(good)
    assert not open_folder(pets).damaged


@pytest.mark.parametrize("text", ["", "{", "[1, 2]", "null", '"text"'])
def test_a_damaged_memory_of_former_checks_does_not_matter(pets, own_cache, text):
    first = open_folder(pets).fingerprint
    (memory,) = (own_cache / "folders").iterdir()
    memory.write_text(text)
    assert open_folder(pets).fingerprint == first


def test_a_cache_that_cannot_be_written_stops_nobody(pets, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("BG_INTERP_CACHE", str(tmp_path / "file"))
    assert open_folder(pets).class_names == ("cat", "dog")


def test_files_that_are_no_images_and_hidden_ones_are_not_looked_at(pets):
    (pets / "cat" / "notes.txt").write_text("mine")
    (pets / "cat" / "._0.png").write_bytes(b"of a Mac")
    (pets / ".git").mkdir()
    source = open_folder(pets)
    assert source.class_names == ("cat", "dog")
    assert not source.damaged


def test_a_missing_folder_is_named(tmp_path):
    assert str(tmp_path / "no") in refusal(tmp_path / "no")


def test_a_folder_without_images_is_named_with_the_suffixes(tmp_path):
    (tmp_path / "cat").mkdir()
    message = refusal(tmp_path)
    assert str(tmp_path) in message
    assert ".jpg" in message
    assert "no image in any folder" in message


def test_images_without_class_folders_are_refused(tmp_path):
    save(tmp_path / "a.png")
    assert "one folder of images per class" in refusal(tmp_path)


def test_one_class_is_refused(tmp_path):
    assert "at least two classes" in refusal(fill(tmp_path, classes=["cat"]))


def test_an_empty_class_folder_is_named(pets):
    (pets / "fox").mkdir()
    assert "fox without any; add images or remove the folder" in refusal(pets)


def test_a_class_with_a_single_image_is_named(pets):
    save(pets / "fox" / "0.png")
    assert "class 'fox'" in refusal(pets)


def test_splits_of_other_classes_are_refused(tmp_path):
    fill(tmp_path / "train", count=1)
    fill(tmp_path / "test", classes=("cat", "dgo"), count=1)
    assert "'dgo' in only one of them" in refusal(tmp_path)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("training", "validation"),
        ("training", "testing"),
        ("Train", "Test"),
        ("train", "valid"),
        ("TRAIN", "dev"),
        ("seg_train", "seg_test"),
        ("train_images", "val_images"),
        ("trainset", "TestSet"),
        ("train2017", "val2017"),
    ],
)
def test_splits_may_be_called_otherwise(tmp_path, first, second):
    fill(tmp_path / first, count=3)
    fill(tmp_path / second, count=2)
    source = open_folder(tmp_path)
    assert source.class_names == ("cat", "dog") and not source.divided
    assert [len(split) for split in source.splits.values()] == [6, 4]
    assert source.splits["train"].keys[0] == f"{first}/cat/0.png"


def test_a_split_may_hold_itself(tmp_path):
    for name in ("seg_train", "seg_test"):
        fill(tmp_path / name / name, count=3)
    assert open_folder(tmp_path).class_names == ("cat", "dog")


def test_a_class_may_be_called_like_a_split(tmp_path):
    fill(tmp_path, classes=("bus", "train"), count=6)
    assert open_folder(tmp_path).class_names == ("bus", "train")


@pytest.mark.parametrize("name", ["test", "train", "val"])
def test_one_split_alone_is_divided_or_taken_whole(tmp_path, name):
    fill(tmp_path / name, count=20)
    for given in (tmp_path, tmp_path / name):
        source = open_folder(given)
        assert source.divided and source.class_names == ("cat", "dog")
        keys = [set(split.keys) for split in source.splits.values()]
        assert not keys[0] & keys[1] and len(keys[0] | keys[1]) == 40
        whole = open_folder(given, whole=True)
        assert {split: len(one) for split, one in whole.splits.items()} == {"train": 40, "test": 40}
        assert whole.fingerprint == source.fingerprint


def test_an_audit_takes_classes_of_one_image(tmp_path):
    few = fill(tmp_path / "few", count=1)
    assert len(open_folder(few, whole=True).splits["test"]) == 2
    assert "at least one image to train on and one to test on" in refusal(few)


def test_a_split_beside_class_folders_is_refused(tmp_path):
    fill(tmp_path / "train", count=2)
    fill(tmp_path / "fox", count=2)
    assert "train beside fox; rename a folder" in refusal(tmp_path)


@pytest.mark.parametrize("names", [("images", "masks"), ("images", "labels"), ("JPEGImages", "gt")])
def test_images_and_masks_are_no_classes(tmp_path, names):
    for name in names:
        save(tmp_path / name / "0.png")
    assert "nothing tells their classes" in refusal(tmp_path)
    fill(tmp_path / "more", classes=(*names, "cat"), count=3)
    assert re.search("no class by its name|looks like masks", refusal(tmp_path / "more"))


def test_class_names_that_are_numbers_are_in_their_order(tmp_path):
    fill(tmp_path, classes=[str(number) for number in range(12)], count=3)
    assert open_folder(tmp_path).class_names == tuple(str(number) for number in range(12))


def test_names_are_the_same_however_their_accents_are_written(tmp_path):
    for split, form in (("train", "NFC"), ("test", "NFD")):
        fill(tmp_path / split, classes=[unicodedata.normalize(form, "Käfer"), "dog"], count=2)
    assert set(open_folder(tmp_path).class_names) == {"dog", unicodedata.normalize("NFC", "Käfer")}


def test_junk_is_skipped_and_said(pets, capsys):
    for junk in (".ipynb_checkpoints", "__MACOSX", "@eaDir"):
        for number in range(3):
            save(pets / "cat" / junk / f"{number}.png", number)
    (pets / "dog" / "Thumbs.db").write_bytes(b"")
    (pets / "dog" / "notes.psb").write_bytes(b"")
    source = open_folder(pets)
    assert sum(map(len, source.splits.values())) == 20 and not source.damaged
    assert (
        "not read as images: 1 .psb, 3 in .ipynb_checkpoints, 3 in @eaDir, 3 in __MACOSX"
        in capsys.readouterr().err
    )


def test_links_are_followed_once(pets, tmp_path):
    fill(tmp_path / "elsewhere", classes=["more"], count=4)
    (pets / "cat" / "linked").symlink_to(tmp_path / "elsewhere" / "more")
    (pets / "dog" / "circle").symlink_to(pets)
    found = open_folder(pets)
    keys = {key for split in found.splits.values() for key in split.keys}
    assert "cat/linked/0.png" in keys
    assert sum(key.startswith("cat/") for key in keys) == 14


@pytest.mark.parametrize("suffix", [".avif", ".jfif", ".jp2", ".tga", ".ppm", ".HEIC", ".jpe", ""])
def test_photographs_of_all_formats_are_read(tmp_path, suffix):
    kinds = {".avif": "AVIF", ".jp2": "JPEG2000", ".tga": "TGA", ".ppm": "PPM", "": "PNG"}
    for name in ("cat", "dog"):
        for number in range(3):
            path = save(tmp_path / name / f"{number}.png", number)
            image = Image.open(path).copy()
            path.unlink()
            image.save(path.with_suffix(suffix), kinds.get(suffix, "JPEG"))
    source = open_folder(tmp_path)
    assert sum(map(len, source.splits.values())) == 6 and not source.damaged


def test_the_same_image_several_times_is_counted(tmp_path, capsys):
    fill(tmp_path / "train", count=3)
    fill(tmp_path / "test", count=1)
    save(tmp_path / "test" / "dog" / "new.png", 50)
    found = open_folder(tmp_path).duplicates
    # The images of both classes are alike, and the first of each is in both splits.
    assert (len(found.groups), found.across, found.labels) == (3, 1, 3)
    assert "5 images are copies of others" in capsys.readouterr().err
    assert ["test/cat/0.png", "test/dog/0.png", "train/cat/0.png", "train/dog/0.png"] in (
        found.to_dict()["groups"]
    )


def test_photographs_that_were_saved_again_for_testing_are_counted(tmp_path, capsys):
    generator = np.random.default_rng(0)
    for number in range(12):
        small = generator.integers(0, 255, (12, 16, 3)).astype(np.uint8)
        image = Image.fromarray(small).resize((160, 120), Image.Resampling.BICUBIC)
        folder = tmp_path / ("train" if number < 8 else "test") / ("cat", "dog")[number % 2]
        folder.mkdir(parents=True, exist_ok=True)
        image.save(folder / f"{number}.png")
        if number < 2:
            again = tmp_path / "test" / ("cat", "dog")[number % 2] / f"again{number}.jpg"
            again.parent.mkdir(parents=True, exist_ok=True)
            image.resize((100, 75)).save(again, quality=60)
    found = open_folder(tmp_path).duplicates
    assert found.near == (
        ("test/cat/again0.jpg", "train/cat/0.png"),
        ("test/dog/again1.jpg", "train/dog/1.png"),
    )
    assert not found.groups and found.to_dict()["near_across_splits"] == 2
    assert "2 images of test are nearly the same as images of train" in capsys.readouterr().err


def disc(path: pathlib.Path) -> np.ndarray:
    """Writes the mask of an image, and returns it, uint8 [8, 10]."""
    path.parent.mkdir(parents=True, exist_ok=True)
    mask = np.zeros((8, 10), np.uint8)
    mask[2:6, 3:7] = 255
    Image.fromarray(mask).save(path)
    return mask


@pytest.mark.parametrize(
    ("image", "mask"),
    [
        ("{c}/{n}.jpg", "{c}/{n}_mask.png"),
        ("{c}/{n}.jpg", "{c}/{n}.png"),
        ("{c}/{n}.png", "{c}/masks/{n}.png"),
        ("{c}/images/{n}.png", "{c}/masks/{n}.png"),
        ("images/{c}/{n}.jpg", "masks/{c}/{n}.png"),
        ("images/train/{c}/{n}.jpg", "annotations/train/{c}/{n}.png"),
    ],
)
def test_masks_beside_the_images_are_recognised(tmp_path, image, mask, capsys):
    expected = None
    for name in ("cat", "dog"):
        for number in range(5):
            save(tmp_path / image.format(c=name, n=number), number)
            expected = disc(tmp_path / mask.format(c=name, n=number))
    source = open_folder(tmp_path)
    assert source.class_names == ("cat", "dog") and source.has_masks
    assert sum(map(len, source.splits.values())) == 10
    for found in source.splits["train"].masks():
        np.testing.assert_array_equal(found[..., 0], expected)
    assert "masks stand beside 10 of 10 images" in capsys.readouterr().err


def test_an_image_may_be_called_mask(tmp_path):
    for name in ("carnival", "face"):
        for number in range(3):
            save(tmp_path / name / f"{name}{number}_mask.png", number)
    source = open_folder(tmp_path)
    assert sum(map(len, source.splits.values())) == 6 and not source.has_masks
