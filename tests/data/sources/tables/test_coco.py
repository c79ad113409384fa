"""COCO's instances: outlines, run lengths of both spellings, crowds, and what is wrong."""

import json

import numpy as np
import pytest
from drawing import HEIGHT, WIDTH, corners, disc, iou, labels_of, lowest_iou, save_photographs
from PIL import Image
from pycocotools import mask as coco_mask

from bg_interp.errors import UserError

CATEGORIES = [{"id": 7, "name": "dog"}, {"id": 3, "name": "cat"}, {"id": 1, "name": "never"}]


def polygon(number):
    return [corners(number).ravel().tolist()]


def compressed(number):
    found = coco_mask.encode(np.asfortranarray(disc(number).astype(np.uint8)))
    return {"size": found["size"], "counts": found["counts"].decode()}


def runs(number):
    flat = np.pad(disc(number).T.ravel().astype(int), 1)
    edges = np.flatnonzero(np.diff(flat)).tolist()
    return {"size": [HEIGHT, WIDTH], "counts": np.diff([0, *edges, HEIGHT * WIDTH]).tolist()}


def annotation(number, spelled, category, **more):
    return {
        "id": number,
        "image_id": number,
        "category_id": category,
        "segmentation": spelled,
    } | more


def write(folder, annotations, count=8, name="annotations.json", **more):
    """Writes images/, and annotations beside; returns the flag's value."""
    names = save_photographs(folder / "images", count)
    images = [
        {"id": number, "file_name": name, "height": HEIGHT, "width": WIDTH}
        for number, name in enumerate(names)
    ]
    content = {"images": images, "annotations": annotations, "categories": CATEGORIES} | more
    (folder / name).write_text(json.dumps(content))
    return f"coco:{folder / name}"


@pytest.mark.parametrize("spelled", [polygon, compressed, runs])
def test_masks_lie_on_the_objects(spelled, opened, tmp_path):
    annotations = [annotation(n, spelled(n), (3, 7)[n % 2]) for n in range(8)]
    source = opened(write(tmp_path, annotations))
    assert source.class_names == ("cat", "dog")  # By their numbers, those without images left out.
    assert labels_of(source) == {n: ("cat", "dog")[n % 2] for n in range(8)}
    assert source.has_masks and lowest_iou(source) > 0.97


def test_an_image_counts_for_its_largest_object_and_its_mask_holds_all_of_that_class(
    opened, tmp_path, capsys
):
    small = [[60.0, 2.0, 66.0, 2.0, 66.0, 8.0, 60.0, 8.0]]
    annotations = [annotation(n, polygon(n), (3, 7)[n % 2], area=1) for n in range(8)]
    annotations += [annotation(0, small, 7, id=100, area=9999), annotation(2, small, 3, id=101)]
    source = opened(write(tmp_path, annotations))
    masks = {}
    for split in source.splits.values():
        masks |= dict(zip(split.keys, split.masks(), strict=True))
    assert labels_of(source)[0] == "cat"
    assert not masks["000.png"][2:8, 60:66].any()
    assert masks["002.png"][2:8, 60:66].all()
    assert "show several classes, and count for that of the largest object (1;" in (
        capsys.readouterr().err
    )


def test_a_crowd_belongs_to_the_mask_and_decides_only_alone(opened, tmp_path):
    annotations = [annotation(n, polygon(n), (3, 7)[n % 2]) for n in range(8)]
    everything = {"size": [HEIGHT, WIDTH], "counts": [0, HEIGHT * WIDTH]}
    annotations[5] |= {"segmentation": runs(5), "iscrowd": 1}
    annotations.append(annotation(0, everything, 7, id=50, iscrowd=1))
    source = opened(write(tmp_path, annotations))
    assert labels_of(source)[0] == "cat" and labels_of(source)[5] == "dog"
    assert lowest_iou(source) > 0.97


def test_what_is_wrong_is_counted_and_named(opened, tmp_path, capsys):
    annotations = [annotation(n, polygon(n), (3, 7)[n % 2]) for n in range(8)]
    far = np.concatenate([corners(0), [[-500.0, 10.0], [-500.0, 30.0]]])
    annotations[0]["segmentation"] = [far.ravel().tolist()]
    annotations[1]["segmentation"] = {"size": [HEIGHT, WIDTH], "counts": "damaged"}
    annotations[2]["segmentation"] = [[1.0, 2.0]]
    annotations[3]["category_id"] = 99
    annotations[4]["image_id"] = 99
    (tmp_path / "images").mkdir()
    dataset = write(tmp_path, annotations)
    (tmp_path / "images" / "005.png").unlink()
    source = opened(dataset)
    said = capsys.readouterr().err
    for line in (
        "outlines reach out of their image and are cut off (1; the first: 000.png)",
        "outlines are damaged (2; the first: id 1 of 001.png (its run lengths",
        "annotations are of no category and are left out (1; the first: id 3)",
        "annotations are of no image and are left out (1; the first: id 4)",
        "images show no object of the classes and are left out (2;",
        "images are missing and left out (1;",
    ):
        assert line in said
    assert sorted(labels_of(source)) == [0, 1, 2, 6, 7]
    split = next(s for s in source.splits.values() if "001.png" in s.keys)
    assert not next(split.masks([split.keys.index("001.png")])).any()


def test_annotations_of_stored_pixels_are_turned_with_their_photographs(opened, tmp_path):
    annotations = [annotation(n, polygon(n), (3, 7)[n % 2]) for n in range(8)]
    dataset = write(tmp_path, annotations)
    for number in (0, 1):
        path = tmp_path / "images" / f"{number:03d}.png"
        image, exif = Image.open(path).copy(), Image.Exif()
        exif[0x0112] = 6
        image.save(path, exif=exif)
    source = opened(dataset)
    for split in source.splits.values():
        for key, mask, image in zip(split.keys, split.masks(), split.images(), strict=True):
            assert mask.shape[:2] == image.shape[:2]
            number = int(key[:3])
            back = np.rot90(mask) if number < 2 else mask
            assert iou(back, number) > 0.95


def test_a_folder_has_a_file_for_each_split(opened, tmp_path):
    for split in ("train", "valid"):
        annotations = [annotation(n, polygon(n), (3, 7)[n % 2]) for n in range(8)]
        folder = tmp_path / split
        write(folder, annotations, name="_annotations.coco.json")
    source = opened(f"coco:{tmp_path}")
    assert {name: len(split) for name, split in source.splits.items()} == {"train": 8, "test": 8}
    assert source.splits["train"].keys[0] == "train/images/000.png"


def test_only_some_classes(opened, tmp_path):
    annotations = [annotation(n, polygon(n), (1, 3, 7)[n % 3]) for n in range(8)]
    dataset = write(tmp_path, annotations)
    assert opened(dataset).class_names == ("never", "cat", "dog")
    source = opened(dataset, only_classes="dog, cat")
    assert source.class_names == ("cat", "dog")
    # The images of the third class are left out, and the others keep their own.
    assert labels_of(source) == {1: "cat", 2: "dog", 4: "cat", 5: "dog", 7: "cat"}
    assert lowest_iou(source) > 0.97
    with pytest.raises(UserError, match=r"Received: 'dgo'; did you mean 'dog'\?"):
        opened(dataset, only_classes="dgo")


def test_a_larger_object_of_another_class_is_background(opened, tmp_path):
    whole = [[0, 0, WIDTH, 0, WIDTH, HEIGHT, 0, HEIGHT]]
    others = [annotation(n, whole, 1) | {"id": 100 + n} for n in range(8)]
    own = [annotation(n, polygon(n), (3, 7)[n % 2]) for n in range(8)]
    dataset = write(tmp_path, [*others, *own])
    with pytest.raises(UserError, match=r"two classes or more\. Received: never"):
        opened(dataset)
    source = opened(dataset, only_classes="cat,dog")
    assert labels_of(source) == {n: ("cat", "dog")[n % 2] for n in range(8)}
    assert lowest_iou(source) > 0.97


def test_classes_of_folders_cannot_be_chosen(opened, tmp_path):
    with pytest.raises(UserError, match="--only_classes chooses among the objects of coco"):
        opened(f"folder:{tmp_path}", only_classes="cat")


def test_files_that_are_none_are_refused_in_one_line(opened, tmp_path):
    (tmp_path / "odd.json").write_text("[1, 2]")
    with pytest.raises(UserError, match="must hold lists of images, annotations and categories"):
        opened(f"coco:{tmp_path / 'odd.json'}")
    (tmp_path / "odd.json").write_text('{"images": [')
    with pytest.raises(UserError, match="must be JSON"):
        opened(f"coco:{tmp_path / 'odd.json'}")
    annotations = [annotation(n, polygon(n), (3, 7)[n % 2]) for n in range(8)]
    dataset = write(tmp_path / "apart", annotations)
    (tmp_path / "apart" / "images").rename(tmp_path / "elsewhere")
    with pytest.raises(UserError, match="name their folder with --data_dir"):
        opened(dataset)
    assert len(labels_of(opened(dataset, data_dir=str(tmp_path / "elsewhere")))) == 8
