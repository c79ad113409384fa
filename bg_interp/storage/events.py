"""TensorBoard events that are known to stand on the disk.

TensorFlow's writers tell nobody when the disk is full: what did not fit is missing, and the file
ends within a record.
"""

import os
import pathlib
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

import tensorflow as tf

from bg_interp.errors import UserError
from bg_interp.storage import records

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
            folder.mkdir(parents=True, exist_ok=True)
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
