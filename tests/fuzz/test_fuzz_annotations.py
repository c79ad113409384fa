"""Damaged tables, annotations and results are read, or refused in one line."""

import csv
import json
import random

import numpy as np
import pytest
from damaging import damaged
from fuzzing import CASES
from PIL import Image

from bg_interp.config.data import SourceConfig
from bg_interp.data.sources import open_source
from bg_interp.errors import UserError

NAMES = [f"{number:02d}.png" for number in range(8)]
CLASSES = ("cat", "dog")
SQUARE = [2.0, 2.0, 8.0, 2.5, 8.0, 8.0, 2.0, 8.0]


@pytest.fixture(scope="module")
def photographs(tmp_path_factory):
    """Eight photographs, and whole annotations of each kind."""
    folder = tmp_path_factory.mktemp("annotated")
    (folder / "images").mkdir()
    for number, name in enumerate(NAMES):
        pixels = np.random.default_rng(number).integers(0, 256, (12, 16, 3), np.uint8)
        Image.fromarray(pixels).save(folder / "images" / name)
    return folder


def table(folder):
    with open(folder / "labels.csv", "w", newline="") as file:
        rows = [[f"images/{name}", CLASSES[n % 2], "wood"] for n, name in enumerate(NAMES)]
        csv.writer(file).writerows([["image", "label", "place"], *rows])
    return "table", folder / "labels.csv", folder / "labels.csv"


def coco(folder):
    images = [
        {"id": n, "file_name": name, "width": 16, "height": 12} for n, name in enumerate(NAMES)
    ]
    things = [
        {"id": n, "image_id": n, "category_id": n % 2, "segmentation": [SQUARE], "iscrowd": 0}
        for n in range(len(NAMES))
    ]
    categories = [{"id": n, "name": name} for n, name in enumerate(CLASSES)]
    content = {"images": images, "annotations": things, "categories": categories}
    (folder / "all.json").write_text(json.dumps(content))
    return "coco", folder / "all.json", folder / "all.json"


def yolo(folder):
    (folder / "labels").mkdir(exist_ok=True)
    for number, name in enumerate(NAMES):
        shares = " ".join(str(value / 16) for value in SQUARE)
        (folder / "labels" / name).with_suffix(".txt").write_text(f"{number % 2} {shares}\n")
    (folder / "data.yaml").write_text("train: images\nnames: [cat, dog]\n")
    return "yolo", folder / "data.yaml", folder / "data.yaml"


def yolo_labels(folder):
    _, given, _ = yolo(folder)
    return "yolo", given, folder / "labels" / "03.txt"


def labelme(folder):
    for number, name in enumerate(NAMES):
        shape = {"label": CLASSES[number % 2], "points": np.reshape(SQUARE, (-1, 2)).tolist()}
        content = {"shapes": [shape], "imagePath": name, "imageHeight": 12, "imageWidth": 16}
        (folder / "images" / name).with_suffix(".json").write_text(json.dumps(content))
    return "labelme", folder / "images", folder / "images" / "03.json"


@pytest.mark.parametrize("kind", [table, coco, yolo, yolo_labels, labelme])
def test_damaged_annotations_are_read_or_refused_in_one_line(
    kind, photographs, tmp_path, monkeypatch, speaking_of_flags
):
    monkeypatch.setenv("BG_INTERP_CACHE", str(tmp_path))
    name, given, spoiled = kind(photographs)
    whole, ends = spoiled.read_bytes(), set()
    for number in range(CASES):
        spoiled.write_bytes(damaged(whole, random.Random(number)))
        try:
            source = open_source(SourceConfig(dataset=f"{name}:{given}"), whole=True)
            for split in source.splits.values() if source.has_masks else ():
                assert all(mask.shape == (12, 16, 1) for mask in split.masks())
            ends.add("read")
        except UserError as error:
            assert "\n" not in str(error), (number, str(error))
            ends.add("refused")
    spoiled.write_bytes(whole)
    assert "read" in ends
