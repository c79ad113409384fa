"""Where masks are kept: sharded files of PNGs, each shard whole or not there.

    STORE/<source>-<fingerprint>/<segmenter id>/
        store.json             what the masks are of, and how they were made
        masks-00000.tfrecord   8-bit soft PNGs at the image's size, one a record
        masks-00000.json       sha256 of the shard; key, place, area, self-IoU and verdict of each

A shard counts once its index file is there, which is written last; a process that is killed loses
the open shard and nothing else. TensorFlow is imported where masks are read or written, not before.
"""

import dataclasses
import hashlib
import io
import pathlib
import re
import shlex
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

import numpy as np
from PIL import Image

from bg_interp.errors import UserError
from bg_interp.masks import quality, shards
from bg_interp.masks.segmenters.segmenter import Settings
from bg_interp.storage import files

if TYPE_CHECKING:
    import tensorflow as tf


class Source(Protocol):
    """What a store needs to know of the images: any source of `bg_interp.data` will do."""

    @property
    def name(self) -> str:
        """What the user calls the images."""

    @property
    def fingerprint(self) -> str:
        """Changes whenever the images do."""


class MaskStore:
    """The masks of one source made by one segmenter.

    Example:
      store = MaskStore(default_root(), source, Settings("object"))
      read = store.reader(split.keys)
      masks = tf.data.Dataset.range(len(split.keys)).map(read)

    Args:
      root: the folder given as --mask_store, or `default_root()`.
      source: has a `name`, and a `fingerprint` that changes when its images do.
      settings: what makes the masks.
      flags: by which tools/segment.py opens the source, for the command in messages; None for its
        name as --dataset.

    Attributes:
      folder: where these masks stand; made when the first shard is written.
    """

    def __init__(
        self,
        root: pathlib.Path,
        source: Source,
        settings: Settings,
        flags: Mapping[str, object] | None = None,
    ):
        self.settings, self.id = settings, settings.id
        self._root, self._source = root, source
        self._flags = flags or {"dataset": source.name}
        readable = re.sub(r"[^A-Za-z0-9_.-]+", "-", source.name)[-40:]
        self.folder = root / f"{readable}-{_short(source)}" / self.id
        self._entries: dict[str, shards.Entry] | None = None

    def entries(self) -> dict[str, shards.Entry]:
        """Returns every stored mask by its key, read once."""
        if self._entries is None:
            self._entries = {}
            for index in sorted(self.folder.glob("masks-*.json")):
                self._entries.update(shards.read_index(index))
        return self._entries

    def missing(self, keys: Sequence[str], retry_failed: bool = False) -> list[int]:
        """Returns the positions in `keys` that have no mask, or only a failed one if asked."""
        there = {
            key
            for key, entry in self.entries().items()
            if not (retry_failed and entry.quality.verdict == quality.FAILED)
        }
        return [position for position, key in enumerate(keys) if key not in there]

    def describe(self) -> None:
        """Writes `store.json`, which says what the masks are of and how they are made.

        Raises:
          UserError: the folder cannot be written.
        """
        path = self.folder / "store.json"
        if not path.is_file():
            described = {"source": self._source.name, "fingerprint": self._source.fingerprint}
            settings = {"id": self.id, "settings": dataclasses.asdict(self.settings)}
            files.write_sealed(path, described | settings)

    def write(self, masks: Sequence[shards.Mask]) -> None:
        """Adds one shard.

        Raises:
          UserError: the folder cannot be written, or the disk is full; the shards before stay.
        """
        if not masks:
            return
        self.describe()
        self.entries().update(shards.write(self.folder, masks))

    def remove_damaged(self) -> list[str]:
        """Removes every shard whose bytes are not those that were written.

        Returns:
          One line for each shard removed; its masks count as missing afterwards.
        """
        lines = []
        for index in sorted(self.folder.glob("masks-*.json")):
            damage = shards.damage(index)
            if damage:
                # The index goes first: without it the shard does not count.
                index.unlink()
                index.with_suffix(".tfrecord").unlink(missing_ok=True)
                lines.append(f"{damage}; its masks are made again")
        self._entries = None
        return lines

    def remove_orphans(self) -> None:
        """Removes shards whose index a killed process did not come to write.

        Only for who fills the store alone: another one may be about to write the index.
        """
        for shard in self.folder.glob("masks-*.tfrecord"):
            if not shard.with_suffix(".json").is_file():
                shard.unlink()

    def verdicts(self, keys: Sequence[str]) -> list[str]:
        """Returns the verdict on each key's mask, one of `quality.VERDICTS`.

        Raises:
          UserError: masks are missing; the message names the command that makes them.
        """
        return [entry.quality.verdict for entry in self._complete(keys)]

    def reader(self, keys: Sequence[str]) -> "Callable[[tf.Tensor], tf.Tensor]":
        """Returns a function that reads masks inside a tf.data graph, without Python.

        Args:
          keys: the images' keys, in the order of the positions it will be asked for.

        Returns:
          A function from a position in `keys`, int64 scalar, to uint8 [height, width, 1].

        Raises:
          UserError: masks are missing, or a shard is damaged; the message names the command that
            makes them.
        """
        from bg_interp.masks.reading import range_reader

        entries = self._complete(keys)
        for shard in sorted({entry.shard for entry in entries}):
            damage = shards.damage((self.folder / shard).with_suffix(".json"))
            if damage:
                raise UserError(f"{damage}; run `{self.command()}` to make its masks again")
        return range_reader(self.folder, entries)

    def png(self, key: str) -> bytes:
        """Returns a stored mask as it stands in its shard: an 8-bit grey PNG."""
        entry = self.entries()[key]
        with open(self.folder / entry.shard, "rb") as file:
            file.seek(entry.offset)
            return file.read(entry.length)

    def mask(self, key: str) -> np.ndarray:
        """Returns a stored mask, uint8 [H, W], 255 = foreground."""
        return np.asarray(Image.open(io.BytesIO(self.png(key))))

    def export_png(self, keys: Sequence[str], folder: pathlib.Path) -> None:
        """Writes masks as PNGs with the images' relative names, for `--masks=folder:PATH`.

        Raises:
          UserError: two images differ in their suffix only, or the folder cannot be written.
        """
        owners: dict[str, str] = {}
        for key in keys:
            name = shards.png_name(key)
            if name in owners:
                raise UserError(
                    f"--export_png needs images whose names differ without their suffix. "
                    f"Received: {owners[name]!r} and {key!r}; rename one"
                )
            owners[name] = key
        entries = self.entries()
        for name, key in owners.items():
            if key in entries:
                with files.replacing(folder / name) as temporary:
                    temporary.write_bytes(self.png(key))

    def command(self) -> str:
        """The command that fills this store."""
        store = {} if self._root == default_root() else {"mask_store": self._root}
        source, segmenter = _as_flags(self._flags), self.settings.flags()
        return f"python tools/segment.py {source} {segmenter} {_as_flags(store)}".rstrip()

    def _complete(self, keys: Sequence[str]) -> list[shards.Entry]:
        missing = self.missing(keys)
        if missing:
            raise UserError(
                f"{len(missing)} of {len(keys)} images of {self._source.name} have no mask by "
                f"{self.id} in {self.folder} (the first: {keys[missing[0]]!r}); run "
                f"`{self.command()}`"
            )
        entries = self.entries()
        return [entries[key] for key in keys]


def default_root() -> pathlib.Path:
    """Returns the folder of masks when --mask_store is not given."""
    return files.cache_folder() / "masks"


def _short(source: Source) -> str:
    return hashlib.sha256(f"{source.name}\n{source.fingerprint}".encode()).hexdigest()[:12]


def _as_flags(values: Mapping[str, object]) -> str:
    return " ".join(f"--{name}={shlex.quote(str(value))}" for name, value in values.items())
