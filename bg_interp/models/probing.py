"""What a classifier takes and gives, found by asking it about some images whose class is known.

Files and functions rarely say whether they want 0 to 255, 0 to 1 or -1 to 1. Classifiers are right
about images in their own range; in another one they are near chance, or far too sure.
"""

import dataclasses
from typing import Any

import numpy as np
import scipy.special
import scipy.stats
import tensorflow as tf

from bg_interp.errors import UserError
from bg_interp.models import preprocessing
from bg_interp.models.adapter import AdaptedModel, check_output_kind, check_outputs, keras_network
from bg_interp.models.functions import ArrayFunction
from bg_interp.models.preprocessing import RANGES

KINDS = ("logits", "probabilities")
# So many images are asked about.
_ASKED = 256
# The range is taken for the usual one unless another one is better by so small a chance.
_LEVEL = 0.01


@dataclasses.dataclass(frozen=True, eq=False)
class Probed:
    """A classifier whose conventions are settled.

    Attributes:
      model: the classifier.
      said: a sentence for each convention that was found and not given.
    """

    model: AdaptedModel
    said: tuple[str, ...]


def probe(
    model: AdaptedModel,
    images: np.ndarray,
    labels: np.ndarray,
    *,
    input_range: tuple[float, float] | None = None,
    output_kind: str | None = None,
) -> Probed:
    """Settles what a classifier takes and gives.

    Args:
      model: the classifier; its range and kind of output are not looked at.
      images: natural ones, uint8 [N, H, W, 3].
      labels: int [N], their classes.
      input_range: what it takes for black and white; None to try those of `RANGES`.
      output_kind: "logits", "probabilities", or None to look at some outputs.

    Raises:
      UserError: the classifier cannot be asked, or what was given does not fit it.
    """
    rows = np.unique(np.linspace(0, len(images) - 1, _ASKED).astype(np.int64))
    images, labels, said = images[rows], labels[rows], []
    network = with_its_dtype(model.network, images)
    if isinstance(network, ArrayFunction) and network.takes_bytes and input_range is None:
        input_range = RANGES[0]
        said.append("it takes uint8 images")
    model = dataclasses.replace(model, network=network, input_range=RANGES[0])
    if output_kind is None:
        output_kind = kind_of(np.asarray(network(model.to_input(images))))
        said.append(f"it gives {output_kind}")
    model = dataclasses.replace(model, output_kind=output_kind)
    if input_range is None:
        input_range, why = _range(model, images, labels)
        said.append(why)
    model = dataclasses.replace(model, input_range=input_range)
    check_output_kind(output_kind, check_outputs(model, images[:8]))
    return Probed(model, tuple(said))


def named(span: tuple[float, float]) -> str:
    """Writes a range as `--input_range` takes it: "0:1"."""
    return f"{span[0]:g}:{span[1]:g}"


def kind_of(scores: np.ndarray) -> str:
    """Tells what kind scores [B, K] are: rows in 0 to 1 that add up to 1 are probabilities.

    A single output in 0 to 1 is one as well.
    """
    within = bool((scores > -1e-3).all() and (scores < 1.001).all())
    single = scores.shape[-1] == 1
    likely = within and (single or np.allclose(scores.sum(axis=-1), 1.0, atol=1e-2))
    return KINDS[bool(likely)]


def with_its_dtype(network: Any, images: np.ndarray) -> Any:
    """Returns a classifier that may be given floats, whatever it takes.

    Args:
      network: functions of arrays may want bytes; all others are returned as they are.
      images: uint8 [B, H, W, 3], some that it can be tried on.

    Raises:
      UserError: it takes neither; the message is of floats.
    """
    if not isinstance(network, ArrayFunction):
        return network
    try:
        network(tf.cast(images[:1], tf.float32))
    except UserError as error:
        of_bytes = network.of_bytes()
        try:
            of_bytes(tf.cast(images[:1], tf.float32))
        except UserError:
            raise error from None
        return of_bytes
    return network


def _range(
    model: AdaptedModel, images: np.ndarray, labels: np.ndarray
) -> tuple[tuple[float, float], str]:
    """Returns the range that a model most likely takes, and a sentence about it."""
    right, loss = {}, {}
    for span in RANGES:
        logits = np.asarray(dataclasses.replace(model, input_range=span)(images), np.float64)
        # NaN is wrong, and no mistake yet: it may come of a range that is not the model's.
        logits = np.where(np.isfinite(logits).all(axis=-1, keepdims=True), logits, 0.0)
        right[span] = logits.argmax(axis=-1) == labels
        own = np.take_along_axis(logits, np.minimum(labels, logits.shape[-1] - 1)[:, None], axis=-1)
        loss[span] = scipy.special.logsumexp(logits, axis=-1) - own[:, 0]
    counts = ", ".join(
        f"{right[span].sum()} in {named(span)} (loss {loss[span].mean():.2g})" for span in RANGES
    )
    told = f"of {len(labels)} images it is right about {counts}"
    found = _clearly_better(right, loss, labels)
    if found is not None:
        return found, f"it takes pixels in {named(found)} ({told})"
    network = keras_network(model)
    likely = None if network is None else preprocessing.likely_range(network, images)
    if likely is not None:
        return likely, f"it takes pixels in {named(likely)}, by its batch normalisation ({told})"
    return RANGES[0], f"it is taken to want pixels in {named(RANGES[0])} ({told})"


def _clearly_better(
    right: dict[tuple[float, float], np.ndarray],
    loss: dict[tuple[float, float], np.ndarray],
    labels: np.ndarray,
) -> tuple[float, float] | None:
    """Returns the range in which answers are clearly better than in the usual one, if any is.

    Networks of ReLUs are right about as many images in a range that is too wide, and far too sure
    where they are wrong: their loss tells.
    """
    usual, *others = RANGES
    chance = np.bincount(labels).max() / len(labels)
    better = [
        span
        for span in others
        if scipy.stats.binomtest(int(right[span].sum()), len(labels), chance, "greater").pvalue
        < _LEVEL
        and (more_often(right[span], right[usual]) or _less(loss[span], loss[usual]))
        and not more_often(right[usual], right[span])
    ]
    return min(better, key=lambda span: (-right[span].sum(), loss[span].mean()), default=None)


def more_often(first: np.ndarray, second: np.ndarray, level: float = _LEVEL) -> bool:
    """Tells whether the first is right clearly more often (McNemar's exact test, two-sided).

    Args:
      first: which images it is right about, bool [N]; second: the same of the other.
      level: of significance.
    """
    won, lost = int((first & ~second).sum()), int((second & ~first).sum())
    return bool(won > lost and scipy.stats.binomtest(won, won + lost).pvalue < level)


def _less(first: np.ndarray, second: np.ndarray) -> bool:
    """Tells whether the first is half the second or less in the mean, and not by chance alone."""
    difference = first - second
    if first.mean() > second.mean() / 2 or not difference.std():
        return False
    # Few of the images are wrong, and all of the difference is theirs.
    return bool(scipy.stats.ttest_1samp(difference, 0, alternative="less").pvalue < 0.05)
