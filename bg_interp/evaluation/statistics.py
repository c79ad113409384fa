"""Differences between treatments, with what seeds and classes leave uncertain.

Arms of one seed share data, initial weights and data order, so differences are paired by seed and
class. Two verdicts are kept apart: whether a difference would be found with other seeds and *these
classes*, and whether with other seeds and *classes like these* (`crossed`). Eight classes are the
whole sample of classes, however many seeds there are: the second needs many of them.

Values that people gave have one source of chance more, the people, whom all seeds and classes
share: its variance is measured apart and handed over (`shared_variance`).
"""

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np

from bg_interp.errors import UserError
from bg_interp.evaluation import crossed, effective

# Fewer seeds than this are a hint, and give no verdict; so do fewer classes, on others like them.
ENOUGH_SEEDS = 5
ENOUGH_CLASSES = 15
_LEVEL = 0.05
INDICATIVE = "indicative"
THESE, LIKE_THESE = "these classes", "classes like these"

# One measure: treatment -> seed -> value of each class, None where a class has no images.
ByClass = Sequence[float | None]
Measure = Mapping[str, Mapping[int, ByClass]]


@dataclasses.dataclass(frozen=True)
class Inference:
    """What a difference tells of one kind of classes.

    Attributes:
      low: lower end of the 95 % interval, not corrected for other questions.
      high: upper end of it.
      p_value: two-sided, before correction.
      p_corrected: after `correct`; equal to `p_value` before.
    """

    low: float
    high: float
    p_value: float
    p_corrected: float

    @property
    def stands(self) -> bool:
        """Whether the difference stands after correction for all questions asked."""
        return (self.low > 0 or self.high < 0) and self.p_corrected < _LEVEL


@dataclasses.dataclass(frozen=True)
class Comparison:
    """One treatment against the reference by one measure.

    Attributes:
      measure: what was measured, in words.
      treatment: the treatment.
      reference: what it is compared with.
      seeds: the seeds that both have.
      classes: how many classes both have.
      difference: mean of treatment minus reference over seeds and classes.
      low: lower end of the 95 % interval for classes like these: other seeds, other classes.
      high: upper end of it.
      effect_size: Cohen's d_z (Lakens 2013): the difference over the standard deviation of the
        paired differences; None when they are all equal.
      p_value: for classes like these; two-sided, before correction.
      p_corrected: after `correct`; equal to `p_value` before.
      questions: how many questions it was corrected for.
      expected: "lower" or "higher" where the question was named beforehand with its direction.
      these: the same for these classes: other seeds, the same classes. None with one seed, and
        for comparisons that were written before the two were told apart.
    """

    measure: str
    treatment: str
    reference: str
    seeds: tuple[int, ...]
    classes: int
    difference: float
    low: float
    high: float
    effect_size: float | None
    p_value: float
    p_corrected: float
    questions: int = 1
    expected: str | None = None
    these: Inference | None = None

    @property
    def like_these(self) -> Inference:
        """What it tells of classes like these."""
        return Inference(self.low, self.high, self.p_value, self.p_corrected)

    @property
    def indicative(self) -> bool:
        """Whether there are too few seeds for any verdict."""
        return len(self.seeds) < ENOUGH_SEEDS

    @property
    def interval_off_zero(self) -> bool:
        """Whether the interval for classes like these leaves 0 outside, before correction."""
        return self.low > 0 or self.high < 0

    @property
    def distinguishable(self) -> bool:
        """Whether it stands for these classes, with enough seeds and after correction."""
        return self.verdict_on_these not in ("no", INDICATIVE)

    @property
    def verdict_on_these(self) -> str:
        """Whether it stands for these classes: yes, no, no, the other way, or indicative."""
        if self.indicative or self.these is None:
            return INDICATIVE
        return self._verdict(self.these)

    @property
    def verdict_on_like_these(self) -> str:
        """Whether it stands for classes like these, in the same words."""
        if self.indicative or self.classes < ENOUGH_CLASSES:
            return INDICATIVE
        return self._verdict(self.like_these)

    def _verdict(self, found: Inference) -> str:
        if not found.stands:
            return "no"
        direction = "higher" if self.difference > 0 else "lower"
        return "yes" if self.expected in (None, direction) else "no, the other way"


def paired_differences(
    measure: Measure, treatment: str, reference: str
) -> tuple[tuple[int, ...], np.ndarray]:
    """Returns the seeds that both treatments have, and treatment minus reference.

    Args:
      measure: see `Measure`.
      treatment: the treatment.
      reference: what it is compared with.

    Returns:
      (seeds, float64 [seeds, classes]): NaN where one of the two is None; classes that are None
      in all seeds are left out.

    Raises:
      UserError: they have no seed or no class in common.
    """
    first, second = measure.get(treatment, {}), measure.get(reference, {})
    seeds = tuple(sorted(set(first) & set(second)))
    if not seeds:
        raise UserError(
            f"comparing {treatment} with {reference} needs arms of the same seed. "
            f"Received: seeds {sorted(first)} and {sorted(second)}; train the missing arms"
        )
    paired = np.array([[first[seed], second[seed]] for seed in seeds], np.float64)
    differences = paired[:, 0] - paired[:, 1]
    known = ~np.isnan(differences).all(axis=0)
    if not known.any():
        raise UserError(
            f"comparing {treatment} with {reference} needs a class that was measured in both. "
            "Received: none; see that the test set has images and masks of every class"
        )
    return seeds, differences[:, known]


def interval(values: np.ndarray, *, shared_variance: float = 0.0) -> tuple[float, float]:
    """Returns the 95 % interval of the mean of shares over other seeds and classes like these.

    Args:
      values: [S, C], shares from 0 to 1, or differences of shares from -1 to 1; NaN where nothing
        was measured.
      shared_variance: see `compare`.
    """
    known = ~np.isnan(values)
    if _is_binary(values) and not shared_variance:
        seeds, classes = np.nonzero(known)
        units = [seeds, classes]
        shares = [one for one in units if len(np.unique(one)) > 1]
        found = effective.share_of(values[known], units=shares)
        return found.interval.low, found.interval.high
    like = crossed.like_these(values, binary=_is_binary(values), shared_variance=shared_variance)
    # A difference such as the reliance may be below 0; a share may not.
    least = 0.0 if np.nanmin(values) >= 0 else -1.0
    return max(like.low, least), min(like.high, 1.0)


def _is_binary(values: np.ndarray) -> bool:
    known = values[~np.isnan(values)]
    return bool(np.isin(known, (0.0, 1.0)).all())


def _largest_difference(values: np.ndarray) -> float:
    """Returns how far such values can differ: shares by 1, differences of shares by 2."""
    if np.nanmax(np.abs(values)) > 1:
        return np.inf
    return 1.0 if np.nanmin(values) >= 0 else 2.0


def _all_equal(values: np.ndarray) -> bool:
    """Whether values are equal up to rounding: what is left of them says nothing of a spread."""
    return bool(np.allclose(values, values.flat[0], rtol=1e-9, atol=1e-12, equal_nan=True))


def _within(found: crossed.Inference, most: float) -> Inference:
    """Returns what was found, with ends no farther out than a difference can be."""
    ends = max(found.low, -most), min(found.high, most)
    return Inference(*ends, found.p_value, found.p_value)


def compare(
    name: str,
    measure: Measure,
    treatment: str,
    reference: str = "none",
    *,
    shared_variance: float = 0.0,
) -> Comparison:
    """Compares one treatment with the reference by one measure.

    Args:
      name: the measure in words, such as "recognisability by foreground judge".
      measure: treatment -> seed -> value of each class.
      treatment: the treatment.
      reference: what it is compared with.
      shared_variance: variance of the mean difference by chance that all seeds and classes share,
        such as that of the people who judged them all; they themselves can't show it.

    Raises:
      UserError: the two have no seed or no class in common.
    """
    seeds, differences = paired_differences(measure, treatment, reference)
    rows = [measure[arm][seed] for arm in (treatment, reference) for seed in seeds]
    values = np.array(rows, np.float64)
    binary, most = _is_binary(values), _largest_difference(values)
    like = _within(
        crossed.like_these(differences, binary=binary, shared_variance=shared_variance), most
    )
    these = crossed.of_these(differences, binary=binary, shared_variance=shared_variance)
    known = differences[~np.isnan(differences)]
    mean = float(known.mean())
    return Comparison(
        measure=name,
        treatment=treatment,
        reference=reference,
        seeds=seeds,
        classes=differences.shape[1],
        difference=mean,
        low=like.low,
        high=like.high,
        effect_size=None if _all_equal(known) else float(mean / known.std(ddof=1)),
        p_value=like.p_value,
        p_corrected=like.p_value,
        these=None if these is None else _within(these, most),
    )


def correct(comparisons: Sequence[Comparison]) -> list[Comparison]:
    """Corrects the p-values of all questions that are asked together, by Holm's method (1979).

    Those on these classes and those on classes like these are two families, each corrected as one.
    """
    like = _holm([one.p_value for one in comparisons])
    these = _holm([1.0 if one.these is None else one.these.p_value for one in comparisons])
    return [
        dataclasses.replace(
            one,
            p_corrected=for_like,
            these=one.these and dataclasses.replace(one.these, p_corrected=for_these),
            questions=len(comparisons),
        )
        for one, for_like, for_these in zip(comparisons, like, these, strict=True)
    ]


def _holm(p_values: Sequence[float]) -> list[float]:
    """Returns p-values that are corrected for each other."""
    corrected, largest = [0.0] * len(p_values), 0.0
    for rank, position in enumerate(np.argsort(p_values, kind="stable").tolist()):
        largest = max(largest, (len(p_values) - rank) * p_values[position])
        corrected[position] = min(1.0, largest)
    return corrected


def sentence(comparison: Comparison) -> str:
    """Says what a comparison found, in one line.

    For instance "black minus none, recognisability by foreground judge: +.31 [.18, .43]; holds for
    these classes (p < .001), indicative for classes like these (8 classes)". The interval is that
    for classes like these.
    """
    one = comparison
    question = f"{one.treatment} minus {one.reference}, {one.measure}"
    found = f"{_short(one.difference, sign=True)} [{_short(one.low)}, {_short(one.high)}]"
    if one.indicative or one.these is None:
        seeds = f"{len(one.seeds)} seed{'s' if len(one.seeds) != 1 else ''}"
        return f"{question}: {found}; indicative, {seeds}"
    of = f", corrected for {one.questions} questions" if one.questions > 1 else ""
    on_these = f"{_stands(one.these)} for {THESE} ({shown_p(one.these.p_corrected)}{of})"
    if one.verdict_on_like_these == INDICATIVE:
        return f"{question}: {found}; {on_these}, {INDICATIVE} for {LIKE_THESE} ({one.classes})"
    on_like = f"{_stands(one.like_these)} for {LIKE_THESE} ({shown_p(one.p_corrected)})"
    return f"{question}: {found}; {on_these}, {on_like}"


def _stands(found: Inference) -> str:
    return "holds" if found.stands else "does not hold"


def shown_p(p_value: float) -> str:
    """Returns "p < .001" or, for instance, "p = .034"."""
    return "p < .001" if p_value < 0.001 else f"p = {p_value:.3f}".replace("0.", ".", 1)


def _short(value: float, *, sign: bool = False) -> str:
    """Writes .31 for 0.31, the way tables do; -0.00 loses its sign."""
    written = f"{round(value, 2) + 0.0:{'+' if sign else ''}.2f}"
    return written.replace("0.", ".", 1) if abs(round(value, 2)) < 1 else written
