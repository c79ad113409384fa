"""TFRecord files written without TensorFlow, which takes seconds to import.

A record is its length (8 bytes), the length's checksum (4), the payload, the payload's checksum
(4), little-endian; the checksum is CRC-32C, rotated and shifted. `tf.data.TFRecordDataset` reads
these files.
"""

import pathlib
import struct
from collections.abc import Sequence

import numpy as np

BEFORE, AFTER = 12, 4  # Bytes around a payload.
_CASTAGNOLI = 0x82F63B78


def write(path: pathlib.Path, records: Sequence[bytes]) -> None:
    """Writes `records` to a new file.

    Raises:
      OSError: the disk is full, or the file cannot be written.
    """
    lengths = [struct.pack("<Q", len(record)) for record in records]
    checks = zip(_checksums(lengths), _checksums(records), strict=True)
    with open(path, "wb") as file:
        for length, record, (length_check, check) in zip(lengths, records, checks, strict=True):
            file.write(length + struct.pack("<I", length_check))
            file.write(record + struct.pack("<I", check))


def _checksums(records: Sequence[bytes]) -> list[int]:
    """Returns the masked CRC-32C of each record, all computed side by side."""
    order = sorted(range(len(records)), key=lambda index: -len(records[index]))
    sizes = np.array([len(records[index]) for index in order])
    # One row for each byte position, so that a step of the loop reads adjacent memory.
    columns = np.zeros((sizes.max(initial=0), len(records)), np.uint8)
    for column, index in enumerate(order):
        columns[: sizes[column], column] = np.frombuffer(records[index], np.uint8)
    table = _table()
    crc = np.full(len(records), 0xFFFFFFFF, np.uint32)
    for position, row in enumerate(columns):
        # The records are sorted by length: those that reach this far come first.
        reach = len(records) if position < sizes[-1] else int((sizes > position).sum())
        old = crc[:reach]
        crc[:reach] = table[(old ^ row[:reach]) & 0xFF] ^ (old >> np.uint32(8))
    crc = ~crc
    # The rotation keeps the checksum of data that holds checksums from degenerating.
    masked = ((crc >> np.uint32(15)) | (crc << np.uint32(17))) + np.uint32(0xA282EAD8)
    result = np.empty_like(masked)
    result[order] = masked
    return result.tolist()


def _table() -> np.ndarray:
    """Returns the CRC-32C of each single byte, uint32 [256]."""
    crc = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        crc = np.where(crc & 1, crc >> np.uint32(1) ^ np.uint32(_CASTAGNOLI), crc >> np.uint32(1))
    return crc
