"""The one writer of TensorBoard events; every summary names its step."""

import pathlib
import shutil
from collections.abc import Mapping

import numpy as np
import tensorflow as tf
from tensorboard.plugins.hparams import api as hparams_api

from bg_interp.storage.events import EventWriter


class Summaries:
    """TensorBoard events of one run, in `folder/{train,test,images}`."""

    def __init__(self, folder: pathlib.Path):
        self._folder = folder
        self._writers: dict[str, EventWriter] = {}

    def _writer(self, name: str) -> EventWriter:
        if name not in self._writers:
            self._writers[name] = EventWriter(self._folder / name)
        return self._writers[name]

    def clear(self, *names: str) -> None:
        """Deletes what former processes wrote below `names`, before anything is written there."""
        for name in names:
            shutil.rmtree(self._folder / name, ignore_errors=True)

    def scalars(self, name: str, step: int, values: Mapping[str, float]) -> None:
        """Writes scalars below `name` ("train" or "test")."""
        with self._writer(name).as_default():
            for tag, value in values.items():
                tf.summary.scalar(tag, value, step=step)

    def images(self, tag: str, step: int, images: np.ndarray, description: str) -> None:
        """Writes images, uint8 [N, H, W, 1 or 3], all of them."""
        with self._writer("images").as_default():
            tf.summary.image(
                tag, images, step=step, max_outputs=len(images), description=description
            )
        # Now, not after a checkpoint, with which a run would go on without them.
        self._writer("images").flush()

    def hparams(self, values: Mapping[str, object], measures: Mapping[str, float]) -> None:
        """Writes the run's settings and final measures for TensorBoard's HParams page.

        They stand in `test`, so that the page finds settings and measures under one name.
        """
        shown = {k: v for k, v in values.items() if isinstance(v, bool | int | float | str)}
        with self._writer("test").as_default():
            hparams_api.hparams(shown)
            for tag, value in measures.items():
                tf.summary.scalar(f"final/{tag}", value, step=0)

    def flush(self) -> None:
        """Writes everything to disk.

        Raises:
          UserError: the disk is full.
        """
        for writer in self._writers.values():
            writer.flush()

    def close(self) -> None:
        """Closes the event files; raises as `flush` does."""
        for writer in self._writers.values():
            writer.close()
