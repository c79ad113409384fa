"""What a last layer learns from: features of images, and of their objects elsewhere.

The images are divided into two halves, by what they show where that is known, and every object is
pasted on backgrounds of its own half alone. So a layer that was fitted to one half has seen neither
an object nor a background of the other, and can be tried on it.
"""

import dataclasses
import functools

import keras
import numpy as np
import tensorflow as tf
import tqdm

from bg_interp.evaluation.arrays import Arrays, batches, compiled, predict
from bg_interp.evaluation.reliance.variants import Variants, partners
from bg_interp.evaluation.units import NO_UNITS, Units
from bg_interp.repairing.cache import ResumeCache, digest

HALVES = 2
# The half of images that share an object with one half and a scene with the other.
NEITHER = 2
# Bytes of the images that are made at a time; a killed repair has lost their features at most.
_BLOCK = 64 * 2**20
# Of small images this many are enough.
_MOST = 1024


@dataclasses.dataclass(frozen=True, eq=False)
class Sample:
    """Features of N unmodified images, and of copies on random backgrounds, M in all.

    Attributes:
      features: float32 [M, D].
      labels: int [M].
      objects: int [M], the image whose object is shown.
      halves: int [M], 0 or 1: the half of the images that object and background are from; `NEITHER`
        for those that are learnt from in the end, and choose nothing.
      copy: int [M], the number of the copy; 0 for unmodified images.
      is_foreign: bool [M], whether the background is from an image of another class.
    """

    features: np.ndarray
    labels: np.ndarray
    objects: np.ndarray
    halves: np.ndarray
    copy: np.ndarray
    is_foreign: np.ndarray

    def take(self, rows: np.ndarray) -> "Sample":
        """Returns the elements at `rows` (positions, or a bool array)."""
        return Sample(*(getattr(self, field.name)[rows] for field in dataclasses.fields(self)))


def divided(labels: np.ndarray, seed: int, units: Units = NO_UNITS) -> np.ndarray:
    """Divides images into two halves, each with about half of each class.

    Images of one object, and those of one scene, are in one half. Where both are known, images
    whose object is of one half and whose scene is of the other are in neither.

    Args:
      labels: int [N].
      seed: keys the division.
      units: which images show one object or one scene.

    Returns:
      int [N] of 0, 1 and `NEITHER`.
    """
    generator, alone = np.random.default_rng([seed, 7]), np.arange(len(labels))
    kinds = units.of(alone) or (alone,)
    halves = [_halved(labels, kind, generator) for kind in kinds]
    agreed = np.where(halves[0] == halves[-1], halves[0], NEITHER)
    ways = [agreed, halves[0], _halved(labels, alone, generator)]
    # Of few objects and scenes a half may lack a class: better it has seen something of the other.
    return next((one for one in ways if _has_all(labels, one)), ways[-1])


def _has_all(labels: np.ndarray, halves: np.ndarray) -> bool:
    """Tells whether each half has images of every class."""
    every = np.unique(labels)
    return all(np.isin(every, labels[halves == half]).all() for half in range(HALVES))


def _halved(labels: np.ndarray, kind: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Puts whole units into two halves, int [N] of 0 and 1."""
    first, unit, sizes = np.unique(
        kind, return_index=True, return_inverse=True, return_counts=True
    )[1:]
    shown = np.split(labels[np.argsort(unit, kind="stable")], np.cumsum(sizes)[:-1])
    # Class by class, and the largest first, so that the small ones make up for them.
    order = np.lexsort((generator.random(len(sizes)), -sizes, labels[first]))
    counts, half_of = np.zeros((HALVES, int(labels.max()) + 1), np.int64), np.zeros_like(first)
    for one in order.tolist():
        # Into the half that has less of what it shows, or less in all.
        half = np.lexsort((counts.sum(axis=1), counts[:, shown[one]].sum(axis=1)))[0]
        half_of[one] = half
        np.add.at(counts[half], shown[one], 1)
    return half_of[unit]


def make_sample(
    features: keras.Model,
    train: Arrays,
    *,
    copies: int,
    seed: int,
    cache: ResumeCache,
    units: Units = NO_UNITS,
) -> Sample:
    """Computes the features of images and of copies of them.

    Args:
      features: RGB in [0, 255] to float [B, D].
      train: the training images, masks usable, two of each class at least.
      copies: how many random backgrounds each object is pasted on.
      seed: keys the halves and the backgrounds.
      cache: features that are known.
      units: which of the images show one object or one scene.
    """
    asked = compiled(lambda images: tf.cast(features(images, training=False), tf.float32))
    identity, halves = digest(features), divided(train.labels, seed, units)
    parts = []
    total = len(train.labels) * (copies + 1)
    with tqdm.tqdm(total=total, desc="features", unit="image", leave=False) as bar:
        for half in np.unique(halves).tolist():
            objects = np.flatnonzero(halves == half)
            variants = Variants(train.take(objects), seed)
            for copy in range(copies + 1):
                rows = _features(asked, identity, variants, copy, cache, bar)
                parts.append(Sample(rows, *_facts(variants, objects, half, copy)))
    fields = [field.name for field in dataclasses.fields(Sample)]
    return Sample(*(np.concatenate([getattr(part, name) for part in parts]) for name in fields))


def _facts(variants: Variants, objects: np.ndarray, half: int, copy: int) -> tuple[np.ndarray, ...]:
    """Returns all but the features of one copy of a half; arguments as the fields of `Sample`."""
    labels, every = variants.arrays.labels, np.ones(len(objects), np.int64)
    foreign = np.zeros(len(objects), bool)
    if copy:
        foreign = labels[partners("mixed_random", labels, variants.seed, copy)] != labels
    return labels, objects, half * every, copy * every, foreign


def _features(
    asked: keras.Model,
    identity: str,
    variants: Variants,
    copy: int,
    cache: ResumeCache,
    bar: tqdm.tqdm,
) -> np.ndarray:
    images = variants.arrays.images
    block = int(np.clip(_BLOCK // images[0].nbytes, 1, _MOST))
    parts = []
    for rows in batches(len(images), block):
        numbers = np.arange(len(images))[rows]
        made = variants.make("mixed_random" if copy else "original", numbers, draw=copy)
        parts.append(cache(digest(identity, made), functools.partial(predict, asked, made)))
        bar.update(len(made))
    return np.concatenate(parts)
