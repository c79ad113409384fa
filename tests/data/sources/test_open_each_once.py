"""Sources whose images are gone through one by one, as for masks."""

import numpy as np
import pytest
from PIL import Image

from bg_interp.config.data import DataConfig
from bg_interp.data.sources import open_each_once, open_source
from bg_interp.errors import UserError


def _folder(root, *places):
    noise = np.random.default_rng(0)
    for number, place in enumerate(places):
        (root / place).mkdir(parents=True)
        image = noise.integers(0, 255, (24, 24, 3), np.uint8)
        Image.fromarray(image).save(root / place / f"{number}.png")
    return DataConfig(dataset=f"folder:{root}")


@pytest.mark.parametrize("above", ["", "test/"])
def test_one_image_of_a_class_is_enough_where_nothing_is_trained(tmp_path, above, capsys):
    config = _folder(tmp_path, f"{above}cat", f"{above}dog")
    (split,) = open_each_once(config).splits.values()
    assert len(split) == 2
    assert "2 images, all used: nobody has divided them" in capsys.readouterr().err
    with pytest.raises(UserError, match="at least one image to train on"):
        open_source(config)


def test_splits_that_there_are_stay(tmp_path):
    config = _folder(tmp_path, "train/cat", "train/dog", "test/cat", "test/dog")
    assert {name: len(one) for name, one in open_each_once(config).splits.items()} == {
        "train": 2,
        "test": 2,
    }
