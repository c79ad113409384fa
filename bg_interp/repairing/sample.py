"""What a last layer learns from: features of images, and of their objects elsewhere.

The images are divided into two halves, and every object is pasted on backgrounds of its own
half alone. So a layer that was fitted to one half has seen neither an object nor a background of
the other, and can be tried on it.
"""

import dataclasses
import functools

import keras
import numpy as np
import tensorflow as tf
import tqdm

from bg_interp.evaluation.arrays import Arrays, batches, compiled, predict
from bg_interp.evaluation.reliance.variants import Variants, partners
from bg_interp.repairing.cache import ResumeCache, digest

HALVES = 2
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
      halves: int [M], 0 or 1: the half of the images that object and background are from.
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


def divided(labels: np.ndarray, seed: int) -> np.ndarray:
    """Divides images into two halves, each with about half of each class, int [N] of 0 and 1.

    Args:
      labels: int [N].
      seed: keys the division.
    """
    order = np.random.default_rng([seed, 7]).permutation(len(labels))
    by_class = order[np.argsort(labels[order], kind="stable")]
    halves = np.zeros(len(labels), np.int64)
    first = 0
    for label in np.unique(labels):
        rows = by_class[labels[by_class] == label]
        halves[rows] = (first + np.arange(len(rows))) % HALVES
        # A class of an odd number gives its last image to the half that has one less.
        first = (first + len(rows)) % HALVES
    return halves


def make_sample(
    features: keras.Model, train: Arrays, *, copies: int, seed: int, cache: ResumeCache
) -> Sample:
    """Computes the features of images and of copies of them.

    Args:
      features: RGB in [0, 255] to float [B, D].
      train: the training images, masks usable, two of each class at least.
      copies: how many random backgrounds each object is pasted on.
      seed: keys the halves and the backgrounds.
      cache: features that are known.
    """
    asked = compiled(lambda images: tf.cast(features(images, training=False), tf.float32))
    identity, halves = digest(features), divided(train.labels, seed)
    parts = []
    total = len(train.labels) * (copies + 1)
    with tqdm.tqdm(total=total, desc="features", unit="image", leave=False) as bar:
        for half in range(HALVES):
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
