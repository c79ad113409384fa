"""`coco:ANNOTATIONS.json`: the instances of COCO (Lin et al. 2014, arXiv 1405.0312).

An image counts for the class of its largest object, and its mask holds all objects of that class.
Crowds (`iscrowd`) belong to the mask as well, and decide the class only where nothing else does.
"""

import pathlib
import re
from collections.abc import Mapping, Sequence
from typing import Any

from bg_interp.config.data import SourceConfig
from bg_interp.data.sources.tables.drawn import (
    BadMask,
    Drawing,
    Outlines,
    RunLengths,
    area,
    ring_of,
    size_of,
)
from bg_interp.data.sources.tables.objects import Thing, by_image, row_of, wanted
from bg_interp.data.sources.tables.rows import Notes, Row, file_below, split_of
from bg_interp.data.sources.tables.source import Table, openers
from bg_interp.errors import UserError, one_line
from bg_interp.storage import files

_LISTS = ("images", "annotations", "categories")
_LOOKED_AT = 20  # So many images tell where all of them stand.


def read(path: str, config: SourceConfig) -> Table:
    """Reads `coco:ANNOTATIONS.json`, or a folder with a file for each split.

    Args:
      path: of the file; of several, names such as instances_train2017.json tell the splits, or
        folders such as valid/_annotations.coco.json.
      config: its `data_dir` is the folder of the images, which else are looked for beside the
        file; its `only_classes` choose categories.

    Raises:
      UserError: no such file, no COCO, or images that cannot be found.
    """
    given, notes = pathlib.Path(path).expanduser(), Notes()
    files, what = _files(given), f"--dataset=coco:{path}"
    rows: list[Row] = []
    names: dict[str, None] = {}
    folders = []
    for file in files:
        content = _read(file)
        # Classifiers that were trained on such a file have their outputs in this order.
        listed = sorted(content["categories"], key=_number)
        categories = {_id(one, "id"): str(one.get("name")) for one in listed}
        names |= dict.fromkeys(categories.values())
        folders.append(_images_of(file, content["images"], config.data_dir))
        chosen = wanted(categories.values(), config.only_classes, what)
        split = _split(file) if len(files) > 1 else ""
        rows += _rows(content, categories, chosen, folders[-1], split, notes)
    root = folders[0] if len(folders) == 1 else folders[0].parent
    return Table(f"coco:{given.resolve()}", rows, root, notes, list(names))


def _number(category: Mapping[str, Any]) -> tuple[str, Any]:
    return type(_id(category, "id")).__name__, _id(category, "id")


def _id(one: Mapping[str, Any], name: str) -> int | str | float:
    """Returns a number or name; -1 where there is none."""
    found = one.get(name)
    return found if isinstance(found, int | str | float) else -1


def _files(given: pathlib.Path) -> list[pathlib.Path]:
    """Returns the files of annotations.

    Raises:
      UserError: there is none, or several of the same split.
    """
    if given.is_file():
        return [given]
    found = sorted({*given.rglob("*annotations.coco.json"), *given.rglob("instances_*.json")})
    if not found:
        raise UserError(
            "--dataset=coco:ANNOTATIONS.json must name a file of COCO's format, or a folder with "
            f"instances_*.json or *_annotations.coco.json. Received: {given}"
        )
    splits = [_split(file) for file in found]
    if len(found) > 1 and ("" in splits or len(set(splits)) < len(splits)):
        raise UserError(
            f"--dataset=coco:{given} must hold one file for each of train, validation and test. "
            f"Received: {', '.join(str(file) for file in found[:4])}; name one file"
        )
    return found


def _split(file: pathlib.Path) -> str:
    """Tells the split of a file by the words of its name, or else by its folder's."""
    words = [word for word in re.split(r"[^a-zA-Z]+", file.stem) if word]
    return next((split_of(word) for word in [*words, file.parent.name] if split_of(word)), "")


def _read(file: pathlib.Path) -> dict[str, Any]:
    try:
        content = files.parsed(file.read_bytes())
    except (OSError, ValueError) as error:
        raise UserError(
            f"--dataset=coco:{file} must be JSON ({one_line(error)}); export the annotations "
            "again, as COCO instances"
        ) from error
    missing = [name for name in _LISTS if not _is_list(content, name)]
    if missing:
        received = ", ".join(content) if isinstance(content, dict) else type(content).__name__
        raise UserError(
            f"--dataset=coco:{file} must hold lists of images, annotations and categories. "
            f"Received: {received[:200] or 'nothing'}; export it as COCO instances"
        )
    return content


def _is_list(content: Any, name: str) -> bool:
    found = content.get(name) if isinstance(content, dict) else None
    return isinstance(found, list) and all(isinstance(one, dict) for one in found)


def _images_of(
    file: pathlib.Path, images: Sequence[Mapping[str, Any]], data_dir: str | None
) -> pathlib.Path:
    """Finds the folder that the names of images are relative to.

    Raises:
      UserError: none holds any image; the message says where they were looked for.
    """
    around = [file.parent, file.parent.parent]
    words = file.stem.removeprefix("instances_"), file.parent.name, _split(file)
    candidates = [
        folder / name
        for folder in ([pathlib.Path(data_dir).expanduser()] if data_dir else around)
        for name in ("", *words, "images", *(f"images/{word}" for word in words), "data")
    ]
    some = [str(one.get("file_name", "")) for one in images[:_LOOKED_AT]]
    held = {
        folder: sum(file_below(folder, name).is_file() for name in some if name)
        for folder in candidates
    }
    best = max(candidates, key=lambda folder: held[folder])
    # A file of an empty split names none.
    if some and not held[best]:
        raise UserError(
            f"the images of {file} must be there. Received: no {some[0]!r} in {candidates[0]} or "
            "beside it; name their folder with --data_dir"
        )
    return best


def _rows(
    content: Mapping[str, Any],
    categories: Mapping[int | str | float, str],
    chosen: Sequence[str],
    folder: pathlib.Path,
    split: str,
    notes: Notes,
) -> list[Row]:
    """Makes rows of one file's images."""
    images = {_id(one, "id"): one for one in content["images"]}
    things = []
    for annotation in content["annotations"]:
        number, image = annotation.get("id"), images.get(_id(annotation, "image_id"))
        name = categories.get(_id(annotation, "category_id"))
        if image is None or name is None:
            kind = "image" if image is None else "category"
            notes.add(f"annotations are of no {kind} and are left out", f"id {number}")
        elif name in chosen:
            things.append((_id(image, "id"), _thing(annotation, name, image, notes)))
    of_image = by_image(things)
    rows = (
        row_of(file_below(folder, str(image.get("file_name", ""))), of_image[number], notes, split)
        for number, image in images.items()
    )
    return [row for row in rows if row is not None]


def _thing(
    annotation: Mapping[str, Any], name: str, image: Mapping[str, Any], notes: Notes
) -> Thing:
    """Reads one annotation; what is wrong with it is counted, and it has no outline then."""
    size = size_of(image.get("height"), image.get("width"))
    extent, mask = 0.0, None
    try:
        box = annotation.get("bbox") or (0, 0, 0, 0)
        extent = float(box[2]) * float(box[3])
        found = _drawing(annotation.get("segmentation"), size)
        if found is not None:
            mask, extent = found
    except (BadMask, KeyError, IndexError, TypeError, ValueError, OverflowError) as error:
        of = f"id {annotation.get('id')} of {image.get('file_name')} ({one_line(error)})"
        notes.add("outlines are damaged", of)
    if isinstance(mask, Outlines) and size and _beyond(mask, size):
        notes.add("outlines reach out of their image and are cut off", image.get("file_name"))
    return Thing(name, extent, mask, not annotation.get("iscrowd"))


def _drawing(segmentation: Any, size: tuple[int, int] | None) -> tuple[Drawing, float] | None:
    """Returns a drawing and its area in pixels; None where there is none.

    Raises:
      BadMask: it can't be drawn.
    """
    if not segmentation:
        return None
    if isinstance(segmentation, dict):
        counts, size = segmentation["counts"], size_of(*segmentation["size"])
        if size is None:
            raise BadMask("its run lengths tell no size")
        spelled = counts.encode() if isinstance(counts, str) else counts
        runs = RunLengths(
            spelled if isinstance(spelled, bytes) else tuple(int(one) for one in spelled),
            size,
        )
        return runs, float(runs.numbers()[1::2].sum())
    listed = [segmentation] if not isinstance(segmentation[0], list) else segmentation
    rings = tuple(ring for ring in (ring_of(one) for one in listed) if ring is not None)
    if not rings:
        raise BadMask("its polygons have fewer than three corners, or corners that are no numbers")
    return Outlines(rings, size), sum(area(ring) for ring in rings)


def _beyond(mask: Outlines, size: tuple[int, int]) -> bool:
    """Tells whether an outline leaves its image by more than rounding does."""
    height, width = size
    return any((ring < -1).any() or (ring > (width + 1, height + 1)).any() for ring in mask.rings)


open_source, open_whole = openers(read)
