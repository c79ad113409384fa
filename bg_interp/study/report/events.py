"""TensorBoard's view of a study: HParams of all arms with their measures, and the figure."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from bg_interp.storage.summaries import Summaries
from bg_interp.study.kinds import MeasureKind
from bg_interp.study.plan import Plan


def write(
    plan: Plan, measured: dict[str, dict[str, Any]], sheet: np.ndarray, kinds: Sequence[MeasureKind]
) -> None:
    """Writes settings and measures of all finished arms, and the figure.

    Args:
      plan: the study.
      measured: {name of a finished arm: its measures}.
      sheet: uint8 [H, W, 3], the figure.
      kinds: what was measured.

    Raises:
      UserError: the folder cannot be written.
    """
    summaries = Summaries(plan.workdir / "events")
    summaries.clear("")
    compared = {
        f"measures/{kind.short}": kind.name
        for kind in kinds
        if kind.is_question or kind.short.startswith("accuracy")
    }
    summaries.hparams_columns(("background", "seed", "correlation"), compared)
    summaries.images("", "class images", 0, [sheet])
    for arm in plan.arms:
        if arm.name in measured:
            shown = {"background": arm.background, "seed": arm.seed, "correlation": arm.correlation}
            summaries.hparams(arm.name, shown, run=arm.name)
            summaries.scalars(arm.name, 0, dict(_means(measured[arm.name], kinds)))
    summaries.close()


def _means(measures: dict[str, Any], kinds: Sequence[MeasureKind]) -> Iterator[tuple[str, float]]:
    """Yields the tag and the mean over classes of each measure that an arm has."""
    for kind in kinds:
        try:
            by_class = np.array(kind.of(measures), np.float64)
        except KeyError:
            continue
        if not np.isnan(by_class).all():
            yield f"measures/{kind.short}", float(np.nanmean(by_class))
