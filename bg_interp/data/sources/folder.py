"""Images in folders: PATH/{train,test}/CLASS/*.jpg, or PATH/CLASS/* split by a hash of the name.

Held-out images may also stand in PATH/validation or PATH/val.
"""

import contextlib
import dataclasses
import hashlib
import json
import os
import pathlib
import sys
from collections.abc import Iterator, Sequence

import numpy as np
import tensorflow as tf
import tqdm

from bg_interp import decoding
from bg_interp.config.data import SourceConfig
from bg_interp.data.sources import examining
from bg_interp.errors import UserError
from bg_interp.masks.opening import Photographs
from bg_interp.storage import files

# Of a folder without train and test, every fifth image by the hash of its name is tested on.
_TEST_SHARE = 0.2
# Tested on are the images of the first that is there.
_HELD_OUT = ("test", "validation", "val")


@dataclasses.dataclass(frozen=True)
class FolderSplit:
    """The images of one split of a folder.

    Attributes:
      root: the folder that `keys` are relative to.
      keys: the images' paths relative to `root`, with "/", sorted.
      labels: int32 [N], the class of each image.
      turns: int8 [N], EXIF's orientation of each file's pixels.
      places: always None; nobody says what stands behind the objects of a folder.
    """

    root: pathlib.Path
    keys: list[str]
    labels: np.ndarray
    turns: np.ndarray
    places: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.keys)

    def images(self, positions: Sequence[int] | None = None) -> Iterator[np.ndarray]:
        """Yields the images at `positions` (default: all) as uint8 [height, width, 3]."""
        for position in range(len(self)) if positions is None else positions:
            yield decoding.read(self.root / self.keys[position])

    def photographs(self) -> Photographs:
        """Returns the files, for masks that are laid on them."""
        return Photographs(lambda position: self.root / self.keys[position], self.turns)

    def _read(self, position: np.int64) -> np.ndarray:
        path = self.root / self.keys[int(position)]
        try:
            return decoding.read(path)
        except (OSError, decoding.DamagedImage) as error:
            raise UserError(
                f"{str(path)!r} can no longer be read ({error}); the same command leaves it out, "
                "or start anew with --overwrite"
            ) from error

    def load(self, position: tf.Tensor) -> dict[str, tf.Tensor]:
        """Returns `image`, uint8 [height, width, 3], and `label`, int32, in a graph or eagerly.

        Args:
          position: int64 scalar, the image's place in `keys`.
        """
        image = tf.numpy_function(self._read, [position], tf.uint8, stateful=False)
        return {
            "image": tf.ensure_shape(image, [None, None, 3]),
            "label": tf.gather(self.labels, position),
        }


@dataclasses.dataclass(frozen=True)
class FolderSource:
    """A folder of images, one folder a class.

    Attributes:
      name: "folder:" and the folder's absolute path.
      class_names: the classes' folder names, sorted; their order gives the labels.
      splits: "train" and "test".
      fingerprint: sha256 over the images' names and contents.
      damaged: the files that were left out, each with the reason.
      place_names: always empty; see `FolderSplit.places`.
    """

    name: str
    class_names: tuple[str, ...]
    splits: dict[str, FolderSplit]
    fingerprint: str
    damaged: tuple[tuple[str, str], ...]
    has_masks: bool = False
    place_names: tuple[str, ...] = ()


def class_folders(folder: pathlib.Path) -> list[pathlib.Path]:
    """Returns the folders directly below a folder, sorted, hidden ones left out."""
    return sorted(path for path in folder.iterdir() if path.is_dir() and path.name[0] != ".")


def image_files(folder: pathlib.Path) -> list[pathlib.Path]:
    """Returns the image files anywhere below a folder, sorted, hidden ones left out."""
    return sorted(
        pathlib.Path(where) / name
        for where, _, names in os.walk(folder)
        for name in names
        if pathlib.Path(name).suffix.lower() in decoding.SUFFIXES and not name.startswith(".")
    )


def _halves(root: pathlib.Path) -> dict[str, pathlib.Path]:
    """Returns the folders of train and test; or the whole folder as "", still to be divided.

    Raises:
      UserError: the folder is missing, or one of the two.
    """
    if not root.is_dir():
        raise UserError(f"--dataset=folder:PATH must name a folder. Received: {root}")
    train, held_out = root / "train", [name for name in _HELD_OUT if (root / name).is_dir()]
    if not train.is_dir() and "test" not in held_out:
        return {"": root}
    if not (train.is_dir() and held_out):
        # Taken for a class, "train" would be learned from all images below it.
        one, other = ("train", "test") if train.is_dir() else ("test", "train")
        raise UserError(
            f"{root} must hold both the folders train and test (or validation, or val), or class "
            f"folders only. Received: {one} without {other}; rename a folder, or add one"
        )
    for name in held_out[1:]:
        print(f"testing on {held_out[0]}; not used: {root / name}", file=sys.stderr)
    return {"train": train, "test": root / held_out[0]}


def _find(root: pathlib.Path) -> dict[str, dict[str, list[pathlib.Path]]]:
    """Returns the image files by split and class; the split "" still has to be divided.

    Raises:
      UserError: see `_halves`; or the class folders are fewer than two, or without images.
    """
    halves = _halves(root)
    found = {
        split: {folder.name: image_files(folder) for folder in class_folders(half)}
        for split, half in halves.items()
    }
    for split, by_class in found.items():
        where = halves[split]
        if not any(by_class.values()):
            raise UserError(
                f"{where} must hold one folder of images per class "
                f"({', '.join(decoding.SUFFIXES)}). Received: no image in any folder below it"
            )
        if len(by_class) < 2:
            raise UserError(
                f"{where} must hold at least two classes, one folder each. "
                f"Received: {', '.join(by_class)}"
            )
        empty = [name for name, paths in by_class.items() if not paths]
        if empty:
            raise UserError(
                f"every class folder must hold images. Received: {where / empty[0]} without any; "
                "add images or remove the folder"
            )
    if "test" in found and set(found["test"]) != set(found["train"]):
        odd = sorted(set(found["test"]) ^ set(found["train"]))
        raise UserError(
            f"{halves['train']} and {halves['test']} must hold the same class folders. "
            f"Received: {odd[0]!r} in only one of them"
        )
    return found


def _key(root: pathlib.Path, path: pathlib.Path) -> str:
    """Returns where a file stands below `root`, with slashes on every system."""
    return "/".join(path.parts[len(root.parts) :])


def _stamp(path: pathlib.Path) -> str:
    """Returns what changes whenever the file does; links that lead nowhere have none."""
    try:
        found = path.stat()
    except OSError:
        return ""
    return f"{found.st_size}-{found.st_mtime_ns}"


def _examine_all(root: pathlib.Path, paths: list[pathlib.Path]) -> dict[str, tuple]:
    """Examines every image once; what was examined before is remembered by size and time.

    Returns:
      {path relative to root: (digest, reason or None, orientation)}.
    """
    known_as = hashlib.sha256(str(root.resolve()).encode(errors="replace")).hexdigest()[:16]
    memory = files.cache_folder() / "folders" / f"{known_as}.json"
    try:
        known = files.read_sealed(memory)
        # What could not be read may be read by now.
        known = {key: found for key, found in known.items() if len(found) == 4 and not found[2]}
    except (OSError, ValueError, TypeError):
        known = {}
    stamps = {path: _stamp(path) for path in paths}
    keys = {path: _key(root, path) for path in paths}
    new = [path for path in paths if known.get(keys[path], [None])[0] != stamps[path]]
    bar = tqdm.tqdm(examining.examine_all(new), "checking images", len(new), unit="image", delay=1)
    fresh = {keys[path]: (stamps[path], *found) for path, found in zip(new, bar, strict=True)}
    known = {key: known[key] for key in keys.values() if key in known} | fresh
    if fresh:
        # Remembering only saves time: a cache that cannot be written stops nobody.
        with contextlib.suppress(UserError):
            files.write_sealed(memory, known)
    return {key: tuple(found[1:]) for key, found in known.items()}


def _in_test(key: str) -> bool:
    """Tells whether an image belongs to the fifth that is tested on."""
    digest = hashlib.sha256(key.encode()).digest()
    return int.from_bytes(digest[:4], "big") < _TEST_SHARE * 2**32


def _divide(by_class: dict[str, list[str]]) -> dict[str, dict[str, list[str]]]:
    """Divides the images of each class into train and test, at least one of each."""
    train, test = {}, {}
    for name, keys in by_class.items():
        chosen = {key for key in keys if _in_test(key)}
        if len(chosen) in (0, len(keys)):
            chosen = set(sorted(keys)[-1:])
        train[name] = [key for key in keys if key not in chosen]
        test[name] = sorted(chosen)
    return {"train": train, "test": test}


def _split(
    root: pathlib.Path, by_class: dict[str, list[str]], examined: dict[str, tuple]
) -> FolderSplit:
    names = sorted(by_class)
    pairs = sorted((key, names.index(name)) for name, keys in by_class.items() for key in keys)
    keys = [key for key, _ in pairs]
    turns = np.array([examined[key][2] for key in keys], np.int8)
    return FolderSplit(root, keys, np.array([n for _, n in pairs], np.int32), turns)


def open_source(path: str, config: SourceConfig) -> FolderSource:
    """Opens `folder:PATH`; see `open_folder`."""
    del config
    return open_folder(pathlib.Path(path).expanduser())


def open_folder(root: pathlib.Path) -> FolderSource:
    """Opens a folder of images; every image is decoded once, and damaged ones are left out.

    Args:
      root: a folder with PATH/train/CLASS and PATH/test/CLASS (or validation, or val), or with
        PATH/CLASS only, whose images are then divided 80/20 by a hash of their names.

    Raises:
      UserError: no images, a class without images, fewer than two classes, or splits that differ.
    """
    found = _find(root)
    paths = [path for by_class in found.values() for some in by_class.values() for path in some]
    examined = _examine_all(root, paths)
    damaged = tuple((key, found[1]) for key, found in sorted(examined.items()) if found[1])
    for key, reason in damaged[:20]:
        print(f"skipping damaged image {key!r}: {reason}", file=sys.stderr)
    if damaged:
        print(f"skipping {len(damaged)} damaged of {len(paths)} images", file=sys.stderr)

    sound = {key for key, found in examined.items() if not found[1]}
    keys = {
        split: {
            name: [k for p in some if (k := _key(root, p)) in sound]
            for name, some in by_class.items()
        }
        for split, by_class in found.items()
    }
    if "" in keys:
        keys = _divide(keys[""])
    for split, by_class_keys in keys.items():
        for name, some_keys in by_class_keys.items():
            if not some_keys:
                raise UserError(
                    f"every class needs at least one image to train on and one to test on. "
                    f"Received: class {name!r} of {root} without undamaged images in {split}"
                )
    content = json.dumps([(key, examined[key][0]) for key in sorted(sound)])
    return FolderSource(
        name=f"folder:{root.resolve()}",
        class_names=tuple(sorted(keys["train"])),
        splits={
            name: _split(root, by_class_keys, examined) for name, by_class_keys in keys.items()
        },
        fingerprint=hashlib.sha256(content.encode()).hexdigest(),
        damaged=damaged,
    )
