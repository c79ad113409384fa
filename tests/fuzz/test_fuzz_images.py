"""Bytes that call themselves an image, masks that are no numbers: never a crash, never silent."""

import io
import struct
import zlib

import numpy as np
import pytest
from fuzzing import cases
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from PIL import Image

from bg_interp.decoding import MAX_PIXELS, DamagedImage, decode
from bg_interp.masks import encoding, quality
from bg_interp.masks.segmenters.segmenter import Settings

_KINDS = ("PNG", "JPEG", "GIF", "BMP", "WEBP", "TIFF")
_MODES = ("RGB", "L", "P", "RGBA", "1", "I;16", "CMYK")


def _sample(kind: str, mode: str) -> bytes:
    file = io.BytesIO()
    pixels = np.random.default_rng(0).integers(0, 256, (9, 7, 3), np.uint8)
    try:
        Image.fromarray(pixels).convert(mode).save(file, kind)
    except (OSError, ValueError):  # Not every format has every mode.
        Image.fromarray(pixels).save(file, kind)
    return file.getvalue()


_SAMPLES = {kind: [_sample(kind, mode) for mode in _MODES] for kind in _KINDS}


@st.composite
def damaged_images(draw, kind: str) -> bytes:
    """Whole images, cut, with bytes replaced, or with parts put in."""
    content = bytearray(draw(st.sampled_from(_SAMPLES[kind])))
    for _ in range(draw(st.integers(0, 4))):
        place = draw(st.integers(0, len(content)))
        how = draw(st.sampled_from(["cut", "replace", "insert"]))
        if how == "cut":
            del content[place:]
        else:
            part = draw(st.binary(max_size=8))
            content[place : place + (len(part) if how == "replace" else 0)] = part
    return bytes(content)


def decoded_or_refused(content: bytes) -> None:
    try:
        image = decode(content)
    except DamagedImage as error:
        assert str(error)
        assert "\n" not in str(error)
    else:
        assert image.dtype == np.uint8
        assert image.ndim == 3
        assert image.shape[2] == 3
        assert image.shape[0] * image.shape[1] <= MAX_PIXELS


@pytest.mark.parametrize("kind", _KINDS)
@cases()
@given(data=st.data())
def test_damaged_images_are_decoded_or_refused_with_a_reason(kind, data):
    decoded_or_refused(data.draw(damaged_images(kind)))


@cases()
@given(
    st.sampled_from([b"", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF89a", b"BM", b"II*\0"]),
    st.binary(max_size=400),
)
def test_random_bytes_are_refused_or_decoded(start, rest):
    decoded_or_refused(start + rest)


@cases(0.5)
@given(st.integers(1, 2**31 - 1), st.integers(1, 2**31 - 1))
def test_decompression_bombs_are_refused_by_their_size(width, height):
    header = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    packed = b"IDAT" + zlib.compress(bytes(1000))
    chunks = [header, packed, b"IEND"]
    content = b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(c) - 4) + c + struct.pack(">I", zlib.crc32(c)) for c in chunks
    )
    if width * height > MAX_PIXELS:
        with pytest.raises(DamagedImage, match="limit"):
            decode(content)
    elif width * height < 10**6:
        decoded_or_refused(content)


_OPACITIES = arrays.arrays(
    np.float32,
    st.tuples(st.integers(1, 9), st.integers(1, 9)),
    elements=st.one_of(
        st.floats(0, 1, width=32), st.sampled_from([float("nan"), float("inf"), -float("inf")])
    ),
)


@cases()
@given(_OPACITIES)
def test_masks_that_are_no_numbers_count_as_failed(opacity):
    mask = encoding.encoded(Settings(), "a.png", np.zeros((5, 6, 3), np.uint8), opacity)
    with Image.open(io.BytesIO(mask.png)) as stored:
        assert stored.size == (6, 5)
    assert np.isfinite([mask.quality.area, mask.quality.self_iou]).all()
    if not np.isfinite(opacity).all():
        assert mask.quality.verdict == quality.FAILED
        assert mask.problem
