"""How many people it takes: studies simulated on the design at hand, analysed like real ones.

An answer is right with a probability that depends, on the logit scale, on the picture's class,
on the treatment's luck with that class and that seed, on the picture itself, and on the person.
Answers of Borowski et al. 2021 and Zimmermann et al. 2023, fitted so, have standard deviations of
.2 to .4 between people and .5 to 1.3 between pictures.
"""

import dataclasses

import numpy as np
import scipy.optimize
from tabulate import tabulate

from bg_interp.evaluation import statistics
from bg_interp.people.answers.scoring import Tally
from bg_interp.people.experiment import design

REFERENCE_SHARE = 0.6
DIFFERENCES = (0.15, 0.30)
_STUDIES = 150
_NORMAL = np.random.default_rng(0).normal(size=4000)


@dataclasses.dataclass(frozen=True)
class Scenario:
    """Standard deviations on the logit scale.

    Attributes:
      label: between classes.
      treated_class, treated_seed: of what a treatment does to each class and each seed.
      picture: between pictures, beside these.
      person, treated_person: between people, and of what a treatment does to each of them.
    """

    label: float
    treated_class: float
    treated_seed: float
    picture: float
    person: float
    treated_person: float

    @property
    def total(self) -> float:
        """Deviation of all answers together."""
        return float(np.sqrt(sum(value**2 for value in dataclasses.astuple(self))))


# What treatments do to classes: all the same, somewhat different, as different as judges saw it.
SCENARIOS = {
    "calm": Scenario(0.7, 0.2, 0.1, 0.5, 0.3, 0.1),
    "middle": Scenario(1.0, 0.7, 0.2, 0.8, 0.3, 0.2),
    "rough": Scenario(1.0, 1.3, 0.3, 1.0, 0.4, 0.2),
}


def simulate(
    generator: np.random.Generator,
    lists: np.ndarray,
    shares: np.ndarray,
    scenario: Scenario,
    people: int,
) -> Tally:
    """Draws the answers of people to class images.

    Args:
      generator: of all that is drawn.
      lists: bool [lists, treatments, seeds, classes], what each list asks; people get them in turn.
      shares: [treatments], the share of right answers that is planted.
      scenario: how much everything differs.
      people: how many take part.
    """
    _, treatments, seeds, classes = lists.shape

    def drawn(deviation: float, *shape: int) -> np.ndarray:
        return deviation * generator.normal(size=shape)

    logits = (
        np.array([_centre(share, scenario.total) for share in shares])[None, :, None, None]
        + drawn(scenario.label, 1, 1, 1, classes)
        + drawn(scenario.treated_class, 1, treatments, 1, classes)
        + drawn(scenario.treated_seed, 1, treatments, seeds, 1)
        + drawn(scenario.picture, 1, treatments, seeds, classes)
        + drawn(scenario.person, people, 1, 1, 1)
        + drawn(scenario.treated_person, people, treatments, 1, 1)
    )
    seen = lists[np.arange(people) % len(lists)]
    right = seen & (generator.random(seen.shape) < 1 / (1 + np.exp(-logits)))
    return Tally(right.astype(np.float64), seen.astype(np.float64))


def _centre(share: float, deviation: float) -> float:
    """Returns the logit around which answers are right at the rate `share` on average."""

    def error(centre: float) -> float:
        return float(np.mean(1 / (1 + np.exp(-(centre + deviation * _NORMAL)))) - share)

    return float(scipy.optimize.brentq(error, -20, 20))


def found(tally: Tally, treatment: int = 1) -> statistics.Comparison | None:
    """Compares a treatment with the first one as a report does; None where nothing is paired."""
    shares = tally.shares()
    measure: statistics.Measure = {
        str(place): dict(enumerate(shares[place].tolist())) for place in (0, treatment)
    }
    if np.isnan(shares[treatment] - shares[0]).all():
        return None
    return statistics.compare(
        "naming",
        measure,
        str(treatment),
        "0",
        shared_variance=tally.shared_variance(treatment, 0),
    )


def what_lists_ask(
    classes: int, seeds: int, treatments: int, *, naming: int, choosing: int, kind: str = "naming"
) -> np.ndarray:
    """Returns which class images each list shows, bool [lists, treatments, seeds, classes]."""
    laid_out = design.lay_out(classes, seeds, treatments, naming=naming, choosing=choosing, seed=0)
    asked = np.zeros((len(laid_out), treatments, seeds, classes), bool)
    for number, trials in enumerate(laid_out):
        for one in trials:
            if one.kind == kind and one.shown == design.CLASS_IMAGE:
                asked[number, one.treatment, one.seed, one.label] = True
    return asked


def chance_to_find(
    lists: np.ndarray, difference: float, scenario: Scenario, people: int, studies: int = _STUDIES
) -> float:
    """Returns in what share of simulated studies the interval of a difference leaves 0 outside.

    It is that for classes like these, not corrected for other questions.
    """
    generator = np.random.default_rng([people, round(100 * difference)])
    treatments = lists.shape[1]
    shares = np.full(treatments, REFERENCE_SHARE)
    shares[1:] += difference
    times = 0
    for _ in range(studies):
        one = found(simulate(generator, lists, shares, scenario, people))
        times += one is not None and one.interval_off_zero
    return times / studies


def table(lists: np.ndarray) -> str:
    """Returns how surely so many people find a difference, in plain text."""
    treatments = lists.shape[1]
    rows = []
    for rotations in (1, 2, 3, 6, 12):
        people = rotations * treatments
        cells = [
            " / ".join(
                f"{chance_to_find(lists, difference, scenario, people):.2f}"
                for difference in DIFFERENCES
            )
            for scenario in SCENARIOS.values()
        ]
        rows.append([people, *cells])
    return tabulate(rows, ["people", *SCENARIOS], disable_numparse=True)
