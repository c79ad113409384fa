"""`spuco:PATH`: SpuCoBirds, SpuCoDogs and SpuCoAnimals (Joshi et al. 2023, arXiv 2306.11957).

Folders split/class/spurious, such as train/landbirds/water (github.com/BigML-CS-UCLA/SpuCo). Of
spuco_birds and spuco_dogs side by side all four classes are taken, which is SpuCoAnimals. Other
datasets laid out the same way are read as well: the innermost folder is the place.
"""

import pathlib
from collections.abc import Iterator

from bg_interp.config.data import SourceConfig
from bg_interp.data.sources.tables.rows import Notes, Row, split_of
from bg_interp.data.sources.tables.source import Table, openers
from bg_interp.data.sources.walking import class_folders, image_files
from bg_interp.errors import UserError

_ORDER = ("landbirds", "waterbirds", "small_dogs", "big_dogs")


def read(path: str, config: SourceConfig) -> Table:
    """Reads `spuco:PATH`.

    Args:
      path: of the folder that holds train, val and test; or of one that holds spuco_birds and
        spuco_dogs.
      config: not used.

    Raises:
      UserError: no such folders.
    """
    del config
    given = pathlib.Path(path).expanduser()
    if not given.is_dir():
        raise UserError(f"--dataset=spuco:PATH must name a folder. Received: {given}")
    roots = [given, *class_folders(given)] if not any(_splits(given)) else [given]
    halves = [half for root in roots for half in _splits(root)]
    rows = [row for split, folder in halves for row in _rows(split, folder)]
    if not rows:
        raise UserError(
            "--dataset=spuco:PATH must hold images in split/class/place, such as "
            f"train/landbirds/water. Received: none in {given}"
        )
    found = {row.label for row in rows}
    classes = _ORDER if found <= set(_ORDER) else None
    return Table(f"spuco:{given.resolve()}", rows, given, Notes(), classes)


def _splits(root: pathlib.Path) -> Iterator[tuple[str, pathlib.Path]]:
    """Yields the folders of splits."""
    for folder in class_folders(root):
        split = split_of(folder.name)
        if split:
            yield split, folder


def _rows(split: str, folder: pathlib.Path) -> Iterator[Row]:
    for label in class_folders(folder):
        for place in class_folders(label):
            for image in image_files(place):
                yield Row(image, label.name, split, place=place.name)


open_source, open_whole = openers(read)
