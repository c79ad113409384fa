"""How a folder of labelled images is laid out: its splits, whatever they are called, and classes.

| there are | trained on | tested on | all of a finished classifier's |
|---|---|---|---|
| train and test | train | test | test |
| train and validation | train | validation | validation |
| train, or test, or validation alone | four fifths of it | a fifth | all |
| class folders alone | four fifths | a fifth | all |
"""

import collections
import dataclasses
import pathlib
import re
import sys
import unicodedata
from collections.abc import Iterable

from bg_interp import decoding
from bg_interp.data.sources.walking import (
    IMAGE_WORDS,
    MASK_WORDS,
    Found,
    class_folders,
    image_files,
    is_junk,
    is_picture,
    masks_in,
    plain,
)
from bg_interp.doubts import Doubt
from bg_interp.errors import UserError

TRAIN, TEST, VALIDATION = "train", "test", "validation"
# In English, and in other languages.
_WORDS = {
    TRAIN: "training|train|trn|"
    "entrenamiento|entra[iî]nement|apprentissage|treino|treinamento|addestramento|训练|訓練",
    TEST: "testing|tests|test|tst|pruebas?|testes?|测试|測試|テスト",
    VALIDATION: "validation|validate|valid|val|development|dev|heldout|holdout|evaluation|eval|"
    "validierung|validaci[oó]n|valida[cç][aã]o|validazione|验证|驗證|検証",
}
# What stands beside these words: seg_train, train_images, TestSet, Testdaten.
_BESIDE = (
    "(?:seg|set|s?daten|data|dataset|images?|imgs?|img|photos?|pictures?|bilder|split|samples|the|"
    "my|x|v|集)*"
)
_SPLITS = {split: re.compile(f"{_BESIDE}(?:{words}){_BESIDE}") for split, words in _WORDS.items()}
# No class is called so: a folder of this name holds what belongs to images.
_NO_CLASSES = IMAGE_WORDS | MASK_WORDS | {"imagesets"}


@dataclasses.dataclass(frozen=True)
class Layout:
    """The images of a folder.

    Attributes:
      root: the folder that keys are relative to.
      images: {split: {class: paths}}; the split "" is still to be divided.
      masks: {image: mask}, of those that stand beside the images.
      left_out: how many files are no images that are read, by reason.
      doubts: what the folders' names leave open.
    """

    root: pathlib.Path
    images: dict[str, dict[str, list[pathlib.Path]]]
    masks: dict[pathlib.Path, pathlib.Path]
    left_out: collections.Counter[str]
    doubts: tuple[Doubt, ...] = ()


def split_of(name: str) -> str | None:
    """Returns which split a folder is called after, or None."""
    letters = plain(name)
    return next((split for split, words in _SPLITS.items() if words.fullmatch(letters)), None)


def _divided_name(name: str) -> tuple[str, str | None]:
    """Returns a name without the word of a split in it, and that split: cat and train of cat_train.

    A name without such a word, or with several, comes back as it is, with None.
    """
    words = re.split(r"[\W_]+", name)
    splits = [split for word in words if (split := split_of(word)) and plain(word)]
    if len(splits) != 1:
        return name, None
    return " ".join(word for word in words if not split_of(word)), splits[0]


def in_order(names: Iterable[str]) -> list[str]:
    """Returns class names in the order of their labels: numbers as numbers, others as text."""
    found = list(names)
    if all(re.fullmatch(r"\d+", name) for name in found):
        return sorted(found, key=lambda name: (int(name), name))
    return sorted(found)


def find(given: pathlib.Path) -> Layout:
    """Finds the splits, classes, images and masks of a folder.

    Raises:
      UserError: the folder is missing, the class folders are fewer than two, without images, not
        the same in all splits, or no classes by their names.
    """
    if not given.is_dir():
        raise UserError(f"--dataset=folder:PATH must name a folder. Received: {given}")
    root = _unwrapped(given)
    images_folder, masks_folder = _pair(root)
    halves = _halves(images_folder)
    found = {split: _classes(half) for split, half in halves.items()}
    doubts: tuple[Doubt, ...] = ()
    if "" in halves and (inner := _splits_of_classes(halves[""])):
        found, halves = inner, dict.fromkeys(inner, halves[""])
    elif "" in halves:
        doubts = _doubt_parts(halves[""], found[""])
    masks = {
        image: mask
        for one in found.values()
        for f in one.values()
        for image, mask in f.masks.items()
    }
    _check(found, halves)
    every = [path for one in found.values() for some in one.values() for path in some.images]
    for folder in [masks_folder] if masks_folder else _masks_of(images_folder, halves.values()):
        near = [path for path in every if _is_beside(folder, path)]
        masks.update(masks_in(folder, near))
        _say_masks(folder, masks, near)
    left_out: collections.Counter[str] = sum(
        (some.left_out for one in found.values() for some in one.values()), collections.Counter()
    )
    images = {
        split: {name: some.images for name, some in one.items()} for split, one in found.items()
    }
    return Layout(images_folder, images, masks, left_out, doubts)


def _unwrapped(root: pathlib.Path) -> pathlib.Path:
    """Returns the folder itself, or the only one somewhere below it that holds all there is."""
    inner = root
    while True:
        below = class_folders(inner)
        pictures = any(path.is_file() and is_picture(path) for path in _entries(inner))
        if len(below) > 1 and inner != root:
            print(f"reading {inner}, all that there is", file=sys.stderr)
            return inner
        if pictures or len(below) != 1 or split_of(below[0].name):
            return root
        inner = below[0]


def _entries(folder: pathlib.Path) -> list[pathlib.Path]:
    return [path for path in folder.iterdir() if not is_junk(path.name)]


def _pair(root: pathlib.Path) -> tuple[pathlib.Path, pathlib.Path | None]:
    """Returns the folder of images, and that of masks where both stand side by side.

    Raises:
      UserError: there are both, but the images are in no class folders.
    """
    below = class_folders(root)
    images = [path for path in below if plain(path.name) in IMAGE_WORDS]
    masks = [path for path in below if plain(path.name) in MASK_WORDS]
    if len(images) == 1 and len(images) + len(masks) == len(below):
        if not class_folders(images[0]):
            raise UserError(
                f"{images[0]} must hold one folder of images per class. Received: images without "
                "folders, so that nothing tells their classes; put them into class folders, or "
                "name a table of labels with --dataset=table:FILE.csv"
            )
        with_pictures = [path for path in masks if image_files(path)]
        return images[0], with_pictures[0] if with_pictures else None
    if len(masks) == 1 and len(below) > 2 and image_files(masks[0]):
        return root, masks[0]
    return root, None


def _masks_of(root: pathlib.Path, halves: Iterable[pathlib.Path]) -> list[pathlib.Path]:
    """Returns the folders of masks, below `root`, that stand beside the images of splits.

    train/masks beside train/images, or train_masks beside train.
    """
    found = []
    for half in halves:
        if root not in half.parents:
            continue
        if plain(half.name) in IMAGE_WORDS:
            found += [path for path in class_folders(half.parent) if plain(path.name) in MASK_WORDS]
        elif split := split_of(half.name):
            beside = filter(_holds_masks, class_folders(half.parent))
            found += [path for path in beside if _divided_name(path.name)[1] == split]
    return [path for path in found if image_files(path)]


def _is_beside(folder: pathlib.Path, image: pathlib.Path) -> bool:
    """Tells whether a folder of masks stands beside that of an image, for its split alone."""
    if folder.parent not in image.parents:
        return False
    half = image.relative_to(folder.parent).parts[0]
    own, other = split_of(half), _divided_name(folder.name)[1]
    return other is None or own == other


def _say_masks(
    folder: pathlib.Path, masks: dict[pathlib.Path, pathlib.Path], images: list[pathlib.Path]
) -> None:
    if not all(path in masks for path in images):
        raise UserError(
            f"{folder} looks like masks, which must be named like the images. Received: masks that "
            f"fit {sum(path in masks for path in images)} of {len(images)} images; name them like "
            "the images, or move the folder away and give it with --masks=folder:PATH"
        )


def _halves(root: pathlib.Path) -> dict[str, pathlib.Path]:
    """Returns the folders of train and test; or one that is still to be divided, as ""."""
    splits: dict[str, list[pathlib.Path]] = {}
    for path in class_folders(root):
        split = split_of(path.name)
        if split is not None and (inner := _split_folder(path)) is not None:
            splits.setdefault(split, []).append(inner)
    splits = splits or _halves_by_words(root)
    if not splits:
        return {"": root}
    held_out = [*_usual_first(splits.get(TEST, [])), *_usual_first(splits.get(VALIDATION, []))]
    train = _usual_first(splits.get(TRAIN, []))
    used = [*train[:1], *held_out[:1]]
    others = [
        path
        for path in class_folders(root)
        if not any(path == u or path in u.parents for u in used)
    ]
    others = [path for path in others if image_files(path) and not _holds_masks(path)]
    if len(used) == 1 and any(split_of(path.name) is None for path in others):
        # Taken for a class, "train" would be learned from all images below it.
        names = ", ".join(path.name for path in others)
        raise UserError(
            f"{root} must hold the folders train and test, or class folders only. Received: "
            f"{used[0].name} beside {names}; rename a folder, or name one of them as --dataset"
        )
    for path in others:
        print(f"testing on {used[-1].name}; not used: {path}", file=sys.stderr)
    if train and held_out:
        return {TRAIN: train[0], TEST: held_out[0]}
    return {"": used[0]}


def _halves_by_words(root: pathlib.Path) -> dict[str, list[pathlib.Path]]:
    """Returns the folders of splits where all folders name one in a word: pets_train, pets_test."""
    splits: dict[str, list[pathlib.Path]] = {}
    folders = [path for path in class_folders(root) if not _holds_masks(path)]
    for path in folders:
        split = _divided_name(path.name)[1]
        inner = _split_folder(path) if split else None
        if split is None or inner is None:
            return {}
        splits.setdefault(split, []).append(inner)
    return (
        splits if len(splits) > 1 and len({_divided_name(f.name)[0] for f in folders}) == 1 else {}
    )


def _holds_masks(folder: pathlib.Path) -> bool:
    """Tells by its name whether a folder holds the masks of a split: train_masks."""
    name = plain(folder.name)
    word = next((word for word in sorted(MASK_WORDS, key=len)[::-1] if name.endswith(word)), None)
    return bool(word) and split_of(name.removesuffix(word or "")) is not None


def _split_folder(path: pathlib.Path) -> pathlib.Path | None:
    """Returns where the class folders of a split are; None where it holds none, but images.

    seg_train/seg_train/CLASS is how a much used dataset comes.
    """
    below = class_folders(path)
    if not below or any(entry.is_file() and is_picture(entry) for entry in _entries(path)):
        return None
    if len(below) == 1 and split_of(below[0].name):
        return _split_folder(below[0])
    return _pair(path)[0]


def _usual_first(paths: list[pathlib.Path]) -> list[pathlib.Path]:
    usual = (TRAIN, TEST, VALIDATION, "val")
    return sorted(
        paths,
        key=lambda path: (
            path.name not in usual,
            usual.index(path.name) if path.name in usual else 0,
            path.name,
        ),
    )


def _classes(half: pathlib.Path) -> dict[str, Found]:
    """Returns the pictures of each class, by its name in NFC."""
    folders = class_folders(half)
    masks = {path for path in folders if plain(path.name) in MASK_WORDS}
    if len(folders) - len(masks) >= 2 and len(masks) == 1:
        folders = [path for path in folders if path not in masks]
    return {unicodedata.normalize("NFC", path.name): Found(path) for path in folders}


def _splits_of_classes(root: pathlib.Path) -> dict[str, dict[str, Found]]:
    """Returns the pictures of CLASS/train and CLASS/test; {} where classes are not divided so."""
    found: dict[str, dict[str, Found]] = {TRAIN: {}, TEST: {}}
    for folder in class_folders(root):
        below = {split_of(path.name): path for path in class_folders(folder)}
        held_out = below.get(TEST, below.get(VALIDATION))
        pictures = any(path.is_file() and is_picture(path) for path in _entries(folder))
        if pictures or None in below or TRAIN not in below or held_out is None:
            return {}
        name = unicodedata.normalize("NFC", folder.name)
        found[TRAIN][name], found[TEST][name] = Found(below[TRAIN]), Found(held_out)
    return found if len(found[TRAIN]) > 1 else {}


def _check_divided(where: pathlib.Path, names: Iterable[str]) -> None:
    """Refuses folders that are a class and a split each: cat_train, cat_test, dog_train, dog_test.

    Raises:
      UserError: all are.
    """
    splits: dict[str, set[str | None]] = {}
    for name in names:
        label, split = _divided_name(name)
        splits.setdefault(label, set()).add(split)
    if all(len(some) > 1 and None not in some for some in splits.values()):
        raise UserError(
            f"{where} must hold one folder of images per class. Received: {_some(names)}, which "
            "are a class and a split by their names; put them into train/CLASS and test/CLASS"
        )


def _doubt_parts(root: pathlib.Path, classes: dict[str, Found]) -> tuple[Doubt, ...]:
    """Doubts which folders are the classes, where all outer ones hold the same inner ones."""
    parts = [
        {path.relative_to(root).parts[1] for path in some.images if len(path.parents) > depth}
        for some in classes.values()
        for depth in [len(root.parents) + 2]
    ]
    if len(parts) < 2 or len(parts[0]) < 2 or any(one != parts[0] for one in parts):
        return ()
    return (
        Doubt(
            "labels",
            f"each of {_some(classes)} holds the folders {_some(parts[0])}: nothing tells which of "
            "both are the classes, and the outer ones are taken",
            "where the outer ones are splits, call them train and test; else put the images of "
            "each class into one folder, or name their places in a table",
        ),
    )


def _some(names: Iterable[str]) -> str:
    found = sorted(names)
    return ", ".join(found[:4]) + (", ..." if len(found) > 4 else "")


def _check(found: dict[str, dict[str, Found]], halves: dict[str, pathlib.Path]) -> None:
    for split, by_class in found.items():
        where = halves[split]
        if not any(some.images for some in by_class.values()):
            left = sum((some.left_out for some in by_class.values()), collections.Counter())
            listed = ", ".join(f"{count} {reason}" for reason, count in left.most_common(3))
            raise UserError(
                f"{where} must hold one folder of images per class "
                f"({', '.join(decoding.SUFFIXES[:8])} ...). Received: no image in any folder below "
                f"it{f', but {listed}' if listed else ''}"
            )
        if odd := [name for name in by_class if plain(name) in _NO_CLASSES]:
            raise UserError(
                f"{where} must hold one folder of images per class. Received: {odd[0]!r}, which is "
                "no class by its name; rename it, or give class folders, a folder of masks with "
                "--masks=folder:PATH, or a table of labels with --dataset=table:FILE.csv"
            )
        if all(split_of(name) for name in by_class):
            raise UserError(
                f"{where} must hold one folder of images per class. Received: "
                f"{' and '.join(by_class)}, which are splits by their names and hold images "
                "without class folders; put these into class folders, or name a table of labels "
                "with --dataset=table:FILE.csv"
            )
        _check_divided(where, by_class)
        if len(by_class) < 2:
            raise UserError(
                f"{where} must hold at least two classes, one folder each. "
                f"Received: {', '.join(by_class)}"
            )
        if empty := [name for name, some in by_class.items() if not some.images]:
            reasons = ", ".join(f"{n} {why}" for why, n in by_class[empty[0]].left_out.items())
            raise UserError(
                f"every class folder must hold images. Received: {where / empty[0]} without any"
                f"{f' ({reasons})' if reasons else ''}; add images or remove the folder"
            )
    if TEST in found and set(found[TEST]) != set(found[TRAIN]):
        odd = sorted(set(found[TEST]) ^ set(found[TRAIN]))
        raise UserError(
            f"{halves[TRAIN]} and {halves[TEST]} must hold the same class folders. "
            f"Received: {odd[0]!r} in only one of them"
        )
