"""The benchmarks of the field in the layouts that their papers and repositories describe."""

import csv

import numpy as np
import pytest
from drawing import disc, lowest_iou, photograph, save

from bg_interp.errors import UserError


def groups(split, source):
    """How many images of a split each class has at each place."""
    pairs = zip(split.labels.tolist(), split.places.tolist(), strict=True)
    found: dict[tuple[str, str], int] = {}
    for label, place in pairs:
        name = (source.class_names[label], source.place_names[place])
        found[name] = found.get(name, 0) + 1
    return found


def grey(number):
    return (disc(number) * 255).astype(np.uint8)


def sizes(source):
    return {name: len(split) for name, split in source.splits.items()}


def write_waterbirds(folder, masks="segmentations"):
    """As group_DRO's generate_waterbirds.py writes it: 24 images, eight of each split."""
    root = folder / "waterbird_complete95_forest2water2"
    rows = [["img_id", "img_filename", "y", "split", "place", "place_filename"]]
    for number in range(24):
        name = f"{number % 4 + 1:03d}.Species_{number % 4}/{number:04d}"
        label, place = number % 2, int(number % 8 in (1, 3, 4))
        save(photograph(number), root / f"{name}.jpg", quality=95)
        save(grey(number), folder / masks / f"{name}.png")
        rows.append([number + 1, f"{name}.jpg", label, number // 8, place, "/o/ocean/1.jpg"])
    with open(root / "metadata.csv", "w", newline="") as file:
        csv.writer(file).writerows(rows)
    return root


@pytest.mark.parametrize("masks", ["segmentations", "CUB_200_2011/segmentations"])
def test_waterbirds(masks, opened, tmp_path):
    root = write_waterbirds(tmp_path, masks)
    for given in (root, tmp_path):
        source = opened(f"waterbirds:{given}")
        assert source.class_names == ("landbird", "waterbird")
        assert source.place_names == ("land", "water")
        assert sizes(source) == {"train": 8, "validation": 8, "test": 8}
        counts = {("landbird", "land"): 3, ("landbird", "water"): 1}
        counts |= {("waterbird", "land"): 2, ("waterbird", "water"): 2}
        assert groups(source.splits["test"], source) == counts
        assert source.has_masks and lowest_iou(source) == 1


def test_waterbirds_of_another_kind_are_refused(opened, tmp_path):
    root = write_waterbirds(tmp_path)
    with pytest.raises(UserError, match=r"give --dataset=waterbirds:"):
        opened(f"folder:{root}")
    text = (root / "metadata.csv").read_text()
    (root / "metadata.csv").write_text(text.replace(",0,0,0,", ",0,7,0,", 1))
    with pytest.raises(UserError, match="Received: 0, 0 and 7 in line 2"):
        opened(f"waterbirds:{root}")
    (root / "metadata.csv").write_text(text.replace("place,", "where,", 1))
    with pytest.raises(UserError, match="must have the columns img_filename, y, split, place"):
        opened(f"waterbirds:{root}")
    (root / "metadata.csv").unlink()
    with pytest.raises(UserError, match=r"folder that holds metadata\.csv"):
        opened(f"waterbirds:{root}")


def test_imagenet_9(opened, tmp_path):
    for number in range(12):
        where = f"val/{number % 3:02d}_{('dog', 'wheeled vehicle', 'bird')[number % 3]}"
        for variant in ("original", "mixed_same", "mixed_rand", "only_fg"):
            save(photograph(number), tmp_path / variant / where / f"{number:03d}.JPEG", quality=95)
        (tmp_path / "fg_mask" / where).mkdir(parents=True, exist_ok=True)
        np.save(tmp_path / "fg_mask" / where / f"{number:03d}.npy", disc(number))
    source = opened(f"imagenet9:{tmp_path}", whole=True)
    assert source.class_names == ("dog", "wheeled vehicle", "bird")
    named = {f"test_{variant}": 12 for variant in ("mixed_same", "mixed_rand", "only_fg")}
    assert sizes(source) == {"train": 12, "test": 12, **named} and source.divided
    masks = source.splits["test"].masks()
    assert all(
        (mask[..., 0] > 0).tolist() == disc(n).tolist() for n, mask in _by_key(source, masks)
    )
    with pytest.raises(UserError, match=r"give --dataset=imagenet9:"):
        opened(f"folder:{tmp_path}")


def _by_key(source, masks):
    keys = [int(key[-8:-5]) for key in source.splits["test"].keys]
    return zip(keys, masks, strict=True)


def test_spuco(opened, tmp_path):
    kinds = {"spuco_birds": {"landbirds": ("land", "water"), "waterbirds": ("land", "water")}}
    kinds["spuco_dogs"] = {"small_dogs": ("indoor", "outdoor"), "big_dogs": ("indoor", "outdoor")}
    for data, classes in kinds.items():
        for split in ("train", "val", "test"):
            for label, places in classes.items():
                for number in range(4):
                    file = tmp_path / data / split / label / places[number == 3] / f"{number}.jpg"
                    save(photograph(number), file)
    source = opened(f"spuco:{tmp_path / 'spuco_birds'}")
    assert source.class_names == ("landbirds", "waterbirds") and not source.has_masks
    assert sizes(source) == {"train": 8, "validation": 8, "test": 8}
    counts = {
        (label, place): n
        for label in source.class_names
        for place, n in (("land", 3), ("water", 1))
    }
    assert groups(source.splits["test"], source) == counts
    animals = opened(f"spuco:{tmp_path}")
    assert animals.class_names == ("landbirds", "waterbirds", "small_dogs", "big_dogs")
    assert len(groups(animals.splits["train"], animals)) == 8
    with pytest.raises(UserError, match="must hold images in split/class/place"):
        opened(f"spuco:{tmp_path / 'spuco_birds' / 'train'}")


def test_urbancars(opened, tmp_path):
    number = 0
    for ratio, split in ((0.95, "train"), (0.5, "val"), (0.5, "test")):
        for car in ("urban", "country"):
            for ground in ("urban", "country"):
                for thing in ("urban", "country"):
                    group = f"obj-{car}_bg-{ground}_co_occur_obj-{thing}"
                    folder = tmp_path / f"bg-{ratio}_co_occur_obj-{ratio}" / split / group
                    for _ in range(1 + (car == ground == thing)):
                        save(photograph(number), folder / f"{number:03d}.jpg", quality=95)
                        save(grey(number), folder / f"{number:03d}_mask.png")
                        save(grey(0), folder / f"{number:03d}_co_occur_obj_mask.png")
                        number += 1
    source = opened(f"urbancars:{tmp_path}")
    assert source.class_names == ("urban", "country") and len(source.place_names) == 4
    assert sizes(source) == {"train": 10, "validation": 10, "test": 10}
    found = groups(source.splits["test"], source)
    assert len(found) == 8 and found["urban", "urban background, urban object"] == 2
    assert lowest_iou(source) == 1


def test_imagenet_s(opened, tmp_path):
    for split in ("train-semi", "validation"):
        for number in range(8):
            name = f"{('n01443537', 'n02326432')[number % 2]}/{number:03d}"
            save(photograph(number), tmp_path / split / f"{name}.JPEG", quality=95)
            found = np.where(disc(number), (1, 300)[number % 2], 0)
            found[0, :4], found[47] = 1000, 7
            pixels = np.stack([found % 256, found // 256, np.zeros_like(found)], axis=-1)
            save(pixels.astype(np.uint8), tmp_path / f"{split}-segmentation" / f"{name}.png")
    source = opened(f"imagenet_s:{tmp_path}")
    assert source.class_names == ("n01443537", "n02326432")
    assert sizes(source) == {"train": 8, "test": 8} and lowest_iou(source) == 1
