"""Grids show every image at its place, with names that cannot break them."""

import numpy as np
from PIL import Image

from bg_interp.visualization import grids


def test_every_image_stands_below_its_column():
    images = np.zeros((2, 3, 8, 8, 3))
    images[1, 2] = [250, 10, 20]
    sheet = grids.grid(images, ["a", "b", "c"], ["one", "two"], side=32)
    rows, columns = np.nonzero((sheet == [250, 10, 20]).all(-1))
    assert np.ptp(rows) == np.ptp(columns) == 31
    assert rows.min() > sheet.shape[0] / 2
    assert columns.min() > sheet.shape[1] * 2 / 3


def test_names_leave_ink_and_long_ones_are_cut():
    images = np.full((1, 1, 8, 8, 1), 255)
    sheet = grids.grid(images, ["a very long name for such a narrow column"], side=64)
    assert (sheet < 128).any()
    assert sheet.shape[1] < 80


def test_control_characters_are_escaped():
    assert grids.printable("star\nfish\x1b[31m") == "star\\nfish\\x1b[31m"
    assert grids.file_name("../a b/ü") == "___a_b_ü"


def test_png_and_gif_are_read_back(tmp_path):
    image = np.random.default_rng(0).uniform(0, 255, (9, 7, 3))
    grids.save_png(tmp_path / "one.png", image)
    np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / "one.png")), np.rint(image))
    grids.save_gif(tmp_path / "way.gif", [image, image / 2, image / 4])
    assert Image.open(tmp_path / "way.gif").n_frames == 3
