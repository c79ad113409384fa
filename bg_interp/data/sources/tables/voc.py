"""`voc:FOLDER`: the segmentations of PASCAL VOC (Everingham et al. 2010, IJCV 88).

JPEGImages/NAME.jpg, SegmentationClass/NAME.png (the number of a class at each pixel, in a palette;
255 around objects), SegmentationObject/NAME.png (numbers of single objects), and
ImageSets/Segmentation/{train,val,test}.txt. CVAT's exports add labelmap.txt, which names the
classes and their colours.
"""

import concurrent.futures
import dataclasses
import functools
import pathlib
from collections.abc import Mapping, Sequence

import numpy as np
from PIL import Image

from bg_interp.config.data import SourceConfig
from bg_interp.data.sources.layout import in_order
from bg_interp.data.sources.tables.drawn import BadMask, Levels, read_with
from bg_interp.data.sources.tables.objects import Thing, row_of, wanted
from bg_interp.data.sources.tables.rows import Notes, Row, split_of
from bg_interp.data.sources.tables.source import Table, openers
from bg_interp.data.sources.walking import image_files
from bg_interp.errors import UserError

# A level, and its red, green and blue.
Colour = tuple[int, int, int, int]
BORDER = 255
_BORDER_COLOUR = (224, 224, 192)
_NAMES = (
    "aeroplane bicycle bird boat bottle bus car cat chair cow diningtable dog horse motorbike "
    "person pottedplant sheep sofa train tvmonitor"
).split()
_BACKGROUNDS = ("background", "_background_", "__ignore__", "ignore", "void")


@dataclasses.dataclass(frozen=True)
class Classes:
    """What the levels of a dataset mean.

    Attributes:
      names: of each level.
      colours: (level, red, green, blue) of files that have no palette.
      listed: whether they are listed beside the data, and palettes are numbered anyhow.
    """

    names: Mapping[int, str]
    colours: tuple[Colour, ...]
    listed: bool = False


def read(path: str, config: SourceConfig) -> Table:
    """Reads `voc:FOLDER`.

    Args:
      path: of the folder that holds JPEGImages, such as VOCdevkit/VOC2012.
      config: its `only_classes` choose classes.

    Raises:
      UserError: no such folder, or one without JPEGImages and SegmentationClass.
    """
    folder, notes = pathlib.Path(path).expanduser(), Notes()
    photographs, maps = folder / "JPEGImages", folder / "SegmentationClass"
    if not (photographs.is_dir() and maps.is_dir()):
        raise UserError(
            "--dataset=voc:FOLDER must name a folder with JPEGImages and SegmentationClass. "
            f"Received: {folder}{_boxes_alone(folder)}"
        )
    classes = _classes(folder)
    read = functools.partial(levels, classes=classes)
    splits = _splits(folder)
    images = {image.stem: image for image in image_files(photographs)}
    images = {name: image for name, image in images.items() if not splits or name in splits}
    for name in splits:
        if name not in images:
            notes.add("images are missing and left out", photographs / f"{name}.jpg")
    with concurrent.futures.ThreadPoolExecutor() as pool:
        seen = pool.map(lambda name: _seen(folder, name, read, classes.names), images)
        things = dict(zip(images, seen, strict=True))
    present = {
        thing.label for some in things.values() if not isinstance(some, str) for thing in some
    }
    names = [classes.names[level] for level in sorted(classes.names)]
    names += in_order(present - set(names))
    known = [name for name in names if name in present]
    chosen = wanted(known, config.only_classes, f"--dataset=voc:{path}")
    rows: list[Row] = []
    for name, image in images.items():
        some = things[name]
        if isinstance(some, str):
            notes.add("images have no map of classes that can be read and are left out", some)
            continue
        wished = [thing for thing in some if thing.label in chosen]
        row = row_of(image, wished, notes, splits.get(name, ""))
        rows += [] if row is None else [row]
    return Table(f"voc:{folder.resolve()}", rows, photographs, notes, names)


def _boxes_alone(folder: pathlib.Path) -> str:
    if not (folder / "Annotations").is_dir():
        return ""
    return (
        ", whose Annotations hold boxes, and boxes are no masks; name images and classes in a "
        "table (--dataset=table:FILE.csv), and let tools/segment.py make the masks"
    )


def _splits(folder: pathlib.Path) -> dict[str, str]:
    """Returns the split of each image that a list names; empty without lists."""
    found: dict[str, str] = {}
    lists = sorted((folder / "ImageSets" / "Segmentation").glob("*.txt"))
    # Of train, val and trainval the first two say more.
    for file in sorted(lists, key=lambda file: not split_of(file.stem)):
        for line in file.read_text(encoding="utf-8-sig").splitlines():
            if line.strip():
                found.setdefault(pathlib.PurePosixPath(line.strip()).name, split_of(file.stem))
    return found


def _classes(folder: pathlib.Path) -> Classes:
    """Returns what levels mean: by labelmap.txt, else those of VOC itself."""
    file = folder / "labelmap.txt"
    if not file.is_file():
        return Classes(dict(enumerate(_NAMES, 1)), tuple(_voc_colours()))
    names: dict[int, str] = {}
    colours: list[Colour] = [(BORDER, *_BORDER_COLOUR)]
    level = 0
    for line in file.read_text(encoding="utf-8-sig").splitlines():
        name, _, rest = line.strip().partition(":")
        if not name or name.startswith("#"):
            continue
        rgb = [int(part) for part in rest.partition(":")[0].split(",") if part.strip().isdigit()]
        ours = 0 if name.casefold() in _BACKGROUNDS else (level := level + 1)
        if ours:
            names[ours] = name
        if len(rgb) == 3:
            red, green, blue = rgb
            colours.append((ours, red, green, blue))
    return Classes(names, tuple(colours), listed=True)


def _voc_colours() -> list[Colour]:
    """Returns VOC's own colours: the bits of a level, dealt to red, green and blue in turn."""

    def share(level: int, channel: int) -> int:
        return sum((level >> (3 * bit + channel) & 1) << (7 - bit) for bit in range(3))

    return [(n, share(n, 0), share(n, 1), share(n, 2)) for n in range(256)]


def levels(path: pathlib.Path, classes: Classes) -> np.ndarray:
    """Reads a map of classes, uint8 [h, w]: its numbers, or those that its colours stand for.

    Raises:
      BadMask: a colour is that of no class.
    """
    with Image.open(path) as image:
        numbers = np.asarray(image) if image.mode in ("P", "L") else None
        if numbers is not None and not (classes.listed and image.mode == "P"):
            return numbers
        pixels = np.asarray(image.convert("RGB")).astype(np.int64)
    try:
        return _by_colour(pixels, classes.colours, path)
    except BadMask:
        if numbers is None:
            raise
        return numbers


def _by_colour(pixels: np.ndarray, colours: Sequence[Colour], path: pathlib.Path) -> np.ndarray:
    table = {(red << 16) + (green << 8) + blue: level for level, red, green, blue in colours}
    codes = (pixels[..., 0] << 16) + (pixels[..., 1] << 8) + pixels[..., 2]
    known, at = np.unique(codes, return_inverse=True)
    odd = [code for code in known.tolist() if code not in table]
    if odd:
        red, green, blue = odd[0] >> 16, odd[0] >> 8 & 255, odd[0] & 255
        raise BadMask(f"{path}: the colour {red}, {green}, {blue} is that of no class")
    return np.array([table[code] for code in known.tolist()], np.uint8)[at].reshape(codes.shape)


def _seen(
    folder: pathlib.Path,
    name: str,
    read: functools.partial,
    names: Mapping[int, str],
) -> list[Thing] | str:
    """Returns a thing for each class of one image, of the area of its largest object."""
    file = folder / "SegmentationClass" / f"{name}.png"
    if not file.is_file():
        return str(file)
    try:
        classes = read_with(read, file)
        objects = folder / "SegmentationObject" / f"{name}.png"
        numbers = np.asarray(Image.open(objects)) if objects.is_file() else classes
    except (BadMask, OSError, SyntaxError) as error:
        return f"{file} ({error})"
    if numbers.shape != classes.shape:
        numbers = classes
    found = []
    for level in np.setdiff1d(np.unique(classes), (0, BORDER)).tolist():
        of_class = classes == level
        area = int(np.bincount(numbers[of_class].astype(np.int64)).max())
        mask = Levels(file, read, (level,), BORDER)
        found.append(Thing(names.get(level, str(level)), area, mask))
    return found


open_source, open_whole = openers(read)
