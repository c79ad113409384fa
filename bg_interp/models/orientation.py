"""Photographs of phones, turned upright within a graph, as the tools turn them when they read them.

TensorFlow decodes the pixels as they are stored; a tag of the file's EXIF data says how they are to
be turned (the standard's tag 0x0112).
"""

import tensorflow as tf

# EXIF data stand at the beginning of a JPEG file, and the tag at the beginning of them.
_LOOKED_AT = 16384
_TAG, _ENTRY, _MOST_ENTRIES = 0x0112, 12, 64


def upright(image: tf.Tensor, data: tf.Tensor) -> tf.Tensor:
    """Turns a decoded image as its file says.

    Args:
      image: [H, W, C].
      data: the file that it was decoded from, a scalar string.
    """
    turns = [
        lambda: image,
        lambda: image[:, ::-1],
        lambda: image[::-1, ::-1],
        lambda: image[::-1],
        lambda: tf.transpose(image, [1, 0, 2]),
        lambda: tf.image.rot90(image, 3),
        lambda: tf.transpose(image, [1, 0, 2])[::-1, ::-1],
        lambda: tf.image.rot90(image, 1),
    ]
    return tf.switch_case(orientation(data) - 1, turns)


def orientation(data: tf.Tensor) -> tf.Tensor:
    """Reads the orientation of an encoded image, int32 from 1 (upright) to 8.

    Args:
      data: a scalar string; all but JPEG files with EXIF data are upright.
    """
    header = tf.io.decode_raw(tf.strings.substr(data, 0, _LOOKED_AT), tf.uint8)
    # Zeros behind it answer for what a short file has not.
    values = tf.pad(tf.cast(header, tf.int32), [[0, _LOOKED_AT]])
    start = [tf.roll(values, -place, 0) for place in range(6)]
    begins = tf.reduce_all(tf.stack(start, -1) == tf.constant(list(b"Exif\0\0")), -1)
    is_jpeg = (values[0] == 0xFF) & (values[1] == 0xD8)
    base = tf.argmax(tf.cast(begins, tf.int32), output_type=tf.int32) + 6
    little = values[base] == ord("I")

    def number(place: tf.Tensor, size: int) -> tf.Tensor:
        places = tf.expand_dims(base + place, -1) + tf.range(size)
        header = tf.gather(values, tf.minimum(places, tf.size(values) - 1))
        header = tf.where(little, tf.reverse(header, [-1]), header)
        return tf.reduce_sum(header * 256 ** tf.range(size - 1, -1, -1), -1)

    # A wild offset is one of no tag.
    first = tf.clip_by_value(number(tf.constant(4), 4), 0, _LOOKED_AT)
    entries = first + 2 + _ENTRY * tf.range(_MOST_ENTRIES)
    is_there = tf.range(_MOST_ENTRIES) < number(first, 2)
    is_it = is_there & (number(entries, 2) == _TAG)
    value = tf.reduce_max(tf.where(is_it, number(entries + 8, 2), 1))
    known = is_jpeg & tf.reduce_any(begins) & (value <= 8)
    return tf.where(known, tf.maximum(value, 1), 1)
