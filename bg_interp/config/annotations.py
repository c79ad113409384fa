"""Which reader a folder or file of annotations is for, told from names alone, for flags and errors.

Nothing is decoded here: tools look before anything heavy is imported.
"""

import itertools
import pathlib
from collections.abc import Callable

from bg_interp.storage import files

# What a reader is for; `bg_interp.data.sources.tables` has a module for each.
READERS = {
    "table": "FILE.csv",
    "coco": "FILE.json",
    "yolo": "FILE.yaml",
    "labelme": "PATH",
    "voc": "PATH",
    "waterbirds": "PATH",
    "imagenet9": "PATH",
    "imagenet_s": "PATH",
    "spuco": "PATH",
    "urbancars": "PATH",
}
_FEW = 5  # So many files of a kind are looked into.


def _holds(*names: str) -> Callable[[pathlib.Path], bool]:
    return lambda path: all((path / name).exists() for name in names)


def _has_match(*patterns: str) -> Callable[[pathlib.Path], bool]:
    return lambda path: any(next(path.glob(pattern), None) is not None for pattern in patterns)


def _is_waterbirds(path: pathlib.Path) -> bool:
    return _begins(path / "metadata.csv", "img_filename")


def _begins(file: pathlib.Path, word: str) -> bool:
    """Tells whether the first line of a text file, which need not be there, holds a word."""
    try:
        with open(file, encoding="utf-8-sig", errors="replace") as opened:
            return word in opened.readline(4096).casefold()
    except OSError:
        return False


def _is_labelme(path: pathlib.Path) -> bool:
    """Tells whether one of the first JSON files is LabelMe's."""
    files = itertools.chain(path.glob("*.json"), path.glob("*/*.json"))
    return any(_has_key(file, "shapes") for file in itertools.islice(files, _FEW))


def _has_key(file: pathlib.Path, key: str) -> bool:
    try:
        content = files.parsed(file.read_bytes())
    except (OSError, ValueError):
        return False
    return isinstance(content, dict) and key in content


def _tables(path: pathlib.Path) -> list[pathlib.Path]:
    """Returns the tables of a folder that name images and labels."""
    files = itertools.islice(sorted(path.glob("*.[ct]sv")), _FEW)
    return [file for file in files if _begins(file, "image") or _begins(file, "file")]


# These folders have layouts of their own, which class folders never have.
_LAYOUTS: dict[str, Callable[[pathlib.Path], bool]] = {
    "waterbirds": _is_waterbirds,
    "imagenet9": _has_match("original/val", "mixed_rand/val", "mixed_same/val"),
    "imagenet_s": _has_match("validation-segmentation", "train-semi-segmentation"),
    "urbancars": _has_match(*("*/" * deep + "obj-*_bg-*_co_occur_obj-*" for deep in range(3))),
    "spuco": _has_match("spuco_birds", "spuco_dogs", "train/landbirds/land", "train/*_dogs/indoor"),
    "voc": _holds("JPEGImages", "SegmentationClass"),
}
# These stand beside photographs that may be in class folders as well.
_FILES: dict[str, Callable[[pathlib.Path], bool]] = {
    "yolo": _has_match("data.yaml", "data.yml"),
    "coco": _has_match(
        "instances_*.json",
        "*/instances_*.json",
        "*annotations.coco.json",
        "*/*annotations.coco.json",
    ),
    "labelme": _is_labelme,
}
_SUFFIXES = {".csv": "table", ".tsv": "table", ".json": "coco", ".yaml": "yolo", ".yml": "yolo"}


def layout_of(path: pathlib.Path) -> str:
    """Returns the benchmark or kind of annotation that a folder is laid out as; "" for none."""
    return next((name for name, fits in _LAYOUTS.items() if fits(path)), "")


def dataset_of(path: pathlib.Path) -> str:
    """Returns what `--dataset` calls the annotations at a path; "" where none are seen."""
    if path.is_file():
        kind = _SUFFIXES.get(path.suffix.lower(), "")
        return f"{kind}:{path}" if kind else ""
    for kinds in (_LAYOUTS, _FILES):
        for name, fits in kinds.items():
            if fits(path):
                return f"{name}:{path}"
    return next((f"table:{file}" for file in _tables(path)), "")
