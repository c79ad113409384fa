"""One composite as a pure function of (materials, data seed, split, index)."""

import dataclasses

import cv2
import numpy as np

from bg_interp.data.sources.composites.cutouts import Cutout, Cutouts, resized
from bg_interp.data.sources.composites.places import Places

# Splits of the same stream show the same objects, in the same size and at the same spot:
# test_uncorrelated differs from test in its places alone.
_OBJECT_STREAMS = {"train": 0, "test": 1, "test_uncorrelated": 1}
_PLACE_STREAMS = {"train": 0, "test": 1, "test_uncorrelated": 2}
SPLITS = tuple(_OBJECT_STREAMS)
_MATERIALS = {"train": "train", "test": "test", "test_uncorrelated": "test"}

# The smallest object against the largest.
_SMALLEST = 0.75
# Of the object's middle against the image's, as a share of its side.
_SHIFT = 0.12
_ROTATION = 12.0
# Deviation in pixels of the blur that makes an edge soft, as a camera's would be.
_SOFTNESS = 0.6
# A place shows this share of its photograph's shorter side, up to all of it.
_SMALLEST_CROP = 0.5
# The brightness of an object is changed by no more than this factor.
_LARGEST_GAIN = 1.25


@dataclasses.dataclass(frozen=True)
class Look:
    """How composites are made.

    Attributes:
      image_size: side in pixels.
      correlation: probability that an object stands on a place of its own class.
      object_scale: the longer side of the largest object as a share of the image's side; the
        smallest is three quarters of it.
      colour_matching: how far an object's brightness goes towards that of its place, 0 to 1.
    """

    image_size: int
    correlation: float
    object_scale: float
    colour_matching: float


@dataclasses.dataclass(frozen=True)
class Example:
    """One composite.

    Attributes:
      image: uint8 [S, S, 3] RGB.
      mask: uint8 [S, S, 1], opacity of the object, 255 = object.
      label: the object's class.
      place: the place's kind.
    """

    image: np.ndarray
    mask: np.ndarray
    label: int
    place: int


def choose_place(
    places: Places, label: int, split: str, correlation: float, rng: np.random.Generator
) -> int:
    """Returns a kind of place: one of the class's own with probability `correlation`.

    `test_uncorrelated` takes every kind equally often, whatever the class.
    """
    own = places.own[label]
    others = [kind for kind in range(len(places.kinds)) if kind not in own]
    if split == "test_uncorrelated":
        correlation = len(own) / len(places.kinds)
    own_place, choice = rng.random() < correlation, rng.random()
    among = own if own_place or not others else others
    return among[int(choice * len(among))]


def make_example(
    cutouts: Cutouts, places: Places, data_seed: int, split: str, index: int, look: Look
) -> Example:
    """Makes one composite; the same arguments give the same bytes, in any order and process.

    Object, size and spot depend neither on the correlation nor on the place.

    Args:
      cutouts: the objects.
      places: the places.
      data_seed: seed of the whole dataset, 0 or more.
      split: one of SPLITS.
      index: position in the split, 0 or more; the classes take turns.
      look: how it is made.
    """
    label = index % len(cutouts.class_names)
    materials = _MATERIALS[split]
    place_stream = _PLACE_STREAMS[split]
    kind = choose_place(
        places, label, split, look.correlation, _generator(data_seed, place_stream, index, part=0)
    )
    object_rng = _generator(data_seed, _OBJECT_STREAMS[split], index, part=1)
    layer = _placed(_pick(cutouts.splits[materials][label], object_rng), object_rng, look)
    place_rng = _generator(data_seed, place_stream, index, part=2)
    photograph = places.splits[materials][kind]
    behind = _crop(_pick(photograph, place_rng), place_rng, look.image_size)
    colour, opacity = layer[..., :3], layer[..., 3:]
    colour = colour * _gain(colour, opacity, behind, look.colour_matching)
    image = np.clip(colour + behind * (1 - opacity), 0, 255)
    return Example(_as_bytes(image), _as_bytes(255 * opacity), label, kind)


def materials_of(
    cutouts: Cutouts, places: Places, data_seed: int, split: str, index: int, correlation: float
) -> tuple[tuple[int, int], tuple[int, int]]:
    """Tells what `make_example` makes a composite of.

    Returns:
      (class, number of the object among its class's), (kind, number of the photograph among its
      kind's).
    """
    label = index % len(cutouts.class_names)
    place_stream, materials = _PLACE_STREAMS[split], _MATERIALS[split]
    choice = _generator(data_seed, place_stream, index, part=0)
    kind = choose_place(places, label, split, correlation, choice)
    counts = len(cutouts.splits[materials][label]), len(places.splits[materials][kind])
    streams = (_OBJECT_STREAMS[split], 1), (place_stream, 2)
    # The first that either generator is asked for, as when the composite was made.
    cutout, photograph = (
        _pick(list(range(count)), _generator(data_seed, stream, index, part=part))
        for count, (stream, part) in zip(counts, streams, strict=True)
    )
    return (label, cutout), (kind, photograph)


def _pick(among: list, rng: np.random.Generator):
    return among[int(rng.integers(len(among)))]


def _placed(cutout: Cutout, rng: np.random.Generator, look: Look) -> np.ndarray:
    """Returns an object turned, scaled, at its spot, with soft edges: float32 [S, S, 4]."""
    pixels = cutout.pixels[:, ::-1] if rng.random() < 0.5 else cutout.pixels
    pixels = _visible(_turned(pixels, rng.uniform(-_ROTATION, _ROTATION)))
    longest = look.image_size * look.object_scale * rng.uniform(_SMALLEST, 1.0)
    pixels = _scaled(pixels, longest / max(pixels.shape[:2]))
    frame = np.zeros((look.image_size, look.image_size, 4), np.float32)
    corner = []
    for side in pixels.shape[:2]:
        free = look.image_size - side
        middle = free / 2 + look.image_size * rng.uniform(-_SHIFT, _SHIFT)
        # An object is never cut off by the frame.
        corner.append(int(np.clip(round(middle), 0, free)))
    top, left = corner
    frame[top : top + pixels.shape[0], left : left + pixels.shape[1]] = pixels
    return np.clip(cv2.GaussianBlur(frame, (0, 0), _SOFTNESS), 0, [255, 255, 255, 1])


def _turned(pixels: np.ndarray, degrees: float) -> np.ndarray:
    height, width = pixels.shape[:2]
    # Nothing is cut off at any angle.
    side = int(np.ceil(np.hypot(height, width))) + 2
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 1.0)
    matrix[:, 2] = matrix[:, 2] + (side / 2 - np.array([width, height]) / 2)
    return cv2.warpAffine(pixels, matrix, (side, side), flags=cv2.INTER_LINEAR)


def _visible(pixels: np.ndarray) -> np.ndarray:
    """Crops pixels to those that show something."""
    seen = pixels[..., 3] > 0.1
    rows, columns = np.flatnonzero(seen.any(axis=1)), np.flatnonzero(seen.any(axis=0))
    return pixels[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def _scaled(pixels: np.ndarray, factor: float) -> np.ndarray:
    if factor <= 1:
        return resized(pixels, factor)
    height, width = (max(1, round(side * factor)) for side in pixels.shape[:2])
    return cv2.resize(pixels, (width, height), interpolation=cv2.INTER_LINEAR)


def _crop(photograph: np.ndarray, rng: np.random.Generator, size: int) -> np.ndarray:
    """Returns a random square of a photograph as float32 [S, S, 3]."""
    side = max(1, round(min(photograph.shape[:2]) * rng.uniform(_SMALLEST_CROP, 1.0)))
    top, left = (int(rng.integers(length - side + 1)) for length in photograph.shape[:2])
    square = photograph[top : top + side, left : left + side]
    if rng.random() < 0.5:
        square = square[:, ::-1]
    return _scaled(square.astype(np.float32), size / side)


def _gain(colour: np.ndarray, opacity: np.ndarray, behind: np.ndarray, strength: float) -> float:
    """Returns the factor that moves an object's brightness towards that of its place."""
    own = colour.sum() / max(3 * opacity.sum(), 1e-6)
    wanted = (max(float(behind.mean()), 1.0) / max(float(own), 1.0)) ** strength
    return float(np.clip(wanted, 1 / _LARGEST_GAIN, _LARGEST_GAIN))


def _as_bytes(values: np.ndarray) -> np.ndarray:
    return np.round(values).astype(np.uint8)


def _generator(data_seed: int, stream: int, index: int, part: int) -> np.random.Generator:
    return np.random.default_rng([data_seed, stream, index, part])
