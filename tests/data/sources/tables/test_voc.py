"""VOC's segmentation folders, and CVAT's with a labelmap.txt."""

import numpy as np
import pytest
from drawing import disc, labels_of, lowest_iou, photograph, save, save_photographs
from PIL import Image
from scipy import ndimage

from bg_interp.errors import UserError


def indexed(numbers):
    image = Image.fromarray(numbers.astype(np.uint8), "P")
    image.putpalette([0, 0, 0, *([128, 0, 0] * 255)])
    return image


def bordered(mask, number):
    """Levels of a class map: `number` on the object, 255 around it, as VOC's are."""
    around = ndimage.binary_dilation(mask, iterations=2) & ~mask
    return np.where(mask, number, 0) + np.where(around, 255, 0)


def write(folder, levels_of=lambda n: bordered(disc(n), (8, 12)[n % 2]), count=8, lists=None):
    """Writes JPEGImages, SegmentationClass and ImageSets; returns the flag's value."""
    for number in range(count):
        save(photograph(number), folder / "JPEGImages" / f"{number:03d}.jpg", quality=95)
        save(indexed(levels_of(number)), folder / "SegmentationClass" / f"{number:03d}.png")
    halves = {"train": range(count // 2), "val": range(count // 2, count)}
    (folder / "ImageSets" / "Segmentation").mkdir(parents=True)
    for name, numbers in (halves if lists is None else lists).items():
        file = folder / "ImageSets" / "Segmentation" / f"{name}.txt"
        file.write_text("".join(f"{number:03d}\n" for number in numbers))
    return f"voc:{folder}"


def test_masks_lie_on_the_objects(opened, tmp_path):
    lists = {"train": range(4), "val": range(4, 8), "trainval": range(8)}
    source = opened(write(tmp_path, lists=lists))
    assert source.class_names == ("cat", "dog")
    assert {name: len(split) for name, split in source.splits.items()} == {"train": 4, "test": 4}
    assert labels_of(source) == {n: ("cat", "dog")[n % 2] for n in range(8)}
    assert lowest_iou(source) > 0.97


def test_a_border_is_half_of_its_own_object_and_nothing_of_another(opened, tmp_path):
    def levels(number):
        found = bordered(disc(number), (8, 12)[number % 2])
        found[0:3, 60:64], found[3, 60:64] = 15, 255
        return found

    source = opened(write(tmp_path, levels))
    mask = next(source.splits["test"].masks())[..., 0]
    assert set(np.unique(mask)) == {0, 127, 255}
    assert not mask[0:4, 60:64].any()


def test_single_objects_tell_which_is_the_largest(opened, tmp_path):
    def levels(number):
        found = np.where(disc(number), (8, 12)[number % 2], 0)
        found[44:48] = 15  # 288 pixels of persons, none of which is larger than the animal.
        return found

    dataset = write(tmp_path, levels)
    for number in range(8):
        objects = np.where(disc(number), 1, 0)
        objects[44:48] = 2 + np.arange(72) // 8
        save(indexed(objects), tmp_path / "SegmentationObject" / f"{number:03d}.png")
    assert set(labels_of(opened(dataset)).values()) == {"cat", "dog"}


def test_maps_in_colours_are_read_by_labelmap(opened, tmp_path):
    dataset = write(tmp_path, lists={"default": range(8)})
    rows = [
        "# label:color_rgb:parts:actions",
        "background:0,0,0::",
        "eel:10,20,30::",
        "fox:9,9,9::",
    ]
    (tmp_path / "labelmap.txt").write_text("\n".join(rows))
    for number in range(8):
        colour = ((10, 20, 30), (9, 9, 9))[number % 2]
        pixels = np.where(disc(number)[..., None], colour, 0).astype(np.uint8)
        save(pixels, tmp_path / "SegmentationClass" / f"{number:03d}.png")
    source = opened(dataset)
    assert source.class_names == ("eel", "fox") and len(labels_of(source)) == 8
    assert lowest_iou(source) > 0.97


def test_palettes_that_are_numbered_anyhow_are_read_by_their_colours(opened, tmp_path):
    dataset = write(tmp_path, lists={"default": range(8)})
    (tmp_path / "labelmap.txt").write_text("background:0,0,0\neel:10,20,30\nfox:9,9,9\n")
    for number in range(8):
        image = Image.fromarray(np.where(disc(number), 1, 0).astype(np.uint8), "P")
        image.putpalette([0, 0, 0, *((10, 20, 30), (9, 9, 9))[number % 2]])
        save(image, tmp_path / "SegmentationClass" / f"{number:03d}.png")
    found = labels_of(opened(dataset))
    assert found == {number: ("eel", "fox")[number % 2] for number in range(8)}


def test_what_is_wrong_is_counted_and_named(opened, tmp_path, capsys):
    dataset = write(tmp_path, lists={"train": range(5), "val": range(5, 12)})
    maps = tmp_path / "SegmentationClass"
    (maps / "000.png").write_bytes((maps / "000.png").read_bytes()[:60])
    (maps / "001.png").write_bytes(b"")
    (maps / "002.png").unlink()
    source = opened(dataset)
    said = capsys.readouterr().err
    assert "images have no map of classes that can be read and are left out (3;" in said
    assert "images are missing and left out (4;" in said
    assert sorted(labels_of(source)) == [3, 4, 5, 6, 7]


def test_folders_that_are_none_are_refused_in_one_line(opened, tmp_path):
    save_photographs(tmp_path / "JPEGImages", 2)
    with pytest.raises(UserError, match="must name a folder with JPEGImages and Segmentation"):
        opened(f"voc:{tmp_path}")
    (tmp_path / "SegmentationClass").mkdir()
    with pytest.raises(UserError, match=r"give --dataset=voc:"):
        opened(f"folder:{tmp_path}")
