"""What masks look like as a whole, and what about them cannot be right, or not be settled."""

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np

from bg_interp.config.mask_rules import MaskRules
from bg_interp.doubts import Doubt
from bg_interp.masks.fit import Pairs, misfit, some_of

# Below it an object is too small to be meant, above it nothing is left of the background.
_EMPTY, _FULL = 0.005, 0.98
# Of an image's side: what counts as its border.
_BORDER = 1 / 16
# Opacities between these are neither object nor background; where they fill more of an image than
# this, they are no rim.
_SOFT, _SOFT_SHARE = (25, 230), 0.25
# Objects that fill their border so far, and their middle less, are backgrounds.
_FILLED, _LESS = 0.75, 0.03
# Fewer masks tell nothing about all.
_AT_LEAST = 4
_MOST = 0.5
_ODD = 0.2
# Next to no mask of photographs looks inverted that is not: a part of them tells.
_INVERTED, _SOME_INVERTED = 0.1, 3


@dataclasses.dataclass(frozen=True, eq=False)
class Areas:
    """How much of each image its mask calls object.

    Attributes:
      whole: float [N], mean opacity from 0 to 1.
      border: float [N], of the outermost sixteenth.
      inside: float [N], of the rest.
      soft: float [N], the share of pixels that are neither object nor background.
    """

    whole: np.ndarray
    border: np.ndarray
    inside: np.ndarray
    soft: np.ndarray

    @classmethod
    def of(cls, masks: np.ndarray) -> "Areas":
        """Measures masks, uint8 [N, H, W, 1], 255 = foreground."""
        height, width = masks.shape[1:3]
        rim = max(1, round(min(height, width) * _BORDER))
        core = masks[:, rim : height - rim, rim : width - rim]
        total, middle = (part.sum(axis=(1, 2, 3), dtype=np.int64) for part in (masks, core))
        pixels, fewer = height * width, max(1, core.shape[1] * core.shape[2])
        outside = (total - middle) / max(1, pixels - fewer)
        low, high = _SOFT
        soft = np.count_nonzero((masks > low) & (masks < high), axis=(1, 2, 3)) / pixels
        return cls(total / pixels / 255, outside / 255, middle / fewer / 255, soft)

    @classmethod
    def joined(cls, parts: Sequence["Areas"]) -> "Areas":
        """Returns those of several, in their order."""
        names = [field.name for field in dataclasses.fields(cls)]
        return cls(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))

    def take(self, rows: np.ndarray) -> "Areas":
        """Returns those of which bool [N] says so."""
        return Areas(self.whole[rows], self.border[rows], self.inside[rows], self.soft[rows])


def doubts_of(
    images: np.ndarray,
    masks: np.ndarray,
    labels: np.ndarray | None = None,
    rules: MaskRules | None = None,
) -> tuple[Doubt, ...]:
    """Says what is doubtful about masks that are in memory.

    Args:
      images: uint8 [N, H, W, 3].
      masks: uint8 [N, H, W, 1], 255 = foreground.
      labels: int [N], the class of each image; None where nothing tells.
      rules: what somebody says of the masks.
    """
    rows = some_of(len(masks))
    some = None if labels is None else np.asarray(labels)[rows]
    return doubts_about(Areas.of(masks), Pairs.of(images[rows], masks[rows], some), rules)


def doubts_about(
    areas: Areas,
    pairs: Pairs,
    rules: MaskRules | None = None,
    odd: Mapping[int, str] | None = None,
) -> tuple[Doubt, ...]:
    """Says what is doubtful about masks, all of them together.

    Args:
      areas: of all masks that can be used or are empty.
      pairs: some of the masks with their images.
      rules: what somebody says of them.
      odd: the others, with the reason.
    """
    rules, found = rules or MaskRules(), []
    count, left_out = len(areas.whole), len(odd or {})
    if odd and left_out > _ODD * (count + left_out):
        found.append(
            Doubt(
                "masks",
                f"{left_out} of {count + left_out} masks cannot be used; {min(odd.items())[1]}",
                "fix them, or leave their images out",
            )
        )
    if count < _AT_LEAST:
        return tuple(found)
    empty, full = areas.whole < _EMPTY, areas.whole > _FULL
    # Masks that are all or nothing have no middle that differs from the border.
    inverted = (areas.border > _FILLED) & (areas.inside < areas.border - _LESS)
    told = ~(empty | full)
    some = int(inverted[told].sum())
    if rules.invert is None and some >= _SOME_INVERTED and some > _INVERTED * told.sum():
        found.append(
            Doubt(
                "masks",
                f"masks look inverted: in {some} of {count} the object fills the border and "
                "background the middle",
                "--invert_masks=true says that black is the object, --invert_masks=false that "
                "white is"
                + (
                    ""
                    if some > _MOST * told.sum()
                    else "; where some are written so, make them alike"
                ),
            )
        )
    if (soft := areas.soft > _SOFT_SHARE).mean() > _MOST:
        found.append(
            Doubt(
                "masks",
                f"{int(soft.sum())} of {count} masks are half transparent on much of the image, as "
                "maps of depth or saliency are: no object stands out",
                "make foreground 255 and the rest 0, or give other masks",
            )
        )
    for share, name, other in ((empty, "empty", "no object"), (full, "full", "no background")):
        if share.mean() > _MOST:
            found.append(
                Doubt(
                    "masks",
                    f"{int(share.sum())} of {count} masks are {name}: they show {other}",
                    "look at them, and say with --mask_values what is object, or make them again",
                )
            )
    if reason := misfit(pairs):
        found.append(
            Doubt(
                "masks",
                reason,
                "look at them laid over their images with `tools/segment.py --check`, and give "
                "the masks of these images",
            )
        )
    return tuple(found)
