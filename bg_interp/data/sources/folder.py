"""Images in folders: PATH/{train,test}/CLASS/*.jpg, or PATH/CLASS/* split by a hash of the name.

`layout` says what else is understood.
"""

import contextlib
import dataclasses
import hashlib
import json
import pathlib
import sys
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import tensorflow as tf
import tqdm

from bg_interp import decoding
from bg_interp.config.data import DataConfig, SourceConfig
from bg_interp.config.mask_rules import MaskRules
from bg_interp.data.sources import duplicates, examining, layout
from bg_interp.data.sources.duplicates import NONE, Duplicates
from bg_interp.data.sources.examining import Examined
from bg_interp.data.sources.layout import in_order
from bg_interp.doubts import Doubt
from bg_interp.errors import UserError
from bg_interp.masks import opening
from bg_interp.masks.opening import FileMasks, Photographs
from bg_interp.storage import files

# Of a folder without train and test, every fifth image by the hash of its name is tested on.
_TEST_SHARE = 0.2
_NAMED = 20


@dataclasses.dataclass(frozen=True)
class FolderSplit:
    """The images of one split of a folder.

    Attributes:
      root: the folder that `keys` are relative to.
      keys: the images' paths relative to `root`, with "/", sorted.
      labels: int32 [N], the class of each image.
      turns: int8 [N], EXIF's orientation of each file's pixels.
      own_masks: of the masks that stand beside the images; None where they don't.
      places: always None; nobody says what stands behind the objects of a folder.
    """

    root: pathlib.Path
    keys: list[str]
    labels: np.ndarray
    turns: np.ndarray
    own_masks: FileMasks | None = None
    places: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.keys)

    def images(self, positions: Sequence[int] | None = None) -> Iterator[np.ndarray]:
        """Yields the images at `positions` (default: all) as uint8 [height, width, 3]."""
        for position in range(len(self)) if positions is None else positions:
            yield decoding.read(self.root / self.keys[position])

    @property
    def odd_masks(self) -> dict[int, str]:
        """Returns the masks that cannot be used, {position: why}, of those that were read."""
        return {} if self.own_masks is None else self.own_masks.masks.odd

    def masks(self, positions: Sequence[int] | None = None) -> Iterator[np.ndarray]:
        """Yields the masks that stand beside the images, uint8 [height, width, 1]."""
        if self.own_masks is None:
            raise ValueError("masks must stand beside the images. Received: none")
        for position in range(len(self)) if positions is None else positions:
            shown = decoding.header(self.root / self.keys[position]).shown
            yield self.own_masks.masks.mask(position, shown)

    def photographs(self) -> Photographs:
        """Returns the files, for masks that are laid on them."""
        return Photographs(lambda position: self.root / self.keys[position], self.turns)

    def _read(self, position: np.int64) -> np.ndarray:
        return decoding.read_again(self.root / self.keys[int(position)])

    def load(self, position: tf.Tensor) -> dict[str, tf.Tensor]:
        """Returns `image`, uint8 [height, width, 3], `label`, int32, and perhaps `mask`.

        Args:
          position: int64 scalar, the image's place in `keys`.
        """
        image = tf.numpy_function(self._read, [position], tf.uint8, stateful=False)
        image = tf.ensure_shape(image, [None, None, 3])
        found = {"image": image, "label": tf.gather(self.labels, position)}
        if self.own_masks is not None:
            found["mask"] = self.own_masks.masks.in_graph(position, image)
        return found


@dataclasses.dataclass(frozen=True)
class FolderSource:
    """A folder of images, one folder a class.

    Attributes:
      name: "folder:" and the folder's absolute path.
      class_names: the classes' folder names, sorted; their order gives the labels.
      splits: "train" and "test".
      fingerprint: sha256 over the images' names and contents.
      damaged: the files that were left out, each with the reason.
      has_masks: whether masks stand beside the images.
      place_names: always empty; see `FolderSplit.places`.
      divided: whether nobody has divided the images into splits: it was done here, by a hash of
        their names, or all images are in both.
      duplicates: images that are the same file several times.
      doubts: what the folders' names leave open.
    """

    name: str
    class_names: tuple[str, ...]
    splits: dict[str, FolderSplit]
    fingerprint: str
    damaged: tuple[tuple[str, str], ...]
    has_masks: bool = False
    place_names: tuple[str, ...] = ()
    divided: bool = False
    duplicates: Duplicates = NONE
    doubts: tuple[Doubt, ...] = ()


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


def _examine_all(root: pathlib.Path, paths: list[pathlib.Path]) -> dict[str, Examined]:
    """Examines every image once; what was examined before is remembered by size and time.

    Returns:
      {path relative to root: what was found}.
    """
    known_as = hashlib.sha256(str(root.resolve()).encode(errors="replace")).hexdigest()[:16]
    memory = files.cache_folder() / "folders" / f"{known_as}.json"
    try:
        known = files.read_sealed(memory)
        # What could not be read may be read by now.
        known = {key: found for key, found in known.items() if len(found) == 5 and not found[2]}
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
    return {key: Examined(*found[1:]) for key, found in known.items()}


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
    root: pathlib.Path, by_class: dict[str, list[str]], examined: dict[str, Examined]
) -> FolderSplit:
    names = in_order(by_class)
    pairs = sorted((key, names.index(name)) for name, keys in by_class.items() for key in keys)
    keys = [key for key, _ in pairs]
    turns = np.array([examined[key].turn for key in keys], np.int8)
    return FolderSplit(root, keys, np.array([n for _, n in pairs], np.int32), turns)


def _with_masks(split: FolderSplit, masks: Mapping[str, pathlib.Path], rules: MaskRules):
    paths = [masks[key] for key in split.keys]
    what = f"the masks beside the images of {split.root}"
    return dataclasses.replace(
        split, own_masks=opening.of_files(paths, what, rules, split.photographs())
    )


def open_source(path: str, config: SourceConfig) -> FolderSource:
    """Opens `folder:PATH` to learn from; see `open_folder`."""
    return open_folder(pathlib.Path(path).expanduser(), _rules(config))


def open_whole(path: str, config: SourceConfig) -> FolderSource:
    """Opens `folder:PATH` to test a finished classifier on; see `open_folder`."""
    return open_folder(pathlib.Path(path).expanduser(), _rules(config), whole=True)


def _rules(config: SourceConfig) -> MaskRules | None:
    return config.mask_rules() if isinstance(config, DataConfig) else None


def open_folder(
    given: pathlib.Path, rules: MaskRules | None = None, whole: bool = False
) -> FolderSource:
    """Opens a folder of images; every image is decoded once, and damaged ones are left out.

    Args:
      given: a folder laid out as `layout` says; images without splits are divided 80/20 by a hash
        of their names.
      rules: what somebody says of the masks that stand beside the images.
      whole: take all images for both splits where nobody has divided them.

    Raises:
      UserError: no images, a class without images, fewer than two classes, or splits that differ.
    """
    found = layout.find(given)
    root = found.root
    paths = [path for one in found.images.values() for some in one.values() for path in some]
    examined = _examine_all(root, paths)
    damaged = tuple((key, one.reason) for key, one in sorted(examined.items()) if one.reason)
    _say_left_out(damaged, len(paths), found.left_out)
    sound = {key for key, one in examined.items() if not one.reason}
    keys = {
        split: {
            name: [k for p in some if (k := _key(root, p)) in sound]
            for name, some in by_class.items()
        }
        for split, by_class in found.images.items()
    }
    divided = "" in keys
    if divided:
        keys = {"train": keys[""], "test": keys[""]} if whole else _divide(keys[""])
    _check_classes(root, keys)
    splits = {name: _split(root, by_class, examined) for name, by_class in keys.items()}
    masks = {_key(root, image): mask for image, mask in found.masks.items()}
    has_masks = bool(masks) and sound <= masks.keys()
    if masks:
        print(_masks_beside(masks, len(sound), has_masks), file=sys.stderr)
    if has_masks:
        splits = {
            name: _with_masks(split, masks, rules or MaskRules()) for name, split in splits.items()
        }
    same = duplicates.find(
        [
            duplicates.Image(key, root / key, split, name, examined[key])
            for split, by_class in keys.items()
            for name, some in by_class.items()
            for key in some
        ]
    )
    if same:
        print(same, file=sys.stderr)
    content = json.dumps([(key, examined[key].digest) for key in sorted(sound)])
    return FolderSource(
        name=f"folder:{root.resolve()}",
        class_names=tuple(in_order(keys["train"])),
        splits=splits,
        fingerprint=hashlib.sha256(content.encode()).hexdigest(),
        damaged=damaged,
        has_masks=has_masks,
        divided=divided,
        duplicates=same,
        doubts=found.doubts,
    )


def _say_left_out(
    damaged: Sequence[tuple[str, str]], count: int, others: Mapping[str, int]
) -> None:
    """Says which images are left out and why, and what else lies there, by reason."""
    for key, reason in damaged[:_NAMED]:
        too_large = reason.startswith("too large")
        print(f"skipping {'' if too_large else 'damaged '}image {key!r}: {reason}", file=sys.stderr)
    large = sum(reason.startswith("too large") for _, reason in damaged)
    if large:
        print(f"skipping {large} too large of {count} images", file=sys.stderr)
    if len(damaged) > large:
        print(f"skipping {len(damaged) - large} damaged of {count} images", file=sys.stderr)
    if others:
        listed = ", ".join(f"{number} {reason}" for reason, number in sorted(others.items()))
        print(f"not read as images: {listed}", file=sys.stderr)


def _masks_beside(masks: Mapping[str, pathlib.Path], count: int, complete: bool) -> str:
    first, mask = next(iter(masks.items()))
    said = f"masks stand beside {len(masks)} of {count} images, such as {mask.name} for {first!r}"
    return said if complete else f"{said}; they are not used, since the others have none"


def _check_classes(root: pathlib.Path, keys: Mapping[str, Mapping[str, Sequence[str]]]) -> None:
    for split, by_class in keys.items():
        for name, some in by_class.items():
            if not some:
                raise UserError(
                    f"every class needs at least one image to train on and one to test on. "
                    f"Received: class {name!r} of {root} without undamaged images in {split}"
                )
