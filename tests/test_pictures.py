"""Grids show every image at its place, with names that cannot break them."""

import numpy as np
import pytest
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen
from PIL import Image

from bg_interp import pictures


def test_every_image_stands_below_its_column():
    images = np.zeros((2, 3, 8, 8, 3))
    images[1, 2] = [250, 10, 20]
    sheet = pictures.grid(images, ["a", "b", "c"], ["one", "two"], side=32)
    rows, columns = np.nonzero((sheet == [250, 10, 20]).all(-1))
    assert np.ptp(rows) == np.ptp(columns) == 31
    assert rows.min() > sheet.shape[0] / 2
    assert columns.min() > sheet.shape[1] * 2 / 3


def test_names_leave_ink_and_long_ones_are_cut():
    images = np.full((1, 1, 8, 8, 1), 255)
    sheet = pictures.grid(images, ["a very long name for such a narrow column"], side=64)
    assert (sheet < 128).any()
    assert sheet.shape[1] < 80


def test_letters_of_many_scripts_are_drawn_and_not_boxes():
    box = _ink(chr(0x10FFFF - 2))
    for letter in "äéßłñøčğжяλ":
        assert pictures.writable(letter) == letter
        assert (_ink(letter) != box).any()


def _ink(letter: str) -> np.ndarray:
    return np.asarray(pictures.font("a", 20).getmask(letter, mode="L").resize((24, 24)))


@pytest.fixture
def without_other_fonts(monkeypatch):
    monkeypatch.setattr(pictures, "_system_fonts", list)
    pictures._font_file.cache_clear()
    yield
    pictures._font_file.cache_clear()


def test_what_no_font_has_is_written_as_escapes(without_other_fonts):
    assert pictures.writable("fish 中") == "fish \\u4e2d"


def test_no_font_of_this_machine_draws_boxes_for_everything():
    for path in pictures._system_fonts():
        assert len(pictures._characters(path)) < 0x110000 / 2


@pytest.fixture
def chinese_font(tmp_path, monkeypatch) -> str:
    """A font that has three characters: a space, a letter, and 中, which is a black square."""
    names = {32: "space", ord("x"): "x", ord("中"): "middle"}
    square = TTGlyphPen(None)
    for number, point in enumerate([(0, 0), (0, 700), (700, 700), (700, 0)]):
        (square.lineTo if number else square.moveTo)(point)
    square.closePath()
    builder = FontBuilder(1000)
    builder.setupGlyphOrder([".notdef", *names.values()])
    builder.setupCharacterMap(names)
    builder.setupGlyf({name: square.glyph() for name in [".notdef", *names.values()]})
    builder.setupHorizontalMetrics(dict.fromkeys([".notdef", *names.values()], (700, 0)))
    builder.setupHorizontalHeader(ascent=800, descent=-200)
    builder.setupNameTable({"familyName": "Middle", "styleName": "Regular"})
    builder.setupOS2(sTypoAscender=800, usWinAscent=800, usWinDescent=200)
    builder.setupPost()
    builder.save(tmp_path / "middle.ttf")
    monkeypatch.setattr(pictures, "_system_fonts", lambda: [str(tmp_path / "middle.ttf")])
    pictures._font_file.cache_clear()
    yield str(tmp_path / "middle.ttf")
    pictures._font_file.cache_clear()


def test_a_font_of_this_machine_draws_what_the_usual_one_lacks(chinese_font):
    assert pictures.writable("x 中") == "x 中"
    assert pictures.font("x 中", 12).path == chinese_font
    assert "Middle" in pictures.plot_style(["x 中"])["font.family"]
    # A name needs one font for all of its characters.
    assert pictures.writable("z中") == "z\\u4e2d"


@pytest.mark.parametrize(("count", "shape"), [(8, (1, 8)), (12, (1, 12)), (37, (4, 10))])
def test_many_columns_are_wrapped_into_a_sheet(count, shape):
    assert (-(-count // pictures.across(count)), pictures.across(count)) == shape
    images = np.zeros((1, count, 8, 8, 3), np.uint8)
    sheet = pictures.grid(images, [f"{number}" for number in range(count)])
    assert sheet.shape[1] <= 12 * 140
    for row in range(shape[0]):
        band = np.split(sheet, shape[0])[row]
        assert (band.sum(axis=-1) < 60).any()


def test_the_last_row_of_a_sheet_may_be_shorter_and_keeps_its_places():
    images = np.zeros((1, 37, 8, 8, 3), np.uint8) + 255
    images[0, 30] = [255, 0, 0]
    sheet = pictures.grid(images, [""] * 37, side=16)
    rows, columns = np.nonzero((sheet == [255, 0, 0]).all(-1))
    assert columns.min() < 4 and rows.min() > sheet.shape[0] * 3 / 4


def test_a_thousand_classes_make_a_picture_that_opens(tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (1, 1000, 8, 8, 3))
    sheet = pictures.grid(images, [f"class {number}" for number in range(1000)])
    assert max(sheet.shape) < 3000
    pictures.save_png(tmp_path / "thousand.png", sheet)
    assert Image.open(tmp_path / "thousand.png").size == (sheet.shape[1], sheet.shape[0])


def test_panels_of_a_sheet_keep_their_size():
    small, large = np.zeros((2, 3, 3), np.uint8), np.full((4, 5, 3), 7, np.uint8)
    laid_out = pictures.sheet([small, large, small], columns=2, gap=1)
    assert laid_out.shape == (2 * 5 + 1, 2 * 6 + 1, 3)
    np.testing.assert_array_equal(laid_out[1:5, 7:12], large)
    assert (laid_out[1:3, 1:4] == 0).all() and (laid_out[3:5, 1:6] == 255).all()


def test_control_characters_are_escaped():
    assert pictures.writable("star\nfish\x1b[31m") == "star\\nfish\\x1b[31m"
    assert pictures.file_name("../a b/ü") == "___a_b_ü"


def test_png_and_gif_are_read_back(tmp_path):
    image = np.random.default_rng(0).uniform(0, 255, (9, 7, 3))
    pictures.save_png(tmp_path / "one.png", image)
    np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / "one.png")), np.rint(image))
    pictures.save_gif(tmp_path / "way.gif", [image, image / 2, image / 4])
    assert Image.open(tmp_path / "way.gif").n_frames == 3


def test_a_grid_is_as_wide_as_it_is_asked_to_be():
    images = np.zeros((1, 8, 16, 16, 3), np.uint8)
    names = [str(number) for number in range(8)]
    narrow, wide = (pictures.grid(images, names, width=width) for width in (4, None))
    assert narrow.shape[1] < 0.6 * wide.shape[1]
    assert narrow.shape[0] == 2 * wide.shape[0]
