"""Which masks a split gets (`--masks`), and what becomes of images whose mask is bad."""

import dataclasses
import pathlib
import sys
from collections.abc import Mapping, Sequence

import numpy as np

from bg_interp.config.data import DataConfig, check_masks
from bg_interp.config.mask_rules import MaskRules
from bg_interp.data.examples import Examples, MaskReader, areas_and_pairs, own_mask
from bg_interp.data.sources import Source
from bg_interp.doubts import Doubt
from bg_interp.errors import UserError
from bg_interp.masks import opening, quality, store
from bg_interp.masks.doubting import doubts_about
from bg_interp.masks.reading import fingerprint
from bg_interp.masks.segmenters import segmenter
from bg_interp.masks.segmenters.cleaning import Cleaning
from bg_interp.storage import files

# So many masks that cannot be used are named.
_NAMED = 3
# Where more masks than this are bad, those that are left tell little.
_MOST_BAD = 0.5


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
      odd: {position: why a mask cannot be used}, of those that were read so far.
      doubts: what the masks, all of them together, and the names of images leave open.
    """

    read: MaskReader | None
    origin: str
    bad: dict[str, np.ndarray] | None
    fingerprint: str = ""
    odd: Mapping[int, str] = dataclasses.field(default_factory=dict)
    doubts: tuple[Doubt, ...] = ()

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
                f"--masks=dataset needs a dataset with masks of its own. Received: {source.name}; "
                "choose --masks=object, after tools/segment.py"
            )
        images = source.splits[split]
        odd, doubts = getattr(images, "odd_masks", {}), getattr(images, "mask_doubts", ())
        return Masks(own_mask, "dataset", None, odd=odd, doubts=doubts)
    if masks.startswith("folder:"):
        return _of_folder(source, split, masks, config.mask_rules())
    stored = _open_store(source, masks, config)
    verdicts = np.array(stored.verdicts(keys))
    bad = {verdict: np.flatnonzero(verdicts == verdict) for verdict in quality.BAD}
    bad = {verdict: positions for verdict, positions in bad.items() if positions.size}
    read = stored.reader(keys)
    return Masks(lambda position, _: read(position), stored.id, bad, doubts=_few_good(bad, keys))


def _of_folder(source: Source, split: str, masks: str, rules: MaskRules) -> Masks:
    """Opens the masks of a folder; see `masks.opening`."""
    images = source.splits[split]
    others = [key for name, one in source.splits.items() if name != split for key in one.keys]
    files = getattr(images, "photographs", None)
    found = opening.folder_masks(
        masks.removeprefix("folder:"),
        images.keys,
        rules=rules,
        others=set(others) - set(images.keys),
        images=files() if files else None,
    )
    return Masks(
        lambda position, example: found.masks.in_graph(position, example["image"]),
        masks,
        None,
        fingerprint(images.keys, found.paths),
        found.masks.odd,
        found.doubts,
    )


def _few_good(bad: Mapping[str, np.ndarray], keys: Sequence[str]) -> tuple[Doubt, ...]:
    """Doubts masks of a segmenter, most of which it calls bad itself."""
    count = sum(len(some) for some in bad.values())
    if count <= _MOST_BAD * len(keys):
        return ()
    listed_counts = listed({verdict: len(some) for verdict, some in bad.items()})
    reason = f"{count} of {len(keys)} masks are bad ({listed_counts})"
    return (Doubt("masks", reason, "look at them, and give the masks of another segmenter"),)


def look_at(masks: Masks, examples: Examples, name: str, rules: MaskRules) -> Masks:
    """Finds what is bad or doubtful about masks that no segmenter has judged.

    Args:
      masks: of which `bad` is None.
      examples: every image of the split with its mask.
      name: what the progress bar calls the masks.
      rules: what somebody says of the masks.
    """
    areas, pairs = areas_and_pairs(examples, name)
    odd = np.isin(examples.positions, list(masks.odd))
    found = {
        quality.EMPTY: examples.positions[(areas.whole == 0) & ~odd],
        quality.ODD: examples.positions[odd],
    }
    if odd.any():
        reasons = [reason for _, reason in sorted(masks.odd.items())]
        print(
            f"{len(reasons)} of {len(examples)} {name} cannot be used: "
            f"{'; '.join(reasons[:_NAMED])}{'; ...' if len(reasons) > _NAMED else ''}",
            file=sys.stderr,
        )
    doubts = doubts_about(areas.take(~odd), pairs, rules, masks.odd)
    return dataclasses.replace(
        masks,
        bad={verdict: some for verdict, some in found.items() if some.size},
        doubts=(*masks.doubts, *doubts),
    )


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
