"""The class images of a study, as its report shows them: a panel for each seed and start."""

import base64
import dataclasses
import io
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from PIL import Image

from bg_interp import pictures
from bg_interp.study import measuring
from bg_interp.study.plan import Plan, PlannedArm

START_NAMES = {
    "own": "each treatment's own mean image",
    "black": "black, the same for all",
    "grey": "grey, the same for all",
}


def _data_url(image: np.ndarray) -> str:
    """Returns a PNG of uint8 [H, W, 3] as a data: URL."""
    data = io.BytesIO()
    Image.fromarray(image).save(data, format="PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(data.getvalue()).decode()


def _caption(measures: dict[str, Any], start: str, place: int) -> str:
    """Says what is known of one class image: its logit, and what the judges say."""
    judged = measures["class_images"].get(start)
    parts = [f"logit {measures['logits'][start][place]:.1f}"]
    natural = measures["logits"].get("natural")
    if natural is not None and start != measuring.UNTRAINED:
        parts.append(f"best natural image {natural[place]:.1f}")
    if judged:
        foreground, leakage = judged["foreground_judge"], judged["leakage"]
        right = "right" if judged["shape_judge"]["right"][place] else "wrong"
        parts += [
            f"foreground judge {foreground['probability'][place]:.2f} for this class",
            f"shape judge {right}",
            f"background judge {leakage['probability'][place]:.2f} for its background",
        ]
    return "; ".join(parts)


@dataclasses.dataclass(frozen=True)
class Panel:
    """The class images of one seed from one start, as the page shows them.

    Attributes:
      seed: the seed of the arms.
      start: the start's key.
      start_name: the start in words.
      rows: (treatment, [(class, data URL, caption)]).
    """

    seed: int
    start: str
    start_name: str
    rows: list[tuple[str, list[tuple[str, str, str]]]]


def _row(arm: PlannedArm, measures: dict[str, Any], start: str) -> list[tuple[str, str, str]]:
    images = measuring.read_images(arm.config)[start]
    return [
        (name, _data_url(image), _caption(measures, start, place))
        for place, (name, image) in enumerate(zip(measures["classes"], images, strict=True))
    ]


def panels(arms: Sequence[PlannedArm], measured: dict[str, dict[str, Any]]) -> Iterator[Panel]:
    """Yields a panel for each seed and start, the untrained network's images last in each."""
    for seed in dict.fromkeys(arm.seed for arm in arms):
        of_seed = [arm for arm in arms if arm.seed == seed]
        for start, words in START_NAMES.items():
            rows = [(arm.background, _row(arm, measured[arm.name], start)) for arm in of_seed]
            first = of_seed[0]
            rows.append(("untrained", _row(first, measured[first.name], measuring.UNTRAINED)))
            yield Panel(seed, start, words, rows)


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
