"""Checkpoints: every variable and all metrics of a run in one file, checked when it is read.

A checkpoint is an .npz archive, whose members carry checksums; nothing is unpickled.
"""

import json
import pathlib
import sys
from collections.abc import Sequence
from typing import Any, NamedTuple

import keras
import numpy as np

from bg_interp.errors import UserError, one_line
from bg_interp.storage import files

_KEPT = 2
Row = dict[str, Any]  # Step, split, and measures by their names.


class State(NamedTuple):
    """How far a run has come.

    Attributes:
      step: how many steps are done.
      rows: all metrics so far.
      pending: loss and accuracy of the steps since the last row.
    """

    step: int
    rows: list[Row]
    pending: Sequence[Sequence[float]]


class Checkpoints:
    """The checkpoints of one run.

    Args:
      folder: where they stand; the newest two are kept.
      model: its variables are saved, those of random generators among them.
      optimizer: its variables are saved.

    Attributes:
      variables: all that a checkpoint holds, in its order.
    """

    def __init__(
        self, folder: pathlib.Path, model: keras.Model, optimizer: keras.optimizers.Optimizer
    ):
        self._folder = folder
        self.variables = [*model.variables, *optimizer.variables]

    def _names(self) -> list[str]:
        # Keras numbers layers without a name through a whole process, so that their names change
        # with what was built before: place and shape tell more.
        return [f"{n:05d}:{tuple(v.shape)}" for n, v in enumerate(self.variables)]

    def _newest_first(self) -> list[pathlib.Path]:
        return sorted(self._folder.glob("step-*.npz"), reverse=True)

    def save(self, state: State) -> None:
        """Saves a state and the variables that belong to it, whole or not at all.

        Raises:
          UserError: the folder cannot be written.
        """
        # bfloat16 is unknown to NumPy's file format; no variable of ours has it.
        names = zip(self._names(), self.variables, strict=True)
        values: dict[str, Any] = {name: np.asarray(variable) for name, variable in names}
        path = self._folder / f"step-{state.step:08d}.npz"
        with files.replacing(path) as temporary, open(temporary, "wb") as file:
            held = {"state": state._asdict(), "variables": list(values)}
            np.savez(file, held=json.dumps(held), **values)
        for old in self._newest_first()[_KEPT:]:
            old.unlink()

    def restore(self) -> State:
        """Restores the newest checkpoint that is whole; damaged ones are named and left aside.

        Returns:
          The state, which is that of step 0 when there is no checkpoint.

        Raises:
          UserError: a checkpoint belongs to another network.
        """
        for path in self._newest_first():
            try:
                return self._read(path)
            except UserError:
                raise
            # zipfile and NumPy raise all kinds of exceptions, by the place of the damage.
            except Exception as error:
                reason = one_line(error)
                print(
                    f"checkpoint {path} is damaged ({reason}); trying the one before it",
                    file=sys.stderr,
                )
        return State(0, [], [])

    def _read(self, path: pathlib.Path) -> State:
        with np.load(path, allow_pickle=False) as file:
            values = {name: file[name] for name in file.files}
        held = json.loads(str(values.pop("held")))
        if list(values) != held["variables"]:
            raise ValueError("some of its members are missing")
        if list(values) != self._names():
            raise UserError(
                f"{path} belongs to another network or optimizer; choose another --workdir, or "
                "start over with --overwrite"
            )
        for name, variable in zip(values, self.variables, strict=True):
            variable.assign(values[name])
        return State(**held["state"])
