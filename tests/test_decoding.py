"""Whatever a file holds, it becomes 8-bit RGB that looks the same, or is refused with a reason."""

import io

import numpy as np
import pytest
from PIL import Image

from bg_interp import decoding
from bg_interp.decoding import DamagedImage, decode


def encoded(image: Image.Image, kind: str, **options) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


@pytest.fixture
def picture() -> np.ndarray:
    """uint8 [16, 24, 3]: red on the left, blue on the right, green below."""
    values = np.zeros((16, 24, 3), np.uint8)
    values[:, :12, 0] = 200
    values[:, 12:, 2] = 200
    values[12:] = [0, 200, 0]
    return values


@pytest.mark.parametrize("kind", ["PNG", "BMP", "TIFF"])
def test_lossless_formats_come_back_bit_for_bit(picture, kind):
    found = decode(encoded(Image.fromarray(picture), kind))
    assert found.dtype == np.uint8
    np.testing.assert_array_equal(found, picture)


@pytest.mark.parametrize(
    ("orientation", "turned"),
    [(3, lambda v: v[::-1, ::-1]), (6, lambda v: np.rot90(v, -1)), (8, np.rot90)],
)
def test_exif_orientation_is_applied(picture, orientation, turned):
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = encoded(Image.fromarray(picture), "JPEG", exif=exif, quality=100, subsampling=0)
    expected = turned(picture).astype(int)
    found = decode(data)
    assert found.shape == expected.shape
    assert abs(found - expected).mean() < 4


def test_the_first_frame_stands_for_an_animation(picture):
    frames = [Image.fromarray(picture), Image.fromarray(255 - picture)]
    data = encoded(frames[0], "GIF", save_all=True, append_images=frames[1:])
    np.testing.assert_allclose(decode(data), picture, atol=8)


def test_cmyk_becomes_rgb(picture):
    data = encoded(Image.fromarray(picture).convert("CMYK"), "JPEG", quality=100)
    assert abs(decode(data).astype(int) - picture).mean() < 8


def test_16_bits_become_8_without_clipping():
    values = np.array([[0, 257 * 60, 257 * 128, 65535]], np.uint16)
    found = decode(encoded(Image.fromarray(values), "PNG"))
    np.testing.assert_array_equal(found[0], np.array([[0, 60, 128, 255]] * 3).T)


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_transparency_is_laid_over_white(mode):
    clear = Image.new("RGBA", (4, 4), (0, 0, 0, 0)).convert(mode)
    assert (decode(encoded(clear, "PNG")) == 255).all()
    solid = Image.new("RGBA", (4, 4), (60, 60, 60, 255)).convert(mode)
    assert (decode(encoded(solid, "PNG")) == 60).all()


@pytest.mark.parametrize("mode", ["L", "1", "P"])
def test_grey_and_palettes_become_rgb(mode):
    found = decode(encoded(Image.new("RGB", (4, 4), "white").convert(mode), "PNG"))
    assert found.shape == (4, 4, 3)
    assert (found == 255).all()


def test_a_transparent_palette_colour_is_laid_over_white():
    image = Image.new("P", (4, 4), 1)
    image.putpalette([0, 0, 0, 90, 90, 90])
    assert (decode(encoded(image, "PNG", transparency=1)) == 255).all()


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF"])
def test_a_truncated_file_is_damaged(kind):
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3)).astype(np.uint8)
    data = encoded(Image.fromarray(noise), kind)
    with pytest.raises(DamagedImage) as raised:
        decode(data[: len(data) // 2])
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("data", [b"", b"GIF89a", b"no image", b"\x89PNG\r\n\x1a\n"])
def test_what_is_no_image_is_damaged(data):
    with pytest.raises(DamagedImage) as raised:
        decode(data)
    assert str(raised.value)


def test_a_decompression_bomb_is_refused_before_it_is_unpacked(monkeypatch):
    monkeypatch.setattr(decoding, "MAX_PIXELS", 99)
    assert decode(encoded(Image.new("RGB", (9, 11)), "PNG")).shape == (11, 9, 3)
    with pytest.raises(DamagedImage, match="10 x 10 pixels, above the limit of 99"):
        decode(encoded(Image.new("RGB", (10, 10)), "PNG"))


def test_large_photographs_are_below_the_limit():
    assert decoding.MAX_PIXELS > 6000 * 4000
