"""Retraining the last layer on composites (Kirichenko et al. 2023, arXiv 2204.02937).

A network that relies on backgrounds has often learnt objects as well, and only weighs them less.
Logistic regression on its features, of the training images and of copies of them on random
backgrounds, weighs them anew; the layers below are left as they are. No labels of groups are
needed: how strongly weights are held back, and how much images count as they are, is chosen by
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

# Smaller values hold the weights back more (as scikit-learn's C).
STRENGTHS = (1e-3, 1e-2, 1e-1, 1.0)
# How much all images as they are count beside all of their copies.
SHARES = (0.125, 0.5, 2.0)
# Rows that the choice among them looks at.
_ENOUGH = 8000


@dataclasses.dataclass(frozen=True)
class Trial:
    """A way of fitting, and what came of it on images and backgrounds that the fit had not seen.

    Attributes:
      strength: of the regularisation, as scikit-learn's C.
      share: how much all images as they are count beside all of their copies; None for images as
        they are alone.
      original: accuracy on images as they are.
      swapped: accuracy on objects on backgrounds of other classes.
    """

    strength: float
    share: float | None
    original: float
    swapped: float


@dataclasses.dataclass(frozen=True, eq=False)
class Fit:
    """A last layer that was fitted.

    Attributes:
      kernel: float32 [D, K].
      bias: float32 [K].
      chosen: how.
      trials: all that was tried.
      reference: the same of a layer fitted to images as they are, beside which the price is told.
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
        said = (
            f"Chosen on unseen objects and backgrounds: C = {one.strength:g}, images as they are "
            f"counting {one.share:g} times their composites: {one.original:.3f} right as they are "
            f"({other.original:.3f} without composites), {one.swapped:.3f} on backgrounds of "
            f"other classes ({other.swapped:.3f})."
        )
        if other.original - one.original > self.max_loss:
            said += f" Nothing that was tried keeps to the price of {self.max_loss:g}."
        return said

    def to_dict(self) -> dict[str, Any]:
        """Returns what JSON can hold."""
        return {
            "max_loss": self.max_loss,
            "chosen": dataclasses.asdict(self.chosen),
            "without_composites": dataclasses.asdict(self.reference),
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


def fit(sample: Sample, max_loss: float, cache: ResumeCache) -> Fit:
    """Fits a last layer to features.

    Args:
      sample: features of K classes.
      max_loss: how much accuracy images as they are may lose for the sake of those on other
        backgrounds.
      cache: fits that are known.
    """
    parts = (getattr(sample, field.name) for field in dataclasses.fields(sample))
    identity = digest("composites", *parts)
    trials = _tried(sample, cache, identity)
    reference = max((one for one in trials if one.share is None), key=lambda one: one.original)
    chosen = choose([one for one in trials if one.share is not None], reference, max_loss)
    (layer,) = _path(sample, chosen.share, (chosen.strength,))
    return Fit(*layer, chosen, tuple(trials), reference, max_loss)


def choose(trials: list[Trial], reference: Trial, max_loss: float) -> Trial:
    """Chooses among ways of fitting without labels of groups.

    Args:
      trials: of fits to composites.
      reference: of a fit to images as they are.
      max_loss: how much accuracy on images as they are may be lost beside it.

    Returns:
      The best on swapped backgrounds of those that keep to the price; where none does, the one
      that is best on images as they are.
    """
    kept = [one for one in trials if one.original >= reference.original - max_loss]
    if kept:
        return max(kept, key=lambda one: (one.swapped, one.original))
    return max(trials, key=lambda one: (one.original, one.swapped))


def _tried(sample: Sample, cache: ResumeCache, identity: str) -> list[Trial]:
    """Tries each way of fitting on the half of the images that it has not seen."""
    some = _enough(sample)
    ways: tuple[float | None, ...] = (None, *SHARES)
    right: dict[tuple[float | None, int], np.ndarray] = {}
    bar = tqdm.tqdm(total=len(ways) * HALVES, desc="choosing", unit="fit", leave=False)
    with bar:
        for half in range(HALVES):
            seen, other = some.take(some.halves != half), some.take(some.halves == half)
            for share in ways:
                answers = functools.partial(_answers, seen, other, share)
                right[share, half] = cache(digest(identity, half, share), answers)
                bar.update()
    copy, foreign = (
        np.concatenate([getattr(some, name)[some.halves == half] for half in range(HALVES)])
        for name in ("copy", "is_foreign")
    )
    # Backgrounds of other classes are rare where nearly all images are of one class.
    foreign = foreign if foreign.any() else copy > 0
    trials = []
    for share in ways:
        of_all = np.concatenate([right[share, half] for half in range(HALVES)], axis=1)
        for strength, answers in zip(STRENGTHS, of_all, strict=True):
            original, swapped = answers[copy == 0].mean(), answers[foreign].mean()
            trials.append(Trial(strength, share, float(original), float(swapped)))
    return trials


def _enough(sample: Sample) -> Sample:
    """Leaves out copies, and then images, of which the choice has enough."""
    count = int(sample.objects.max()) + 1
    copies = max(1, _ENOUGH // count - 1)
    chosen = np.random.default_rng(0).permutation(count)[: _ENOUGH // (copies + 1)]
    return sample.take((sample.copy <= copies) & np.isin(sample.objects, chosen))


def _answers(seen: Sample, other: Sample, share: float | None) -> np.ndarray:
    """Returns which of `other` are right by a layer fitted to `seen`, bool [STRENGTHS, M]."""
    answers = []
    for kernel, bias in _path(seen, share, STRENGTHS):
        answers.append((other.features @ kernel + bias).argmax(axis=1) == other.labels)
    return np.array(answers)


def _path(
    sample: Sample, share: float | None, strengths: tuple[float, ...]
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yields the layer of each strength; see `regression.fit_path`."""
    if share is None:
        sample = sample.take(sample.copy == 0)
    copies = max(int(sample.copy.max()), 1)
    weights = np.where(sample.copy == 0, (share or 1.0) * copies, 1.0)
    classes = int(sample.labels.max()) + 1
    return fit_path(sample.features, sample.labels, weights, classes, strengths)
