"""What to do after an audit: steps that follow from its finding, with commands filled in."""

import dataclasses
from collections.abc import Iterator

import numpy as np

from bg_interp.evaluation import intervals
from bg_interp.evaluation.finding import CLEAR, Finding
from bg_interp.evaluation.reliance.variants import behind
from bg_interp.evaluation.result import Evaluation

# Cells and classes that are named; of more nobody makes a plan.
_NAMED = 4


@dataclasses.dataclass(frozen=True)
class Ways:
    """How the next steps are taken where the audit was: from Python, or on a command line.

    Attributes:
      repair: retrains the last layer of this model.
      train: trains with backgrounds removed from a part of the images.
      gate: a check that passes on evidence alone.
      masks: shows the masks, or makes them.
      conventions: says how the model wants its pixels, and which output is which class.
    """

    repair: str = "bg.repair(model, images, labels, masks)"
    train: str = 'data.apply(bg.Treatment("mix"))'
    gate: str = 'report.check(must="reliance<0.1")'
    masks: str = "bg.segment(images)"
    conventions: str = "bg.evaluate(..., preprocess=..., class_names=...)"


FROM_PYTHON = Ways()


@dataclasses.dataclass(frozen=True)
class Step:
    """One thing to do.

    Attributes:
      what: in a sentence or two.
      command: that does it; "" where none does.
    """

    what: str
    command: str = ""


def next_steps(found: Evaluation, ways: Ways) -> list[Step]:
    """Returns what to do next, the most useful first, and when to stop."""
    steps = {
        Finding.DOUBTED: _doubted,
        Finding.AT_CHANCE: _at_chance,
        Finding.RELIES: _relies,
        Finding.CLEAR: _clear,
        Finding.UNCLEAR: _unclear,
    }
    return list(steps[found.finding](found, ways))


def _doubted(found: Evaluation, ways: Ways) -> Iterator[Step]:
    for doubt in found.doubts:
        way = ways.masks if doubt.about == "masks" else ways.conventions
        yield Step(f"Resolve the doubt about {doubt.about}: {doubt.way_out}.", way)
    yield Step("Then measure again: until then no number on this page means anything.")


def _at_chance(found: Evaluation, ways: Ways) -> Iterator[Step]:
    yield Step(
        "Check that the model gets its images as in training: the range of pixels, the order of "
        "colours, and which output is which class.",
        ways.conventions,
    )
    yield Step("If the model has not learned its classes, train it first.")


def _relies(found: Evaluation, ways: Ways) -> Iterator[Step]:
    yield Step("Repair it: its last layer is retrained on composites, in minutes.", ways.repair)
    yield Step(
        "Or train it with the background removed from half of its images, which changes its "
        "features too.",
        ways.train,
    )
    yield from _photograph(found)
    yield Step("Add a CI check, which passes only on evidence.", ways.gate)
    yield Step(
        "Stop when the whole interval of reliance is below what your use tolerates; below "
        f"{CLEAR} this page reports that none was found."
    )


def _clear(found: Evaluation, ways: Ways) -> Iterator[Step]:
    yield Step(
        "There is nothing to repair. Look once at the masks below: every number depends on them.",
        ways.masks,
    )
    yield Step("Keep it that way: check the next versions in CI.", ways.gate)
    yield Step("Then stop, or measure on photographs from where the model will be used.")


def _unclear(found: Evaluation, ways: Ways) -> Iterator[Step]:
    if found.measures["reliance"].low > 0:
        yield Step(
            "Make better masks, or leave out the suspect ones: their errors could explain the "
            "result.",
            ways.masks,
        )
    yield from _photograph(found)
    yield Step("Measure again with more images: the interval decides.", ways.gate)


def _photograph(found: Evaluation) -> Iterator[Step]:
    wanted = wanted_photographs(found)
    if wanted:
        yield Step(f"Take more photographs where least is known: {'; '.join(wanted)}.")


def wanted_photographs(found: Evaluation) -> list[str]:
    """Names the groups of class x place whose accuracy is least certain, else the rarest classes.

    Groups are those of unmodified images, where the data tell places: on composites each class
    stands on every kind of background anyway.
    """
    natural = found.answers.natural
    if natural is None:
        counts = np.bincount(found.test.labels, minlength=len(found.classes))
        order = [one for one in np.argsort(counts, kind="stable") if counts[one] < counts.max()]
        return [f"{found.classes[one]} ({_images(int(counts[one]))})" for one in order[:_NAMED]]
    counts = natural.count
    right = np.nan_to_num(natural.accuracy) * counts
    low, high = intervals.share(right.round(), np.maximum(counts, 1))
    width = np.where(counts > 0, np.asarray(high) - np.asarray(low), 1.0)
    widest = np.argsort(-width, axis=None, kind="stable")[:_NAMED]
    cells = [divmod(int(one), len(natural.kinds)) for one in widest]
    return [
        f"{natural.classes[label]} on {natural.kinds[kind]} ({_images(int(counts[label, kind]))})"
        for label, kind in cells
    ]


def _images(count: int) -> str:
    return "none yet" if not count else "1 image" if count == 1 else f"{count} images"


@dataclasses.dataclass(frozen=True)
class Pull:
    """What the backgrounds of one class do to objects of others.

    Attributes:
      background: the class whose backgrounds they are.
      images: how many objects of other classes stood on them.
      wrong: the share of these that the model gets wrong.
      towards: the class that it says most often when it is wrong; "" where it never is.
      own: the share that it takes for the background's own class.
    """

    background: str
    images: int
    wrong: float
    towards: str
    own: float


def pulls(found: Evaluation) -> list[Pull]:
    """Returns what each class's backgrounds pull objects of other classes towards."""
    labels, said = found.test.labels, found.answers.predicted["swap"]
    behind_them = labels[behind("swap", labels, found.seed)]
    rows = []
    for label, name in enumerate(found.classes):
        on = (behind_them == label) & (labels != label)
        if not on.any():
            continue
        wrong = on & (said != labels)
        counts = np.bincount(said[wrong], minlength=len(found.classes))
        towards = found.classes[int(counts.argmax())] if wrong.any() else ""
        own = float((said[on] == label).mean())
        rows.append(Pull(name, int(on.sum()), float(wrong.sum() / on.sum()), towards, own))
    return sorted(rows, key=lambda pull: -pull.own)
