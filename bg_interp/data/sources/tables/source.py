"""A source of images made of rows, whatever annotations they come from."""

import dataclasses
import hashlib
import json
import os
import pathlib
import sys
from collections.abc import Callable, Sequence
from typing import Any

from bg_interp.config.data import SourceConfig
from bg_interp.config.mask_rules import MaskRules
from bg_interp.data.sources import duplicates, folder
from bg_interp.data.sources.duplicates import NONE, Duplicates
from bg_interp.data.sources.layout import TEST, TRAIN, VALIDATION, in_order
from bg_interp.data.sources.tables import rows as table_rows
from bg_interp.data.sources.tables.drawn import Drawing, stamp
from bg_interp.data.sources.tables.rows import Notes, Row
from bg_interp.data.sources.tables.split import TableSplit, split_of_rows
from bg_interp.errors import UserError


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
    damaged = tuple((key, found.reason) for key, found in sorted(by_key.items()) if found.reason)
    for key, reason in damaged:
        notes.add("images are damaged and left out", f"{key} ({reason})")
    sound = sorted((row for row in rows if not by_key[row.key].reason), key=lambda row: row.key)
    names = _class_names(sound, what, table.classes)
    _check_labels(names, what)
    places = tuple(in_order({row.place for row in sound if row.place}))
    splits, divided = _divided(sound, whole)
    if not whole:
        _check_trained(names, splits[TRAIN], what)
    same = duplicates.find(
        [
            duplicates.Image(row.key, row.image, split, row.label, by_key[row.key])
            for split, some in splits.items()
            for row in some
        ]
    )
    for line in [*notes.lines, *([str(same)] if same else [])]:
        print(f"{what}: {line}", file=sys.stderr)
    return TableSource(
        name=table.name,
        class_names=names,
        splits={
            split: split_of_rows(some, names, places, by_key, what, table.rules)
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


def _check_labels(names: Sequence[str], what: str) -> None:
    """Checks that each label names a class of its own.

    Raises:
      UserError: two differ in their letters' case alone, or one names several others.
    """
    plain: dict[str, str] = {}
    for name in names:
        other = plain.setdefault(name.casefold(), name)
        if other != name:
            raise UserError(
                f"{what} must spell each class in one way. Received: {other!r} and {name!r}; make "
                "them the same, or two names"
            )
        for mark in "|;,+":
            parts = [part.strip() for part in name.split(mark)]
            if len(parts) > 1 and all(part in names for part in parts):
                raise UserError(
                    f"{what} must give each image one label. Received: {name!r}; leave the images "
                    "out that show several classes, or give them the one of their largest object"
                )


def _fingerprint(rows: Sequence[Row], digests: dict[str, Any]) -> str:
    """Returns a sha256 of all images, and of what is said of them."""
    found = hashlib.sha256()
    for row in rows:
        said = [row.key, digests[row.key].digest, row.label, row.split, row.place]
        found.update(json.dumps(said).encode())
        found.update(_identity(row.mask))
    return found.hexdigest()


def _identity(mask: Drawing | pathlib.Path | None) -> bytes:
    if isinstance(mask, pathlib.Path):
        return stamp(mask).encode()
    return b"" if mask is None else mask.identity()
