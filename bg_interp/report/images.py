"""The images that depend most on their background, as the page of an audit shows them."""

import dataclasses
from collections.abc import Iterator

import numpy as np
from scipy import ndimage

from bg_interp.evaluation.measures import VARIANTS
from bg_interp.evaluation.reliance.variants import Variants
from bg_interp.evaluation.result import Evaluation
from bg_interp.evaluation.worst import varied_rows
from bg_interp.report.masks import verdict_of
from bg_interp.report.panels import WEBP, data_url

_SIDE, _LARGE = 112, 224
# SmoothGrad is speckled: blurred by so much of its side it shows regions.
_BLUR = 1 / 56
# The strongest hundredth of a map is drawn alike, or single pixels would take all of the colour.
_STRONGEST = 0.99
_GLOW = np.array([255.0, 150.0, 0.0])


@dataclasses.dataclass(frozen=True)
class Variant:
    """A variant of an image within its dialog.

    Attributes:
      url: the picture.
      caption: the variant, and what the model says of it.
      right: whether that is the object's class; None for a map of where the model looks.
    """

    url: str
    caption: str
    right: bool | None = None


@dataclasses.dataclass(frozen=True)
class Shown:
    """One of the worst images.

    Attributes:
      name: its class.
      background: the kind of the background on which its class loses most: a place, or the class
        that gave it.
      elsewhere: what the model says of it there.
      change: how far the probability of its class falls.
      mask: the verdict on its mask.
      url: the image.
      caption: the same with its file.
      variants: in each variant, and where the model looks.
    """

    name: str
    background: str
    elsewhere: str
    change: str
    mask: str
    url: str
    caption: str
    variants: list[Variant]


def worst_shown(found: Evaluation) -> Iterator[Shown]:
    """Yields the worst images, not too many of one class."""
    rows = varied_rows(found)
    if not len(rows):
        return
    maker = Variants(found.test, found.seed)
    made = {name: maker.make(name, rows) for name in VARIANTS}
    changes, worst = found.changes(), found.worst_variants()
    behind = {variant: found.groups.behind(variant) for variant in set(worst)}
    on = "" if found.groups.of_places else "a background of "
    said = {name: one.argmax(axis=1) for name, one in found.logits.items()}
    for place, row in enumerate(rows):
        labels = found.test.labels[row], said[worst[row]][row]
        name, elsewhere = (found.classes[label] for label in labels)
        background = behind[worst[row]][row]
        change = f"{-changes[row]:+.2f}".replace("-", "\u2212")
        variants = [
            Variant(
                data_url(made[one][place], WEBP, _SIDE),
                f"{one.replace('_', ' ')}: {found.classes[said[one][row]]}",
                bool(said[one][row] == found.test.labels[row]),
            )
            for one in VARIANTS
        ]
        looks = _looks(found, int(row), made["original"][place], made["swap"][place])
        yield Shown(
            name=name,
            background=background,
            elsewhere=elsewhere,
            change=change,
            mask=verdict_of(found, int(row)),
            url=data_url(made["original"][place], WEBP, _LARGE),
            caption=(f"{found.keys[row]}; on {on}{background} it says {elsewhere}; {change}"),
            variants=variants + looks,
        )


def _looks(
    found: Evaluation, row: int, unmodified: np.ndarray, swapped: np.ndarray
) -> list[Variant]:
    """Returns where the model looks for the image's class, as it is and on another background."""
    maps = found.maps.of(row)
    if maps is None:
        return []
    name = found.classes[found.test.labels[row]]
    captions = f"looks here for {name}", f"on the other background, for {name}"
    return [
        Variant(data_url(glowing(image, one), WEBP, _SIDE), caption)
        for image, one, caption in zip((unmodified, swapped), maps, captions, strict=True)
    ]


def glowing(image: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Returns an image in grey whose regions glow where a map is strong.

    Args:
      image: [H, W, 3] in [0, 255].
      values: float [H, W], not negative.

    Returns:
      float64 [H, W, 3] in [0, 255].
    """
    smooth = ndimage.gaussian_filter(values.astype(np.float64), max(values.shape) * _BLUR)
    top = np.quantile(smooth, _STRONGEST)
    strength = np.clip(smooth / top, 0, 1)[..., None] if top > 0 else np.zeros((*values.shape, 1))
    grey = np.repeat(image.mean(axis=-1, keepdims=True), 3, axis=-1)
    return grey * 0.7 * (1 - strength) + _GLOW * strength
