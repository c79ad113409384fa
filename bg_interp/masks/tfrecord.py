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
_CHUNK = 1024  # Bytes; long enough that few chunks are joined in Python.


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
    """Returns the masked CRC-32C of each record.

    CRCs are linear over XOR: the chunks of all records are summed side by side, then each
    record's chunks are joined. Zeros before a record change nothing when the sum starts at 0, and
    the start at 0xFFFFFFFF that CRC-32C demands equals inverting the first four bytes.
    """
    chunks = [_chunks(record) for record in records]
    sums = iter(_advance(np.zeros(sum(map(len, chunks)), np.uint32), np.concatenate(chunks).T))
    # What a chunk of zeros makes of each byte of an earlier sum, uint32 [4, 256].
    starts = np.arange(256, dtype=np.uint32) << np.array([[0], [8], [16], [24]], np.uint32)
    zeros = np.zeros((_CHUNK, 1), np.uint8)
    shift = _advance(starts.ravel(), zeros).reshape(4, 256).tolist()
    return [
        _masked(_joined([int(next(sums)) for _ in own], shift), len(record))
        for record, own in zip(records, chunks, strict=True)
    ]


def _chunks(record: bytes) -> np.ndarray:
    """Returns uint8 [chunks, _CHUNK]: zeros, then the record with its first bytes inverted."""
    count = max(1, -(-len(record) // _CHUNK))
    padded = np.zeros(count * _CHUNK, np.uint8)
    start = len(padded) - len(record)
    padded[start:] = np.frombuffer(record, np.uint8)
    padded[start : start + 4] ^= 0xFF
    return padded.reshape(count, _CHUNK)


def _advance(crc: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Feeds bytes, uint8 [steps, sums or 1], into running sums, uint32 [sums]."""
    table = _table()
    for row in rows:
        crc = table[(crc ^ row) & 0xFF] ^ (crc >> np.uint32(8))
    return crc


def _joined(sums: list[int], shift: list[list[int]]) -> int:
    """Returns the sum of a record from those of its chunks."""
    crc = 0
    for own in sums:
        crc = own ^ (
            shift[0][crc & 0xFF]
            ^ shift[1][crc >> 8 & 0xFF]
            ^ shift[2][crc >> 16 & 0xFF]
            ^ shift[3][crc >> 24]
        )
    return crc


def _masked(crc: int, length: int) -> int:
    """Returns the checksum as TFRecord stores it: data that hold checksums stay well mixed."""
    # A record of fewer than four bytes leaves a rest of the start value.
    crc ^= 0xFFFFFFFF ^ (0xFFFFFFFF >> 8 * length)
    rotated = crc >> 15 | crc << 17
    return (rotated + 0xA282EAD8) & 0xFFFFFFFF


def _table() -> np.ndarray:
    """Returns the CRC-32C of each single byte, uint32 [256]."""
    crc = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        crc = np.where(crc & 1, crc >> np.uint32(1) ^ np.uint32(_CASTAGNOLI), crc >> np.uint32(1))
    return crc
