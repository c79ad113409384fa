"""A classifier is asked how its images were resized, and its own way is taken."""

import numpy as np
import pytest
from PIL import Image

from bg_interp.commands.detect_resize import detect_resize
from bg_interp.data.examples import OnDisk, in_memory
from bg_interp.data.sources.folder import open_folder
from bg_interp.models.adapter import AdaptedModel
from bg_interp.models.functions import ArrayFunction

SIDE = 16


def opened(tmp_path, size, count=12):
    """Returns the test images of two classes: stripes that a mean makes grey, and grey."""
    stripes = np.zeros((*size, 3), np.uint8)
    stripes[:, 1::4] = stripes[:, 2::4] = 255
    for name, image in (("grey", np.full_like(stripes, 128)), ("stripes", stripes)):
        for half in ("train", "test"):
            folder = tmp_path / half / name
            folder.mkdir(parents=True)
            for number in range(count):
                Image.fromarray(image).save(folder / f"{number:02d}.png")
    split = open_folder(tmp_path).splits["test"]
    return split, in_memory(OnDisk(split, None, SIDE, np.arange(len(split))), "test images")


def asked(says) -> AdaptedModel:
    """Returns a classifier of two classes that tells the second by what `says` returns of [B]."""
    return AdaptedModel(
        ArrayFunction(lambda images: np.eye(2)[says(images).astype(int)], "somebodys:model")
    )


def white(images):
    return images[:, 8, 8, 0] > 200


def test_a_way_in_which_it_is_clearly_right_more_often_is_taken(tmp_path, capsys):
    split, examples = opened(tmp_path, (64, 64))
    assert detect_resize(asked(white), split, examples, "mine.keras") == "sharp"
    said = capsys.readouterr().err
    assert "mine.keras: its images are resized sharp" in said
    assert "of 24 it is right about 12 smooth, 24 sharp, 12 crop" in said


def test_few_images_are_not_clear(tmp_path, capsys):
    split, examples = opened(tmp_path, (64, 64), count=3)
    assert detect_resize(asked(white), split, examples, "mine.keras") == "smooth"
    assert "3 smooth, 6 sharp, 3 crop" in capsys.readouterr().err


def test_images_of_the_right_size_need_no_asking(tmp_path, capsys):
    split, examples = opened(tmp_path, (SIDE, SIDE))
    model = asked(lambda _: pytest.fail("it was asked"))
    assert detect_resize(model, split, examples, "mine.keras") == "smooth"
    assert "resized" not in capsys.readouterr().err
