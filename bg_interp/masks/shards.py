"""One file of masks and its index: written whole, checked by sha256, looked up by key."""

import dataclasses
import hashlib
import json
import pathlib
from collections.abc import Sequence
from typing import Any

from bg_interp.masks import quality
from bg_interp.storage import files, records


@dataclasses.dataclass(frozen=True)
class Mask:
    """One mask, encoded.

    Attributes:
      key: the image's key in its source.
      png: 8-bit grey PNG of the image's size, 255 = foreground.
      quality: area, self-IoU and verdict.
      problem: why it failed, or "".
    """

    key: str
    png: bytes
    quality: quality.Quality
    problem: str = ""


@dataclasses.dataclass(frozen=True)
class Entry:
    """Where a stored mask stands, and what is known of it."""

    shard: str
    offset: int
    length: int
    quality: quality.Quality
    problem: str = ""


def write(folder: pathlib.Path, masks: Sequence[Mask]) -> dict[str, Entry]:
    """Writes a new shard beside those of a folder; returns its masks by their keys.

    The index is written last: a shard without one does not count.

    Raises:
      UserError: the folder cannot be written, or the disk is full; no part of the shard counts.
    """
    number = 1 + max((int(path.stem[6:]) for path in folder.glob("masks-*.*")), default=-1)
    shard = folder / f"masks-{number:05d}.tfrecord"
    with files.replacing(shard) as temporary:
        records.write(temporary, (mask.png for mask in masks))
        digest, size = files.sha256(temporary), temporary.stat().st_size
        offsets = records.index([temporary]).offsets.tolist()
    listed = [
        {"key": mask.key, "offset": offset, "length": len(mask.png)}
        | dataclasses.asdict(mask.quality)
        | {"problem": mask.problem}
        for mask, offset in zip(masks, offsets, strict=True)
    ]
    index = {"sha256": digest, "bytes": size, "masks_sha256": _digest(listed), "masks": listed}
    files.write_text(shard.with_suffix(".json"), json.dumps(index) + "\n")
    return read_index(shard.with_suffix(".json"))


def read_index(index: pathlib.Path) -> dict[str, Entry]:
    """Returns the masks of one shard; none when its index is damaged."""
    try:
        listed = files.parsed(index.read_bytes())["masks"]
        shard = index.with_suffix(".tfrecord").name
        return {mask["key"]: _entry(shard, mask) for mask in listed}
    except (ValueError, KeyError, TypeError):
        return {}


def _entry(shard: str, mask: dict[str, Any]) -> Entry:
    known = quality.Quality(mask["area"], mask["self_iou"], mask["verdict"])
    return Entry(shard, mask["offset"], mask["length"], known, mask["problem"])


def damage(index: pathlib.Path) -> str:
    """Returns what is wrong with a shard, or "" when its bytes are those that were written."""
    shard = index.with_suffix(".tfrecord")
    if not shard.is_file():
        return f"{shard} is missing"
    try:
        expected = files.parsed(index.read_bytes())
        if expected["masks_sha256"] != _digest(expected["masks"]):
            return f"{index} is damaged: its sha256 is not the one that was written"
        same = shard.stat().st_size == expected["bytes"]
        same = same and files.sha256(shard) == expected["sha256"]
    except (ValueError, KeyError, TypeError, AttributeError):
        return f"{index} is damaged"
    return "" if same else f"{shard} is damaged: its sha256 is not the one that was written"


def _digest(listed: list[dict[str, Any]]) -> str:
    return hashlib.sha256(json.dumps(listed).encode()).hexdigest()


def png_name(key: str) -> str:
    """Returns the relative name of the mask of an image: the image's own, ending in .png."""
    return str(pathlib.PurePosixPath(key).with_suffix(".png"))
