"""What a last layer learns from: features of images, and of their objects elsewhere."""

import dataclasses

import keras
import numpy as np
import tqdm

from bg_interp.evaluation.arrays import Arrays, batches, compiled, predict
from bg_interp.evaluation.reliance.variants import Variants, partners
from bg_interp.repairing.cache import ResumeCache, digest

# A killed repair has lost the features of so many images at most.
_BLOCK = 1024


@dataclasses.dataclass(frozen=True, eq=False)
class Sample:
    """Features of N images as they are, and of copies on random backgrounds, M in all.

    Attributes:
      features: float32 [M, D].
      labels: int [M].
      objects: int [M], the image whose object is shown.
      weights: float [M], how much each counts.
      kinds: int [M], the kind of background that is behind.
      is_copy: bool [M].
    """

    features: np.ndarray
    labels: np.ndarray
    objects: np.ndarray
    weights: np.ndarray
    kinds: np.ndarray
    is_copy: np.ndarray

    def take(self, rows: np.ndarray) -> "Sample":
        """Returns the elements at `rows` (positions, or a bool array)."""
        return Sample(*(getattr(self, field.name)[rows] for field in dataclasses.fields(self)))


def make_sample(
    features: keras.Model,
    train: Arrays,
    kinds: np.ndarray,
    *,
    copies: int,
    original_weight: float,
    seed: int,
    cache: ResumeCache,
) -> Sample:
    """Computes the features of images and of copies of them.

    Args:
      features: RGB in [0, 255] to float [B, D].
      train: the training images, masks usable.
      kinds: int [N], each image's kind of background.
      copies: how many random backgrounds each object is pasted before.
      original_weight: how much an image as it is counts beside one copy.
      seed: keys the backgrounds.
      cache: features that are known.
    """
    count, graph, identity = len(train.labels), compiled(features), digest(features)
    variants = Variants(train, seed)
    parts, behind = [], []
    bar = tqdm.tqdm(total=count * (copies + 1), desc="features", unit="image", leave=False)
    with bar:
        for copy in range(copies + 1):
            variant = "mixed_random" if copy else "original"
            for rows in batches(count, _BLOCK):
                images = variants.make(variant, np.arange(count)[rows], draw=copy)
                parts.append(_features(graph, identity, images, cache))
                bar.update(len(images))
            chosen = partners(variant, train.labels, seed, copy) if copy else slice(None)
            behind.append(kinds[chosen])
    return Sample(
        np.concatenate(parts),
        np.tile(train.labels, copies + 1),
        np.tile(np.arange(count), copies + 1),
        np.repeat([original_weight] + [1.0] * copies, count),
        np.concatenate(behind),
        np.repeat(np.arange(copies + 1) > 0, count),
    )


def _features(
    graph: keras.Model, identity: str, images: np.ndarray, cache: ResumeCache
) -> np.ndarray:
    return cache(digest(identity, images), lambda: predict(graph, images))
