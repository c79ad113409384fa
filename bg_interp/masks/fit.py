"""Whether masks are those of their images: their outlines follow the images' edges, and no others'.

Masks that were shuffled, or shifted by a file, are right in all that a mask alone can tell: sizes,
shares, rims. But the outline of a mask that belongs to its image runs where colours change, in the
direction in which they change there, and it does so more than on other images of the same set. How
much more is compared with what dealing the masks to the images by lot gives.
"""

import dataclasses
from collections.abc import Iterator, Sequence

import numpy as np

# Images and masks are compared at this size, and at most so many of them.
_SIDE = 48
MOST = 160
# Fewer tell nothing.
_FEWEST = 30
# Standard deviations above what the lot gives. Right masks reach 2 from so many images on, coarse
# boxes among them; of fewer images, in proportion less is asked for.
_WANTED, _ENOUGH = 2.0, 40
# Masks that are so much alike that even pictures of themselves would hardly tell them apart.
_ALIKE = 6.0
# Masks that fit so much better when they are turned are turned.
_BETTER = 5.0
# Below and above these shares a mask has no outline that tells anything.
_EMPTY, _FULL = 0.005, 0.98
_TURNED = {
    "mirrored": lambda masks: masks[:, :, ::-1],
    "upside down": lambda masks: masks[:, ::-1],
    "turned by half": lambda masks: masks[:, ::-1, ::-1],
    "transposed": lambda masks: masks.swapaxes(1, 2),
}


@dataclasses.dataclass(frozen=True, eq=False)
class Pairs:
    """Some images with their masks, made small.

    Attributes:
      images: uint8 [N, S, S, 3].
      masks: uint8 [N, S, S].
      labels: int [N], the class of each; all 0 where nothing tells.
    """

    images: np.ndarray
    masks: np.ndarray
    labels: np.ndarray

    @classmethod
    def of(cls, images: np.ndarray, masks: np.ndarray, labels: np.ndarray | None = None) -> "Pairs":
        """Makes pairs small.

        Args:
          images: uint8 [N, H, W, 3].
          masks: uint8 [N, H, W, 1].
          labels: int [N]; None where nothing tells.
        """
        return cls(
            _small(images).reshape(len(images), _SIDE, _SIDE, 3),
            _small(masks[..., 0]).reshape(len(masks), _SIDE, _SIDE),
            np.zeros(len(images), int) if labels is None else np.asarray(labels),
        )

    @classmethod
    def joined(cls, parts: Sequence["Pairs"]) -> "Pairs":
        """Returns those of several, in their order."""
        names = [field.name for field in dataclasses.fields(cls)]
        return cls(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))

    def __len__(self) -> int:
        return len(self.labels)

    def with_outlines(self) -> "Pairs":
        """Returns those whose masks have an outline."""
        share = self.masks.mean(axis=(1, 2)) / 255
        rows = (share >= _EMPTY) & (share <= _FULL)
        return Pairs(self.images[rows], self.masks[rows], self.labels[rows])


def some_of(count: int) -> np.ndarray:
    """Returns which of `count` images are compared, int64, evenly spread."""
    return np.unique(np.linspace(0, count - 1, min(count, MOST)).round().astype(np.int64))


def misfit(pairs: Pairs) -> str:
    """Tells how masks do not fit their images, as a clause; "" where nothing tells that.

    Args:
      pairs: of one set, see `some_of`.
    """
    pairs = pairs.with_outlines()
    count = len(pairs)
    if count < _FEWEST:
        return ""
    edges, outlines = _edges(pairs.images), _outlines(pairs.masks)
    fits = _fits(edges, outlines)
    for name, turned in _TURNED.items():
        gain = _fits_own(edges, _outlines(turned(pairs.masks))) - np.diag(fits)
        if gain.mean() > _BETTER * gain.std() / np.sqrt(count):
            return f"masks look {name}: then their outlines follow the edges of their images better"
    labels = pairs.labels if _tell_classes(pairs.labels) else np.zeros(count, int)
    own = np.repeat(pairs.masks[..., None], 3, axis=-1)
    if _above_chance(_fits(_edges(own), outlines), labels) < _ALIKE:
        return ""
    if _above_chance(fits, labels) >= _WANTED * min(count, _ENOUGH) / _ENOUGH:
        return ""
    return (
        f"the outlines of {count} masks follow the edges of their own images no better than those "
        "of other images of the set: they may be masks of other images"
    )


def _small(values: np.ndarray) -> np.ndarray:
    import cv2

    size = (_SIDE, _SIDE)
    made = [cv2.resize(one, size, interpolation=cv2.INTER_AREA) for one in values]
    return np.stack(made) if made else np.zeros((0, _SIDE, _SIDE, *values.shape[3:]), np.uint8)


def _directions(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns how strongly and in which direction values change.

    Args:
      values: float [N, S, S, C].

    Returns:
      The strength [N, P], and [3, N, P] whose product with that of another is the squared cosine
      of the angle between both.
    """
    padded = np.pad(values, ((0, 0), (1, 1), (1, 1), (0, 0)), mode="edge")
    across = (padded[:, 1:-1, 2:] - padded[:, 1:-1, :-2]) / 2
    down = (padded[:, 2:, 1:-1] - padded[:, :-2, 1:-1]) / 2
    count = len(values)
    parts = [(one * other).sum(axis=-1) for one, other in _products(across, down)]
    flat = np.stack([part.reshape(count, -1) for part in parts])
    squared = flat[0] + flat[2]
    return np.sqrt(squared), flat / (squared + 1e-9)


def _products(across: np.ndarray, down: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    yield across, across
    yield across, down
    yield down, down


def _edges(images: np.ndarray) -> np.ndarray:
    """Returns the edges of images, float32 [3, N, P], each image's as strong as any other's."""
    strength, directions = _directions(images.astype(np.float32))
    root = np.sqrt(strength)
    root /= np.maximum(root.std(axis=1, keepdims=True), 1e-6)
    return (directions * root).astype(np.float32)


def _outlines(masks: np.ndarray) -> np.ndarray:
    """Returns the outlines of masks, float32 [3, N, P], each of a total strength of 1."""
    strength, directions = _directions(masks[..., None].astype(np.float32))
    strength /= np.maximum(strength.sum(axis=1, keepdims=True), 1e-6)
    weights = np.array([1, 2, 1], np.float32)[:, None, None]
    return (directions * strength * weights).astype(np.float32)


def _fits(edges: np.ndarray, outlines: np.ndarray) -> np.ndarray:
    """Returns how well each mask follows the edges of each image, [image, mask]."""
    return np.einsum("cnp,cmp->nm", edges, outlines, optimize=True)


def _fits_own(edges: np.ndarray, outlines: np.ndarray) -> np.ndarray:
    """Returns how well each mask follows the edges of its own image, [N]."""
    return np.einsum("cnp,cnp->n", edges, outlines)


def _tell_classes(labels: np.ndarray) -> bool:
    """Tells whether most images have enough others of their class to be compared with."""
    counts = np.bincount(np.unique(labels, return_inverse=True)[1])
    return bool(counts[counts >= 4].sum() > len(labels) / 2)


def _above_chance(fits: np.ndarray, labels: np.ndarray) -> float:
    """Returns how much better masks fit their own images than by lot, in standard deviations.

    The lot deals masks within classes, whose objects are alike. What some masks fit on any image,
    and some images with any mask, is the same for every deal; mean and variance are known.
    """
    found = variance = 0.0
    for label in np.unique(labels):
        rows = np.flatnonzero(labels == label)
        if len(rows) > 2:
            part = fits[np.ix_(rows, rows)]
            part = part - part.mean(axis=0) - part.mean(axis=1, keepdims=True) + part.mean()
            found += float(np.trace(part))
            variance += float((part**2).sum()) / (len(rows) - 1)
    return found / max(np.sqrt(variance), 1e-9)
