"""Objects cut out of photographs: from folders with transparency, or from a source with masks."""

import dataclasses
import hashlib
import pathlib
from collections.abc import Callable, Iterator, Mapping, Sequence

import cv2
import numpy as np

from bg_interp import decoding
from bg_interp.data.sources.composites import parts
from bg_interp.errors import UserError
from bg_interp.masks.opening import folder_masks

# More than a composite of 512 pixels shows, much less than a camera gives.
_LARGEST_SIDE = 640
# Of 255: below it a pixel is not counted into the object's box.
_VISIBLE = 25


@dataclasses.dataclass(frozen=True, eq=False)
class Cutout:
    """One object, cropped to its box.

    Attributes:
      key: its name in its source; stable across runs.
      label: its class.
      pixels: float32 [h, w, 4]: colours in [0, 255] multiplied by the opacity, and the opacity in
        [0, 1]. Resizing such pixels mixes nothing that the mask hides into the object's rim.
    """

    key: str
    label: int
    pixels: np.ndarray


def cut_out(key: str, label: int, image: np.ndarray, mask: np.ndarray) -> Cutout:
    """Cuts an object out of its image.

    Args:
      key: its name.
      label: its class.
      image: uint8 [H, W, 3].
      mask: uint8 [H, W, 1], 255 = object.

    Raises:
      UserError: the mask shows no object, or nothing but object, or is of another range.
    """
    _check(key, mask)
    visible = mask[..., 0] > _VISIBLE
    rows, columns = np.flatnonzero(visible.any(axis=1)), np.flatnonzero(visible.any(axis=0))
    box = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    opacity = mask[box].astype(np.float32) / 255
    pixels = np.concatenate([image[box] * opacity, opacity], axis=-1)
    return Cutout(key, label, resized(pixels, min(1.0, _LARGEST_SIDE / max(pixels.shape[:2]))))


def resized(pixels: np.ndarray, factor: float) -> np.ndarray:
    """Resizes float32 [h, w, C] by a factor, averaging areas."""
    height, width = (max(1, round(side * factor)) for side in pixels.shape[:2])
    return cv2.resize(pixels, (width, height), interpolation=cv2.INTER_AREA)


def _check(key: str, mask: np.ndarray) -> None:
    low, high = int(mask.min()), int(mask.max())
    if high == 0:
        raise UserError(f"the mask of the object {key!r} is empty: leave it out of --objects")
    if high <= _VISIBLE:
        raise UserError(
            f"the mask of the object {key!r} must run from 0 to 255, 255 = object. "
            f"Received: values from {low} to {high}"
        )
    if low == 255:
        raise UserError(
            f"the object {key!r} has no mask, since its whole image is opaque: --objects takes "
            "PNGs with transparency, --object_masks=folder:PATH, or a dataset that has masks"
        )


@dataclasses.dataclass(frozen=True, eq=False)
class Cutouts:
    """The objects of all classes.

    Attributes:
      class_names: their order gives the labels.
      splits: "train" and "test": for each class its objects, none of which is in both.
      fingerprint: sha256 of all of them.
    """

    class_names: tuple[str, ...]
    splits: dict[str, list[list[Cutout]]]
    fingerprint: str


def from_folder(root: pathlib.Path, masks: pathlib.Path | None = None) -> Cutouts:
    """Reads PATH/CLASS/*; a fourth of each class is held out.

    Args:
      root: a folder of images for each class: PNGs with transparency, or any with `masks`.
      masks: of the masks of opaque images, PNGs with the images' relative names.

    Raises:
      UserError: too few classes or objects, or objects that cannot be used.
    """
    found = parts.images_by_folder(root, "--objects")
    own_mask = None if masks is None else _reader(root, masks, found)
    splits: dict[str, list[list[Cutout]]] = {"train": [], "test": []}
    digest = hashlib.sha256()
    for label, (name, paths) in enumerate(found.items()):
        by_key = {f"{name}/{path.relative_to(root / name).as_posix()}": path for path in paths}
        for split, keys in parts.divided(list(by_key)).items():
            splits[split].append([])
            for key in keys:
                data = parts.content(by_key[key])
                digest.update(f"{split}/{key}\0".encode() + data)
                pixels = parts.decoded(by_key[key], data, decoding.decode_with_opacity)
                image, mask = pixels[..., :3], pixels[..., 3:]
                if own_mask is not None:
                    mask = own_mask(key, image)
                    digest.update(mask.tobytes())
                splits[split][-1].append(cut_out(key, label, image, mask))
    return Cutouts(tuple(found), splits, digest.hexdigest())


def _reader(
    root: pathlib.Path, masks: pathlib.Path, found: Mapping[str, Sequence[pathlib.Path]]
) -> Callable[[str, np.ndarray], np.ndarray]:
    """Returns a function from an object's key and image to its mask, uint8 [H, W, 1]."""
    paths = [path for some in found.values() for path in some]
    keys = [path.relative_to(root).as_posix() for path in paths]
    read = folder_masks(masks, keys, flag="--object_masks").masks
    positions = {key: position for position, key in enumerate(keys)}

    def mask_of(key: str, image: np.ndarray) -> np.ndarray:
        mask = read.mask(positions[key], image.shape[:2])
        if problem := read.odd.get(positions[key]):
            raise UserError(f"{problem}; fix it, or leave the object out of --objects")
        if mask.shape[:2] != image.shape[:2]:
            raise UserError(
                f"the mask of the object {key!r} must be of its image's size. Received: "
                f"{'x'.join(map(str, mask.shape[1::-1]))} for "
                f"{'x'.join(map(str, image.shape[1::-1]))}"
            )
        return mask

    return mask_of


def from_source(source) -> Cutouts:
    """Cuts the objects out of a source with masks of its own, in the splits that it has.

    Raises:
      UserError: the source has no masks, or a split lacks a class.
    """
    if not source.has_masks:
        raise UserError(
            "--objects must have masks: PNGs with transparency, or a dataset with masks of its "
            f"own. Received: {source.name}"
        )
    splits: dict[str, list[list[Cutout]]] = {}
    for name in ("train", "test"):
        splits[name] = [[] for _ in source.class_names]
        for cutout in _all(source.splits[name]):
            splits[name][cutout.label].append(cutout)
        for label, found in enumerate(splits[name]):
            if not found:
                raise UserError(
                    f"every class of --objects needs images in {name}. Received: "
                    f"{source.class_names[label]!r} of {source.name} without any"
                )
    return Cutouts(tuple(source.class_names), splits, source.fingerprint)


def _all(split) -> Iterator[Cutout]:
    labels = split.labels.tolist()
    for key, label, image, mask in zip(
        split.keys, labels, split.images(), split.masks(), strict=True
    ):
        yield cut_out(key, label, image, mask)
