"""Which images were taken at one place that nobody tells, by what stands around their objects.

Frames of a camera trap, a studio, parts of one large photograph: objects and light differ, and no
image is a near-duplicate of another. Points of backgrounds are described by the directions of the
edges around them (SIFT: Lowe 2004, IJCV 60). Two images are of one place where several points of
one agree with points of the other in a single movement: shifted, turned, larger, mirrored. Colours
and kinds of places play no part, so two meadows are two places.
"""

from typing import Any, NamedTuple

import numpy as np

# Images are compared at this longer side; of each image so many points, the clearest.
_SIDE, _POINTS = 128, 48
# Points are alike when their descriptions' product is so large; so many must agree in one movement,
# within so many pixels, from a third of the size to three times as large.
_ALIKE, _AGREE, _WITHIN, _LARGER = 0.88, 6, 4.0, 3.0
# So many of the images that share the most points with one are looked at more closely.
_NEAREST = 8
# The background is taken so many pixels away from the object.
_AWAY = 7
_CONTRAST, _EDGE = 0.01, 15
# A description holds 4 rows of 4 blocks of 8 directions. Of a mirrored image the rows come the
# other way round, and the directions turn the other way.
_MIRRORED = np.array(
    [
        ((3 - row) * 4 + column) * 8 + (8 - direction) % 8
        for row, column, direction in np.ndindex(4, 4, 8)
    ]
)


class _Points(NamedTuple):
    """Points of all images, one after another.

    Attributes:
      where: float32 [P, 2], x and y in pixels of the smaller image.
      described: float32 [P, 128], of length 1.
      starts: int64 [N + 1], where the points of each image begin.
    """

    where: np.ndarray
    described: np.ndarray
    starts: np.ndarray


def same_places(images: np.ndarray, masks: np.ndarray | None = None) -> np.ndarray:
    """Returns which images show one place.

    Args:
      images: uint8 [N, H, W, 3].
      masks: uint8 [N, H, W, 1], 255 = foreground, which is left out; None for backgrounds alone.

    Returns:
      int [N], equal for images of one place.
    """
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    points = _points(images, masks)
    links = [(one, other) for one in range(len(images)) for other in _linked(points, one)]
    first, second = np.array(links, np.int64).reshape(-1, 2).T
    size = (len(images), len(images))
    joined = coo_matrix((np.ones(len(first)), (first, second)), size)
    return connected_components(joined, directed=False)[1]


def _points(images: np.ndarray, masks: np.ndarray | None) -> _Points:
    import cv2

    # OpenCV's types leave it out.
    finder: Any = cv2.SIFT_create(  # type: ignore[attr-defined]
        contrastThreshold=_CONTRAST, edgeThreshold=_EDGE
    )
    scale = _SIDE / max(images.shape[1:3])
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    where, described = [], []
    for number, image in enumerate(images):
        grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
        grey = cv2.resize(grey, None, fx=scale, fy=scale, interpolation=how)
        around = None if masks is None else _background(masks[number, ..., 0], grey.shape)
        found, descriptions = finder.detectAndCompute(grey, around)
        clearest = sorted(range(len(found)), key=lambda n: -found[n].response)[:_POINTS]
        where.append(np.array([found[n].pt for n in clearest], np.float32).reshape(-1, 2))
        some = np.zeros((0, 128)) if descriptions is None else descriptions[clearest]
        # Square roots compare better (Arandjelovic and Zisserman 2012).
        described.append(np.sqrt(some / np.maximum(some.sum(axis=1, keepdims=True), 1e-6)))
    starts = np.cumsum([0, *map(len, where)])
    return _Points(np.concatenate(where), np.concatenate(described).astype(np.float32), starts)


def _background(mask: np.ndarray, size: tuple[int, ...]) -> np.ndarray:
    """Returns where points are looked for, uint8 of `size`: away from the object."""
    import cv2

    background = (mask < 26).astype(np.uint8)
    small = cv2.resize(background, size[::-1], interpolation=cv2.INTER_NEAREST)
    return cv2.erode(small, np.ones((_AWAY, _AWAY), np.uint8)) * np.uint8(255)


def _linked(points: _Points, one: int) -> list[int]:
    """Returns which of the images behind an image show its place."""
    start, end = points.starts[one : one + 2]
    described, others = points.described[start:end], points.described[end:]
    if len(described) < _AGREE or len(others) < _AGREE:
        return []
    starts = points.starts[one + 1 :] - end
    linked: set[int] = set()
    # Mirrored points stand elsewhere, but any movement is allowed.
    for mirrored in (False, True):
        where = points.where[start:end] * ((-1, 1) if mirrored else (1, 1))
        alike = (described[:, _MIRRORED] if mirrored else described) @ others.T
        shared = np.diff(np.append(0, np.cumsum(alike.max(axis=0) > _ALIKE))[starts])
        for number in np.argsort(-shared)[:_NEAREST]:
            own = slice(starts[number], starts[number + 1])
            if shared[number] >= _AGREE and _agree(where, points.where[end:][own], alike[:, own]):
                linked.add(one + 1 + int(number))
    return sorted(linked)


def _agree(first: np.ndarray, second: np.ndarray, alike: np.ndarray) -> bool:
    """Tells whether enough points of two images agree in one movement.

    Args:
      first: float32 [P, 2], points of one image.
      second: float32 [Q, 2], of the other.
      alike: float32 [P, Q].
    """
    import cv2

    nearest = alike.argmax(axis=1)
    rows = np.arange(len(nearest))
    mutual = (alike.argmax(axis=0)[nearest] == rows) & (alike[rows, nearest] > _ALIKE)
    if mutual.sum() < _AGREE:
        return False
    # OpenCV draws from a generator of its own that begins anew with each call.
    movement, kept = cv2.estimateAffinePartial2D(
        first[mutual], second[nearest[mutual]], ransacReprojThreshold=_WITHIN
    )
    if movement is None:
        return False
    size = float(np.hypot(movement[0, 0], movement[1, 0]))
    return int(kept.sum()) >= _AGREE and 1 / _LARGER < size < _LARGER
