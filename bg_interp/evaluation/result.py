"""What an evaluation found: one object that prints, draws, saves and checks itself."""

import dataclasses
import functools
import pathlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import scipy.special

from bg_interp.arguments import whole
from bg_interp.doubts import Doubt
from bg_interp.errors import UserError
from bg_interp.evaluation import as_text, finding, gate
from bg_interp.evaluation.answers import Answers
from bg_interp.evaluation.arrays import Arrays
from bg_interp.evaluation.baseline import Baseline, Comparison, to_dict
from bg_interp.evaluation.estimate import Estimate
from bg_interp.evaluation.leak import Leak
from bg_interp.evaluation.measures import BY_NAME, MEASURES, Measure, take_all
from bg_interp.evaluation.reliance.groups import Groups, Third
from bg_interp.evaluation.reliance.variants import confusion_matrix
from bg_interp.evaluation.worst import NO_MAPS, Maps, WorstImages, worst_images, worst_rows
from bg_interp.storage import files

# Variants with a background of another image, of whatever class.
_ELSEWHERE = ("mixed_random", "mixed_next", "swap")


@dataclasses.dataclass(frozen=True, eq=False)
class Evaluation:
    """All that was measured of one classifier on one test set.

    Attributes:
      answers: what the classifier says, and what is measured of it.
      test: the test images, masks usable.
      keys: N names of them.
      logits: {variant: float32 [N, K]}.
      groups: accuracy of class x kind of background, on composites.
      thirds: accuracy by size and place of the object.
      attribution: see `attribution.attribution`.
      images_left_out: how many images have no usable mask.
      unmeasured: (key, image, mask) of some of these.
      backgrounds: how many the worst of several backgrounds are.
      facts: how all was taken.
      doubts: what the data could not settle of the classifier, its images or masks; with any,
        there is no verdict.
      maps: where the classifier looks in the worst images.
      baseline: an earlier audit, that the page shows beside and conditions compare with.
      write_page: writes this as one HTML file, or a model card's section; None where nobody said
        how it was made.
    """

    answers: Answers
    test: Arrays
    keys: tuple[str, ...]
    logits: Mapping[str, np.ndarray]
    groups: Groups
    thirds: Sequence[Third]
    attribution: Mapping[str, Any]
    images_left_out: int = 0
    unmeasured: tuple[tuple[str, np.ndarray, np.ndarray], ...] = ()
    backgrounds: int = 0
    facts: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    doubts: tuple[Doubt, ...] = ()
    maps: Maps = NO_MAPS
    baseline: Baseline | None = None
    write_page: Callable[[pathlib.Path, "Evaluation"], None] | None = None

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the classes."""
        return self.answers.names

    @property
    def classes_without_images(self) -> list[str]:
        """Names of the classes that nothing was measured of."""
        present = set(self.answers.labels.tolist())
        return [name for label, name in enumerate(self.classes) if label not in present]

    @property
    def chance(self) -> float:
        """The accuracy of guessing."""
        return 1.0 / len(self.classes)

    @property
    def seed(self) -> int:
        """What keys all random choices."""
        return self.answers.seed

    @property
    def leak(self) -> Leak | None:
        """How well backgrounds alone predict the label; None when it was not asked for."""
        return self.answers.leak

    def with_leak(self, leak: Leak) -> "Evaluation":
        """Returns the same with what backgrounds alone predict."""
        return dataclasses.replace(self, answers=dataclasses.replace(self.answers, leak=leak))

    @functools.cached_property
    def measures(self) -> dict[str, Estimate]:
        """Each measure with its 95 % interval, by name: `reliance`, `swap`, `bg_gap`, ..."""
        return take_all(self.answers)

    @functools.cached_property
    def finding(self) -> finding.Finding:
        """What it comes to."""
        if self.doubts:
            return finding.Finding.DOUBTED
        return finding.judge(self.answers, self.measures)

    def tables(self) -> list[tuple[str, list[tuple[Measure, Estimate, str]]]]:
        """Returns (title, [(measure, value, what it is)]) of every table that holds something."""
        found: dict[str, list[tuple[Measure, Estimate, str]]] = {}
        for measure in MEASURES:
            if measure.name in self.measures:
                row = measure, self.measures[measure.name], self.meaning(measure.name)
                found.setdefault(measure.table, []).append(row)
        return list(found.items())

    def meaning(self, measure: str) -> str:
        """Says what a measure is, and of what it was taken."""
        meaning = BY_NAME[measure].meaning
        for name, groups in (
            ("worst_group", self.groups),
            ("worst_natural_group", self.answers.natural),
        ):
            if name == measure and groups is not None and groups.worst is not None:
                among = groups.compared and f", {groups.compared}"
                return f"{groups.worst}{among}: {meaning}"
        return meaning.replace("several", str(self.backgrounds), 1)

    def answer(self) -> str:
        """Says in a few sentences how much the model relies on backgrounds.

        Where something is in doubt it says what, and gives no verdict.
        """
        if self.doubts:
            first, *others = self.doubts
            return " ".join([f"No verdict: {first}.", *(one.sentence() for one in others)])
        return " ".join(finding.sentences(self.answers, self.measures, self.finding))

    def right(self, variant: str) -> np.ndarray:
        """Returns which images are right in a variant, bool [N]."""
        return self.answers.right(variant)

    def changes(self) -> np.ndarray:
        """Returns how much each image's own class loses at worst on other backgrounds, [N].

        In probability, over the variants with a background of another image.
        """
        return self._probability("original") - self._elsewhere().min(axis=0)

    def worst_variants(self) -> list[str]:
        """Returns the variant in which each image's own class loses most, N names."""
        return [_ELSEWHERE[place] for place in self._elsewhere().argmin(axis=0)]

    def _elsewhere(self) -> np.ndarray:
        return np.stack([self._probability(variant) for variant in _ELSEWHERE])

    def _probability(self, variant: str) -> np.ndarray:
        """Returns the probability of each image's own class, [N]."""
        rows = np.arange(len(self.test.labels)), self.test.labels
        return scipy.special.softmax(self.logits[variant], axis=1)[rows]

    def worst_rows(self, count: int = 24) -> list[int]:
        """Returns the positions of the images that depend most on their background."""
        return worst_rows(self, count)

    def worst(self, count: int = 12) -> WorstImages:
        """Returns the images that depend most on their background; a notebook shows them."""
        return worst_images(self, whole(count, "count", 1))

    def check(
        self,
        *,
        must: str | None = None,
        baseline: "Evaluation | str | pathlib.Path | None" = None,
        **limits: float,
    ) -> gate.Verdicts:
        """Tells whether every measure keeps its limit, and prints a line for each.

        `check(reliance=0.1, worst_group=0.6)` asks for a reliance of at most 0.1 and a worst group
        of at least 0.6, and looks for failure: a limit is broken only when the whole interval is
        beyond it. `check(must="reliance<0.1")` looks for evidence: it passes only when the whole
        interval keeps the limit, fails when the whole interval breaks it, and is undecided else.
        Where something is in doubt, everything is undecided, and so is a small reliance of a model
        that is right no more often than by chance.

        Args:
          must: conditions separated by commas, such as "reliance<0.1,worst_group>0.6", or
            "reliance<baseline+0.02".
          baseline: what `baseline` stands for there: another evaluation, or its results.json; both
            are compared image by image.
          **limits: measure=limit, the limit on the side that is better.

        Returns:
          The verdicts, which are true only where all pass.

        Raises:
          UserError: no measure of that name, a condition that is none, or nothing to compare with.
        """
        conditions = gate.limits(limits, self.measures)
        if must is not None:
            conditions += gate.conditions(must, "must")
        verdicts = self.judged(conditions, baseline)
        print(verdicts)
        return verdicts

    def beside(self, baseline: "Evaluation | str | pathlib.Path | None") -> "Evaluation":
        """Returns the same with an earlier audit that its page shows beside.

        Args:
          baseline: another evaluation, or its results.json; None leaves what is there.

        Raises:
          UserError: a file that can't be read, or is none.
        """
        if baseline is None:
            return self
        is_path = isinstance(baseline, str | pathlib.Path)
        old = Baseline.read(baseline) if is_path else Baseline.of(baseline)  # type: ignore[arg-type]
        return dataclasses.replace(self, baseline=old)

    def compared(self) -> Comparison | None:
        """Returns every measure that both this audit and its baseline took; None without one."""
        return None if self.baseline is None else Baseline.of(self).compared(self.baseline)

    def judged(
        self,
        conditions: Sequence[gate.Condition],
        baseline: "Evaluation | str | pathlib.Path | None" = None,
    ) -> gate.Verdicts:
        """Judges conditions; see `check`."""
        old = self.beside(baseline).baseline
        measured = [(one, self._found(one, old)) for one in conditions]
        return gate.check(measured, self.doubts, self._explained(), self._empty())

    def _found(self, condition: gate.Condition, baseline: Baseline | None) -> Estimate:
        if condition.of_baseline:
            return Baseline.of(self).minus(baseline, condition.measure)
        if condition.measure not in self.measures:
            raise UserError(
                f"{condition.measure} was not measured, since it was left out, or no group has "
                f"enough images. Received: the condition {condition}"
            )
        return self.measures[condition.measure]

    def _explained(self) -> dict[str, str]:
        """Returns what could explain a measure that is too bad, by its name."""
        ranging = finding.range_of(self.measures)
        if ranging is None or self.measures["reliance"].low <= 0 or ranging.low > 0:
            return {}
        lowest = self.measures[ranging.lowest]
        why = f"{ranging.lowest} is {lowest}: errors of masks could explain it"
        return {"reliance": why, "bg_gap": why}

    def _empty(self) -> dict[str, str]:
        """Returns why a measure shows nothing where it is good, by its name."""
        if self.finding is not finding.Finding.AT_CHANCE:
            return {}
        why = (
            "the model is right no more often than by chance, and has nothing to lose on other "
            "backgrounds: see that --class_names, --preprocess and the images are its own"
        )
        return {name: why for name in self.measures if BY_NAME[name].is_loss}

    def to_dict(self) -> dict[str, Any]:
        """Returns what JSON can hold."""
        answers, ranging = self.answers, finding.range_of(self.measures)
        compared = self.compared()
        return {
            **self.facts,
            "seed": self.seed,
            "classes": list(self.classes),
            "images": len(self.test.labels),
            "images_left_out": self.images_left_out,
            "classes_without_images": self.classes_without_images,
            "chance": self.chance,
            "units": dict(answers.units.counts),
            "doubts": [one.to_dict() for one in self.doubts],
            "finding": self.finding.value,
            "answer": self.answer(),
            "measures": {name: dataclasses.asdict(one) for name, one in self.measures.items()},
            "reliance_range": ranging and [ranging.low, ranging.high],
            "background": self._by_class(),
            "attribution": dict(self.attribution),
            "groups": self.groups.to_dict(),
            "natural_groups": answers.natural and answers.natural.to_dict(),
            "by_object": [dataclasses.asdict(third) for third in self.thirds],
            "adversarial_backgrounds": self.backgrounds,
            "leak": self.leak and self.leak.to_dict(),
            "baseline": compared and compared.to_dict(),
        }

    def _by_class(self) -> dict[str, Any]:
        """Returns values, intervals and values by class of variants and of differences."""
        found: dict[str, Any] = {
            name: {} for name in ("accuracy", "interval", "accuracy_by_class", "confusion")
        }
        for measure in MEASURES:
            by_class, one = measure.by_class(self.answers), self.measures.get(measure.name)
            if by_class is None or one is None:
                continue
            if not measure.is_variant:
                inside = {"value": one.value, "interval": [one.low, one.high]}
                found[measure.name] = {**inside, "by_class": by_class}
                continue
            found["accuracy"][measure.name] = one.value
            found["interval"][measure.name] = [one.low, one.high]
            found["accuracy_by_class"][measure.name] = by_class
            predicted = self.answers.predicted[measure.name]
            confused = confusion_matrix(self.answers.labels, predicted, len(self.classes))
            found["confusion"][measure.name] = confused.tolist()
        return found

    def to_csv(self) -> str:
        """Returns a row for each image: what the model says of each variant."""
        return as_text.rows_of_images(self)

    def save(
        self,
        path: str | pathlib.Path,
        *,
        baseline: "Evaluation | str | pathlib.Path | None" = None,
    ) -> None:
        """Writes a page (.html), all numbers (.json), a row for each image (.csv), or a card (.md).

        The card is a section for the model's own card.

        Args:
          path: the file.
          baseline: an earlier audit that the page and the numbers show beside; see `check`.

        Raises:
          UserError: another ending, a file that cannot be written, or a baseline that is none.
        """
        if baseline is not None:
            self.beside(baseline).save(path)
            return
        path = pathlib.Path(path)
        if path.suffix == ".json":
            answers = to_dict(self.answers, self.keys)
            files.write_json(path, {**self.to_dict(), "answers": answers})
        elif path.suffix == ".csv":
            files.write_text(path, self.to_csv())
        elif path.suffix in (".html", ".md") and self.write_page is not None:
            self.write_page(path, self)
        else:
            raise UserError(f"path must end in .html, .json, .csv or .md. Received: {path}")

    def __str__(self) -> str:
        """Returns the tables for a terminal."""
        return as_text.for_terminal(self)

    __repr__ = __str__

    def counted(self) -> str:
        """Says how many images there are, what of, and what they can show."""
        return as_text.counted(self)

    def _repr_html_(self) -> str:
        return as_text.for_notebook(self)
