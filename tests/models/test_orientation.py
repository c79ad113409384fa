"""Photographs of phones come out upright, as Pillow turns them."""

import io

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image, ImageOps

from bg_interp.models.orientation import orientation, upright

PIXELS = np.random.default_rng(0).integers(0, 256, (6, 9, 3)).astype(np.uint8)


def encoded(number, kind="JPEG", more=False):
    exif = Image.Exif()
    if more:
        exif[0x010F], exif[0x0110] = "A maker", "A model with a long name"
    exif[0x0112] = number
    buffer = io.BytesIO()
    Image.fromarray(PIXELS).save(buffer, kind, exif=exif)
    return buffer.getvalue()


@pytest.mark.parametrize("number", range(1, 9))
def test_an_image_is_turned_as_pillow_turns_it(number):
    data = encoded(number, more=number % 2 == 0)
    expected = np.asarray(ImageOps.exif_transpose(Image.open(io.BytesIO(data))))
    stored = np.asarray(Image.open(io.BytesIO(data)))
    turned = tf.function(upright)(tf.constant(stored), tf.constant(data))
    np.testing.assert_array_equal(turned, expected)


def test_big_and_little_endian_are_read():
    little = encoded(6)
    assert int(orientation(tf.constant(little))) == 6
    at = little.index(b"Exif\0\0") + 6
    order = "big" if little[at : at + 2] == b"II" else "little"
    mark = b"MM\0*" if order == "big" else b"II*\0"
    entry = b"".join(value.to_bytes(size, order) for value, size in [(0x0112, 2), (3, 2), (1, 4)])
    block = mark + (8).to_bytes(4, order) + (1).to_bytes(2, order) + entry + (8).to_bytes(2, order)
    other = little[:at] + block + bytes(64)
    assert int(orientation(tf.constant(other))) == 8


@pytest.mark.parametrize("data", [b"", b"no image", encoded(6)[:40], encoded(9), encoded(6, "PNG")])
def test_what_says_nothing_is_upright(data):
    assert int(orientation(tf.constant(data))) == 1
