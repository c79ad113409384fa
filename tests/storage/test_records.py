"""Records are found and read wherever they stand."""

import numpy as np
import pytest
import tensorflow as tf

from bg_interp.errors import UserError
from bg_interp.storage import records

PAYLOADS = [[b"one", b"2", b"three" * 1000], [], [bytes(range(256))]]


@pytest.fixture
def paths(tmp_path):
    paths = [tmp_path / f"data-{number}.tfrecord" for number in range(len(PAYLOADS))]
    for path, payloads in zip(paths, PAYLOADS, strict=True):
        with tf.io.TFRecordWriter(str(path)) as writer:
            for payload in payloads:
                writer.write(payload)
    return paths


def test_random_access_equals_reading_in_order(paths):
    index = records.index(paths)
    expected = [r.numpy() for r in tf.data.TFRecordDataset([str(path) for path in paths])]
    assert len(index) == len(expected) == 4
    order = [3, 0, 2, 1]
    eager = [index.read(tf.constant(n, tf.int64)).numpy() for n in order]
    mapped = tf.data.Dataset.from_tensor_slices(np.array(order)).map(index.read, tf.data.AUTOTUNE)
    assert eager == [r.numpy() for r in mapped] == [expected[n] for n in order]


@pytest.mark.parametrize("left", [-1, -4, -200, 5])
def test_a_truncated_file_is_named(paths, left):
    paths[2].write_bytes(paths[2].read_bytes()[:left])
    with pytest.raises(UserError) as raised:
        records.index(paths)
    assert str(paths[2]) in str(raised.value)
    assert "truncated" in str(raised.value)


def test_a_missing_file_is_named(paths, tmp_path):
    with pytest.raises(UserError, match=r"nowhere\.tfrecord is missing"):
        records.index([*paths, tmp_path / "nowhere.tfrecord"])


def test_what_is_written_is_read_back(tmp_path):
    payloads = [b"", b"abc", bytes(range(256)) * 20]
    records.write(tmp_path / "a.tfrecord", payloads)
    index = records.index([tmp_path / "a.tfrecord"])
    assert [index.read(tf.constant(n, tf.int64)).numpy() for n in range(3)] == payloads


def test_a_folder_that_is_not_there_is_an_os_error(tmp_path):
    with pytest.raises(OSError, match="nowhere"):
        records.write(tmp_path / "nowhere" / "a", [b"x"])


def test_whole_files_are_read_to_their_ends_and_counted(paths):
    assert records.checked(paths) == 4


def test_a_damaged_file_is_named_where_tensorflow_names_a_byte(paths):
    index = records.index(paths)
    content = bytearray(paths[0].read_bytes())
    content[12] ^= 1
    paths[0].write_bytes(content)
    with pytest.raises(UserError, match=r"data-0\.tfrecord is damaged"):
        records.checked(paths)
    with pytest.raises(UserError, match=r"data-0.* is damaged"), records.damage_named(paths):
        index.read(tf.constant(0, tf.int64))


def test_a_file_that_lost_its_end_since_is_told_of(paths):
    index = records.index(paths)
    paths[2].write_bytes(b"")
    with pytest.raises(UserError, match="lost its end"), records.damage_named(paths):
        index.read(tf.constant(3, tf.int64))


@pytest.mark.parametrize("kind", [tf.errors.DataLossError, tf.errors.InvalidArgumentError])
def test_what_no_file_is_to_blame_for_is_passed_on(paths, kind):
    with pytest.raises(kind), records.damage_named(paths):
        raise kind(None, None, "something else")
