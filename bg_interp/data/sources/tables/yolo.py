"""`yolo:DATA.yaml`: outlines as Ultralytics YOLO takes them for segmentation.

DATA.yaml names folders (or lists) of images by split, and the classes. The labels of
.../images/NAME.jpg stand in .../labels/NAME.txt, a line an object: the number of its class, then
x y x y ... in shares of the image (docs.ultralytics.com/datasets/segment). Lines of four numbers
are boxes; they tell a class, and no outline. So do those of poses (`kpt_shape` in DATA.yaml), in
which the points of a body follow.
"""

import pathlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from bg_interp.config.data import SourceConfig
from bg_interp.data.sources.tables.drawn import SHARES, Outlines, area, ring_of
from bg_interp.data.sources.tables.objects import Thing, row_of, wanted
from bg_interp.data.sources.tables.rows import Notes, Row, file_below, split_of
from bg_interp.data.sources.tables.source import Table, openers
from bg_interp.data.sources.walking import image_files
from bg_interp.errors import UserError, one_line

# In whole numbers without names.
_MOST_CLASSES = 1_000_000
_SPLITS = ("train", "val", "valid", "validation", "test")


def read(path: str, config: SourceConfig) -> Table:
    """Reads `yolo:DATA.yaml`, or the folder that holds a data.yaml.

    Args:
      path: of the file or folder.
      config: its `only_classes` choose classes.

    Raises:
      UserError: no such file, or one without classes or images.
    """
    given, notes = pathlib.Path(path).expanduser(), Notes()
    file = next((f for f in (given / "data.yaml", given / "data.yml") if f.is_file()), given)
    content = _read(file)
    names = _names(file, content)
    chosen = wanted(names.values(), config.only_classes, f"--dataset=yolo:{path}")
    root = file_below(
        file.parent, str(content["path"]) if isinstance(content.get("path"), str) else "."
    )
    if not root.is_dir():
        root = file.parent
    poses = bool(content.get("kpt_shape"))
    rows: list[Row] = []
    for key in _SPLITS:
        for image in _images(file, root, content.get(key)):
            things = [one for one in _things(image, names, notes, poses) if one.label in chosen]
            row = row_of(image, things, notes, split_of(key))
            rows += [] if row is None else [row]
    return Table(f"yolo:{file.resolve()}", rows, root, notes, list(names.values()))


def _read(file: pathlib.Path) -> dict[str, Any]:
    import yaml

    try:
        content = yaml.safe_load(file.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError, RecursionError, yaml.YAMLError) as error:
        raise UserError(
            "--dataset=yolo:DATA.yaml must name a YAML file, or the folder of a data.yaml, with "
            "the images of train and val and the names of the classes. Received: "
            f"{file} ({one_line(error)})"
        ) from error
    if not isinstance(content, dict) or not any(content.get(key) for key in _SPLITS):
        received = ", ".join(map(str, content)) if isinstance(content, dict) else _shown(content)
        raise UserError(
            f"{file} must name the images of train and val (or test), and the classes by names. "
            f"Received: {received[:200]}"
        )
    return content


def _names(file: pathlib.Path, content: Mapping[str, Any]) -> dict[int, str]:
    """Returns the name of each class by its number; numbers where there are no names."""
    names = content.get("names")
    if names is None and isinstance(content.get("nc"), int) and content["nc"] <= _MOST_CLASSES:
        return {number: str(number) for number in range(content["nc"])}
    listed: Any = dict(enumerate(names)) if isinstance(names, list) else names
    try:
        return {int(number): _text(name) for number, name in sorted(listed.items())}
    except (AttributeError, TypeError, ValueError, OverflowError) as error:
        raise UserError(
            f"{file} must list the classes by names, as a list or by their numbers. Received: "
            f"{_shown(names)}"
        ) from error


def _text(value: Any) -> str:
    """Returns a name; one that is a list may, by YAML's aliases, be longer than memory holds.

    Raises:
      TypeError: it is no text or number.
    """
    if not isinstance(value, str | int | float):
        raise TypeError(f"{type(value).__name__} is no name")
    return str(value)


def _shown(value: Any) -> str:
    short = isinstance(value, str | int | float | None)
    return repr(value)[:200] if short else f"a {type(value).__name__} that holds other things"


def _images(file: pathlib.Path, root: pathlib.Path, where: Any) -> Iterator[pathlib.Path]:
    """Yields the images of a split.

    Raises:
      UserError: its folder or list is not there.
    """
    for one in where if isinstance(where, list) else [where] if where else []:
        # Exports often say ../train/images where train/images stands beside the file.
        if not isinstance(one, str):
            raise UserError(f"{file} must name images that are there. Received: {_shown(one)}")
        plain = one.replace("\\", "/")
        names = [plain, plain.removeprefix("../")]
        found = [folder / name for name in names for folder in (root, file.parent)]
        there = next((path for path in found if path.exists()), None)
        if there is None:
            raise UserError(f"{file} must name images that are there. Received: {one}")
        if there.is_dir():
            yield from image_files(there)
            continue
        for line in there.read_text(encoding="utf-8-sig", errors="replace").splitlines():
            if line.strip():
                beside = file_below(there.parent, line)
                yield beside if beside.is_file() else file_below(root, line)


def _labels_of(image: pathlib.Path) -> pathlib.Path:
    """Returns where the labels of an image stand: labels/ for the last images/ of its path."""
    parts = list(image.parts)
    if "images" in parts[:-1]:
        parts[len(parts) - 2 - parts[-2::-1].index("images")] = "labels"
    return pathlib.Path(*parts).with_suffix(".txt")


def _things(
    image: pathlib.Path, names: Mapping[int, str], notes: Notes, poses: bool
) -> list[Thing]:
    """Reads the objects of one image; lines that cannot be read are counted."""
    labels = _labels_of(image)
    try:
        lines = labels.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError):
        notes.add("images have no file of labels that can be read", image)
        return []
    things = []
    for number, line in enumerate(lines, 1):
        if line.strip():
            thing = _thing(line.split()[: 5 if poses else None], names)
            if thing is None:
                notes.add("lines of labels are damaged and left out", f"{labels}, line {number}")
            else:
                things.append(thing)
                if isinstance(thing.mask, Outlines) and _beyond(thing.mask):
                    notes.add("outlines reach out of their image and are cut off", image)
    return things


def _thing(words: Sequence[str], names: Mapping[int, str]) -> Thing | None:
    try:
        number, values = int(float(words[0])), [float(word) for word in words[1:]]
    except ValueError:
        return None
    if number not in names or not np.isfinite(values).all():
        return None
    if len(values) == 4:
        return Thing(names[number], values[2] * values[3], None)
    ring = ring_of(values)
    if ring is None:
        return None
    return Thing(names[number], area(ring), Outlines((ring,), SHARES))


def _beyond(mask: Outlines) -> bool:
    return any((ring < -0.01).any() or (ring > 1.01).any() for ring in mask.rings)


open_source, open_whole = openers(read)
