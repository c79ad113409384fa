"""`segment --check`: what a dataset is taken for, in words and in a picture."""

import numpy as np
from PIL import Image

from bg_interp.commands import checking
from bg_interp.config.segmentation import SegmentConfig
from bg_interp.masks.review import overlay


def check(tmp_path, **flags):
    return checking.run(SegmentConfig(check=True, sheet=str(tmp_path / "check.png"), **flags))


def test_classes_counts_and_masks_are_told_and_drawn(shape_folder, own_cache, tmp_path):
    masks = f"folder:{shape_folder.masks}"
    found = check(tmp_path, dataset=f"folder:{shape_folder.images}", masks=masks)
    said = str(found)
    assert "2 classes" in said and "none empty" in said
    rows = [line.split() for line in said.splitlines()]
    assert ["class", "train", "test"] in rows
    total = next(row for row in rows if row and row[0] == "all")
    assert sum(map(int, total[1:])) == 20
    with Image.open(tmp_path / "check.png") as sheet:
        assert min(sheet.size) > 200


def test_masks_that_look_inverted_are_doubted(shape_folder, own_cache, tmp_path):
    for path in shape_folder.masks.rglob("*.png"):
        inverted = tmp_path / path.relative_to(shape_folder.masks.parent)
        inverted.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(255 - np.asarray(Image.open(path))).save(inverted)
    given = {"dataset": f"folder:{shape_folder.images}", "masks": f"folder:{tmp_path / 'masks'}"}
    assert "in doubt: masks look inverted" in str(check(tmp_path, **given))
    assert "in doubt" not in str(check(tmp_path, invert_masks=True, **given))


def test_masks_that_are_missing_are_told_with_the_command(shape_folder, own_cache, tmp_path):
    found = check(tmp_path, dataset=f"folder:{shape_folder.images}")
    assert "have no mask by object" in str(found) and (tmp_path / "check.png").is_file()


def test_an_object_stays_bright_and_is_outlined():
    mask = np.zeros((40, 60), np.uint8)
    mask[10:30, 20:40] = 255
    shown = overlay.laid_over(np.full((80, 120, 3), 200, np.uint8), mask)
    assert (shown[40, 60] == 200).all() and (shown[5, 5] == 70).all()
    assert (shown[40, 80] == (255, 40, 200)).all()


def test_masks_that_part_nothing_are_named_in_red():
    image = np.full((20, 30, 3), 90, np.uint8)
    drawn = {
        name: overlay.panel(image, np.full((20, 30), value, np.uint8), "cat")[:14]
        for name, value in (("empty", 0), ("full", 255))
    }
    half = np.zeros((20, 30), np.uint8)
    half[:9] = 255
    for strip in drawn.values():
        assert (strip[..., 0] > strip[..., 1] + 60).any()
    fine = overlay.panel(image, half, "cat")[:14]
    assert (fine[..., 0] == fine[..., 1]).all()
