"""Which masks a split gets (`--masks`), and what becomes of images whose mask is bad."""

import dataclasses
import pathlib
from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from bg_interp.config.data import DataConfig, check_masks
from bg_interp.data.examples import Batch, Examples, MaskReader, empty_masks, own_mask
from bg_interp.data.sources import Source
from bg_interp.errors import UserError
from bg_interp.masks import quality, store
from bg_interp.masks.reading import Reader, folder_fingerprint, png_folder_reader
from bg_interp.masks.segmenters import segmenter
from bg_interp.masks.segmenters.cleaning import Cleaning
from bg_interp.storage import files


@dataclasses.dataclass(frozen=True, eq=False)
class Masks:
    """The masks of one split, as they are.

    Attributes:
      read: from a position in the split to its mask; None when there are no masks.
      origin: "none", "dataset", "folder:PATH", or the id of the segmenter.
      bad: {verdict ("empty", "full", "unsure", "failed"): int64, positions of the images whose mask
        got it}; None while nobody has looked at the masks yet.
      fingerprint: of the sizes of masks in a folder; those of other origins change their origin, or
        the fingerprint of the images.
    """

    read: MaskReader | None
    origin: str
    bad: dict[str, np.ndarray] | None
    fingerprint: str = ""

    @property
    def counts(self) -> dict[str, int]:
        """How many masks have each bad verdict."""
        return {verdict: len(some) for verdict, some in (self.bad or {}).items()}


def choose(source: Source, split: str, config: DataConfig) -> Masks:
    """Finds the masks of a split.

    Raises:
      UserError: masks that are not there, with the command that makes them.
    """
    check_masks(config.masks)
    masks, keys = config.masks, source.splits[split].keys
    if masks == "auto":
        masks = "dataset" if source.has_masks else "object"
    if masks == "none":
        return Masks(None, "none", {})
    if masks == "dataset":
        if not source.has_masks:
            raise UserError(
                f"--masks=dataset needs a data set with masks of its own. Received: {source.name}; "
                "choose --masks=object, after tools/segment.py"
            )
        return Masks(own_mask, "dataset", None)
    if masks.startswith("folder:"):
        path = masks.removeprefix("folder:")
        read = _by_position(png_folder_reader(path, keys))
        return Masks(read, masks, None, folder_fingerprint(path, keys))
    stored = _open_store(source, masks, config)
    verdicts = np.array(stored.verdicts(keys))
    bad = {verdict: np.flatnonzero(verdicts == verdict) for verdict in quality.BAD}
    bad = {verdict: positions for verdict, positions in bad.items() if positions.size}
    return Masks(_by_position(stored.reader(keys)), stored.id, bad)


def look_for_empty(masks: Masks, examples: Examples, name: str) -> Masks:
    """Finds the bad masks where no segmenter has judged them: those without any foreground.

    Args:
      masks: of which `bad` is None.
      examples: every image of the split with its mask.
      name: what the progress bar calls the masks.
    """
    positions = examples.positions[empty_masks(examples, name)]
    return dataclasses.replace(masks, bad={quality.EMPTY: positions} if positions.size else {})


def settle_bad(examples: Examples, masks: Masks, keys: Sequence[str], on_bad_mask: str) -> Examples:
    """Decides what becomes of images whose mask is bad; with an empty one they would be all black.

    Args:
      examples: images of the split with their masks.
      masks: of the split, its bad ones known.
      keys: of all images of the split.
      on_bad_mask: "keep" makes bad masks all foreground, so that a treatment leaves their images
        as they are; "drop" leaves the images out; "error" refuses them.

    Raises:
      UserError: with "error", a mask is bad; the message names the first.
    """
    if not masks.bad:
        return examples
    bad = np.concatenate(list(masks.bad.values()))
    if on_bad_mask == "error":
        raise UserError(
            f"{bad.size} of {len(keys)} masks by {masks.origin} are bad ({listed(masks.counts)}), "
            f"the first that of {keys[bad.min()]!r}; look at it (for masks that tools/segment.py "
            "made: --gallery), or choose --on_bad_mask=keep or drop"
        )
    rows = np.isin(examples.positions, bad)
    return examples.only(~rows) if on_bad_mask == "drop" else examples.with_full_masks(rows)


def _by_position(read: Reader) -> MaskReader:
    """Makes a reader of stored masks one that the pipeline can call."""

    def read_mask(position: tf.Tensor, example: Batch) -> tf.Tensor:
        del example
        return read(position)

    return read_mask


def listed(counts: dict[str, int]) -> str:
    """Returns how many masks have each bad verdict, as a user reads it."""
    return ", ".join(f"{count} {verdict}" for verdict, count in sorted(counts.items()))


def _open_store(source: Source, name: str, config: DataConfig) -> store.MaskStore:
    """Opens the masks that a segmenter made: by its own model, else by the one other that did."""
    given = config.mask_store
    root = pathlib.Path(given).expanduser() if given else store.default_root()
    standard = name in ("object", "selfie")
    usual = segmenter.Settings(name if standard else "object")
    found = store.MaskStore(root, source, usual, config.flags())
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
    return store.MaskStore(root, source, _described(descriptions[0]), config.flags())


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
