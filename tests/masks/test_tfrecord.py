import numpy as np
import pytest
import tensorflow as tf

from bg_interp.masks import tfrecord

LENGTHS = (0, 1, 3, 4, 5, 1023, 1024, 1025, 5000)


def test_tensorflow_reads_what_was_written(tmp_path):
    rng = np.random.default_rng(0)
    records = [rng.bytes(length) for length in LENGTHS]
    tfrecord.write(tmp_path / "a.tfrecord", records)
    read = tf.data.TFRecordDataset(str(tmp_path / "a.tfrecord"))
    assert [record.numpy() for record in read] == records


def test_bytes_are_tensorflows_own(tmp_path):
    records = [b"", b"abc", bytes(range(256)) * 20]
    tfrecord.write(tmp_path / "ours", records)
    with tf.io.TFRecordWriter(str(tmp_path / "theirs")) as writer:
        for record in records:
            writer.write(record)
    assert (tmp_path / "ours").read_bytes() == (tmp_path / "theirs").read_bytes()


def test_folder_that_is_not_there_is_an_os_error(tmp_path):
    with pytest.raises(OSError, match="nowhere"):
        tfrecord.write(tmp_path / "nowhere" / "a", [b"x"])
