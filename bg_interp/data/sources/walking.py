"""What lies in a folder that people filled: pictures, masks beside them, and what is neither.

Copies that programs leave behind are skipped, links are followed once, and whatever is not read is
counted by its reason.
"""

import collections
import os
import pathlib
import re
import unicodedata
from collections.abc import Iterable, Iterator

from bg_interp import decoding
from bg_interp.errors import UserError
from bg_interp.masks import names, raw
from bg_interp.storage.files import walked

# Folders of systems and programs; their pictures are copies of others.
_JUNK = {"__macosx", "@eadir", "#recycle", "$recycle.bin", "lost+found", "__pycache__"}
_JUNK_FILES = {"thumbs.db", "ehthumbs.db", "desktop.ini", "icon\r"}
# What folders of masks are called, in lower case without what is no letter.
MASK_WORDS = frozenset(
    "mask masks segmentation segmentations segmentationmask segmentationmasks segmentationclass "
    "segmentationobject annotation annotations label labels labelimages groundtruth gt "
    "matte mattes trimap trimaps".split()
)
IMAGE_WORDS = frozenset("image images img imgs jpegimages".split())
# What stands before or behind the name of an image in that of its mask beside it.
_BESIDE = re.compile(
    r"(?:mask[_ -])?(?P<name>.+?)(?:[_. -]?(?:mask|masks|seg|segmentation|matte|alpha|gt|trimap)"
    r"(?:[_-]\d+)?)?",
    re.IGNORECASE,
)
_FEW_LEVELS = 8
_TRIED = 8


def plain(name: str) -> str:
    """Returns the letters of a name, in lower case."""
    return "".join(re.findall(r"[^\W\d_]", unicodedata.normalize("NFC", name).lower()))


def is_junk(name: str) -> bool:
    """Tells whether a file or folder is hidden, or left behind by a system or program."""
    return name.startswith(".") or name.lower() in _JUNK | _JUNK_FILES


def class_folders(folder: pathlib.Path) -> list[pathlib.Path]:
    """Returns the folders directly below a folder, sorted; hidden ones and junk left out."""
    return sorted(path for path in folder.iterdir() if path.is_dir() and not is_junk(path.name))


def image_files(folder: pathlib.Path) -> list[pathlib.Path]:
    """Returns the picture files anywhere below a folder, sorted; hidden ones and junk left out."""
    return sorted(path for path in _files(folder, collections.Counter()) if is_picture(path))


def is_picture(path: pathlib.Path) -> bool:
    """Tells by a file's name, and without a suffix by its content, whether it can be a picture."""
    suffix = path.suffix.lower()
    if suffix:
        return suffix in decoding.SUFFIXES
    try:
        decoding.header(path)
        return True
    except (OSError, decoding.DamagedImage):
        return False


def _files(folder: pathlib.Path, skipped: collections.Counter[str]) -> Iterator[pathlib.Path]:
    """Yields all files below a folder, links followed; counts pictures in junk by its name."""
    for where, folders, found in walked(folder):
        for name in [name for name in folders if is_junk(name)]:
            folders.remove(name)
            left = [n for _, _, some in os.walk(os.path.join(where, name)) for n in some]
            pictures = [n for n in left if pathlib.Path(n).suffix.lower() in decoding.SUFFIXES]
            skipped[f"in {name}"] += len(pictures)
        yield from (pathlib.Path(where) / name for name in found if not is_junk(name))


class Found:
    """The pictures of one class, or of any folder.

    Args:
      folder: where they stand.

    Attributes:
      images: sorted.
      masks: {image: its mask}, of the masks that stand beside or in a folder of their own.
      left_out: how many files are neither, by reason.
    """

    def __init__(self, folder: pathlib.Path):
        self.left_out: collections.Counter[str] = collections.Counter()
        files = sorted(_files(folder, self.left_out))
        pictures = [path for path in files if is_picture(path)]
        for path in set(files) - set(pictures):
            self.left_out[path.suffix.lower() or "without a suffix"] += 1
        inside = [path for path in pictures if _mask_folder(folder, path)]
        self.images = [path for path in pictures if path not in set(inside)]
        self.masks: dict[pathlib.Path, pathlib.Path] = {}
        self._take_beside()
        self._take_from_folders(folder, inside)

    def _take_beside(self) -> None:
        """Takes NAME_mask.png beside NAME.jpg, and NAME.png where it is a mask, for masks."""
        by_name: dict[tuple[pathlib.Path, str], list[pathlib.Path]] = {}
        for path in self.images:
            by_name.setdefault((path.parent, names.comparable(path.stem)), []).append(path)
        taken: dict[pathlib.Path, list[pathlib.Path]] = {}
        for path in self.images:
            found = _BESIDE.fullmatch(path.stem)
            base = names.comparable(found["name"]) if found else ""
            owners = by_name.get((path.parent, base), [])
            if base != names.comparable(path.stem) and owners:
                taken.setdefault(owners[0], []).append(path)
        for owner, mask in self._of_one_name(by_name):
            taken.setdefault(owner, []).append(mask)
        self._take(taken)

    def _of_one_name(
        self, by_name: dict[tuple[pathlib.Path, str], list[pathlib.Path]]
    ) -> list[tuple[pathlib.Path, pathlib.Path]]:
        """Returns pairs of pictures that differ in their suffix, where one is always a mask."""
        pairs = []
        for some in by_name.values():
            if len(some) == 2:
                pairs.append(sorted(some, key=lambda path: path.suffix.lower() in (".png", ".bmp")))
        tried = pairs[:: max(1, len(pairs) // _TRIED)]
        if not all(looks_like_mask(mask) and not looks_like_mask(image) for image, mask in tried):
            return []
        return [(image, mask) for image, mask in pairs]

    def _take(self, taken: dict[pathlib.Path, list[pathlib.Path]]) -> None:
        masks = {path for some in taken.values() for path in some}
        self.images = [path for path in self.images if path not in masks]
        for image, some in taken.items():
            if len(some) == 1:
                self.masks[image] = some[0]
            else:
                self.left_out["masks of which one image has several"] += len(some)

    def _take_from_folders(self, folder: pathlib.Path, inside: list[pathlib.Path]) -> None:
        """Takes what lies in CLASS/masks for masks of what lies in CLASS, or CLASS/images."""
        places = (_mask_folder(folder, path) for path in inside)
        for where in sorted({place for place in places if place is not None}):
            self.masks.update(masks_in(where, self.images))


def _mask_folder(folder: pathlib.Path, path: pathlib.Path) -> pathlib.Path | None:
    """Returns the folder of masks, below `folder`, that a file stands in."""
    for parent in path.parents:
        if parent == folder:
            return None
        if plain(parent.name) in MASK_WORDS:
            return parent
    return None


def masks_in(
    folder: pathlib.Path, images: Iterable[pathlib.Path]
) -> dict[pathlib.Path, pathlib.Path]:
    """Returns the masks in a folder of the images beside it, {image: mask}; empty where unclear.

    Args:
      folder: of masks.
      images: some may stand elsewhere.
    """
    near = {
        path: path.relative_to(folder.parent) for path in images if folder.parent in path.parents
    }
    # The image of masks/cat/a.png may be images/cat/a.jpg or cat/a.jpg.
    keys = {
        path: "/".join(below.parts[plain(below.parts[0]) in IMAGE_WORDS :])
        for path, below in near.items()
    }
    if not keys:
        return {}
    try:
        found = names.find(folder, list(keys.values()))
    except UserError:
        return {}
    return dict(zip(keys, found, strict=True))


def looks_like_mask(path: pathlib.Path) -> bool:
    """Tells whether a picture has a mask's few levels, or a palette of few colours."""
    try:
        found = raw.decoded(path.read_bytes())
    except (OSError, UserError):
        return False
    if found.levels is None:
        return False
    return (
        len(set(found.levels.ravel()[:: max(1, found.levels.size // 4096)].tolist())) <= _FEW_LEVELS
    )
