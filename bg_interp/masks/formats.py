"""Masks from outside, however they are written: turned into opacities of 0 to 255, or refused.

Taken as they come, masks of 0 and 1 are two shades of transparent, and everything turns black
without a word. A single mask can be ambiguous (all zeros, or 0 and 1), so a format is decided for
many at once: a folder, an array, the beginning of a dataset. Each mask is then held against it
when it is read; one that does not fit is odd, and says why.

| format | becomes |
|---|---|
| bool | 0 and 255 |
| 0 and 1, whole numbers | 0 and 255 |
| 0 to 1, floats | times 255, rounded |
| 0 to 255 | as it is |
| 0 to 65535 | divided by 257, rounded |
| pictures in grey, grey palettes | by the same rules |
| other palettes | their numbers, by the same rules |
| pictures with alpha | the alpha, where it is not 255 throughout |
| anything, with `--mask_values` | 255 where one of these values is, else 0 |

Refused without `--mask_values`, since nobody can tell what is foreground: label maps such as 0, 1,
2 or 0 and 38, maps of colours, negative numbers, NaN.
"""

import collections
import contextlib
import dataclasses
from collections.abc import Iterable, Sequence

import numpy as np

from bg_interp.config.mask_rules import MaskRules, MaskValues
from bg_interp.errors import UserError
from bg_interp.masks.raw import Raw

# Labels are small numbers; opacities of few steps leave them out.
_LABELS_BELOW = 32
_FEW = 8
# Rims of objects are steps; where more of what lies between is even than this, it is an area.
_EVEN_SHARE = 0.2
# When more of a mask's object has labels than this, they are no trace of smoothing.
_LABELLED_SHARE = 0.05
# Opacities between nothing and full belong to rims: they are less than half of an object.
_BETWEEN_SHARE = 0.5
# Masks of any format reach this on their objects.
_HALF = 128
# When more masks than this do not fit the others, there is no format that all have.
ODD_SHARE = 0.2
# So many pixels a side tell the levels of a mask.
_ENOUGH = 128
# So many masks tell how all of them are written.
LOOKED_AT = 64


class OddMask(UserError):
    """A mask that is no opacity in the format of the others; the message says why, as a clause."""


@dataclasses.dataclass(frozen=True)
class Format:
    """How masks are to be read.

    Attributes:
      white: what stands for full opacity: 1, 255 or 65535.
      alpha: whether the mask of a picture is its alpha.
      values: what is object where somebody says so; else None.
      invert: whether black is the object.
    """

    white: int = 255
    alpha: bool = False
    values: MaskValues | None = None
    invert: bool = False

    def opacity(self, raw: Raw) -> np.ndarray:
        """Returns the opacity of a mask, uint8 [h, w], pixels as they are stored.

        Raises:
          OddMask: it does not fit the format.
        """
        if self.values is not None:
            found = _selected(raw, self.values)
        else:
            levels = self._levels(raw)
            found = _opaque(levels, self.white)
            if problem := labels_in(found, self.white, fractions=_has_fractions(levels)):
                raise OddMask(problem)
        return 255 - found if self.invert else found

    def _levels(self, raw: Raw) -> np.ndarray:
        if self.alpha:
            if raw.alpha is None:
                raise OddMask("has no transparency, where the others have")
            return raw.alpha
        if raw.alpha is not None and raw.alpha.size and raw.alpha.min() < 255:
            raise OddMask("has transparency, where the others have none")
        if raw.levels is None:
            raise OddMask("is a picture in colours")
        own = white_of(raw.levels)
        if own not in (self.white, 0):
            raise OddMask(f"holds {_range_of(own)}, where the others hold {_range_of(self.white)}")
        return raw.levels


def _range_of(white: int) -> str:
    return "0 and 1" if white == 1 else f"0 to {white}"


def white_of(levels: np.ndarray) -> int:
    """Returns what stands for full opacity in one mask, as far as it tells: 1, 255 or 65535.

    0 stands for a mask without object, which any format has.

    Raises:
      OddMask: values below 0 or above 65535, or NaN.
    """
    low, high = (float(levels.min()), float(levels.max())) if levels.size else (0.0, 0.0)
    if not (low >= 0 and high <= 65535):
        raise OddMask(f"holds values from {low:g} to {high:g}")
    return next(white for white in (0, 1, 255, 65535) if high <= white)


def _opaque(levels: np.ndarray, white: int) -> np.ndarray:
    """Returns opacities uint8 of levels."""
    if levels.dtype == np.uint8 and white in (1, 255):
        return levels if white == 255 else levels * np.uint8(255)
    return np.round(levels.astype(np.float32) * (255.0 / white)).astype(np.uint8)


def _selected(raw: Raw, values: MaskValues) -> np.ndarray:
    """Returns 255 where a mask has one of the values that are object, uint8 [h, w]."""
    found = np.zeros(raw.shape, bool)
    if values.ranges:
        if raw.numbers is None:
            raise OddMask("is a picture in colours, where --mask_values names numbers")
        for first, last in values.ranges:
            found |= (raw.numbers >= first) & (raw.numbers <= last)
    for colour in values.colours:
        pixels = raw.colours if raw.colours is not None else raw.levels[..., None]  # type: ignore[index]
        found |= (pixels == np.array(colour)).all(axis=-1)
    return found * np.uint8(255)


def _has_fractions(levels: np.ndarray) -> bool:
    """Tells whether levels are opacities by their kind: no label is 0.25."""
    return levels.dtype.kind == "f" and bool((levels != np.floor(levels)).any())


def labels_in(opacity: np.ndarray, white: int = 255, fractions: bool = False) -> str:
    """Tells why opacities look like a map of labels; "" where they don't.

    Args:
      opacity: uint8 [h, w].
      white: of the format that it had, for the values in the message.
      fractions: whether they were fractions, of which a few may well be all: enlarged masks.
    """
    step = max(1, min(opacity.shape) // _ENOUGH)
    some = opacity[::step, ::step]
    counts = np.bincount(some.ravel(), minlength=256)
    there, full = some.size - int(counts[0]), int(counts[255])
    if there == full:
        return ""
    between = np.flatnonzero(counts[1:255]) + 1
    labels = 0 if fractions else int(counts[1:_LABELS_BELOW].sum())
    few = not fractions and len(between) <= _FEW
    if (
        (labels > _LABELLED_SHARE * there and (few or between[-1] < _LABELS_BELOW))
        or (few and there - full > _BETWEEN_SHARE * there)
        or not counts[_HALF:].any()
    ) and not _is_rim(opacity):
        return f"holds {_listed(np.flatnonzero(counts) * (white / 255))} side by side"
    return ""


def _is_rim(opacity: np.ndarray) -> bool:
    """Tells whether what lies between nothing and full is the rim of something that is full.

    A small object with a smooth outline has few levels, of which some are small numbers; but a
    map of labels has areas of one number, and a rim has none.
    """
    full = opacity == 255
    between = (opacity > 0) & ~full
    here = opacity[:-1, :-1]
    even = (here == opacity[1:, :-1]) & (here == opacity[:-1, 1:]) & (here == opacity[1:, 1:])
    areas = np.count_nonzero(even & between[:-1, :-1])
    return bool(full.any() and areas <= _EVEN_SHARE * np.count_nonzero(between))


def _listed(found: Iterable[float]) -> str:
    shown = [f"{value:g}" for value in found]
    if len(shown) > _FEW:
        return f"values {', '.join(shown[:_FEW])}, ..., {shown[-1]}"
    return f"values {', '.join(shown[:-1])} and {shown[-1]}"


WAY_OUT = (
    "make foreground 255 and the rest 0, or say with --mask_values which values are foreground, "
    "such as --mask_values=1:20 or --mask_values=#800000"
)


def format_of(raws: Sequence[Raw], what: str, rules: MaskRules | None = None) -> Format:
    """Tells how masks are written.

    Args:
      raws: some of them.
      what: names them in messages, such as "--masks=folder:masks" or "masks".
      rules: what somebody says of them.

    Raises:
      UserError: no rule makes opacities of them.
    """
    rules = rules or MaskRules()
    invert = bool(rules.invert)
    if rules.values is not None:
        return Format(values=rules.values, invert=invert)
    transparent = sum(raw.alpha is not None and int(raw.alpha.min()) < 255 for raw in raws)
    if transparent > len(raws) / 2:
        return Format(alpha=True, invert=invert)
    whites: collections.Counter[int] = collections.Counter()
    odd: collections.Counter[str] = collections.Counter()
    for raw in raws:
        # Those without a white are odd in any format.
        with contextlib.suppress(OddMask):
            whites[white_of(raw.levels) if raw.levels is not None else 0] += 1
    del whites[0]
    found = Format(whites.most_common(1)[0][0] if whites else 1, invert=invert)
    for raw in raws:
        try:
            found.opacity(raw)
        except OddMask as error:
            odd[str(error)] += 1
    if odd.total() > ODD_SHARE * len(raws):
        ((reason, count),) = odd.most_common(1)
        raise UserError(
            f"{what} must be opacities: 0 and 1, 0.0 to 1.0, or 0 to 255. Received: of "
            f"{len(raws)} looked at, {count} whose mask {reason}{_all_of(raws)}; {WAY_OUT}"
        )
    return found


def _all_of(raws: Sequence[Raw]) -> str:
    """Returns what masks hold all together: levels, and the commonest colours."""
    grey = [np.unique(raw.levels) for raw in raws if raw.levels is not None]
    levels = np.unique(np.concatenate(grey)) if grey else np.zeros(0)
    counts: collections.Counter[str] = collections.Counter()
    for raw in raws:
        if raw.levels is None and raw.colours is not None:
            pixels = raw.colours.reshape(-1, 3).astype(np.int64) @ [65536, 256, 1]
            for colour, count in zip(*np.unique(pixels, return_counts=True), strict=True):
                counts[f"#{colour:06x}"] += int(count)
    colours = ", ".join(colour for colour, _ in counts.most_common(5))
    return (f"; all hold {_listed(levels)}" if len(levels) > 1 else "") + (
        f"; in colours: {colours}" if colours else ""
    )
