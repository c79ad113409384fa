"""Annotations that are damaged anywhere end in one line, or are counted: never in a stack trace."""

import json
import math
import random

import numpy as np
import pytest
from drawing import HEIGHT, WIDTH, corners, save_photographs

from bg_interp.errors import UserError

ODD = [None, [], {}, "", "x", -1, 0, 1e30, math.nan, True, [[]], "\0", 10**30, [1, 2], {"a": 1}]


def damaged(value, generator):
    """Returns what JSON holds with some of its values replaced or left out."""
    if generator.random() < 0.02:
        return generator.choice(ODD)
    if isinstance(value, dict):
        return {k: damaged(v, generator) for k, v in value.items() if generator.random() > 0.01}
    if isinstance(value, list) and len(value) < 200:
        return [damaged(one, generator) for one in value if generator.random() > 0.005]
    return value


def coco(folder):
    names = save_photographs(folder, 6)
    content = {
        "images": [
            {"id": n, "file_name": name, "height": HEIGHT, "width": WIDTH}
            for n, name in enumerate(names)
        ],
        "annotations": [
            {
                "id": n,
                "image_id": n,
                "category_id": n % 2,
                "segmentation": [corners(n, 8).ravel().tolist()]
                if n < 4
                else {"size": [HEIGHT, WIDTH], "counts": [100, 300, HEIGHT * WIDTH - 400]},
                "bbox": [1, 2, 3, 4],
                "iscrowd": 0,
            }
            for n in range(6)
        ],
        "categories": [{"id": 0, "name": "cat"}, {"id": 1, "name": "dog"}],
    }
    return f"coco:{folder / 'all.json'}", folder / "all.json", content


def labelme(folder):
    for number, name in enumerate(save_photographs(folder, 6)):
        shape = {"label": ("cat", "dog")[number % 2], "points": corners(number, 8).tolist()}
        content = {"shapes": [shape], "imagePath": name, "imageHeight": HEIGHT, "imageWidth": WIDTH}
        (folder / f"{number:03d}.json").write_text(json.dumps(content))
    return f"labelme:{folder}", folder / "003.json", content | {"imagePath": "003.png"}


@pytest.mark.parametrize("kind", [coco, labelme])
def test_damaged_values(kind, opened, tmp_path, capsys):
    dataset, file, content = kind(tmp_path)
    ends = set()
    for seed in range(40):
        file.write_text(json.dumps(damaged(content, random.Random(seed))))
        try:
            source = opened(dataset)
        except UserError as error:
            assert "\n" not in str(error)
            ends.add("refused")
            continue
        ends.add("opened")
        for split in source.splits.values():
            for mask in split.masks() if split.drawings else ():
                assert mask.dtype == np.uint8 and mask.shape == (HEIGHT, WIDTH, 1)
    assert "opened" in ends
