"""The class images of a study, as its report shows them: a panel for each seed and start."""

import dataclasses
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from bg_interp import pictures
from bg_interp.evaluation.judges.judge import Judge
from bg_interp.report.panels import data_url
from bg_interp.study import kinds, measuring
from bg_interp.study.plan import Plan, PlannedArm
from bg_interp.study.starts import ALL_STARTS, UNTRAINED

# More classes would make a page that no browser opens.
MOST_CLASSES = 60


def _caption(measures: dict[str, Any], start: str, place: int) -> str:
    """Says what is known of one class image: its logit, and what the judges say."""
    judged = measures["class_images"].get(start, {})
    parts = [f"logit {measures['logits'][start][place]:.1f}"]
    natural = measures["logits"].get("natural")
    if natural is not None and natural[place] is not None and start != UNTRAINED:
        parts.append(f"best natural image {natural[place]:.1f}")
    for judge in kinds.REPORTED_JUDGES:
        said = judged.get(judge.measure)
        if said and said["right"][place] is not None:
            parts.append(_said(judge, said, place))
    return "; ".join(parts)


def _said(judge: Judge, said: dict[str, Any], place: int) -> str:
    if "probability" not in said:
        return f"{judge.words} {'right' if said['right'][place] else 'wrong'}"
    of = "its background" if judge.of_backgrounds else "this class"
    return f"{judge.words} {said['probability'][place]:.2f} for {of}"


@dataclasses.dataclass(frozen=True)
class Panel:
    """The class images of one seed from one start, as the page shows them.

    Attributes:
      seed: the seed of the arms.
      start: the start's key.
      start_name: the start in words.
      rows: (treatment, [(class, data URL, caption)]), both "" where there is no image; of the
        first MOST_CLASSES classes.
    """

    seed: int
    start: str
    start_name: str
    rows: list[tuple[str, list[tuple[str, str, str]]]]


def _row(arm: PlannedArm, measures: dict[str, Any], start: str) -> list[tuple[str, str, str]]:
    images, shown = measuring.read_images(arm.config)[start], []
    for place, name in enumerate(measures["classes"][:MOST_CLASSES]):
        # Of classes without training images there are no class images.
        there_is = measures["logits"][start][place] is not None
        url = data_url(images[place]) if there_is else ""
        caption = _caption(measures, start, place) if there_is else ""
        shown.append((name, url, caption))
    return shown


def panels(arms: Sequence[PlannedArm], measured: dict[str, dict[str, Any]]) -> Iterator[Panel]:
    """Yields a panel for each seed and start, the untrained network's images last in each."""
    for seed in dict.fromkeys(arm.seed for arm in arms):
        of_seed = [arm for arm in arms if arm.seed == seed]
        starts = [one for one in ALL_STARTS if one.name in measured[of_seed[0].name]["logits"]]
        for start in starts:
            rows = [(arm.background, _row(arm, measured[arm.name], start.name)) for arm in of_seed]
            first = of_seed[0]
            rows.append(("untrained", _row(first, measured[first.name], UNTRAINED)))
            yield Panel(seed, start.name, start.description, rows)


def figure(plan: Plan, measured: dict[str, dict[str, Any]]) -> np.ndarray:
    """Returns the figure: rows are treatments, columns classes, of the first seed and group."""
    first = next(arm for arm in plan.arms if arm.name in measured)
    arms = [
        arm
        for arm in plan.arms
        if arm.name in measured and (arm.seed, arm.group) == (first.seed, first.group)
    ]
    images = np.stack([measuring.read_images(arm.config)["own"] for arm in arms])
    names = [arm.background for arm in arms]
    return pictures.grid(images, measured[first.name]["classes"], names)
