"""Background variants of a test set, and a model's accuracy on each.

The seven variants of Xiao et al. 2020, "Noise or Signal: The Role of Image Backgrounds in Object
Recognition" (arXiv 2006.09994), table 1, and `swap`, all made on the fly from images and masks:

  original          the image as it is
  foreground_only   the object on black                                  (Only-FG)
  no_foreground     the image with the object's pixels black             (No-FG)
  background_only   the object's box filled by tiling the background     (Only-BG-T)
  mixed_same        the object on the background_only of another image of its class
  mixed_random      ... of any other image, whatever its class
  mixed_next        ... of an image of the next class, the first following the last
  swap              ... of an image of another class

BG-Gap is the accuracy on mixed_same minus that on mixed_random: what the background's class adds
when everything else about the composition is the same.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import scipy.stats
import tensorflow as tf

from bg_interp.data.tiling import tile_background
from bg_interp.evaluation.arrays import Arrays, Model, batches, mean_by_class, plain_list, predict

_WITHOUT_PARTNER = ("original", "foreground_only", "no_foreground", "background_only")
MIXED = ("mixed_same", "mixed_random", "mixed_next", "swap")
VARIANTS = _WITHOUT_PARTNER + MIXED


def partners(variant: str, labels: np.ndarray, seed: int, draw: int = 0) -> np.ndarray:
    """Draws, for each image, the image that gives its background.

    An image is its own partner only when the variant's rule leaves no other.

    Args:
      variant: one of the variants that replace the background by another image's.
      labels: int [N].
      seed: keys the drawing.
      draw: the number of the drawing, for several partners of each image.

    Returns:
      int64 [N], positions in `labels`.
    """
    generator = np.random.default_rng([seed, VARIANTS.index(variant), *([draw] if draw else [])])
    positions = np.arange(len(labels))
    present = np.unique(labels)
    following = dict(zip(present.tolist(), np.roll(present, -1).tolist(), strict=True))
    is_allowed = {
        "mixed_same": lambda label: labels == label,
        "mixed_random": lambda _: np.ones(len(labels), bool),
        "mixed_next": lambda label: labels == following[label],
        "swap": lambda label: labels != label,
    }[variant]
    allowed = {label: positions[is_allowed(label)] for label in present.tolist()}
    chosen = positions.copy()
    for position, label in enumerate(labels.tolist()):
        others = allowed[label]
        # The place of the image itself among those allowed, which it is to be none of.
        own = int(np.searchsorted(others, position))
        is_there = own < len(others) and others[own] == position
        if len(others) > is_there:
            place = generator.integers(0, len(others) - is_there)
            chosen[position] = others[place + (is_there and place >= own)]
    return chosen


def compose(variant: str, images: tf.Tensor, masks: tf.Tensor, others: Arrays | None) -> tf.Tensor:
    """Makes one variant of a batch.

    Args:
      variant: one of VARIANTS.
      images: [B, H, W, 3], uint8 or float in [0, 255].
      masks: uint8 [B, H, W, 1], 255 = foreground.
      others: the partners' images and masks, for variants that have partners.

    Returns:
      float32 [B, H, W, 3] in [0, 255].
    """
    images = tf.cast(images, tf.float32)
    opacity = tf.cast(masks, tf.float32) / 255.0
    if variant == "original":
        return images
    if variant == "foreground_only":
        return images * opacity
    if variant == "no_foreground":
        return images * (1.0 - opacity)
    if variant == "background_only":
        return tile_background(images, masks)
    if variant not in MIXED or others is None:
        raise ValueError(f"variant must be one of {VARIANTS}, with its partners. Got: {variant!r}")
    background = tf.cast(tile_background(others.images, others.masks), tf.float32)
    return images * opacity + background * (1.0 - opacity)


def make_variant(
    variant: str,
    arrays: Arrays,
    seed: int = 0,
    positions: np.ndarray | None = None,
    draw: int = 0,
) -> np.ndarray:
    """Returns one variant of images, uint8 [N, H, W, 3].

    Args:
      variant: one of VARIANTS.
      arrays: the images, and those that partners are drawn from.
      seed: keys the choice of partners.
      positions: which of `arrays` to make; None for all, in their order.
      draw: see `partners`.
    """
    chosen = partners(variant, arrays.labels, seed, draw) if variant in MIXED else None
    if positions is None:
        positions = np.arange(len(arrays.labels))
    made = []
    for rows in batches(len(positions)):
        some = positions[rows]
        others = None if chosen is None else arrays.take(chosen[some])
        images = compose(variant, arrays.images[some], arrays.masks[some], others)
        made.append(tf.cast(tf.round(images), tf.uint8).numpy())
    return np.concatenate(made)


def confusion_matrix(labels: np.ndarray, predicted: np.ndarray, classes: int) -> np.ndarray:
    """Returns counts, int64 [true class, predicted class]."""
    return np.bincount(labels * classes + predicted, minlength=classes**2).reshape(classes, classes)


def share_interval(right: np.ndarray, of: int = 1) -> tuple[float, float]:
    """Returns the 95 % interval of a share (Wilson 1927) from 0.0 and 1.0, [N].

    A bootstrap would give 400 right answers of 400 an interval of no width.

    Args:
      right: the answers.
      of: how many shares are looked at together, of which none shall lie outside of its interval
        more often than one time in twenty (Bonferroni).
    """
    test = scipy.stats.binomtest(int(right.sum()), len(right))
    found = test.proportion_ci(1 - 0.05 / of, method="wilson")
    return float(found.low), float(found.high)


def mean_interval(values: np.ndarray, seed: int, resamples: int = 2000) -> tuple[float, float]:
    """Returns the 95 % percentile bootstrap interval of the mean of `values` [N] over images."""
    result = scipy.stats.bootstrap(
        (values,),
        np.mean,
        n_resamples=resamples,
        method="percentile",  # BCa is undefined when all values are equal.
        rng=np.random.default_rng(seed),
    )
    return float(result.confidence_interval.low), float(result.confidence_interval.high)


def variant_logits(model: Model, arrays: Arrays, seed: int) -> dict[str, np.ndarray]:
    """Asks a model about every background variant.

    Args:
      model: images to logits (see `arrays.compiled`).
      arrays: the test set, masks usable.
      seed: keys the choice of partners.

    Returns:
      {variant: float32 [N, K]}.
    """
    return {name: predict(model, make_variant(name, arrays, seed)) for name in VARIANTS}


def background_reliance(
    logits: Mapping[str, np.ndarray], labels: np.ndarray, classes: int, seed: int
) -> dict[str, Any]:
    """Measures accuracy on every background variant, and BG-Gap.

    Args:
      logits: what the model says, see `variant_logits`.
      labels: int [N], of the test set.
      classes: the number of the model's classes, K.
      seed: keys the bootstrap.

    Returns:
      `accuracy` {variant: share}, `interval` {variant: [low, high]}, `accuracy_by_class`
      {variant: [K], None for a class without images}, `confusion` {variant: [K][K] counts, rows
      are true classes}, `bg_gap` {"value", "interval", "by_class"}; intervals are 95 %, over
      images.
    """
    right: dict[str, np.ndarray] = {}
    results: dict[str, Any] = {
        name: {} for name in ("accuracy", "interval", "accuracy_by_class", "confusion")
    }
    for variant in VARIANTS:
        predicted = logits[variant].argmax(axis=1)
        right[variant] = (predicted == labels).astype(np.float64)
        results["accuracy"][variant] = float(right[variant].mean())
        results["interval"][variant] = list(share_interval(right[variant]))
        by_class = mean_by_class(right[variant], labels, classes)
        results["accuracy_by_class"][variant] = plain_list(by_class)
        confusion = confusion_matrix(labels, predicted, classes)
        results["confusion"][variant] = confusion.tolist()
    gap = right["mixed_same"] - right["mixed_random"]
    results["bg_gap"] = {
        "value": float(gap.mean()),
        "interval": list(mean_interval(gap, seed)),
        "by_class": plain_list(mean_by_class(gap, labels, classes)),
    }
    return results
