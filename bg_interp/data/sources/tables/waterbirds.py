"""`waterbirds:PATH`: birds of CUB before photographs of Places.

As it is distributed (Sagawa et al. 2020, arXiv 1911.08731, github.com/kohpangwei/group_DRO):
folders of species, and metadata.csv with img_id, img_filename, y (0 landbird, 1 waterbird), split
(0 train, 1 validation, 2 test), place (0 land, 1 water) and place_filename. The masks are those of
CUB-200-2011, segmentations/SPECIES/NAME.png, where these stand in the folder or beside it.
"""

import csv
import io
import pathlib

from bg_interp.config.data import SourceConfig
from bg_interp.data.sources.layout import TEST, TRAIN, VALIDATION
from bg_interp.data.sources.tables.masks_of_files import OpacityFile
from bg_interp.data.sources.tables.rows import Notes, Row, file_below
from bg_interp.data.sources.tables.source import Table, openers
from bg_interp.data.sources.tables.table import text_of
from bg_interp.errors import UserError, one_line

_NEEDED = ("img_filename", "y", "split", "place")
CLASSES, PLACES = ("landbird", "waterbird"), ("land", "water")
_SPLITS = (TRAIN, VALIDATION, TEST)
_SEGMENTATIONS = ("segmentations", "CUB_200_2011/segmentations")


def read(path: str, config: SourceConfig) -> Table:
    """Reads `waterbirds:PATH`, the folder of metadata.csv or the one that holds it.

    Args:
      path: of the folder, such as waterbird_complete95_forest2water2.
      config: its `data_dir` is the folder of the masks; None looks for them.

    Raises:
      UserError: no metadata.csv, or one of another kind.
    """
    given, notes = pathlib.Path(path).expanduser(), Notes()
    table = next(iter([*given.glob("metadata.csv"), *sorted(given.glob("*/metadata.csv"))]), None)
    if table is None:
        raise UserError(
            "--dataset=waterbirds:PATH must name the folder that holds metadata.csv. Received: "
            f"{given}"
        )
    masks = _masks(table.parent, config.data_dir)
    rows = []
    reader = csv.DictReader(io.StringIO(text_of(table)))
    if any(name not in (reader.fieldnames or ()) for name in _NEEDED):
        raise UserError(
            f"{table} must have the columns {', '.join(_NEEDED)}. Received: "
            f"{', '.join(reader.fieldnames or ()) or 'no header'}"
        )
    try:
        for cells in reader:
            rows.append(_row(table, reader.line_num, cells, masks))
    except csv.Error as error:
        raise UserError(f"{table} cannot be read ({one_line(error)}); fetch it again") from error
    for row in rows:
        if masks and row.mask is None:
            notes.add("images have no mask, and count as images with an empty one", row.image)
    return Table(f"waterbirds:{given.resolve()}", rows, table.parent, notes, CLASSES)


def _masks(folder: pathlib.Path, data_dir: str | None) -> pathlib.Path | None:
    """Finds CUB's segmentations."""
    around = [pathlib.Path(data_dir).expanduser()] if data_dir else []
    around += [folder, folder.parent, folder.parent.parent]
    found = [place / name for place in around for name in _SEGMENTATIONS]
    return next((place for place in found if place.is_dir()), None)


def _row(
    table: pathlib.Path, number: int, cells: dict[str, str], masks: pathlib.Path | None
) -> Row:
    name = cells["img_filename"]
    try:
        label, split, place = (int(float(cells[key])) for key in ("y", "split", "place"))
        words = CLASSES[label], _SPLITS[split], PLACES[place]
        if min(label, split, place) < 0:
            raise IndexError
    except (TypeError, ValueError, IndexError) as error:
        raise UserError(
            f"{table}: y and place must be 0 or 1, and split 0, 1 or 2. Received: "
            f"{cells['y']}, {cells['place']} and {cells['split']} in line {number}"
        ) from error
    drawn = pathlib.PurePosixPath(name).with_suffix(".png")
    mask = file_below(masks, str(drawn)) if masks else None
    return Row(
        image=file_below(table.parent, name),
        label=words[0],
        split=words[1],
        place=words[2],
        # Soft: each of CUB's masks is the mean of five people's.
        mask=OpacityFile(mask) if mask and mask.is_file() else None,
    )


open_source, open_whole = openers(read)
