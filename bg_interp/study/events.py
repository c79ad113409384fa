"""TensorBoard's view of a study: HParams of all arms with their measures, and the figure."""

import shutil
from typing import Any

import numpy as np
import tensorflow as tf
from tensorboard.plugins.hparams import api as hparams_api

from bg_interp.storage.events import EventWriter
from bg_interp.study import results
from bg_interp.study.plan import Plan


def write(plan: Plan, measured: dict[str, dict[str, Any]], sheet: np.ndarray) -> None:
    """Writes TensorBoard's HParams of all arms with their measures, and the figure."""
    folder = plan.workdir / "events"
    shutil.rmtree(folder, ignore_errors=True)
    writer = EventWriter(folder)
    with writer.as_default():
        hparams_api.hparams_config(
            hparams=[hparams_api.HParam(name) for name in ("background", "seed", "correlation")],
            metrics=[
                hparams_api.Metric(f"measures/{kind.short}", display_name=kind.name)
                for kind in results.KINDS
                if kind.is_question or kind.short.startswith("accuracy")
            ],
        )
        tf.summary.image("class images", sheet[None], step=0, max_outputs=1)
    writer.close()
    for arm in plan.arms:
        if arm.name not in measured:
            continue
        values = measured[arm.name]
        writer = EventWriter(folder / arm.name)
        with writer.as_default():
            shown = {"background": arm.background, "seed": arm.seed, "correlation": arm.correlation}
            hparams_api.hparams(shown)
            for kind in results.KINDS:
                try:
                    by_class = np.array(kind.of(values), np.float64)
                except KeyError:
                    continue
                tf.summary.scalar(f"measures/{kind.short}", float(np.nanmean(by_class)), step=0)
        writer.close()
