"""LabelMe's files: shapes of each kind, several labels, paths of other systems."""

import base64
import io
import json

import numpy as np
import pytest
from drawing import HEIGHT, WIDTH, corners, disc, iou, labels_of, lowest_iou, save_photographs
from PIL import Image

from bg_interp.errors import UserError


def polygon(number):
    return {"points": corners(number).round(2).tolist(), "shape_type": "polygon"}


def circle(number):
    middle = corners(number).mean(axis=0)
    return {"points": [middle.tolist(), (middle + [14, 0]).tolist()], "shape_type": "circle"}


def patch(number):
    rows, columns = np.nonzero(disc(number))
    top, left, bottom, right = rows.min(), columns.min(), rows.max(), columns.max()
    png = io.BytesIO()
    Image.fromarray(disc(number)[top : bottom + 1, left : right + 1]).save(png, "PNG")
    points = [[int(left), int(top)], [int(right), int(bottom)]]
    mask = base64.b64encode(png.getvalue()).decode()
    return {"points": points, "shape_type": "mask", "mask": mask}


def write(folder, shapes_of, count=8, **more):
    """Writes images and their files; returns the flag's value."""
    for number, name in enumerate(save_photographs(folder, count)):
        content = {
            "shapes": shapes_of(number),
            "imagePath": name,
            "imageHeight": HEIGHT,
            "imageWidth": WIDTH,
            "imageData": None,
        }
        (folder / name).with_suffix(".json").write_text(json.dumps(content | more))
    return f"labelme:{folder}"


def labelled(number, shape):
    return {"label": ("cat", "dog")[number % 2]} | shape


@pytest.mark.parametrize("shape", [polygon, circle, patch])
def test_masks_lie_on_the_objects(shape, opened, tmp_path):
    source = opened(write(tmp_path, lambda number: [labelled(number, shape(number))]))
    assert labels_of(source) == {number: ("cat", "dog")[number % 2] for number in range(8)}
    assert lowest_iou(source) > 0.95


def test_rectangles_are_taken_from_any_two_corners(opened, tmp_path):
    shape = {"points": [[30, 40], [10, 20]], "shape_type": "rectangle"}
    source = opened(write(tmp_path, lambda number: [labelled(number, shape)]))
    mask = next(source.splits["test"].masks())[..., 0]
    assert mask[20:40, 10:30].all() and mask.sum() == 255 * 20 * 20


def test_the_largest_shape_decides_and_others_are_counted(opened, tmp_path, capsys):
    def shapes(number):
        small = {"label": "bird", "points": [[60, 1], [66, 1], [66, 6]], "shape_type": "polygon"}
        line = {"label": "cat", "points": [[0, 0], [9, 9]], "shape_type": "line"}
        return [small, line, labelled(number, polygon(number)), {"label": "", "points": []}]

    source = opened(write(tmp_path, shapes))
    said = capsys.readouterr().err
    assert source.class_names == ("cat", "dog")
    assert "shapes are lines or points, without an area, and are left out (8;" in said
    assert "shapes have no label and are left out (8;" in said


def test_folders_called_like_splits_and_paths_of_windows(opened, tmp_path):
    for split in ("train", "Val"):
        write(tmp_path / split / "json", lambda number: [labelled(number, polygon(number))])
    for file in tmp_path.rglob("*.json"):
        content = json.loads(file.read_text())
        content["imagePath"] = f"..\\images\\{content['imagePath']}"
        file.write_text(json.dumps(content))
    for image in list(tmp_path.rglob("*.png")):
        (image.parents[1] / "images").mkdir(exist_ok=True)
        image.rename(image.parents[1] / "images" / image.name)
    source = opened(f"labelme:{tmp_path}")
    assert {name: len(split) for name, split in source.splits.items()} == {"train": 8, "test": 8}
    assert lowest_iou(source) > 0.97


def test_files_of_another_kind_are_counted_or_refused(opened, tmp_path, capsys):
    dataset = write(tmp_path, lambda number: [labelled(number, polygon(number))])
    (tmp_path / "coco.json").write_text('{"images": []}')
    (tmp_path / "cut.json").write_text('{"shapes": [')
    assert len(labels_of(opened(dataset))) == 8
    said = capsys.readouterr().err
    assert "JSON files are none of LabelMe and are left out (1;" in said
    assert "files are damaged and left out (1;" in said
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="must hold LabelMe's JSON files"):
        opened(f"labelme:{tmp_path / 'empty'}")
    with pytest.raises(UserError, match=r"or is it --dataset=labelme:"):
        opened(f"folder:{tmp_path}")
    assert iou(np.zeros((HEIGHT, WIDTH, 1), np.uint8), 0) == 0
