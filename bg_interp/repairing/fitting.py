"""Retraining the last layer on composites (Kirichenko et al. 2023, arXiv 2204.02937).

A network that relies on backgrounds has often learnt objects as well, and only weighs them less.
Logistic regression on its features, of the training images and of copies of them on random
backgrounds, weighs them anew. The layers below are left as they are, and the last one is held near
to what it was: it may have been learnt from many more images than there are now. No labels of
groups are needed: how strongly it is held, and how much images count as they are, is chosen by
objects on backgrounds of other classes of which the fit has seen neither.
"""

import dataclasses
import functools
from collections.abc import Iterator
from typing import Any

import numpy as np
import tqdm

from bg_interp.errors import UserError
from bg_interp.repairing.cache import ResumeCache, digest
from bg_interp.repairing.regression import fit_path
from bg_interp.repairing.sample import HALVES, Sample

# Smaller values hold the layer nearer to what it was (as scikit-learn's C).
STRENGTHS = (1e-4, 1e-3, 1e-2, 1e-1, 1.0)
# How much all unmodified images count beside all of their copies.
SHARES = (0.125, 0.5, 2.0)
# Rows that the choice among them looks at.
_ENOUGH = 8000


@dataclasses.dataclass(frozen=True)
class Trial:
    """A way of fitting, and what came of it on images and backgrounds that the fit had not seen.

    Attributes:
      strength: of the regularisation, as scikit-learn's C.
      share: how much all unmodified images count beside all of their copies; None for the layer
        as it was.
      original: accuracy on unmodified images.
      swapped: accuracy on objects on backgrounds of other classes.
    """

    strength: float
    share: float | None
    original: float
    swapped: float


@dataclasses.dataclass(frozen=True, eq=False)
class Fit:
    """A change of a last layer that was fitted.

    Attributes:
      kernel: float32 [D, K], to be added to the layer's own.
      bias: float32 [K], too.
      chosen: how.
      trials: all that was tried.
      reference: the same of the layer as it was, beside which the price is told.
      max_loss: the price that was asked for.
    """

    kernel: np.ndarray
    bias: np.ndarray
    chosen: Trial
    trials: tuple[Trial, ...]
    reference: Trial
    max_loss: float

    def __str__(self) -> str:
        """Says in one sentence what was chosen, and what it costs."""
        one, other = self.chosen, self.reference
        if one.share is None:
            return (
                "Nothing that was tried does better on unseen objects and backgrounds at a price "
                f"of {self.max_loss:g}: the last layer is left as it was."
            )
        return (
            f"Chosen on unseen objects and backgrounds: C = {one.strength:g}, unmodified images "
            f"counting {one.share:g} times their composites: accuracy {one.original:.3f} on "
            f"unmodified images ({other.original:.3f} before), {one.swapped:.3f} on backgrounds of "
            f"other classes ({other.swapped:.3f} before)."
        )

    def to_dict(self) -> dict[str, Any]:
        """Returns what JSON can hold."""
        return {
            "max_loss": self.max_loss,
            "chosen": dataclasses.asdict(self.chosen),
            "before": dataclasses.asdict(self.reference),
            "trials": [dataclasses.asdict(one) for one in self.trials],
        }


def check_classes(labels: np.ndarray, classes: int) -> None:
    """Checks that there is something to learn each class from.

    Raises:
      UserError: a class has fewer than two images, or there are others than the network's.
    """
    counts = np.bincount(labels, minlength=classes)
    if len(counts) > classes or counts.min() < 2:
        raise UserError(
            f"repair needs images of each of the network's {classes} classes, at least two with "
            f"usable masks. Received: {counts.tolist()} images by class"
        )


def fit(sample: Sample, scores: np.ndarray, max_loss: float, cache: ResumeCache) -> Fit:
    """Fits the change of a last layer to features.

    Args:
      sample: features of K classes.
      scores: float32 [M, K], what the layer says of them as it is.
      max_loss: how much accuracy unmodified images may lose for the sake of those on other
        backgrounds.
      cache: fits that are known.
    """
    parts = (getattr(sample, field.name) for field in dataclasses.fields(sample))
    rows = _enough(sample)
    some, said = sample.take(rows), scores[rows]
    reference = _trial(0.0, None, said.argmax(axis=1) == some.labels, some)
    trials = _tried(some, said, cache, digest("composites", scores, *parts))
    chosen = choose([reference, *trials], reference, max_loss)
    if chosen.share is None:
        size = sample.features.shape[1], scores.shape[1]
        change = np.zeros(size, np.float32), np.zeros(size[1], np.float32)
    else:
        (change,) = _path(sample, scores, chosen.share, (chosen.strength,))
    return Fit(*change, chosen, tuple(trials), reference, max_loss)


def choose(trials: list[Trial], reference: Trial, max_loss: float) -> Trial:
    """Chooses among ways of fitting without labels of groups.

    Args:
      trials: of fits to composites.
      reference: of a fit to unmodified images.
      max_loss: how much accuracy on unmodified images may be lost beside it.

    Returns:
      The best on swapped backgrounds of those that keep to the price; where none does, the one
      that is best on unmodified images.
    """
    kept = [one for one in trials if one.original >= reference.original - max_loss]
    if kept:
        return max(kept, key=lambda one: (one.swapped, one.original))
    return max(trials, key=lambda one: (one.original, one.swapped))


def _tried(sample: Sample, scores: np.ndarray, cache: ResumeCache, identity: str) -> list[Trial]:
    """Tries each way of fitting on the half of the images that it has not seen."""
    right = {share: np.zeros((len(STRENGTHS), len(sample.labels)), bool) for share in SHARES}
    bar = tqdm.tqdm(total=len(SHARES) * HALVES, desc="choosing", unit="fit", leave=False)
    with bar:
        for half in range(HALVES):
            for share in SHARES:
                answers = functools.partial(_answers, sample, scores, half, share)
                right[share][:, sample.halves == half] = cache(
                    digest(identity, half, share), answers
                )
                bar.update()
    return [
        _trial(strength, share, answers, sample)
        for share in SHARES
        for strength, answers in zip(STRENGTHS, right[share], strict=True)
    ]


def _trial(strength: float, share: float | None, right: np.ndarray, sample: Sample) -> Trial:
    # Backgrounds of other classes are rare where nearly all images are of one class.
    foreign = sample.is_foreign if sample.is_foreign.any() else sample.copy > 0
    original, swapped = right[sample.copy == 0].mean(), right[foreign].mean()
    return Trial(strength, share, float(original), float(swapped))


def _enough(sample: Sample) -> np.ndarray:
    """Leaves out what is in neither half, and more than enough copies, then images; bool [M]."""
    some = np.unique(sample.objects[sample.halves < HALVES])
    copies = max(1, _ENOUGH // len(some) - 1)
    chosen = np.random.default_rng(0).permutation(some)[: _ENOUGH // (copies + 1)]
    return (sample.copy <= copies) & np.isin(sample.objects, chosen)


def _answers(sample: Sample, scores: np.ndarray, half: int, share: float) -> np.ndarray:
    """Returns which of a half are right by layers fitted to the other, bool [STRENGTHS, M]."""
    seen, asked = sample.halves != half, sample.halves == half
    features, labels = sample.features[asked], sample.labels[asked]
    return np.array(
        [
            (scores[asked] + features @ kernel + bias).argmax(axis=1) == labels
            for kernel, bias in _path(sample.take(seen), scores[seen], share, STRENGTHS)
        ]
    )


def _path(
    sample: Sample, scores: np.ndarray, share: float, strengths: tuple[float, ...]
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yields the change of each strength; see `regression.fit_path`."""
    copies = max(int(sample.copy.max()), 1)
    weights = np.where(sample.copy == 0, share * copies, 1.0)
    return fit_path(sample.features, sample.labels, weights, scores, strengths)
