"""Images that are nearly the same: moved a little, brightened, or saved again at another size.

What is nearly the same is decided here alone: for the images of an audit, which count as one, and
between splits, where an image that is asked for would be known.
"""

from collections.abc import Callable, Iterable, Sequence

import numpy as np

# Near-duplicates are alike when they are made this small: their correlation is so high, and their
# mean colours differ by so little. Only the nearest few of each image are looked at more closely.
_SIDE, _ALIKE, _COLOUR, _NEAREST = 6, 0.8, 20.0, 3
# One of them may be so much brighter.
_BRIGHTENED = 1.25
# Then so many patches by as many are compared, at shifts of so many pixels; in so large a share of
# those that have any texture the correlation must be so high. Noise behind alike objects is not
# alike, nor are other objects on one pattern.
_PATCHES, _PIXELS, _SHIFT, _TEXTURE, _ALIKE_WITHIN, _SHARE = 6, 8, 3, 3.0, 0.5, 0.9
# Images of fewer such patches are told apart by nothing: they are taken for different ones.
_ENOUGH = 6
# Looks of so few different bits may be those of one photograph; so many pairs are looked at.
_BITS, _PAIRS = 12, 2000
# So many pixels of a side tell its looks.
_LOOKED_AT = 64
# So many pairs are compared at once: their pixels stay in a processor's cache.
_AT_ONCE = 100
# At this size two photographs are compared.
_COMPARED = 96


def near_duplicates(images: np.ndarray) -> np.ndarray:
    """Returns which images are nearly the same: moved a little, brightened, or compressed.

    Plain images are told apart by nothing, so they are taken for different ones.

    Args:
      images: uint8 [N, H, W, 3].

    Returns:
      int [N], equal for near-duplicates.
    """
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    small = _shrunk(images, _PATCHES * _PIXELS)
    pairs, grey = _candidates(small), small.mean(axis=-1)
    parts = (pairs[start : start + _AT_ONCE] for start in range(0, len(pairs), _AT_ONCE))
    alike = [_is_alike(grey[some[:, 0]], grey[some[:, 1]]) for some in parts]
    first, second = pairs[np.concatenate([np.zeros(0, bool), *alike])].T
    links = coo_matrix((np.ones(len(first)), (first, second)), (len(images), len(images)))
    return connected_components(links, directed=False)[1]


def looks_of(image: np.ndarray) -> int:
    """Returns 64 bits that an image keeps at another size and quality.

    They tell which of two neighbours on a coarse grid is brighter.

    Args:
      image: uint8 [H, W, 3].
    """
    import cv2

    # A part of the pixels tells a coarse grid as well, in a tenth of the time.
    step = max(1, min(image.shape[:2]) // _LOOKED_AT)
    grey = cv2.cvtColor(np.ascontiguousarray(image[::step, ::step]), cv2.COLOR_RGB2GRAY)
    grid = cv2.resize(grey, (9, 8), interpolation=cv2.INTER_AREA)
    bits = np.packbits(grid[:, 1:] > grid[:, :-1])
    return int.from_bytes(bits.tobytes(), "big")


def between(
    first: Sequence[int],
    second: Sequence[int],
    read: Callable[[int, int], tuple[np.ndarray, np.ndarray]],
) -> list[tuple[int, int]]:
    """Finds images of one set that are nearly the same as one of another.

    Args:
      first: what `looks_of` says of each image of one set.
      second: of the other set.
      read: decodes a pair, by its positions in both.

    Returns:
      Pairs of positions, one for each image of the first set that has any.
    """
    found: dict[int, int] = {}
    for one, other in _of_similar_looks(np.array(first, np.uint64), np.array(second, np.uint64)):
        if one not in found and _are_alike(*read(one, other)):
            found[one] = other
    return sorted(found.items())


def _of_similar_looks(first: np.ndarray, second: np.ndarray) -> Iterable[tuple[int, int]]:
    """Yields pairs that may be alike, those whose looks are nearest first, uint64 [N], [M]."""
    pairs = [np.zeros((0, 3), np.int64)]
    for start in range(0, len(first), 256):
        different = np.bitwise_count(first[start : start + 256, None] ^ second)
        rows, columns = np.nonzero(different <= _BITS)
        pairs.append(np.stack([different[rows, columns], rows + start, columns], axis=1))
    every = np.concatenate(pairs).astype(np.int64)
    for _, one, other in every[np.argsort(every[:, 0], kind="stable")][:_PAIRS].tolist():
        yield one, other


def _are_alike(first: np.ndarray, second: np.ndarray) -> bool:
    import cv2

    size = (_COMPARED, _COMPARED)
    pair = [cv2.resize(one, size, interpolation=cv2.INTER_AREA) for one in (first, second)]
    return len(np.unique(near_duplicates(np.stack(pair)))) == 1


def _shrunk(images: Iterable[np.ndarray], side: int) -> np.ndarray:
    """Returns small images, float32 [N, side, side, 3]."""
    import cv2

    small = [cv2.resize(one, (side, side), interpolation=cv2.INTER_AREA) for one in images]
    return np.stack(small).astype(np.float32)


def _candidates(images: np.ndarray) -> np.ndarray:
    """Returns pairs of images that are alike when they are made very small, int [M, 2].

    Args:
      images: small already, float32 [N, S, S, 3].
    """
    import cv2

    # So that an edge between two of the few pixels that are left may move a little.
    blur = images.shape[1] / _SIDE / 2
    small = _shrunk((cv2.GaussianBlur(one, (0, 0), blur) for one in images), _SIDE)
    colours = small.mean(axis=(1, 2))
    flat = (small - colours[:, None, None]).reshape(len(images), -1)
    flat /= np.maximum(np.linalg.norm(flat, axis=1, keepdims=True), 1e-6)
    pairs = [np.zeros((0, 2), np.int64)]
    for start in range(0, len(flat), 512):
        alike = flat[start : start + 512] @ flat.T
        rows = np.arange(start, start + len(alike))
        alike[np.arange(len(alike)), rows] = -1
        nearest = np.argsort(-alike, axis=1)[:, :_NEAREST]
        found = np.stack(np.broadcast_arrays(rows[:, None], nearest), axis=-1).reshape(-1, 2)
        close = np.take_along_axis(alike, nearest, axis=1).reshape(-1) > _ALIKE
        pairs.append(found[close & (_apart(*colours[found.T]) < _COLOUR)])
    # Most pairs are found from both of their images.
    return np.unique(np.sort(np.concatenate(pairs), axis=1), axis=0)


def _apart(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Returns by how much mean colours [M, 3] differ when one is brightened a little, [M]."""
    gain = (first * second).sum(axis=1) / np.maximum((second**2).sum(axis=1), 1.0)
    gain = np.clip(gain, 1 / _BRIGHTENED, _BRIGHTENED)
    return np.abs(first - gain[:, None] * second).max(axis=1)


def _is_alike(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Tells which pairs are alike in most patches at some small shift, bool [M].

    Args:
      first: float [M, S, S].
      second: of the same shape.
    """
    found = np.zeros(len(first), bool)
    one, spread = _patches(first)
    for shift in np.ndindex(2 * _SHIFT + 1, 2 * _SHIFT + 1):
        # Those that are found alike already need no more shifts.
        left = np.flatnonzero(~found & ((spread >= _TEXTURE).sum(axis=1) >= _ENOUGH))
        other, spread_of_other = _patches(second[left], np.array(shift) - _SHIFT)
        textured = np.minimum(spread[left], spread_of_other) >= _TEXTURE
        alike = (np.einsum("mpd,mpd->mp", one[left], other) >= _ALIKE_WITHIN) & textured
        enough = textured.sum(axis=1) >= _ENOUGH
        found[left] = enough & (alike.sum(axis=1) >= _SHARE * textured.sum(axis=1))
    return found


def _patches(
    images: np.ndarray, shift: Sequence[int] | np.ndarray = (0, 0)
) -> tuple[np.ndarray, np.ndarray]:
    """Returns patches without mean and of length 1, [M, P, D], and their deviations, [M, P].

    Args:
      images: float [M, S, S].
      shift: by so many pixels down and to the right images are moved before, round their edges.
    """
    side = images.shape[1]
    moved = np.roll(np.arange(side**2).reshape(side, side), shift, (0, 1))
    blocks = moved.reshape(_PATCHES, _PIXELS, _PATCHES, _PIXELS).swapaxes(1, 2)
    order = blocks.reshape(_PATCHES**2, _PIXELS**2)
    # One look-up moves and cuts, in half the time of one after the other.
    parts = np.take(images.reshape(len(images), side**2), order, axis=1)
    parts -= parts.mean(axis=-1, keepdims=True)
    lengths = np.linalg.norm(parts, axis=-1, keepdims=True)
    parts /= np.maximum(lengths, 1e-6)
    return parts, lengths[..., 0] / _PIXELS
