"""The masks of an audit, as a grid of pictures with a verdict on each."""

import dataclasses
from collections.abc import Iterator, Mapping

import numpy as np

from bg_interp.evaluation.result import Evaluation
from bg_interp.masks import quality
from bg_interp.report.panels import WEBP, data_url

_USED, _SIDE = 16, 112
OK, SUSPECT = "ok", "suspect"


@dataclasses.dataclass(frozen=True)
class MaskFacts:
    """What is known of the masks that were used.

    Attributes:
      origin: where they come from.
      bad: {verdict: how many}.
      verdicts: {name of an image: what is bad about its mask}.
    """

    origin: str
    bad: Mapping[str, int]
    verdicts: Mapping[str, str] = dataclasses.field(default_factory=dict)


GIVEN = MaskFacts("given", {})


@dataclasses.dataclass(frozen=True)
class Tile:
    """One mask.

    Attributes:
      url: its image, red where the mask says background.
      caption: the image's name, and how much of it is object.
      share: the latter.
      verdict: ok, suspect, or why the image is left out.
      is_used: whether it is measured.
    """

    url: str
    caption: str
    share: str
    verdict: str
    is_used: bool


def verdict_of(found: Evaluation, row: int) -> str:
    """Returns the verdict on a mask that is used.

    It is suspect where the model is surest of the class without the object: a rest of the object
    may stand in the background. About every seventh is.
    """
    trusted = found.answers.trusted
    return OK if trusted is None or trusted[row] else SUSPECT


def tiles(found: Evaluation, facts: MaskFacts) -> Iterator[Tile]:
    """Yields masks: some that are left out, then used ones from the smallest to the largest."""
    for key, image, mask in found.unmeasured:
        share = float((mask > 127).mean())
        verdict = facts.verdicts.get(key, quality.EMPTY if share < 0.5 else quality.FULL)
        # What a bad mask was is no longer known: it was made all object, and shows the image.
        yield _tile(key, image, np.full_like(mask, 255), share, verdict, False)
    areas = (found.test.masks > 127).mean(axis=(1, 2, 3))
    order = np.argsort(areas, kind="stable")
    for place in np.unique(np.linspace(0, len(order) - 1, _USED).round().astype(int)):
        row = int(order[place])
        one = found.keys[row], found.test.images[row], found.test.masks[row]
        yield _tile(*one, float(areas[row]), verdict_of(found, row), True)


def _tile(
    key: str, image: np.ndarray, mask: np.ndarray, share: float, verdict: str, is_used: bool
) -> Tile:
    opacity = mask / 255.0
    # Red where the mask says background.
    shown = image * (0.3 + 0.7 * opacity) + (1 - opacity) * [140, 0, 0]
    told = f"{share:.0%} object" if is_used else "left out"
    url = data_url(np.clip(shown, 0, 255), WEBP, _SIDE)
    return Tile(url, f"{key}: {told}, {verdict}", told, verdict, is_used)
