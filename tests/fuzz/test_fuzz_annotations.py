"""Damaged tables, annotations and results are read, or refused in one line."""

import csv
import json
import random
import resource

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


def end_of(name, given, said):
    """Opens annotations, and reads their masks; returns how that ended."""
    try:
        source = open_source(SourceConfig(dataset=f"{name}:{given}"), whole=True)
        for split in source.splits.values() if source.has_masks else ():
            assert all(mask.shape == (12, 16, 1) for mask in split.masks())
    except UserError as error:
        assert "\n" not in str(error), (said, str(error))
        return "refused"
    return "read"


@pytest.mark.parametrize("kind", [table, coco, yolo, yolo_labels, labelme])
def test_damaged_annotations_are_read_or_refused_in_one_line(
    kind, photographs, tmp_path, monkeypatch, speaking_of_flags
):
    monkeypatch.setenv("BG_INTERP_CACHE", str(tmp_path))
    name, given, spoiled = kind(photographs)
    whole, ends = spoiled.read_bytes(), set()
    for number in range(CASES):
        spoiled.write_bytes(damaged(whole, random.Random(number)))
        ends.add(end_of(name, given, number))
    spoiled.write_bytes(whole)
    assert "read" in ends


# Each line of these stands for ten times as many names as the one before.
_LAUGHS = "\n".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}' if n else 'ha'] * 10)}]" for n in range(12)
)
HOSTILE = {
    table: [
        b"image,label," + b"x" * 200_000 + b"\na,b,c\n",
        "image,label\na,b\n".encode("utf-16")[:-1],
        b"\xff\xfe",
        b"\xff\xfe\x00\xd8" * 9,
        b'image,label\n"' + b"x" * 200_000,
        b"image,label\n../../../etc/passwd,cat\n/etc/shadow,dog\n",
        b"image,label\n" + b"a," * 100_000,
    ],
    coco: [
        b"[" * 100_000,
        b'{"images": [' + b'{"id": [' * 50_000,
        b'{"images": [{"id": 1e400}], "annotations": [], "categories": []}',
        b'{"images": [{"id": 1, "file_name": "00.png", "width": 1e9, "height": 1e9}], "categories"'
        b': [{"id": 1, "name": "a"}], "annotations": [{"image_id": 1, "category_id": 1, '
        b'"segmentation": {"size": [100000, 100000], "counts": [0, 10000000000]}}]}',
        b'{"images": [{"id": 1, "file_name": "../../../etc/passwd"}], "categories": [], '
        b'"annotations": []}',
    ],
    labelme: [
        b"[" * 100_000,
        b'{"shapes": [{"label": "a", "points": ' + b"[" * 50_000,
        b'{"shapes": [{"label": "a", "points": [[1e308, -1e308], [1, 2], [3, 9]]}], "imagePath": '
        b'"../../../etc/passwd"}',
    ],
    yolo: [
        b"[" * 10_000,
        b"{a: " * 5_000,
        f"{_LAUGHS}\ntrain: images\nnames: *a11\n".encode(),
        f"{_LAUGHS}\ntrain: *a11\nnames: [cat, dog]\n".encode(),
        f"{_LAUGHS}\npath: *a11\ntrain: images\nnames: [cat, dog]\n".encode(),
        f"- &x [ha]\n{_LAUGHS}".encode(),
        b"train: images\nnc: 99999999999\n",
        b"train: &a [*a]\nnames: [cat]\n",
        b"train: images\nnames: {.inf: cat}\n",
        b"train: images\nnames: !!python/object/apply:os.system ['touch escaped']\n",
    ],
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_what_is_made_to_break_a_reader_does_not(
    kind, photographs, tmp_path, monkeypatch, speaking_of_flags
):
    monkeypatch.setenv("BG_INTERP_CACHE", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    name, given, spoiled = kind(photographs)
    whole = spoiled.read_bytes()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for number, content in enumerate(HOSTILE[kind]):
        spoiled.write_bytes(content)
        end_of(name, given, number)
    spoiled.write_bytes(whole)
    assert not (tmp_path / "escaped").exists()
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 2**20
