"""Which masks a split gets (`--masks`), and what becomes of images whose mask is bad."""

import collections
import dataclasses
import pathlib

import numpy as np
import tensorflow as tf

from bg_interp.config.data import DataConfig, check_masks
from bg_interp.data.pipeline import (
    Batch,
    Examples,
    InMemory,
    MaskReader,
    OnDisk,
    own_mask,
)
from bg_interp.data.sources import Source
from bg_interp.errors import UserError
from bg_interp.masks import quality, store
from bg_interp.masks.reading import Reader, folder_fingerprint, png_folder_reader
from bg_interp.masks.segmenters import segmenter
from bg_interp.masks.segmenters.cleaning import Cleaning
from bg_interp.storage import files


@dataclasses.dataclass(frozen=True, eq=False)
class Masks:
    """The masks of one split.

    Attributes:
      read: from a position in the split to its mask; None when there are no masks.
      positions: int64, the images that are to be used.
      bad: how many masks have each bad verdict ("empty", "full", "unsure", "failed").
      origin: "none", "dataset", "folder:PATH", or the id of the segmenter.
      fingerprint: of the sizes of masks that other tools made; the other origins tell by
        themselves.
    """

    read: MaskReader | None
    positions: np.ndarray
    bad: dict[str, int]
    origin: str
    fingerprint: str = ""

    @property
    def judged(self) -> bool:
        """Whether a segmenter said of each mask how far it can be trusted."""
        return self.origin not in ("none", "dataset") and not self.origin.startswith("folder:")


def choose(source: Source, split: str, config: DataConfig) -> Masks:
    """Finds the masks of a split.

    Args:
      source: the images.
      split: "train" or "test".
      config: says which. With `on_bad_mask`, "keep" reads a bad mask as all foreground, so that
        the image stays as it is; "drop" leaves the image out; "error" refuses it.

    Raises:
      UserError: masks that are not there, with the command that makes them; or, with
        `on_bad_mask="error"`, bad ones.
    """
    check_masks(config.masks)
    masks, on_bad_mask = config.masks, config.on_bad_mask
    examples = source.splits[split]
    every = np.arange(len(examples), dtype=np.int64)
    if masks == "auto":
        masks = "dataset" if source.has_masks else "object"
    if masks == "none":
        return Masks(None, every, {}, "none")
    if masks == "dataset":
        if not source.has_masks:
            raise UserError(
                f"--masks=dataset needs a data set with masks of its own. Received: {source.name}; "
                "choose --masks=object, after tools/segment.py"
            )
        return Masks(own_mask, every, {}, "dataset")
    if masks.startswith("folder:"):
        path = masks.removeprefix("folder:")
        read = _by_position(png_folder_reader(path, examples.keys))
        return Masks(read, every, {}, masks, folder_fingerprint(path, examples.keys))

    stored = _open_store(source, masks, config.mask_store)
    verdicts = np.array(stored.verdicts(examples.keys))
    bad = np.isin(verdicts, quality.BAD)
    counts = dict(collections.Counter(verdicts[bad].tolist()))
    if bad.any() and on_bad_mask == "error":
        first = examples.keys[int(np.argmax(bad))]
        raise UserError(
            f"{bad.sum()} of {len(bad)} masks of {source.name} are bad ({listed(counts)}), the "
            f"first of {first!r}; look at them with tools/segment.py --gallery, or choose "
            "--on_bad_mask=keep or drop"
        )
    positions = every[~bad] if on_bad_mask == "drop" else every
    return Masks(_by_position(stored.reader(examples.keys)), positions, counts, stored.id)


def _by_position(read: Reader) -> MaskReader:
    """Makes a reader of stored masks one that the pipeline can call."""

    def read_mask(position: tf.Tensor, example: Batch) -> tf.Tensor:
        del example
        return read(position)

    return read_mask


def listed(counts: dict[str, int]) -> str:
    """Returns how many masks have each bad verdict, as a user reads it."""
    return ", ".join(f"{count} {verdict}" for verdict, count in sorted(counts.items()))


def _open_store(source: Source, name: str, mask_store: str | None) -> store.MaskStore:
    """Opens the masks that a segmenter made: by its own model, else by the one other that did."""
    root = pathlib.Path(mask_store).expanduser() if mask_store else store.default_root()
    standard = name in ("object", "selfie")
    usual = segmenter.Settings(name if standard else "object")
    found = store.MaskStore(root, source, usual, source.name)
    if standard and found.entries():
        return found
    descriptions = sorted(found.folder.parent.glob(f"{name}-*/store.json"))
    if standard and not descriptions:
        return found  # Its error names the command that makes them.
    if len(descriptions) != 1:
        made = ", ".join(path.parent.name for path in descriptions) or "none"
        raise UserError(
            f"--masks={name} needs one set of masks of {source.name} below {root}. Received: "
            f"{made}; remove those that are not meant, or make one with `python tools/segment.py "
            f"--dataset={source.name} --segmenter={name} --segmenter_model=PATH`"
        )
    return store.MaskStore(root, source, _described(descriptions[0]), source.name)


def _described(description: pathlib.Path) -> segmenter.Settings:
    """Reads what made the masks of a store.

    Raises:
      UserError: the description is damaged.
    """
    try:
        values = files.read_sealed(description)["settings"]
        values["cleaning"] = Cleaning(**values["cleaning"])
        values["keypoint"] = tuple(values["keypoint"])
        return segmenter.Settings(**values)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(
            f"{description} is damaged ({error}); remove its folder and make the masks again"
        ) from error


def without_empty(
    examples: Examples, empty: np.ndarray, on_bad_mask: str
) -> tuple[Examples, dict[str, int]]:
    """Deals with empty masks among those that no segmenter judged.

    An image with an empty mask would be trained on as a black square.

    Args:
      examples: with masks of the data set or of a folder.
      empty: bool [N], whose mask is empty; see `pipeline.empty_masks`.
      on_bad_mask: "keep" makes empty masks full, so that the image stays as it is; "drop" leaves
        the image out; "error" refuses it.

    Returns:
      The examples to use, and how many masks were empty.

    Raises:
      UserError: with `on_bad_mask="error"`, a mask is empty.
    """
    if not empty.any():
        return examples, {}
    counts = {quality.EMPTY: int(empty.sum())}
    if on_bad_mask == "error":
        raise UserError(
            f"{counts[quality.EMPTY]} of {empty.size} masks are empty, the first at place "
            f"{int(np.argmax(empty))}; choose --on_bad_mask=keep or drop"
        )
    if isinstance(examples, OnDisk):
        return _on_disk_without(examples, empty, on_bad_mask), counts
    if on_bad_mask == "drop":
        return InMemory({k: v[~empty] for k, v in examples.arrays.items()}), counts
    masks = examples.arrays["mask"].copy()
    masks[empty] = 255
    return InMemory({**examples.arrays, "mask": masks}), counts


def _on_disk_without(examples: OnDisk, empty: np.ndarray, on_bad_mask: str) -> OnDisk:
    if on_bad_mask == "drop":
        return dataclasses.replace(examples, positions=examples.positions[~empty])
    full = np.zeros(len(examples.split), bool)
    full[examples.positions[empty]] = True
    read = examples.read_mask or own_mask

    def filled(position: tf.Tensor, example: Batch) -> tf.Tensor:
        mask = read(position, example)
        return tf.where(tf.gather(full, position), tf.constant(255, tf.uint8), mask)

    return dataclasses.replace(examples, read_mask=filled)
