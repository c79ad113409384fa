"""What a repair came to, in words, and what to do with it."""

import dataclasses
from collections.abc import Mapping

from bg_interp.evaluation.estimate import Estimate
from bg_interp.evaluation.result import Evaluation
from bg_interp.report.advice import Step, Ways


@dataclasses.dataclass(frozen=True)
class Outcome:
    """How a repair ended.

    Attributes:
      helps: whether accuracy on other backgrounds rose for sure, and none was lost for sure.
      answer: in a few sentences.
      steps: what to do next.
    """

    helps: bool
    answer: str
    steps: tuple[Step, ...]


def after_repair(
    evaluations: tuple[Evaluation, Evaluation], changes: Mapping[str, Estimate], ways: Ways
) -> Outcome:
    """Returns what a repair came to.

    Args:
      evaluations: before and after.
      changes: {measure: after minus before}, paired by image.
      ways: how the next steps are taken with the repaired model.
    """
    before, after = evaluations
    if before.doubts:
        answer = "No verdict: the model, its images or masks are in doubt, as said below."
        return Outcome(False, answer, (Step("Resolve the doubts, then repair again."),))
    swap, original = changes["swap"], changes["original"]
    rises, costs = swap.low > 0, original.high < 0
    begins = (
        "The repair helps"
        if rises
        else "The repair makes it worse"
        if swap.high < 0
        else "No gain was shown"
    )
    moved = (
        f"{begins}: accuracy on backgrounds of another class goes from "
        f"{before.measures['swap'].value:.2f} to {after.measures['swap'].value:.2f}, a change of "
        f"{_signed(swap)}."
    )
    price = (
        f" On unmodified images it goes from {before.measures['original'].value:.2f} to "
        f"{after.measures['original'].value:.2f} ({_signed(original)})"
        f"{': that is its price.' if costs else '.'}"
    )
    return Outcome(rises and not costs, moved + price, _steps(rises, costs, ways))


def _steps(rises: bool, costs: bool, ways: Ways) -> tuple[Step, ...]:
    load = Step(
        "Use it in place of the old one: it takes the same pixels and gives the same outputs.",
        'keras.models.load_model("model.keras")',
    )
    audit = Step(
        "Audit it on photographs that the repair has not seen, from where it will be used.",
        ways.gate,
    )
    train = Step(
        "Train with the background removed from half of the images, which changes the features "
        "as well; a repair only reweights them.",
        ways.train,
    )
    if not rises:
        return (Step("Keep the model as it was."), train)
    if costs:
        cheaper = Step("If the price is too high, repair again with a lower limit.", ways.repair)
        return (load, cheaper, audit, train)
    return (load, audit)


def _signed(one: Estimate) -> str:
    return f"{one.value:+.2f} [{one.low:+.2f}, {one.high:+.2f}]"
