"""A source of images made of rows, whatever annotations they come from."""

import dataclasses
import hashlib
import json
import os
import pathlib
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from bg_interp import decoding
from bg_interp.config.data import SourceConfig
from bg_interp.config.mask_rules import MaskRules
from bg_interp.data.sources import duplicates, folder
from bg_interp.data.sources.duplicates import NONE, Duplicates
from bg_interp.data.sources.layout import TEST, TRAIN, VALIDATION, in_order
from bg_interp.data.sources.tables import rows as table_rows
from bg_interp.data.sources.tables.drawn import BadMask, Drawing, fitted, stamp
from bg_interp.data.sources.tables.masks_of_files import FileMasks
from bg_interp.data.sources.tables.rows import Notes, Row
from bg_interp.doubts import Doubt
from bg_interp.errors import UserError
from bg_interp.masks.opening import Photographs


@dataclasses.dataclass(frozen=True, eq=False)
class TableSplit:
    """The images of one split (attributes as `FolderSplit`).

    Attributes:
      paths: of the images.
      turns: int8 [N], EXIF's orientation of each file's pixels.
      drawings: of their objects, None for an image without; empty where no image has one.
      files: the masks that stand in files which somebody names; None where there are none.
      odd_masks: {position: why a mask cannot be used}, of those that were read so far.
      places: int32 [N], the kind of each image's background; None where nothing tells.
      units: {"object" or "scene": int32 [N], equal for images that show the same one}; those that
        nothing tells of are left out.
    """

    keys: list[str]
    paths: list[pathlib.Path]
    labels: np.ndarray
    turns: np.ndarray
    drawings: list[Drawing | pathlib.Path | None]
    files: FileMasks | None = None
    places: np.ndarray | None = None
    units: Mapping[str, np.ndarray] = dataclasses.field(default_factory=dict)
    odd_masks: dict[int, str] = dataclasses.field(default_factory=dict)

    @property
    def mask_doubts(self) -> tuple[Doubt, ...]:
        """What the masks leave open."""
        return () if self.files is None else self.files.doubts

    def __len__(self) -> int:
        return len(self.keys)

    def images(self, positions: Sequence[int] | None = None) -> Iterator[np.ndarray]:
        """Yields the images at `positions` (default: all) as uint8 [height, width, 3]."""
        for position in range(len(self)) if positions is None else positions:
            yield decoding.read(self.paths[position])

    def masks(self, positions: Sequence[int] | None = None) -> Iterator[np.ndarray]:
        """Yields the masks at `positions` as uint8 [height, width, 1], 255 = foreground."""
        for position in range(len(self)) if positions is None else positions:
            height, width = decoding.read(self.paths[position]).shape[:2]
            yield self._mask(position, height, width)

    def _read(self, position: np.int64) -> np.ndarray:
        path = self.paths[int(position)]
        try:
            return decoding.read(path)
        except (OSError, decoding.DamagedImage) as error:
            raise UserError(
                f"{str(path)!r} can no longer be read ({error}); the same command leaves it out, "
                "or start anew with --overwrite"
            ) from error

    def photographs(self) -> Photographs:
        """Returns the files, for masks that are laid on them."""
        return Photographs(lambda position: self.paths[position], self.turns)

    def _mask(self, position: int | np.int64, height: int, width: int) -> np.ndarray:
        """Returns one mask; one that cannot be used is empty, and its reason is noted."""
        at, height, width = int(position), int(height), int(width)
        drawing = self.drawings[at]
        try:
            if isinstance(drawing, pathlib.Path) and self.files is not None:
                return self.files.mask(at, height, width)
            if drawing is not None and not isinstance(drawing, pathlib.Path):
                return fitted(drawing.drawn(height, width), height, width, int(self.turns[at]))
        except BadMask as error:
            self.odd_masks[at] = f"{self.paths[at]}: {error}"
        return np.zeros((height, width, 1), np.uint8)

    def load(self, position: tf.Tensor) -> dict[str, tf.Tensor]:
        """Returns `image`, uint8 [h, w, 3], `label`, int32, and `mask`, uint8 [h, w, 1], if any."""
        image = tf.numpy_function(self._read, [position], tf.uint8, stateful=False)
        image = tf.ensure_shape(image, [None, None, 3])
        found = {"image": image, "label": tf.gather(self.labels, position)}
        if self.drawings:
            size = tf.shape(image)
            mask = tf.numpy_function(
                self._mask, [position, size[0], size[1]], tf.uint8, stateful=False
            )
            found["mask"] = tf.ensure_shape(mask, [None, None, 1])
        return found


@dataclasses.dataclass(frozen=True, eq=False)
class TableSource:
    """Images that annotations name (attributes as `FolderSource`).

    Attributes:
      notes: what was odd or left out, a line each.
      divided: whether nobody has divided the images into splits; see `FolderSource`.
      duplicates: images that are the same file several times.
    """

    name: str
    class_names: tuple[str, ...]
    splits: dict[str, TableSplit]
    fingerprint: str
    has_masks: bool
    damaged: tuple[tuple[str, str], ...] = ()
    place_names: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    divided: bool = False
    duplicates: Duplicates = NONE


@dataclasses.dataclass(frozen=True, eq=False)
class Table:
    """What a reader makes of annotations.

    Attributes:
      name: what `--dataset` calls them.
      rows: one an image.
      root: the folder that keys are relative to.
      notes: what was odd; more is added when the images are opened.
      classes: their order; None sorts them.
      rules: what somebody says of masks in files.
    """

    name: str
    rows: Sequence[Row]
    root: pathlib.Path
    notes: Notes
    classes: Sequence[str] | None = None
    rules: MaskRules | None = None


Opener = Callable[[str, SourceConfig], TableSource]


def openers(read: Callable[[str, SourceConfig], Table]) -> tuple[Opener, Opener]:
    """Returns what opens a reader's annotations to learn from, and to test on all of them."""

    def open_source(path: str, config: SourceConfig) -> TableSource:
        return open_table(read(path, config))

    def open_whole(path: str, config: SourceConfig) -> TableSource:
        return open_table(read(path, config), whole=True)

    return open_source, open_whole


def open_table(table: Table, whole: bool = False) -> TableSource:
    """Makes a source of rows; every image is decoded once, and damaged ones are left out.

    Args:
      table: the rows.
      whole: take all images for both splits where nobody has divided them.

    Raises:
      UserError: no images, fewer than two classes, an image of two labels, or masks that nobody can
        read.
    """
    what, notes = f"--dataset={table.name}", table.notes
    rows = table_rows.existing(table.rows, what, notes)
    rows = table_rows.without_repeats(rows, what, notes)
    root, rows = _keyed(rows, table.root)
    examined = folder._examine_all(root, [row.image for row in rows])
    by_key = {row.key: examined[folder._key(root, row.image)] for row in rows}
    damaged = tuple((key, found[1]) for key, found in sorted(by_key.items()) if found[1])
    for key, reason in damaged:
        notes.add("images are damaged and left out", f"{key} ({reason})")
    sound = sorted((row for row in rows if not by_key[row.key][1]), key=lambda row: row.key)
    names = _class_names(sound, what, table.classes)
    places = tuple(in_order({row.place for row in sound if row.place}))
    splits, divided = _divided(sound, whole)
    if not whole:
        _check_trained(names, splits[TRAIN], what)
    same = duplicates.find(
        {
            row.key: (by_key[row.key][0], split, row.label)
            for split, some in splits.items()
            for row in some
        }
    )
    for line in [*notes.lines, *([str(same)] if same else [])]:
        print(f"{what}: {line}", file=sys.stderr)
    return TableSource(
        name=table.name,
        class_names=names,
        splits={
            split: _split(some, names, places, by_key, what, table.rules)
            for split, some in splits.items()
        },
        fingerprint=_fingerprint(sound, by_key),
        has_masks=any(row.mask for row in sound),
        damaged=damaged,
        place_names=places,
        notes=notes.lines,
        divided=divided,
        duplicates=same,
    )


def _keyed(rows: Sequence[Row], root: pathlib.Path) -> tuple[pathlib.Path, list[Row]]:
    """Returns a folder that holds all images, and the rows with keys relative to it.

    It is `root`, unless an image stands elsewhere.
    """
    paths = [pathlib.Path(os.path.abspath(row.image)) for row in rows]
    root = pathlib.Path(os.path.abspath(root))
    if not all(path.is_relative_to(root) for path in paths):
        root = pathlib.Path(os.path.commonpath([path.parent for path in paths]))
    keyed = [
        dataclasses.replace(row, image=path, key=row.key or path.relative_to(root).as_posix())
        for row, path in zip(rows, paths, strict=True)
    ]
    seen: dict[str, pathlib.Path] = {}
    for row in keyed:
        if seen.setdefault(row.key, row.image) != row.image:
            raise UserError(
                f"each image must have a key of its own. Received: {row.key!r} for {row.image} and "
                f"{seen[row.key]}"
            )
    return root, keyed


def _divided(rows: Sequence[Row], whole: bool) -> tuple[dict[str, list[Row]], bool]:
    """Returns the rows of each split, and whether they had to be divided here.

    Without test images those of validation are tested on, and without training images they are
    learned from. Where there is one split alone, every fifth image of a class is tested on.
    """
    splits: dict[str, list[Row]] = {}
    for row in rows:
        splits.setdefault(row.split, []).append(row)
    usual = [name for name in (TRAIN, TEST, VALIDATION, "") if name in splits]
    if len(usual) == 1:
        only = splits.pop(usual[0])
        halves = {TRAIN: only, TEST: only} if whole else _halves(only)
        return {**halves, **splits}, True
    for missing in (TEST, TRAIN):
        if missing not in splits:
            splits[missing] = splits.pop(VALIDATION)
    return {name: splits[name] for name in dict.fromkeys([TRAIN, TEST, *splits])}, False


def _check_trained(names: Sequence[str], rows: Sequence[Row], what: str) -> None:
    """Checks that each class can be learned.

    Raises:
      UserError: there is no image of one.
    """
    trained = {row.label for row in rows}
    missing = [name for name in names if name not in trained]
    if missing:
        raise UserError(
            f"{what} must hold an image to train on of each class. Received: {len(missing)} of "
            f"{len(names)} classes without, the first {missing[0]!r}; add images, or choose classes"
        )


def _halves(rows: Sequence[Row]) -> dict[str, list[Row]]:
    """Divides rows by a hash of their keys."""
    by_class: dict[str, list[str]] = {}
    for row in rows:
        by_class.setdefault(row.label, []).append(row.key)
    tested = {key for keys in folder._divide(by_class)[TEST].values() for key in keys}
    return {
        TRAIN: [row for row in rows if row.key not in tested],
        TEST: [row for row in rows if row.key in tested],
    }


def _class_names(rows: Sequence[Row], what: str, classes: Sequence[str] | None) -> tuple[str, ...]:
    found = {row.label for row in rows}
    if len(found) < 2:
        raise UserError(
            f"{what} must hold images of two classes or more. Received: "
            f"{', '.join(sorted(found)) or 'no image'}"
        )
    if classes is None:
        return tuple(in_order(found))
    return tuple(name for name in classes if name in found)


def _numbers(values: Sequence[str]) -> np.ndarray | None:
    """Returns equal numbers for equal names, int32 [N], each unnamed one by itself; None for none.

    Names that are all different say nothing.
    """
    if len(set(values) - {""}) in (0, len(values)):
        return None
    named = [value or f"\0{number}" for number, value in enumerate(values)]
    return np.unique(named, return_inverse=True)[1].astype(np.int32)


def _split(
    rows: Sequence[Row],
    names: Sequence[str],
    places: Sequence[str],
    examined: Mapping[str, Any],
    what: str,
    rules: MaskRules | None,
) -> TableSplit:
    number, place = ({name: n for n, name in enumerate(some)} for some in (names, places))
    drawings = [row.mask for row in rows]
    paths = [row.image for row in rows]
    turns = np.array([examined[row.key][2] for row in rows], np.int8)
    written = [mask if isinstance(mask, pathlib.Path) else None for mask in drawings]
    named = {"object": [row.object for row in rows], "scene": [row.scene for row in rows]}
    units = {unit: _numbers(values) for unit, values in named.items()}
    return TableSplit(
        keys=[row.key for row in rows],
        paths=paths,
        labels=np.array([number[row.label] for row in rows], np.int32),
        turns=turns,
        drawings=drawings if any(drawings) else [],
        files=FileMasks(written, paths, turns, f"the masks of {what}", rules)
        if any(written)
        else None,
        places=np.array([place[row.place] for row in rows], np.int32) if places else None,
        units={unit: numbers for unit, numbers in units.items() if numbers is not None},
    )


def _fingerprint(rows: Sequence[Row], digests: dict[str, Any]) -> str:
    """Returns a sha256 of all images, and of what is said of them."""
    found = hashlib.sha256()
    for row in rows:
        said = [row.key, digests[row.key][0], row.label, row.split, row.place]
        found.update(json.dumps(said).encode())
        found.update(_identity(row.mask))
    return found.hexdigest()


def _identity(mask: Drawing | pathlib.Path | None) -> bytes:
    if isinstance(mask, pathlib.Path):
        return stamp(mask).encode()
    return b"" if mask is None else mask.identity()
