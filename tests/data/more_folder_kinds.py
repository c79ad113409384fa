"""More folders and files as people have them: formats, names, splits, masks, and what is odd.

See `folder_kinds`, which these are made by.
"""

import dataclasses
import functools
import gzip
import os
import pathlib
import shutil
from collections.abc import Callable

import numpy as np
from folder_kinds import JPEG, Draw, Made, coloured, exif, folders, level, turned
from PIL import Image, ImageCms
from scene import CLASSES, grey, save

Change = Callable[[pathlib.Path, Made], Made | None]


def changed(change: Change, **how) -> Draw:
    """Draws a plain folder, which is changed then."""

    def draw(root: pathlib.Path, **more) -> Made:
        made = folders(root, **how, **more)
        return change(root, made) or made

    return draw


def images(suffix: str, look=lambda image: image, **how) -> Draw:
    return functools.partial(folders, image="photos/{s}/{c}/{n}" + suffix, look=look, how=how)


def masks(suffix: str = ".png", spell=grey, **how) -> Draw:
    return functools.partial(folders, mask="masks/{s}/{c}/{n}" + suffix, spell=spell, mask_how=how)


def named_masks(name: str) -> Draw:
    return functools.partial(folders, mask="masks/{s}/{c}/" + name)


def splits(first: str, second: str) -> Draw:
    return functools.partial(folders, splits=(first, second))


def inside(image: str, mask: str | None) -> Draw:
    """Images and masks of one folder, which is named alone."""

    def draw(root: pathlib.Path, **more) -> Made:
        mask_below = mask and f"all/{mask}"
        made = folders(root, image=f"all/{image}", mask=mask_below, **more)
        return dataclasses.replace(made, dataset=root / "all")

    return draw


def each(kind: str, change: Callable[[pathlib.Path], object]) -> Change:
    """Changes each file of photos/ or masks/."""

    def change_all(root: pathlib.Path, made: Made) -> None:
        for path in sorted((root / kind).rglob("*")):
            if path.is_file():
                change(path)

    return change_all


def classes(**names: str) -> Draw:
    """Class folders of other names."""

    def rename(root: pathlib.Path, made: Made) -> None:
        for kind in ("photos", "masks"):
            for split in ("train", "test"):
                for old, new in names.items():
                    (root / kind / split / old).rename(root / kind / split / new)

    return changed(rename)


def beside(name: str, content: bytes) -> Draw:
    """Another file in a class folder."""

    def add(root: pathlib.Path, made: Made) -> None:
        (root / "photos" / "test" / "cat" / name).write_bytes(content)

    return changed(add)


def levels(change: Callable[[np.ndarray], np.ndarray]) -> Callable[[np.ndarray], Image.Image]:
    return lambda mask: Image.fromarray(change(mask).astype(np.uint8))


def as_arrays(dtype: type, object_: float = 1, shape=lambda values: values) -> Draw:
    """Masks as NumPy saves them."""

    def save_array(path: pathlib.Path) -> None:
        values = (np.asarray(Image.open(path)) > 0) * np.array(object_, dtype)
        np.save(path.with_suffix(".npy"), shape(values.astype(dtype)))
        path.unlink()

    return changed(each("masks", save_array))


def as_floats(change: Callable[[np.ndarray], np.ndarray]) -> Draw:
    """Masks of floats in TIFF."""

    def save_floats(path: pathlib.Path) -> None:
        values = change(np.asarray(Image.open(path)) > 0).astype(np.float32)
        Image.fromarray(values).save(path.with_suffix(".tif"))
        path.unlink()

    return changed(each("masks", save_floats))


def rewritten(chosen: Callable[[pathlib.Path], bool], change) -> Draw:
    """Some masks are written in another way."""

    def rewrite(path: pathlib.Path) -> None:
        if chosen(path):
            save(Image.fromarray(change(np.asarray(Image.open(path)))), path)

    return changed(each("masks", rewrite))


def link_files(root: pathlib.Path, made: Made) -> None:
    (root / "elsewhere").mkdir()
    for number, path in enumerate(sorted((root / "photos").rglob("*.png"))):
        path.symlink_to(path.rename(root / "elsewhere" / f"{number}.png"))


def link_root(root: pathlib.Path, made: Made) -> Made:
    (root / "link").symlink_to(root / "photos")
    return dataclasses.replace(made, dataset=root / "link")


def without_classes(root: pathlib.Path, made: Made) -> None:
    """Test images as competitions give them."""
    for number, path in enumerate(sorted((root / "photos" / "test").rglob("*.png"))):
        path.rename(root / "photos" / "test" / f"{number}.png")
    for name in CLASSES:
        (root / "photos" / "test" / name).rmdir()


def rename_masks_of_split(root: pathlib.Path, made: Made) -> None:
    for name in CLASSES:
        (root / "masks" / "test" / name).rename(root / "masks" / "test" / name.upper())


def shifted_by_one(root: pathlib.Path, made: Made) -> None:
    """The mask of each image is that of the one before it."""
    for split in ("train", "test"):
        paths = sorted((root / "masks" / split).rglob("*.png"))
        found = [path.read_bytes() for path in paths]
        for path, data in zip(paths, found[-1:] + found[:-1], strict=True):
            path.write_bytes(data)


def several_masks(root: pathlib.Path, made: Made) -> None:
    """A file for each part of an object."""
    for path in sorted((root / "masks").rglob("*.png")):
        shutil.copy(path, path.with_name(f"{path.stem}_part_1.png"))
        path.rename(path.with_name(f"{path.stem}_part_0.png"))


def previews(root: pathlib.Path, made: Made) -> None:
    for path in sorted((root / "masks").rglob("*.png")):
        save(Image.new("RGB", (48, 36), (9, 99, 9)), path.with_name(f"{path.stem}_overlay.jpg"))


def packed(kind: str) -> Change:
    def pack(root: pathlib.Path, made: Made) -> Made:
        shutil.make_archive(str(root / "packed"), "zip", root / kind)
        field = "dataset" if kind == "photos" else "masks"
        return dataclasses.replace(made, **{field: root / "packed.zip"})

    return pack


def other_class(root: pathlib.Path, made: Made) -> None:
    save(np.zeros((36, 48, 3), np.uint8), root / "photos" / "train" / "fox" / "1.png")


def not_utf8(root: pathlib.Path, made: Made) -> Made:
    first = root / "photos" / "test" / "cat" / "000.png"
    os.rename(first, os.fsencode(first.parent) + b"/\xff\xfe.png")
    return dataclasses.replace(made, images=7)


_PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
_PALETTE = {"colors": 256, "dither": 0}

RIGHT: dict[str, Draw] = {
    ".JpEg": images(".JpEg", format="JPEG", **JPEG),
    ".BMP": images(".BMP", format="BMP"),
    ".GIF": images(".GIF", lambda image: Image.fromarray(image).quantize(**_PALETTE)),
    ".jpe": images(".jpe", format="JPEG", **JPEG),
    ".mpo": images(".mpo", format="MPO", **JPEG),
    ".qoi": images(".qoi"),
    ".pcx": images(".pcx"),
    ".sgi": images(".sgi"),
    "no suffix": images("", format="PNG"),
    "JPEG called PNG": images(".png", format="JPEG", **JPEG),
    "PNG called JPEG": images(".jpg", format="PNG"),
    "WebP called JPEG": images(".jpg", format="WEBP", lossless=True),
    "progressive": images(".jpg", progressive=True, **JPEG),
    "a profile of colours": images(".jpg", icc_profile=_PROFILE, **JPEG),
    "palette": images(".png", lambda image: Image.fromarray(image).quantize(**_PALETTE)),
    "opaque RGBA": images(".png", lambda image: Image.fromarray(image).convert("RGBA")),
    "EXIF in PNG": images(".png", lambda image: turned(image, 6), exif=exif(6)),
    "EXIF in WebP": images(
        ".webp", lambda image: turned(image, 8), lossless=True, exif=exif(8).tobytes()
    ),
    "EXIF in TIFF": images(".tif", lambda image: turned(image, 3), exif=exif(3)),
    "TIFF, packed": images(".tif", compression="tiff_lzw"),
    "classes with spaces": classes(cat="big cat", dog="small dog"),
    "classes of other scripts": classes(cat="\u0642\u0637", dog="\U0001f436"),
    "classes like patterns": classes(cat="[cat]*", dog="{dog}?"),
    "classes with quotes": classes(cat="c'a\"t", dog="d&g;"),
    "classes with line ends": classes(cat="c\nat", dog="d\tog"),
    "classes in capitals": classes(cat="Cat", dog="DOG"),
    "classes with numbers before": classes(cat="001.Cat", dog="002.Dog"),
    "classes about masks": classes(cat="with_mask", dog="without_mask"),
    "a class called control": classes(cat="control", dog="test"),
    "a root with spaces": functools.partial(folders, image="my photos #1 [a]/{s}/{c}/{n}.png"),
    "names with spaces": functools.partial(
        folders, image="photos/{s}/{c}/IMG {n} (1).png", mask="masks/{s}/{c}/IMG {n} (1).png"
    ),
    "names with dots": functools.partial(
        folders,
        image="photos/{s}/{c}/a.b.{n}.v1.jpg",
        mask="masks/{s}/{c}/a.b.{n}.v1.png",
        how=JPEG,
    ),
    "long names": functools.partial(
        folders,
        image="photos/{s}/{c}/" + "a" * 200 + "{n}.png",
        mask="masks/{s}/{c}/" + "a" * 200 + "{n}.png",
    ),
    "folders in classes": functools.partial(
        folders, image="photos/{s}/{c}/2019/a/{n}.png", mask="masks/{s}/{c}/2019/a/{n}.png"
    ),
    "each file linked": changed(link_files),
    "a linked root": changed(link_root),
    "copies of macOS": changed(
        each("photos", lambda path: path.with_name(f"._{path.name}").write_bytes(b"\0\5\26\7"))
    ),
    "Thumbs.db": beside("Thumbs.db", b"x"),
    "a film beside": beside("film.mp4", b"x"),
    "Trainingsdaten": splits("Trainingsdaten", "Testdaten"),
    "entrenamiento": splits("entrenamiento", "prueba"),
    "treino": splits("treino", "teste"),
    "\u8bad\u7ec3": splits("\u8bad\u7ec3", "\u6d4b\u8bd5"),
    "Training and Validierung": splits("Training", "Validierung"),
    "x_train and x_test": splits("x_train", "x_test"),
    "pets_train and pets_test": splits("pets_train", "pets_test"),
    "train_v2 and test_v2": splits("train_v2", "test_v2"),
    "TRAIN and HOLDOUT": splits("TRAIN", "HOLDOUT"),
    "two folders around it": inside("a/b/{s}/{c}/{n}.png", "a/b/{s}/{c}/{n}_mask.png"),
    "train/images and train/masks": inside("{s}/images/{c}/{n}.png", "{s}/masks/{c}/{n}.png"),
    "train and train_masks": inside("{s}/{c}/{n}.png", "{s}_masks/{c}/{n}.png"),
    "CLASS/images and CLASS/masks": inside("{s}/{c}/images/{n}.png", "{s}/{c}/masks/{n}.png"),
    "masks in BMP": masks(".bmp"),
    "masks in GIF": masks(".gif"),
    "masks in WebP": masks(".webp", lossless=True),
    "masks of a fax": masks(
        ".TIF", lambda mask: grey(mask).convert("1"), format="TIFF", compression="group4"
    ),
    "masks in PGM": masks(".pgm"),
    "masks of grey and alpha": masks(
        ".png",
        lambda mask: Image.merge("LA", (Image.new("L", mask.shape[::-1], 7), grey(mask))),
    ),
    "masks of double size": masks(spell=lambda mask: grey(mask).resize((96, 72))),
    "arrays of bool": as_arrays(bool),
    "arrays of bytes": as_arrays(np.uint8, 255),
    "arrays of floats": as_arrays(np.float32),
    "arrays of int64": as_arrays(np.int64),
    "arrays of one channel": as_arrays(np.uint8, 1, lambda values: values[..., None]),
    "arrays of one mask": as_arrays(np.uint8, 1, lambda values: values[None]),
    "a trimap, said": functools.partial(
        folders, spell=levels(lambda mask: np.where(mask, 1, 2)), mask_values="1"
    ),
    "NAME_mask_0": named_masks("{n}_mask_0.png"),
    "NAME.seg": named_masks("{n}.seg.png"),
    "NAME_rembg": named_masks("{n}_rembg.png"),
    "seg_NAME": named_masks("seg_{n}.png"),
    "NAME (mask)": named_masks("{n} (mask).png"),
    "NAMEm": named_masks("{n}m.png"),
    "masks by their splits": functools.partial(
        folders, image="photos/{s}/{c}/{c}{n}.png", mask="masks/{s}/{c}{n}.png"
    ),
    "masks of classes in capitals": changed(rename_masks_of_split),
    "masks beside their previews": changed(previews),
}
DOUBTED: dict[str, tuple[Draw, str]] = {
    "masks of one class inverted": (
        rewritten(lambda path: "cat" in path.parts, lambda values: 255 - values),
        "look inverted",
    ),
    "masks shifted by one": (changed(shifted_by_one, each=24), "masks of other images"),
    "masks mirrored": (
        functools.partial(folders, each=24, spell=lambda mask: grey(mask[:, ::-1])),
        "look mirrored",
    ),
    "masks upside down": (
        functools.partial(folders, each=24, spell=lambda mask: grey(mask[::-1])),
        "look upside down",
    ),
    "all full": (functools.partial(folders, spell=lambda mask: grey(mask | True)), "are full"),
    "A and B": (splits("A", "B"), "nothing tells which of both are the classes"),
    "years": (splits("2019", "2020"), "nothing tells which of both are the classes"),
    "folds": (
        functools.partial(folders, splits=("fold1", "fold2", "fold3")),
        "nothing tells which of both are the classes",
    ),
}
REFUSED: dict[str, tuple[Draw, str]] = {
    "other suffixes": (images(".jpg_large", format="JPEG", **JPEG), r"no image .* 8 \.jpg_large"),
    "packed images": (
        changed(
            each(
                "photos",
                lambda path: path.rename(path.with_name(f"{path.name}.gz")).write_bytes(
                    gzip.compress(b"x")
                ),
            )
        ),
        r"no image .* 8 \.gz",
    ),
    "a packed folder": (changed(packed("photos")), "must name a folder that is there"),
    "packed masks": (changed(packed("masks")), "must name a folder of masks"),
    "CLASS_split": (inside("{c}_{s}/{n}.png", None), "a class and a split by their names"),
    "split_CLASS": (inside("{s}_{c}/{n}.png", None), "a class and a split by their names"),
    "classes in the names": (inside("{s}/{c}.{n}.png", None), "splits by their names"),
    "images alone": (inside("{c}_{n}{s}.png", None), "one folder of images per class"),
    "another class in train": (changed(other_class), "'fox' in only one of them"),
    "a class called mask": (classes(cat="mask", dog="no mask"), "no class by its name"),
    "one class": (
        changed(lambda root, made: shutil.rmtree(root / "photos" / "train" / "dog")),
        "at least two classes",
    ),
    "0 and 254": (masks(spell=level(254)), "0 and 254.*mask_values"),
    "percent": (masks(spell=level(100)), "0 and 100.*mask_values"),
    "1 and 255": (masks(spell=levels(lambda mask: np.where(mask, 255, 1))), "1 and 255"),
    "a number for each class": (
        rewritten(lambda path: True, lambda values: values // 255 * np.uint8(2)),
        "0 and 2.*mask_values",
    ),
    "masks with a margin": (
        masks(spell=lambda mask: grey(np.pad(mask, ((6, 6), (0, 0))))),
        "48 x 48 pixels and its image of 48 x 36",
    ),
    "photographs as masks": (
        changed(lambda root, made: dataclasses.replace(made, masks=made.dataset)),
        "a picture in colours",
    ),
    "green": (masks(spell=coloured(0, 255, 0)), "in colours.*#00ff00"),
    "logits": (as_floats(lambda mask: np.where(mask, 5, -5)), "values from -5 to 5"),
    "NaN": (as_floats(lambda mask: np.where(mask, 1, np.nan)), "nan"),
    "arrays of many masks": (
        as_arrays(np.uint8, 1, lambda values: np.repeat(values[None], 3, axis=0)),
        r"shape \[3, 36, 48\]",
    ),
    "a mask for each part": (changed(several_masks), "one mask of each image"),
    "masks half missing": (
        changed(
            lambda root, made: (
                [path.unlink() for path in sorted((root / "masks" / "test").rglob("*.png"))[:4]]
                and None
            )
        ),
        "4 of 8 masks are missing",
    ),
}
# Damaged files are left out, counted and named.
COUNTED: dict[str, tuple[Draw, int]] = {
    "no bytes": (beside("zz.jpg", b""), 8),
    "a web page": (beside("zz.jpg", b"<!DOCTYPE html><html>404</html>"), 8),
    "a pointer of LFS": (beside("zz.png", b"version https://git-lfs.github.com/spec/v1\n"), 8),
    "a link to nowhere": (
        changed(
            lambda root, made: (root / "photos" / "test" / "cat" / "zz.png").symlink_to("nowhere")
        ),
        8,
    ),
    "a name that is not UTF-8": (changed(not_utf8), 7),
}
