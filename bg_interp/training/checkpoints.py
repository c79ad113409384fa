"""Checkpoints: every variable and all metrics of a run in one file, checked when it is read.

A checkpoint is an .npz archive, whose members carry checksums; nothing is unpickled.
"""

import json
import pathlib
import sys
import zipfile

import keras
import numpy as np

from bg_interp import files
from bg_interp.errors import UserError

_KEPT = 2
Row = dict[str, float | int | str]


class Checkpoints:
    """The checkpoints of one run.

    Args:
      folder: where they stand; the newest two are kept.
      model: its variables are saved, those of random generators among them.
      optimizer: its variables are saved.
    """

    def __init__(
        self, folder: pathlib.Path, model: keras.Model, optimizer: keras.optimizers.Optimizer
    ):
        self._folder = folder
        self._variables = [*model.variables, *optimizer.variables]

    def _names(self) -> list[str]:
        return [f"{n:05d}:{v.path}" for n, v in enumerate(self._variables)]

    def _newest_first(self) -> list[pathlib.Path]:
        return sorted(self._folder.glob("step-*.npz"), reverse=True)

    def save(self, step: int, rows: list[Row]) -> None:
        """Saves the state after `step` steps, whole or not at all.

        Args:
          step: how many steps are done.
          rows: all metrics so far.

        Raises:
          UserError: the folder cannot be written.
        """
        # bfloat16 is unknown to NumPy's file format; no variable of ours has it.
        values = {n: np.asarray(v) for n, v in zip(self._names(), self._variables, strict=True)}
        path = self._folder / f"step-{step:08d}.npz"
        with files.replacing(path) as temporary, open(temporary, "wb") as file:
            np.savez(file, step=step, rows=json.dumps(rows), **values)
        for old in self._newest_first()[_KEPT:]:
            old.unlink()

    def restore(self) -> tuple[int, list[Row]]:
        """Restores the newest checkpoint that is whole; damaged ones are named and left aside.

        Returns:
          (steps done, all metrics so far); (0, []) when there is no checkpoint.

        Raises:
          UserError: a checkpoint belongs to another network.
        """
        for path in self._newest_first():
            try:
                return self._read(path)
            # zipfile raises many kinds of exceptions for damaged archives, by the place of damage.
            except (
                OSError,
                ValueError,
                KeyError,
                EOFError,
                zipfile.BadZipFile,
                NotImplementedError,
            ) as error:
                print(
                    f"checkpoint {path} is damaged ({error}); trying the one before it",
                    file=sys.stderr,
                )
        return 0, []

    def _read(self, path: pathlib.Path) -> tuple[int, list[Row]]:
        with np.load(path, allow_pickle=False) as file:
            values = {name: file[name] for name in file.files}
        step, rows = int(values.pop("step")), json.loads(str(values.pop("rows")))
        if list(values) != self._names():
            raise UserError(
                f"{path} belongs to another network or optimizer; choose another --workdir, or "
                "start anew with --overwrite"
            )
        for name, variable in zip(values, self._variables, strict=True):
            variable.assign(values[name])
        return step, rows
