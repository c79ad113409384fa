"""Random access to TFRecord files, so that data can be shuffled without being held in memory.

A TFRecord is [length: uint64][checksum of it: 4 bytes][payload][checksum of it: 4 bytes]; the
format is described at https://www.tensorflow.org/tutorials/load_data/tfrecord.
"""

import contextlib
import dataclasses
import os
import pathlib
import struct
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from bg_interp.errors import UserError

if TYPE_CHECKING:
    import tensorflow as tf

_HEADER_BYTES = 12
_FOOTER_BYTES = 4


@dataclasses.dataclass(frozen=True)
class RecordIndex:
    """Where each record of some TFRecord files stands.

    Attributes:
      paths: the files, in order.
      file_of: int32 [records], the file that holds each record.
      offsets: int64 [records], where each payload starts.
      lengths: int64 [records], each payload's length in bytes.
    """

    paths: tuple[str, ...]
    file_of: np.ndarray
    offsets: np.ndarray
    lengths: np.ndarray

    def __len__(self) -> int:
        return len(self.offsets)

    def read(self, position: "tf.Tensor") -> "tf.Tensor":
        """Returns the payload of the record at `position`: a string tensor, with no Python.

        Raises:
          tf.errors.DataLossError: a checksum of the record does not fit; see `damage_named`.
          tf.errors.InvalidArgumentError: the file has become shorter.
        """
        import tensorflow as tf

        file = tf.gather(self.file_of, position)
        offset, length = tf.gather(self.offsets, position), tf.gather(self.lengths, position)
        # The bare operations: tf.data's own classes would optimize the graph of this dataset of
        # one record anew for each record, at three times the cost.
        kind: dict[str, list] = {"output_types": [tf.string], "output_shapes": [[]]}
        records = tf.raw_ops.TFRecordDatasetV2(
            filenames=tf.gather(tf.constant(self.paths), [file]),
            compression_type="",
            buffer_size=_HEADER_BYTES + length + _FOOTER_BYTES,
            byte_offsets=[offset - _HEADER_BYTES],
        )
        one = tf.raw_ops.TakeDataset(input_dataset=records, count=tf.constant(1, tf.int64), **kind)
        (payload,) = tf.raw_ops.DatasetToSingleElement(dataset=one, **kind)
        return payload


def write(path: pathlib.Path, payloads: Iterable[bytes]) -> None:
    """Writes a TFRecord file.

    Raises:
      OSError: the disk is full, or the file cannot be written.
    """
    import tensorflow as tf

    try:
        with tf.io.TFRecordWriter(str(path)) as writer:
            for payload in payloads:
                writer.write(payload)
    except tf.errors.OpError as error:
        raise OSError(" ".join(error.message.split())) from error


def _scan(path: pathlib.Path) -> list[tuple[int, int]]:
    """Returns (offset, length) of every payload of a file, reading the record headers only."""
    size, found, at = path.stat().st_size, [], 0
    with open(path, "rb") as file:
        while at < size:
            file.seek(at)
            header = file.read(_HEADER_BYTES)
            length = struct.unpack("<Q", header[:8])[0] if len(header) == _HEADER_BYTES else size
            found.append((at + _HEADER_BYTES, length))
            at += _HEADER_BYTES + length + _FOOTER_BYTES
    if at != size:
        raise UserError(f"{path} must end with a whole record, but it is truncated; make it again")
    return found


def index(paths: Sequence[str | os.PathLike]) -> RecordIndex:
    """Finds the records of TFRecord files, in the order of the files.

    Raises:
      UserError: a file is missing or truncated.
    """
    for path in paths:
        if not os.path.exists(path):
            raise UserError(f"{os.fspath(path)} is missing; make the data again")
    scans = [_scan(pathlib.Path(path)) for path in paths]
    every = [record for records in scans for record in records]
    return RecordIndex(
        paths=tuple(os.fspath(path) for path in paths),
        file_of=np.repeat(np.arange(len(scans), dtype=np.int32), [len(some) for some in scans]),
        offsets=np.array([offset for offset, _ in every], np.int64),
        lengths=np.array([length for _, length in every], np.int64),
    )


@contextlib.contextmanager
def damage_named(paths: Sequence[str | os.PathLike]) -> Iterator[None]:
    """Says which of the files is damaged, where TensorFlow only says at which byte.

    Raises:
      UserError: the block came upon a damaged record.
    """
    import tensorflow as tf

    try:
        yield
    except tf.errors.DataLossError:
        checked(paths)
        raise
    except tf.errors.InvalidArgumentError as error:
        if "Dataset was empty" not in str(error):
            raise
        raise UserError(
            f"one of the files beside {os.fspath(paths[0])} lost its end since it was opened; "
            "delete their folder and prepare it again"
        ) from error


def checked(paths: Sequence[str | os.PathLike]) -> int:
    """Reads TFRecord files to their ends, which compares all their checksums.

    Returns:
      The number of records.

    Raises:
      UserError: a file is missing or damaged.
    """
    import tensorflow as tf

    count = 0
    for path in paths:
        try:
            records = tf.data.TFRecordDataset(os.fspath(path))
            count += int(records.reduce(np.int64(0), lambda number, _: number + 1))
        except tf.errors.OpError as error:
            reason = " ".join(error.message.split())[:200]
            raise UserError(
                f"{os.fspath(path)} is damaged ({reason}); delete its folder and prepare it again"
            ) from error
    return count
