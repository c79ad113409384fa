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
from bg_interp.errors import UserError
from bg_interp.evaluation.arrays import Arrays, Model, batches, mean_by_class, plain_list, predict

MIXED = ("mixed_same", "mixed_random", "mixed_next", "swap")
_WITH_BACKGROUND = ("background_only", *MIXED)
VARIANTS = ("original", "foreground_only", "no_foreground", *_WITH_BACKGROUND)


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
    rows_of = {label: positions[labels == label] for label in present.tolist()}
    allowed = {label: positions[is_allowed(label)] for label in rows_of}
    # The place of each image itself among those allowed, which it is to be none of.
    own, others = np.full(len(labels), len(labels)), np.zeros(len(labels), np.int64)
    for label, rows in rows_of.items():
        is_there = np.isin(rows, allowed[label])
        own[rows[is_there]] = np.searchsorted(allowed[label], rows[is_there])
        others[rows] = len(allowed[label]) - is_there
    places = np.zeros(len(labels), np.int64)
    places[others > 0] = generator.integers(0, others[others > 0])
    places += places >= own
    chosen = positions.copy()
    for label, rows in rows_of.items():
        rows = rows[others[rows] > 0]
        chosen[rows] = allowed[label][places[rows]]
    return chosen


def compose(
    variant: str, images: tf.Tensor, masks: tf.Tensor, backgrounds: tf.Tensor | None = None
) -> tf.Tensor:
    """Makes one variant of a batch.

    Args:
      variant: one of VARIANTS.
      images: [B, H, W, 3], uint8 or float in [0, 255].
      masks: uint8 [B, H, W, 1], 255 = foreground.
      backgrounds: [B, H, W, 3], what `tile_background` makes of the images themselves
        (background_only) or of their partners; None for variants that need none.

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
    if variant not in VARIANTS or backgrounds is None:
        raise ValueError(f"variant must be one of {VARIANTS}, with backgrounds. Got: {variant!r}")
    backgrounds = tf.cast(backgrounds, tf.float32)
    if variant == "background_only":
        return backgrounds
    return images * opacity + backgrounds * (1.0 - opacity)


class Variants:
    """The background variants of a set of images.

    Every background is tiled once, when it is first needed, and kept: twelve of them would
    otherwise be made of each image of an evaluation.

    Attributes:
      arrays: the N images, and those that partners are drawn from.
      seed: keys the choice of partners.
    """

    def __init__(self, arrays: Arrays, seed: int = 0):
        """Takes images with usable masks.

        Raises:
          UserError: they are of one class.
        """
        present = np.unique(arrays.labels)
        if len(present) < 2:
            raise UserError(
                "images of two classes or more must have a usable mask, since backgrounds are "
                f"exchanged between classes. Received: {len(arrays.labels)} images, all of class "
                f"{present[0]}"
            )
        self.arrays = arrays
        self.seed = seed
        self._tiled = np.zeros_like(arrays.images)
        self._is_tiled = np.zeros(len(arrays.labels), bool)

    def make(self, variant: str, rows: np.ndarray | None = None, draw: int = 0) -> np.ndarray:
        """Returns one variant of images, uint8 [N, H, W, 3].

        Args:
          variant: one of VARIANTS.
          rows: positions of the images to make; None for all, in their order.
          draw: see `partners`.
        """
        images, masks, labels = self.arrays
        behind = np.arange(len(labels))
        rows = behind if rows is None else rows
        if variant in MIXED:
            behind = partners(variant, labels, self.seed, draw)
        made = []
        for batch in batches(len(rows)):
            some = rows[batch]
            backgrounds = self._backgrounds(behind[some]) if variant in _WITH_BACKGROUND else None
            composed = compose(variant, images[some], masks[some], backgrounds)
            made.append(tf.cast(tf.round(composed), tf.uint8).numpy())
        return np.concatenate(made)

    def logits(self, model: Model) -> dict[str, np.ndarray]:
        """Asks a model about every variant; returns {variant: float32 [N, K]}.

        Args:
          model: images to logits (see `arrays.compiled`).
        """
        return {name: predict(model, self.make(name)) for name in VARIANTS}

    def _backgrounds(self, rows: np.ndarray) -> np.ndarray:
        """Returns the tiled backgrounds of images, uint8."""
        new = np.unique(rows[~self._is_tiled[rows]])
        if len(new):
            self._tiled[new] = tile_background(self.arrays.images[new], self.arrays.masks[new])
            self._is_tiled[new] = True
        return self._tiled[rows]


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


def background_reliance(
    logits: Mapping[str, np.ndarray], labels: np.ndarray, classes: int, seed: int
) -> dict[str, Any]:
    """Measures accuracy on every background variant, and BG-Gap.

    Args:
      logits: what the model says, see `Variants.logits`.
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
