"""The one writer of TensorBoard events; every summary names its step.

TensorFlow's writers tell nobody when the disk is full: what did not fit is missing, and the file
ends within a record. What is written here is looked at before it counts as written.
"""

import os
import pathlib
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager

import numpy as np
import tensorflow as tf
from tensorboard.plugins.hparams import api as hparams_api

from bg_interp.errors import UserError
from bg_interp.storage import files, records

_PATTERN = "events.out.tfevents.*"
_PROBE_BYTES = 4096


class EventWriter:
    """Writes one file of TensorBoard events.

    Args:
      folder: gets the file; what stands there already is left alone.

    Raises:
      UserError: the folder cannot be written.
    """

    def __init__(self, folder: pathlib.Path):
        self._folder = folder
        with self._one_line():
            files.make_folder(folder)
            before = set(folder.glob(_PATTERN))
            self._writer = tf.summary.create_file_writer(str(folder))
            self._writer.flush()
            self._files = set(folder.glob(_PATTERN)) - before

    def as_default(self, step: int | None = None):
        """Makes `tf.summary` write here within a block."""
        return self._writer.as_default(step)

    def flush(self) -> None:
        """Writes everything to the disk.

        Raises:
          UserError: the disk is full.
        """
        with self._one_line():
            self._writer.flush()
            self._check()

    def close(self) -> None:
        """Writes everything to the disk and closes the file; raises as `flush` does."""
        with self._one_line():
            self._writer.close()
            self._check()

    def _check(self) -> None:
        records.index(sorted(self._files))
        # A run that lost its power resumes without the pictures of before its checkpoint.
        for path in (*self._files, self._folder):
            files.sync(path)
        # Nothing at all of the last records may have fitted: then there is no room for this either.
        with tempfile.TemporaryFile(dir=self._folder) as probe:
            probe.write(bytes(_PROBE_BYTES))
            probe.flush()
            os.fsync(probe.fileno())

    @contextmanager
    def _one_line(self) -> Iterator[None]:
        try:
            yield
        except (OSError, UserError, tf.errors.OpError) as error:
            reason = error.strerror if isinstance(error, OSError) else "they are cut off"
            if isinstance(error, tf.errors.OpError):
                reason = error.message.partition("\n")[0]
            raise UserError(
                f"cannot write TensorBoard's events to {self._folder}: {reason}; free some space "
                "there, or choose another folder"
            ) from error


class Summaries:
    """TensorBoard events in a folder and those below it.

    Args:
      folder: where to; each method's `name` is a folder below it, "" for the folder itself, and
        shows in TensorBoard as a run of its own.
    """

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
        """Writes numbers by their tags."""
        with self._writer(name).as_default():
            for tag, value in values.items():
                tf.summary.scalar(tag, value, step=step)

    def images(
        self, name: str, tag: str, step: int, images: Iterable[np.ndarray], description: str = ""
    ) -> None:
        """Writes images, N of uint8 [H, W, 1 or 3] of one size, all of them."""
        stacked = np.stack(list(images))
        with self._writer(name).as_default():
            tf.summary.image(
                tag,
                stacked,
                step=step,
                max_outputs=len(stacked),
                description=description or None,
            )
        # Now, not after a checkpoint, with which a run would go on without them.
        self._writer(name).flush()

    def hparams(self, name: str, values: Mapping[str, object], run: str) -> None:
        """Writes a run's settings for TensorBoard's HParams page, those that it can show.

        Args:
          name: the folder, beside the scalars that the page compares.
          values: the settings.
          run: what the page calls it.
        """
        shown = {k: v for k, v in values.items() if isinstance(v, bool | int | float | str)}
        with self._writer(name).as_default():
            hparams_api.hparams(shown, trial_id=run)

    def hparams_columns(
        self, settings: Sequence[str], measures: Mapping[str, str], name: str = ""
    ) -> None:
        """Says what the HParams page of all runs below the folder compares.

        Args:
          settings: names of `hparams`.
          measures: {tag of a scalar: what the page calls it}.
          name: the folder that it is written to.
        """
        with self._writer(name).as_default():
            hparams_api.hparams_config(
                hparams=[hparams_api.HParam(name) for name in settings],
                metrics=[hparams_api.Metric(tag, display_name=n) for tag, n in measures.items()],
            )

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
