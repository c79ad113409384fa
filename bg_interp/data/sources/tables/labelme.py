"""`labelme:FOLDER`: the JSON files of LabelMe, beside their images.

A file holds `imagePath`, `imageHeight`, `imageWidth` and `shapes`, each with a label, points and a
`shape_type`: polygon, rectangle (two corners), circle (middle and a point of its rim) or mask (a
PNG in its box) (github.com/wkentaro/labelme). Lines and points have no area, and are left out.
"""

import base64
import dataclasses
import io
import pathlib
from collections.abc import Mapping
from typing import Any

import numpy as np
from PIL import Image

from bg_interp.config.data import SourceConfig
from bg_interp.data.sources.tables.drawn import BadMask, Drawing, Outlines, area, ring_of, size_of
from bg_interp.data.sources.tables.objects import Thing, row_of, wanted
from bg_interp.data.sources.tables.rows import Notes, Row, file_below, split_of
from bg_interp.data.sources.tables.source import Table, openers
from bg_interp.errors import UserError, one_line
from bg_interp.storage import files

_CORNERS = 90  # Of a circle.


@dataclasses.dataclass(frozen=True, eq=False)
class Patch:
    """A mask within a box of its image.

    Attributes:
      png: of the box, its object brighter than 0.
      left: of the box in the image, in pixels.
      top: the same.
      size: (height, width) of the image.
    """

    png: bytes
    left: int
    top: int
    size: tuple[int, int] | None

    def drawn(self, height: int, width: int) -> np.ndarray:
        """Returns the opacity, uint8 [h, w]."""
        board = Image.new("L", (self.size or (height, width))[::-1])
        try:
            box = Image.open(io.BytesIO(self.png)).convert("L")
        except (OSError, SyntaxError, ValueError) as error:
            raise BadMask(f"its mask is damaged ({one_line(error)})") from error
        if not (0 <= self.left < board.width and 0 <= self.top < board.height):
            raise BadMask("its mask lies outside of it")
        board.paste(box.point(lambda value: 255 * (value > 0)), (self.left, self.top))
        return np.asarray(board)

    def identity(self) -> bytes:
        """Returns the PNG, and where it lies."""
        return self.png + repr((self.left, self.top, self.size)).encode()


def read(path: str, config: SourceConfig) -> Table:
    """Reads `labelme:FOLDER`, with its folders below; those called train, val or test are splits.

    Args:
      path: of the folder.
      config: its `only_classes` choose labels.

    Raises:
      UserError: no such folder, or no files of LabelMe in it.
    """
    folder, notes = pathlib.Path(path).expanduser(), Notes()
    if not folder.is_dir():
        raise UserError(f"--dataset=labelme:FOLDER must name a folder. Received: {folder}")
    read = {file: _read(file, notes) for file in sorted(folder.rglob("*.json"))}
    files = {file: content for file, content in read.items() if content is not None}
    if not files:
        raise UserError(
            f"--dataset=labelme:FOLDER must hold LabelMe's JSON files, with shapes and imagePath. "
            f"Received: none in {folder}"
        )
    things = {file: _things(file, content, notes) for file, content in files.items()}
    labels = sorted({thing.label for some in things.values() for thing in some})
    chosen = wanted(labels, config.only_classes, f"--dataset=labelme:{path}")
    rows: list[Row] = []
    for file, content in files.items():
        some = [thing for thing in things[file] if thing.label in chosen]
        image = file_below(file.parent, str(content["imagePath"]))
        if content.get("imageData") and not image.is_file():
            notes.add("images stand in their JSON alone (imageData) and are not read", file)
            continue
        row = row_of(image, some, notes, _split(file.relative_to(folder)))
        rows += [] if row is None else [row]
    return Table(f"labelme:{folder.resolve()}", rows, folder, notes)


def _split(file: pathlib.Path) -> str:
    """Tells the split by the uppermost folder that is called like one."""
    return next((split_of(part) for part in file.parts[:-1] if split_of(part)), "")


def _read(file: pathlib.Path, notes: Notes) -> dict[str, Any] | None:
    """Reads a file; those that are none of LabelMe are counted."""
    try:
        content = files.parsed(file.read_bytes())
    except (OSError, ValueError) as error:
        notes.add("files are damaged and left out", f"{file} ({one_line(error)})")
        return None
    known = isinstance(content, dict) and isinstance(content.get("shapes"), list)
    if known and content.get("imagePath"):
        return content
    notes.add("JSON files are none of LabelMe and are left out", file)
    return None


def _things(file: pathlib.Path, content: Mapping[str, Any], notes: Notes) -> list[Thing]:
    size = size_of(content.get("imageHeight"), content.get("imageWidth"))
    found = []
    for shape in content["shapes"]:
        label = str(shape.get("label") or "").strip() if isinstance(shape, dict) else ""
        if not label:
            notes.add("shapes have no label and are left out", file)
            continue
        try:
            drawing = _drawing(shape, size)
        except (BadMask, KeyError, TypeError, ValueError, IndexError, OverflowError) as error:
            notes.add("shapes are damaged and left out", f"{file} ({one_line(error)})")
            continue
        if drawing is None:
            notes.add("shapes are lines or points, without an area, and are left out", file)
            continue
        found.append(Thing(label, drawing[1], drawing[0]))
        if isinstance(drawing[0], Outlines) and size and _beyond(drawing[0], size):
            notes.add("outlines reach out of their image and are cut off", file)
    return found


def _drawing(
    shape: Mapping[str, Any], size: tuple[int, int] | None
) -> tuple[Drawing, float] | None:
    """Returns a shape's drawing and its area in pixels; None for a shape that has none."""
    kind, points = shape.get("shape_type") or "polygon", np.array(shape["points"], np.float64)
    if kind in ("line", "linestrip", "point", "points"):
        return None
    if kind == "mask":
        (left, top), (right, bottom) = points[:2]
        patch = Patch(base64.b64decode(shape["mask"]), round(left), round(top), size)
        return patch, float((right - left) * (bottom - top))
    if kind == "rectangle":
        (x0, y0), (x1, y1) = points[0], points[-1]
        points = np.array([(x0, y0), (x1, y0), (x1, y1), (x0, y1)])
    elif kind == "circle":
        middle, radius = points[0], np.hypot(*(points[1] - points[0]))
        angles = np.linspace(0, 2 * np.pi, _CORNERS, endpoint=False)
        points = middle + radius * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    ring = ring_of(points.ravel().tolist())
    if ring is None:
        raise BadMask(f"a {kind} of {len(points)} points")
    return Outlines((ring,), size), area(ring)


def _beyond(mask: Outlines, size: tuple[int, int]) -> bool:
    height, width = size
    return any((ring < -1).any() or (ring > (width + 1, height + 1)).any() for ring in mask.rings)


open_source, open_whole = openers(read)
