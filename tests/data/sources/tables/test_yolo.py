"""YOLO's outlines: splits, names as a list and as a dictionary, boxes, and damaged lines."""

import pytest
from drawing import HEIGHT, WIDTH, corners, labels_of, lowest_iou, save_photographs

from bg_interp.errors import UserError


def line(number, label):
    shares = (corners(number) / [WIDTH, HEIGHT]).ravel()
    return " ".join([str(label), *(f"{value:.5f}" for value in shares)])


def write(folder, splits=("train", "val"), below="images/{}", **content):
    """Writes 000 to 003 of each split, and data.yaml; returns the flag's value."""
    for split in splits:
        images = folder / below.format(split)
        labels = folder / below.replace("images", "labels").format(split)
        labels.mkdir(parents=True)
        for number, name in enumerate(save_photographs(images, 4)):
            (labels / name).with_suffix(".txt").write_text(line(number, number % 2) + "\n")
    given = {split: below.format(split) for split in splits} | {"names": "[cat, dog]"} | content
    (folder / "data.yaml").write_text("".join(f"{key}: {one}\n" for key, one in given.items()))
    return f"yolo:{folder / 'data.yaml'}"


@pytest.mark.parametrize("names", ["[cat, dog]", "{0: cat, 1: dog}"])
def test_masks_lie_on_the_objects(names, opened, tmp_path):
    source = opened(write(tmp_path, names=names, path="."))
    assert source.class_names == ("cat", "dog")
    assert {name: len(split) for name, split in source.splits.items()} == {"train": 4, "test": 4}
    assert labels_of(source) == {0: "cat", 1: "dog", 2: "cat", 3: "dog"}
    assert lowest_iou(source) > 0.97


def test_paths_that_lead_one_folder_too_far_and_lists_of_images(opened, tmp_path):
    write(tmp_path, ("train", "valid"), below="{}/images", train="../train/images", val="val.txt")
    names = [f"./valid/images/{number:03d}.png" for number in range(4)]
    (tmp_path / "val.txt").write_text("\n".join(names))
    text = (tmp_path / "data.yaml").read_text().replace("valid: valid/images\n", "")
    (tmp_path / "data.yaml").write_text(text)
    source = opened(f"yolo:{tmp_path}")
    assert {name: len(split) for name, split in source.splits.items()} == {"train": 4, "test": 4}
    assert lowest_iou(source) > 0.97


def test_boxes_tell_a_class_and_no_mask(opened, tmp_path):
    dataset = write(tmp_path)
    for file in tmp_path.rglob("*.txt"):
        file.write_text(f"{int(file.stem) % 2} 0.5 0.5 0.2 0.2\n")
    source = opened(dataset)
    assert not source.has_masks and labels_of(source)[1] == "dog"


@pytest.mark.parametrize("points", ["0.4 0.4 0.5 0.5", "0.4 0.4 2 0.5 0.5 2"])
def test_poses_tell_a_class_and_no_mask(points, opened, tmp_path):
    dataset = write(tmp_path, kpt_shape="[2, 2]")
    for file in tmp_path.rglob("*.txt"):
        file.write_text(f"{int(file.stem) % 2} 0.5 0.5 0.2 0.2 {points}\n")
    source = opened(dataset)
    assert not source.has_masks and labels_of(source)[1] == "dog"


@pytest.mark.parametrize("turn", [0, 0.1])
def test_outlines_that_are_boxes_are_doubted(turn, opened, tmp_path):
    dataset = write(tmp_path)
    assert not any(split.mask_doubts for split in opened(dataset).splits.values())
    for file in tmp_path.rglob("*.txt"):
        file.write_text(f"{int(file.stem) % 2} 0.3 {0.3 + turn} 0.6 0.3 0.6 0.7 0.3 {0.7 + turn}\n")
    for split in opened(dataset).splits.values():
        (doubt,) = split.mask_doubts
        assert doubt.reason.startswith("4 of 4 outlines are boxes")


def test_what_is_wrong_is_counted_and_named(opened, tmp_path, capsys):
    dataset = write(tmp_path)
    labels = tmp_path / "labels" / "train"
    (labels / "000.txt").write_text(line(0, 0) + "\n7 0.1 0.1 0.2 0.2 0.1 0.3\n0 nan 0.1\n")
    (labels / "001.txt").write_text("")
    (labels / "002.txt").unlink()
    (labels / "003.txt").write_text("1 0.5 0.1 1.5 0.5 0.5 0.9\n")
    source = opened(dataset)
    said = capsys.readouterr().err
    for told in (
        f"lines of labels are damaged and left out (2; the first: {labels / '000.txt'}, line 2)",
        "images have no file of labels that can be read (1;",
        "images show no object of the classes and are left out (2;",
        "outlines reach out of their image and are cut off (1;",
    ):
        assert told in said
    assert len(source.splits["train"]) == 2


def test_files_that_are_none_are_refused_in_one_line(opened, tmp_path):
    (tmp_path / "data.yaml").write_text("a: [")
    with pytest.raises(UserError, match="must name a YAML file"):
        opened(f"yolo:{tmp_path}")
    (tmp_path / "data.yaml").write_text("names: [cat, dog]\n")
    with pytest.raises(UserError, match="must name the images of train and val"):
        opened(f"yolo:{tmp_path}")
    (tmp_path / "data.yaml").write_text("train: nowhere\nnames: [cat, dog]\n")
    with pytest.raises(UserError, match=r"must name images that are there\. Received: nowhere"):
        opened(f"yolo:{tmp_path}")
    (tmp_path / "data.yaml").write_text("train: .\n")
    with pytest.raises(UserError, match="must list the classes by names"):
        opened(f"yolo:{tmp_path}")
