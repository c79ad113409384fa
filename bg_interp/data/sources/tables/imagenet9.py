"""`imagenet9:PATH`: ImageNet-9, the backgrounds challenge (Xiao et al. 2020, arXiv 2006.09994).

As github.com/MadryLab/backgrounds_challenge releases it: a folder a variant (original, mixed_same,
mixed_rand, mixed_next, only_fg, no_fg, only_bg_b, only_bg_t), val/NN_CLASS below it, and masks of
`original` as fg_mask/val/NN_CLASS/NAME.npy. `original` is tested on, and trained on where it holds
train as well; the other variants are splits called test_VARIANT.
"""

import dataclasses
import pathlib
import re

from bg_interp.config.data import SourceConfig
from bg_interp.data.sources.layout import TEST
from bg_interp.data.sources.tables.masks_of_files import OpacityFile
from bg_interp.data.sources.tables.rows import Notes, Row, split_of
from bg_interp.data.sources.tables.source import Table, openers
from bg_interp.data.sources.walking import class_folders, image_files
from bg_interp.errors import UserError

VARIANTS = ("mixed_same", "mixed_rand", "mixed_next", "only_fg", "no_fg", "only_bg_b", "only_bg_t")


def read(path: str, config: SourceConfig) -> Table:
    """Reads `imagenet9:PATH`.

    Args:
      path: of the folder that holds `original`.
      config: not used.

    Raises:
      UserError: no such folder.
    """
    del config
    given, notes = pathlib.Path(path).expanduser(), Notes()
    rows = _rows(given, "original", notes)
    if not rows:
        raise UserError(
            "--dataset=imagenet9:PATH must hold original/val/CLASS, and may hold "
            f"{', '.join(VARIANTS)} and fg_mask. Received: {given}"
        )
    for variant in VARIANTS:
        rows += [
            dataclasses.replace(row, split=f"{TEST}_{variant}")
            for row in _rows(given, variant, notes)
            if row.split != "train"
        ]
    # Folders are numbered in the order of the published classifiers' nine outputs.
    names = list(dict.fromkeys(row.label for row in sorted(rows, key=lambda row: row.label)))
    rows = [dataclasses.replace(row, label=_plain(row.label)) for row in rows]
    return Table(f"imagenet9:{given.resolve()}", rows, given, notes, [_plain(n) for n in names])


def _plain(folder: str) -> str:
    """Returns a class's name without its number: dog for 00_dog."""
    return re.sub(r"^\d+_", "", folder)


def _rows(root: pathlib.Path, variant: str, notes: Notes) -> list[Row]:
    """Returns the images of one variant; only those of `original` have masks."""
    found = []
    folder = root / variant
    for half in class_folders(folder) if folder.is_dir() else []:
        split = split_of(half.name)
        for label in class_folders(half) if split else []:
            for image in image_files(label):
                mask = root / "fg_mask" / half.name / label.name / f"{image.stem}.npy"
                drawing = OpacityFile(mask) if variant == "original" and mask.is_file() else None
                found.append(Row(image, label.name, split, drawing))
    return found


open_source, open_whole = openers(read)
