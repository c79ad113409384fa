"""`bg.open`: a dataset as arrays that `bg.evaluate` takes as they are."""

import shutil

import numpy as np
import pytest

import bg_interp as bg
from bg_interp.errors import UserError


@pytest.fixture
def table(shape_folder, tmp_path, own_cache):
    """The flag's value of a table of the drawn shapes, with masks, splits, places and scenes."""
    shutil.copytree(shape_folder.images, tmp_path / "images")
    shutil.copytree(shape_folder.masks, tmp_path / "masks")
    rows = ["image,label,mask,split,place,scene"]
    for number, path in enumerate(sorted((tmp_path / "images").rglob("*.png"))):
        name = path.relative_to(tmp_path / "images").as_posix()
        split, place = ("train", "test")[number % 2], ("sea", "wood")[number % 3 == 0]
        scene = f"walk {number // 4}"
        rows.append(f"images/{name},{path.parent.name},masks/{name},{split},{place},{scene}")
    (tmp_path / "labels.csv").write_text("\n".join(rows))
    return f"table:{tmp_path / 'labels.csv'}"


def test_what_is_opened_can_be_evaluated(table):
    data = bg.open(table, image_size=32)
    assert data.images.shape == (10, 32, 32, 3) and data.masks.shape == (10, 32, 32, 1)
    assert data.class_names == ("disc", "square") and data.names[0] == "images/disc/01.png"
    assert set(data.places) == {"sea", "wood"} and len(np.unique(data.units)) == 5
    assert str(data).startswith(
        f"{table}, test: 10 images of 2 classes (disc 5, square 5), 32 x 32"
    )
    assert "<img" in data._repr_html_()

    def by_green(images):
        object = images[..., 0] > 180
        green = (images[..., 1] * object).sum(axis=(1, 2)) / (1 + object.sum(axis=(1, 2)))
        return np.stack([-green, green - 220], axis=1)

    report = bg.evaluate(by_green, **data, backgrounds=0)
    assert report.measures["original"].value == 1
    assert report.to_dict()["natural_groups"]["backgrounds"] == ["sea", "wood"]


def test_masks_may_be_left_out(table):
    data = bg.open(table, split="train", image_size=16, masks="none")
    assert data.masks is None and "masks" not in data


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (
            {"split": "tset"},
            "split must be one of train, test. Received: 'tset'; did you mean 'test'",
        ),
        ({"imge_size": 3}, "there is no setting 'imge_size' of data; did you mean 'image_size'"),
        ({"image_size": 0}, "image_size must be a whole number, 1 or more. Received: 0"),
        ({"masks": "foldr"}, "masks must be one of "),
    ],
)
def test_mistakes_are_one_line(settings, said, table):
    with pytest.raises(UserError) as error:
        bg.open(table, **settings)
    assert said in str(error.value)
