"""A table of labels: as spreadsheets save it, with what it may say, and what is wrong with it."""

import shutil

import numpy as np
import pytest
from drawing import disc, labels_of, lowest_iou, photograph, save, save_photographs

from bg_interp.config.data import DataConfig
from bg_interp.data.sources import open_source
from bg_interp.errors import UserError


def write(folder, header="image,label", row="images/{name},{label}", count=8, encoding="utf-8"):
    """Writes images/ and labels.csv; returns the flag's value."""
    rows = [header]
    for number, name in enumerate(save_photographs(folder / "images", count)):
        told = {
            "name": name,
            "label": ("cat", "dog")[number % 2],
            "mask": f"masks/{name}",
            "split": ("Train", "val")[number // 4 % 2],
            "place": ("sea", "wood")[number % 3 == 0],
            "group": f"walk {number // 2}",
        }
        rows.append(row.format(**told))
    (folder / "labels.csv").write_bytes("\r\n".join(rows).encode(encoding))
    return f"table:{folder / 'labels.csv'}"


def test_paths_of_another_machine(opened, tmp_path):
    dataset = write(tmp_path, row=r"C:\somebody\photos\{name},{label}")
    assert len(labels_of(opened(dataset, data_dir=str(tmp_path / "images")))) == 8


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_tables_as_spreadsheets_save_them(delimiter, encoding, opened, tmp_path):
    header, row = delimiter.join(["image", "label"]), delimiter.join(["images/{name}", "{label}"])
    source = opened(write(tmp_path, header, row, encoding=encoding))
    assert labels_of(source) == {n: ("cat", "dog")[n % 2] for n in range(8)}
    assert sorted(source.splits) == ["test", "train"] and not source.has_masks


def test_splits_masks_places_and_what_belongs_together(opened, tmp_path):
    header = "File_Name, Class ,Split,Mask,Place,Group"
    dataset = write(tmp_path, header, "images\\{name},{label},{split},{mask},{place},{group}")
    for number in range(8):
        save((disc(number) * 255).astype(np.uint8), tmp_path / "masks" / f"{number:03d}.png")
    source = opened(dataset)
    assert {name: len(split) for name, split in source.splits.items()} == {"train": 4, "test": 4}
    assert lowest_iou(source) == 1
    train = source.splits["train"]
    assert source.place_names == ("sea", "wood") and train.places.tolist() == [1, 0, 0, 1]
    assert {unit: found.tolist() for unit, found in train.units.items()} == {"scene": [0, 0, 1, 1]}


def test_without_splits_all_images_are_tested_on_or_a_fifth(opened, tmp_path, capsys):
    dataset = write(tmp_path, count=20)
    whole = opened(dataset, whole=True)
    assert whole.divided and whole.splits["test"].keys == whole.splits["train"].keys
    assert "20 images, all used: nobody has divided them" in capsys.readouterr().err
    source = opened(dataset)
    train, test = source.splits["train"].keys, source.splits["test"].keys
    assert not set(train) & set(test) and len(train) + len(test) == 20 and len(test) < 10


def test_validation_stands_for_the_split_that_is_missing(opened, tmp_path):
    save_photographs(tmp_path, 8)
    for told, sizes in (
        (("train", "val"), {"train": 4, "test": 4}),
        (("test", "val"), {"train": 4, "test": 4}),
        (("train", "test", "val"), {"train": 3, "test": 3, "validation": 2}),
    ):
        rows = [f"{n:03d}.png,{'cat' if n < 4 else 'dog'},{told[n % len(told)]}" for n in range(8)]
        (tmp_path / "labels.csv").write_text("\n".join(["image,label,split", *rows]))
        source = opened(f"table:{tmp_path / 'labels.csv'}")
        assert {name: len(split) for name, split in source.splits.items()} == sizes
        assert not source.divided


def test_copies_of_images_are_counted(opened, tmp_path, capsys):
    dataset = write(tmp_path)
    shutil.copy(tmp_path / "images" / "000.png", tmp_path / "images" / "001.png")
    source = opened(dataset, whole=True)
    assert source.duplicates.labels == 1
    assert "1 images are copies of others" in capsys.readouterr().err


def test_numbers_are_classes_in_their_order(opened, tmp_path):
    save_photographs(tmp_path, 24)
    rows = [f"{number:03d}.png,{number % 12}" for number in range(24)]
    (tmp_path / "labels.csv").write_text("\n".join(["image,label", *rows]))
    assert opened(f"table:{tmp_path / 'labels.csv'}").class_names == tuple(map(str, range(12)))


def test_keys_of_ones_own(opened, tmp_path):
    source = opened(write(tmp_path, "image,label,key", "images/{name},{label},own/{name}"))
    assert sorted(labels_of(source)) == list(range(8))
    assert all(key.startswith("own/") for key in source.splits["train"].keys)
    with pytest.raises(UserError, match=r"must have a key of its own\. Received: 'same'"):
        opened(write(tmp_path, "image,label,key", "images/{name},{label},same"))


@pytest.mark.parametrize(
    ("header", "row", "said"),
    [
        (
            "image,lable",
            "images/{name},{label}",
            r"must have the columns image and label .*'lable'",
        ),
        ("images/000.png,cat", "images/{name},{label}", "Received: images/000.png, cat"),
        ("image,label,label", "images/{name},{label},", "must name each column once"),
        (
            "image,label",
            "images/{name},",
            "must have a value for 'label'. Received: none in line 2",
        ),
        ("image,label,split", "images/{name},{label},fold 3", r"Received: 'fold 3' in line 2"),
        ("image,label", "photos/{name},{label}", r"Received: none of its 8 images, the first "),
        ("image,label", "images/{name},cat", "two classes or more. Received: cat"),
        ("image,label", "images/000.png,{label}", r"with the label 'cat', and again with 'dog'"),
        ("image,label,place", "images/{name},{label},", "must have a value for 'place'"),
        (
            "image,label",
            "images/{name},a,{label}",
            "Received: more in line 2; put values that hold",
        ),
        ("image,label", "images/{name},{name}", "Received: 8 of 8 classes without, the first '000"),
    ],
)
def test_tables_that_cannot_be_used_are_refused_in_one_line(header, row, said, opened, tmp_path):
    with pytest.raises(UserError, match=said) as error:
        opened(write(tmp_path, header, row))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("label", "said"),
    [("Cat", "spell each class in one way. Received: 'Cat' and 'cat'"), ("cat|dog", "one label")],
)
def test_labels_that_are_no_class_of_their_own(label, said, opened, tmp_path):
    dataset = write(tmp_path)
    text = (tmp_path / "labels.csv").read_text().replace(",cat", f",{label}", 1)
    (tmp_path / "labels.csv").write_text(text)
    with pytest.raises(UserError, match=said.replace("|", r"\|")):
        opened(dataset)


def test_excel_may_name_the_delimiter_first(opened, tmp_path):
    dataset = write(tmp_path, "image;label", "images/{name};{label}")
    text = (tmp_path / "labels.csv").read_text()
    (tmp_path / "labels.csv").write_text(f"sep=;\n{text}")
    assert len(labels_of(opened(dataset))) == 8


def test_cells_may_hold_line_ends(opened, tmp_path):
    header, row = '"a\nnote",image,label', '"a, ""b""\nc",images/{name},{label}'
    assert len(labels_of(opened(write(tmp_path, header, row)))) == 8


def test_files_that_are_no_tables(opened, tmp_path):
    save(photograph(0), tmp_path / "labels.csv", format="PNG")
    with pytest.raises(UserError, match="must be text, as CSV is"):
        opened(f"table:{tmp_path / 'labels.csv'}")
    (tmp_path / "labels.csv").write_text("image,label\n")
    with pytest.raises(UserError, match="Received: a header alone"):
        opened(f"table:{tmp_path / 'labels.csv'}")
    with pytest.raises(UserError, match="must name a file that is there"):
        opened(f"table:{tmp_path / 'nowhere.csv'}")


def test_what_is_wrong_is_counted_and_named(opened, tmp_path, capsys):
    dataset = write(tmp_path, "image,label,mask", "images/{name},{label},{mask}", count=12)
    for number in range(1, 12):
        save((disc(number) * 255).astype(np.uint8), tmp_path / "masks" / f"{number:03d}.png")
    (tmp_path / "images" / "002.png").unlink()
    (tmp_path / "images" / "003.png").write_bytes(b"nothing")
    with open(tmp_path / "labels.csv", "a") as file:
        file.write("\r\nimages/004.png,cat,\r\n,,\r\n")
    source = opened(dataset)
    said = capsys.readouterr().err
    for line in (
        f"masks are missing, and count as empty (2; the first: {tmp_path / 'masks' / '000.png'})",
        "images are missing and left out (1;",
        "rows name an image again and are left out (1;",
        "images are damaged and left out (1; the first: images/003.png (",
    ):
        assert line in said
    assert sorted(labels_of(source)) == [0, 1, 4, 5, 6, 7, 8, 9, 10, 11]


def test_masks_that_cannot_be_read_are_empty_counted_and_named(opened, tmp_path):
    dataset = write(tmp_path, "image,label,mask", "images/{name},{label},{mask}", count=24)
    masks = [tmp_path / "masks" / f"{number:03d}.png" for number in range(24)]
    for number, path in enumerate(masks):
        save((disc(number) * 255).astype(np.uint8), path)
    masks[3].write_bytes(b"")
    masks[4].write_bytes(masks[4].read_bytes()[:70])
    save(np.full((50, 50), 255, np.uint8), masks[5])
    source, empty, named = opened(dataset), [], []
    for split in source.splits.values():
        drawn = zip(split.keys, split.masks(), strict=True)
        empty += [key for key, mask in drawn if not mask.any()]
        named += split.odd_masks.values()
    assert sorted(empty) == [f"images/{number:03d}.png" for number in (3, 4, 5)]
    said = "\n".join(sorted(named))
    assert f"the mask {masks[3]} cannot be read" in said and "50 x 50 pixels" in said


def test_maps_of_labels_are_refused_until_somebody_says_what_is_object(opened, tmp_path):
    dataset = write(tmp_path, "image,label,mask", "images/{name},{label},{mask}")
    for number in range(8):
        levels = np.where(disc(number), 15, 0)
        levels[:4, :4] = 2
        save(levels.astype(np.uint8), tmp_path / "masks" / f"{number:03d}.png")
    with pytest.raises(UserError, match="say with --mask_values which values are foreground"):
        opened(dataset)
    assert lowest_iou(open_source(DataConfig(dataset=dataset, mask_values="15"))) == 1


def test_a_path_without_its_kind_is_asked_about(opened, tmp_path):
    dataset = write(tmp_path)
    for given in (tmp_path, tmp_path / "labels.csv"):
        with pytest.raises(UserError, match=rf"did you mean {dataset}\?"):
            opened(str(given))
    with pytest.raises(UserError, match=r"did you mean folder:"):
        opened(str(tmp_path / "images"))
