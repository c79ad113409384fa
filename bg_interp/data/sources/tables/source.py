"""A source of images made of rows, whatever annotations they come from."""

import dataclasses
import hashlib
import json
import os
import pathlib
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from bg_interp import decoding
from bg_interp.data.sources import folder
from bg_interp.data.sources.tables import rows as table_rows
from bg_interp.data.sources.tables.drawn import BadMask, Drawing, fitted
from bg_interp.data.sources.tables.rows import TEST, TRAIN, VALIDATION, Notes, Row
from bg_interp.errors import UserError


@dataclasses.dataclass(frozen=True, eq=False)
class TableSplit:
    """The images of one split (attributes as `FolderSplit`).

    Attributes:
      paths: of the images.
      drawings: of their objects, None for an image without; empty where no image has one.
      places: int32 [N], the kind of each image's background; None where nothing tells.
      units: {"object" or "scene": int32 [N], equal for images that show the same one}; those that
        nothing tells of are left out.
    """

    keys: list[str]
    paths: list[pathlib.Path]
    labels: np.ndarray
    drawings: list[Drawing | None]
    places: np.ndarray | None = None
    units: Mapping[str, np.ndarray] = dataclasses.field(default_factory=dict)

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

    def _mask(self, position: int | np.int64, height: int, width: int) -> np.ndarray:
        """Returns one mask; one that cannot be drawn is empty, and so counted as bad, and named."""
        drawing, path = self.drawings[int(position)], self.paths[int(position)]
        if drawing is None:
            return np.zeros((height, width, 1), np.uint8)
        try:
            drawn = drawing.drawn(int(height), int(width))
            return fitted(drawn, int(height), int(width), path)
        except BadMask as error:
            print(f"no mask of {path}: {error}", file=sys.stderr)
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
    """

    name: str
    class_names: tuple[str, ...]
    splits: dict[str, TableSplit]
    fingerprint: str
    has_masks: bool
    damaged: tuple[tuple[str, str], ...] = ()
    place_names: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def of_rows(
    name: str,
    rows: Sequence[Row],
    root: pathlib.Path,
    notes: Notes,
    classes: Sequence[str] | None = None,
) -> TableSource:
    """Makes a source of rows; every image is decoded once, and damaged ones are left out.

    Args:
      name: what `--dataset` calls it.
      rows: one an image.
      root: the folder that keys are relative to.
      notes: what a reader has found odd; more is added, and all is said.
      classes: their order; None sorts them.

    Raises:
      UserError: no images, fewer than two classes, an image of two labels, or a class without
        images to train on.
    """
    what = f"--dataset={name}"
    rows = table_rows.existing(rows, what, notes)
    rows = table_rows.without_repeats(rows, what, notes)
    root, rows = _keyed(rows, root)
    examined = folder._examine_all(root, [row.image for row in rows])
    digests = {row.key: examined[folder._key(root, row.image)] for row in rows}
    damaged = tuple((key, found[1]) for key, found in sorted(digests.items()) if found[1])
    for key, reason in damaged:
        notes.add("images are damaged and left out", f"{key} ({reason})")
    rows = _divided(sorted((r for r in rows if not digests[r.key][1]), key=lambda row: row.key))
    names = _class_names(rows, what, classes)
    for line in notes.lines:
        print(f"{what}: {line}", file=sys.stderr)
    places = tuple(table_rows.in_natural_order({row.place for row in rows if row.place}))
    return TableSource(
        name=name,
        class_names=names,
        splits={
            split: _split([row for row in rows if row.split == split], names, places)
            for split in dict.fromkeys([TRAIN, TEST, *(row.split for row in rows)])
            if any(row.split == split for row in rows)
        },
        fingerprint=_fingerprint(rows, digests),
        has_masks=any(row.mask for row in rows),
        damaged=damaged,
        place_names=places,
        notes=notes.lines,
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


def _divided(rows: Sequence[Row]) -> list[Row]:
    """Puts each row into a split: where none is told, every fifth image of a class is tested on.

    Without test images those of validation are tested on.
    """
    if not any(row.split for row in rows):
        by_class: dict[str, list[str]] = {}
        for row in rows:
            by_class.setdefault(row.label, []).append(row.key)
        tested = {key for keys in folder._divide(by_class)[TEST].values() for key in keys}
        return [
            dataclasses.replace(row, split=TEST if row.key in tested else TRAIN) for row in rows
        ]
    if any(row.split == TEST for row in rows):
        return list(rows)
    held_out = {VALIDATION: TEST}
    return [dataclasses.replace(row, split=held_out.get(row.split, row.split)) for row in rows]


def _class_names(rows: Sequence[Row], what: str, classes: Sequence[str] | None) -> tuple[str, ...]:
    found = {row.label for row in rows}
    if len(found) < 2:
        raise UserError(
            f"{what} must hold images of two classes or more. Received: "
            f"{', '.join(sorted(found)) or 'no image'}"
        )
    if classes is None:
        return tuple(table_rows.in_natural_order(found))
    return tuple(name for name in classes if name in found)


def _numbers(values: Sequence[str]) -> np.ndarray | None:
    """Returns equal numbers for equal names, int32 [N], each unnamed one by itself; None for none.

    Names that are all different say nothing.
    """
    if len(set(values) - {""}) in (0, len(values)):
        return None
    named = [value or f"\0{number}" for number, value in enumerate(values)]
    return np.unique(named, return_inverse=True)[1].astype(np.int32)


def _split(rows: Sequence[Row], names: Sequence[str], places: Sequence[str]) -> TableSplit:
    number, place = ({name: n for n, name in enumerate(some)} for some in (names, places))
    drawings = [row.mask for row in rows]
    named = {"object": [row.object for row in rows], "scene": [row.scene for row in rows]}
    units = {unit: _numbers(values) for unit, values in named.items()}
    return TableSplit(
        keys=[row.key for row in rows],
        paths=[row.image for row in rows],
        labels=np.array([number[row.label] for row in rows], np.int32),
        drawings=drawings if any(drawings) else [],
        places=np.array([place[row.place] for row in rows], np.int32) if places else None,
        units={unit: numbers for unit, numbers in units.items() if numbers is not None},
    )


def _fingerprint(rows: Sequence[Row], digests: dict[str, Any]) -> str:
    """Returns a sha256 of all images, and of what is said of them."""
    found = hashlib.sha256()
    for row in rows:
        said = [row.key, digests[row.key][0], row.label, row.split, row.place]
        found.update(json.dumps(said).encode())
        found.update(row.mask.identity() if row.mask else b"")
    return found.hexdigest()
