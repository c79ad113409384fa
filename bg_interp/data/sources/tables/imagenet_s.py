"""`imagenet_s:PATH`: ImageNet with masks (Gao et al. 2022, arXiv 2106.03149).

As github.com/LUSSeg/ImageNet-S lays it out: train-semi/WNID/NAME.JPEG with
train-semi-segmentation/WNID/NAME.png, and validation likewise. At each pixel red + 256 green is
the number of a class, 0 other things and 1000 what is ignored.
"""

import pathlib

import numpy as np
from PIL import Image

from bg_interp.config.data import SourceConfig
from bg_interp.data.sources.layout import TEST, TRAIN
from bg_interp.data.sources.tables.drawn import BadMask, Levels, read_with
from bg_interp.data.sources.tables.rows import Notes, Row
from bg_interp.data.sources.tables.source import Table, openers
from bg_interp.data.sources.walking import class_folders, image_files
from bg_interp.errors import UserError

_IGNORED = 1000
_SPLITS = {"train-semi": TRAIN, "validation": TEST}
_LOOKED_AT = 5  # So many masks of a class tell its number.


def read(path: str, config: SourceConfig) -> Table:
    """Reads `imagenet_s:PATH`.

    Args:
      path: of ImageNetS50, ImageNetS300 or ImageNetS919.
      config: not used.

    Raises:
      UserError: no such folders.
    """
    del config
    given, notes = pathlib.Path(path).expanduser(), Notes()
    rows = [
        row
        for name, split in _SPLITS.items()
        if (given / f"{name}-segmentation").is_dir() and (given / name).is_dir()
        for folder in class_folders(given / name)
        for row in _rows(folder, given / f"{name}-segmentation" / folder.name, split, notes)
    ]
    if not rows:
        raise UserError(
            "--dataset=imagenet_s:PATH must hold validation and validation-segmentation (or "
            f"train-semi and train-semi-segmentation). Received: {given}"
        )
    return Table(f"imagenet_s:{given.resolve()}", rows, given, notes)


def _rows(folder: pathlib.Path, masks: pathlib.Path, split: str, notes: Notes) -> list[Row]:
    images = image_files(folder)
    files = {image: masks / f"{image.stem}.png" for image in images}
    number = _number([file for file in files.values() if file.is_file()])
    rows = []
    for image, file in files.items():
        if not file.is_file():
            notes.add("images have no mask, and count as images with an empty one", image)
        drawing = Levels(file, numbers, (number,)) if file.is_file() else None
        rows.append(Row(image, folder.name, split, drawing))
    return rows


def _number(files: list[pathlib.Path]) -> int:
    """Returns the number of a class: what most pixels of its masks say."""
    counts = np.zeros(_IGNORED + 1, np.int64)
    for file in files[:_LOOKED_AT]:
        try:
            found = read_with(numbers, file).ravel()
        except BadMask:
            continue
        counts += np.bincount(found[found <= _IGNORED], minlength=_IGNORED + 1)
    return int(counts[1:_IGNORED].argmax()) + 1


def numbers(path: pathlib.Path) -> np.ndarray:
    """Reads the number of a class at each pixel, int32 [h, w]."""
    with Image.open(path) as image:
        pixels = np.asarray(image.convert("RGB")).astype(np.int32)
    return pixels[..., 0] + 256 * pixels[..., 1]


open_source, open_whole = openers(read)
