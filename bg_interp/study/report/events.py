"""TensorBoard's view of a study: HParams of all arms with their measures, and the figure."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from bg_interp.storage.summaries import Summaries
from bg_interp.study import kinds
from bg_interp.study.people import PeopleResults
from bg_interp.study.plan import Plan


def write(
    plan: Plan, measured: dict[str, dict[str, Any]], sheet: np.ndarray, said: PeopleResults
) -> None:
    """Writes settings and measures of all finished arms, and the figure.

    Args:
      plan: the study.
      measured: {name of a finished arm: its measures}.
      sheet: uint8 [H, W, 3], the figure.
      said: what people said of the class images, which stands among the measures.

    Raises:
      UserError: the folder cannot be written.
    """
    summaries = Summaries(plan.workdir / "events")
    summaries.clear("")
    compared = {
        f"measures/{said.column(kind.short)}": said.worded(kind.name)
        for kind in kinds.KINDS
        if kind.is_question or kind.short.startswith("accuracy")
    }
    summaries.hparams_columns(("background", "seed", "correlation"), compared)
    summaries.images("", "class images", 0, [sheet])
    for arm in plan.arms:
        if arm.name in measured:
            shown = {"background": arm.background, "seed": arm.seed, "correlation": arm.correlation}
            summaries.hparams(arm.name, shown, run=arm.name)
            summaries.scalars(arm.name, 0, dict(_means(measured[arm.name], said)))
    summaries.close()


def _means(measures: dict[str, Any], said: PeopleResults) -> Iterator[tuple[str, float]]:
    """Yields the tag and the mean over classes of each measure that an arm has."""
    for kind in kinds.KINDS:
        try:
            by_class = np.array(kind.of(measures), np.float64)
        except KeyError:
            continue
        if not np.isnan(by_class).all():
            yield f"measures/{said.column(kind.short)}", float(np.nanmean(by_class))
