"""What both halves of a composite need: folders, and which images are held out for the test."""

import hashlib
import pathlib
from collections.abc import Callable, Sequence

import numpy as np

from bg_interp import decoding
from bg_interp.data.sources.walking import class_folders, image_files
from bg_interp.errors import UserError

HELD_OUT = 0.25


def images_by_folder(root: pathlib.Path, flag: str) -> dict[str, list[pathlib.Path]]:
    """Finds the images of each folder below `root`.

    Args:
      root: a folder with one folder of images for each class, or each kind of place.
      flag: of the command line that named it, for the errors.

    Raises:
      UserError: fewer than two folders, or one with fewer than two images, of which one has to be
        held out.
    """
    if not root.is_dir():
        raise UserError(f"{flag}=folder:PATH must name a folder. Received: {root}")
    found = {path.name: image_files(path) for path in class_folders(root)}
    if len(found) < 2:
        raise UserError(
            f"{flag}=folder:PATH must hold at least two folders of images. "
            f"Received: {root} with {', '.join(found) or 'none'}"
        )
    for name, paths in found.items():
        if len(paths) < 2:
            raise UserError(
                f"each folder of {flag} needs two images or more, since those of training and test "
                f"are kept apart. Received: {root / name} with {len(paths)}"
            )
    return found


def divided(keys: Sequence[str]) -> dict[str, list[str]]:
    """Divides names into "train" and "test" by a hash of each; a fourth is tested on, at least one.

    Args:
      keys: at least two.
    """
    by_hash = sorted(keys, key=lambda key: hashlib.sha256(key.encode()).digest())
    count = max(1, round(HELD_OUT * len(keys)))
    return {"train": sorted(by_hash[count:]), "test": sorted(by_hash[:count])}


def content(path: pathlib.Path) -> bytes:
    """Reads a file.

    Raises:
      UserError: it cannot be read.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}") from error


def decoded(path: pathlib.Path, data: bytes, decode: Callable[[bytes], np.ndarray]) -> np.ndarray:
    """Decodes what a file holds.

    Raises:
      UserError: it is damaged. With a handful of images a class, leaving one out would be missed.
    """
    try:
        return decode(data)
    except decoding.DamagedImage as error:
        raise UserError(f"{path} cannot be decoded ({error}): fix it or remove it") from error
