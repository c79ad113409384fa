"""`table:FILE.csv`: a table of labels, a row an image, as spreadsheets and scripts write them.

Columns image and label; if there split (or is_valid, is_test), mask, place, key, object and scene
(or group). Paths are relative to the table's folder. Commas, semicolons and tabs are told apart by
the header.
"""

import csv
import io
import pathlib
import re
from collections.abc import Iterable, Iterator, Mapping

from bg_interp.config.data import DataConfig, SourceConfig
from bg_interp.data.sources.layout import TEST, TRAIN, VALIDATION
from bg_interp.data.sources.tables import rows as table_rows
from bg_interp.data.sources.tables.rows import Notes, Row, file_below
from bg_interp.data.sources.tables.source import Table, openers
from bg_interp.errors import UserError, nearest, one_line

_NEEDED = ("image", "label")
# What else columns of the same meaning are called.
_ALSO = {
    "image": ("filename", "file_name", "file", "path", "filepath", "image_path", "img", "image_id"),
    "label": ("class", "class_name", "category", "target", "y"),
    "split": ("set", "subset", "partition", "fold"),
    "mask": ("mask_path", "segmentation", "mask_file"),
    "place": ("background", "environment"),
    "key": (),
    "object": ("individual",),
    "scene": ("group",),
    "is_valid": ("is_validation", "is_val"),
    "is_test": (),
}
# What programs write for a value that is missing.
_MISSING = {"nan", "null", "<na>"}


def read(path: str, config: SourceConfig) -> Table:
    """Reads `table:FILE.csv`.

    Args:
      path: of the table.
      config: its `data_dir` is the folder of the images; None takes the table's.

    Raises:
      UserError: no such table, columns that are missing, cells that are empty, or images and
        labels that cannot be used.
    """
    table = pathlib.Path(path).expanduser()
    name, notes = f"table:{table.resolve()}", Notes()
    root = pathlib.Path(config.data_dir or table.parent).expanduser()
    lines = list(_lines(table))
    if not lines:
        raise UserError(f"{table} must hold a row for each image. Received: a header alone")
    found = [
        Row(
            image=file_below(root, cells["image"]),
            label=_label(table, number, cells["label"]),
            split=_split(table, number, cells),
            mask=_mask(root, cells, notes),
            place=cells.get("place", ""),
            key=cells.get("key", ""),
            object=cells.get("object", ""),
            scene=cells.get("scene", ""),
        )
        for number, cells in lines
    ]
    rules = config.mask_rules() if isinstance(config, DataConfig) else None
    return Table(name, found, root, notes, rules=rules)


def _mask(root: pathlib.Path, cells: Mapping[str, str], notes: Notes) -> pathlib.Path | None:
    if "mask" not in cells:
        return None
    path = file_below(root, cells["mask"])
    if cells["mask"] and path.is_file():
        return path
    notes.add("masks are missing, and count as empty", path if cells["mask"] else cells["image"])
    return None


def _lines(table: pathlib.Path) -> Iterator[tuple[int, Mapping[str, str]]]:
    """Yields the number and the cells of each line, by our names of columns.

    Raises:
      UserError: see `open_source`.
    """
    # Excel is told the delimiter so.
    text = re.sub(r"\Asep=.\n", "", text_of(table))
    header = text.split("\n", 1)[0]
    delimiter = max(",;\t|", key=header.count)
    reader = csv.DictReader(io.StringIO(text), delimiter=delimiter, skipinitialspace=True)
    try:
        columns = _columns(table, [name.strip() for name in reader.fieldnames or ()])
        needed = [*_NEEDED, *(name for name in ("split", "place", "key") if name in columns)]
        reader.fieldnames = [name.strip() for name in reader.fieldnames or ()]
        for cells in reader:
            if None in cells:
                raise UserError(
                    f"{table}: each row must have as many cells as the header. Received: more in "
                    f"line {reader.line_num}; put values that hold {delimiter!r} into quotes"
                )
            found = {ours: (cells[theirs] or "").strip() for ours, theirs in columns.items()}
            if any(found.values()):
                _check_filled(table, reader.line_num, found, columns, needed)
                yield reader.line_num, found
    except csv.Error as error:
        raise UserError(f"{table} cannot be read ({one_line(error)}); save it as CSV") from error


def _check_filled(
    table: pathlib.Path,
    number: int,
    cells: Mapping[str, str],
    columns: Mapping[str, str],
    needed: Iterable[str],
) -> None:
    for name in needed:
        if not cells[name] or (name == "label" and cells[name].casefold() in _MISSING):
            raise UserError(
                f"{table}: each row must have a value for {columns[name]!r}. Received: "
                f"{cells[name] or 'none'} in line {number}; fill it in, or remove the row"
            )


def text_of(table: pathlib.Path) -> str:
    """Reads a table in UTF-8 or UTF-16, or else in the Windows way of western Europe."""
    if not table.is_file():
        raise UserError(f"--dataset=table:FILE must name a file. Received: {table}")
    content = table.read_bytes()
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return content.decode("utf-16", errors="replace").replace("\r\n", "\n")
    if b"\0" in content[:4096]:
        raise UserError(
            f"--dataset=table:FILE must be text, as CSV is. Received: {table}; save the table as "
            "CSV"
        )
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = content.decode("cp1252", errors="replace")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _columns(table: pathlib.Path, header: list[str]) -> dict[str, str]:
    """Returns the table's name of each of our columns that it has.

    Raises:
      UserError: a column is missing, or stands twice.
    """
    plain: dict[str, str] = {}
    for name in header:
        if name.casefold() in plain:
            raise UserError(f"{table} must name each column once. Received: {name!r} twice")
        plain[name.casefold()] = name
    found = {}
    for ours, others in _ALSO.items():
        known = [plain[name] for name in (ours, *others) if name in plain]
        if known:
            found[ours] = known[0]
    missing = [name for name in _NEEDED if name not in found]
    if missing:
        raise UserError(
            f"{table} must have the columns image and label (and may have split, mask, place, "
            f"key, object, scene). Received: {', '.join(header) or 'no header'}"
            f"{nearest(missing[0], header)}"
        )
    return found


def _is_yes(value: str) -> bool:
    return value.casefold() in ("1", "1.0", "true", "yes", "y", "t")


def _label(table: pathlib.Path, number: int, value: str) -> str:
    """Returns a class's name.

    Raises:
      UserError: it is a number with a fraction, as measurements are.
    """
    if re.fullmatch(r"-?\d*\.\d*[1-9]\d*(e-?\d+)?", value):
        raise UserError(
            f"{table}: label must name a class. Received: {value!r} in line {number}, which is a "
            "measurement; name the column of classes label, or divide the values into classes"
        )
    return value


def _split(table: pathlib.Path, number: int, cells: Mapping[str, str]) -> str:
    if "split" not in cells:
        told = {"is_test": TEST, "is_valid": VALIDATION}
        held_out = [split for name, split in told.items() if _is_yes(cells.get(name, ""))]
        return held_out[0] if held_out else TRAIN if told.keys() & cells.keys() else ""
    found = table_rows.split_of(cells["split"])
    if not found:
        raise UserError(
            f"{table}: split must be train, validation or test. Received: {cells['split']!r} in "
            f"line {number}"
        )
    return found


open_source, open_whole = openers(read)
