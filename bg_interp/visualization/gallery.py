"""The parts of a long gallery, in files: a killed one resumes where it was."""

import contextlib
import dataclasses
import pathlib
import shutil
from collections.abc import Callable

import numpy as np

from bg_interp.config.ascent import AscentSettings
from bg_interp.storage.files import replacing
from bg_interp.visualization.results import Visualization

Make = Callable[[np.ndarray], Visualization]


@dataclasses.dataclass(frozen=True)
class Parts:
    """Keeps what each part of a gallery has made; the `keep` of `Ascent.in_parts`.

    Attributes:
      folder: gets the files.
      key: of all that the images are made from, but for their units.
      settings: of the ascent.
    """

    folder: pathlib.Path
    key: str
    settings: AscentSettings

    def __call__(self, units: np.ndarray, make: Make) -> Visualization:
        """Returns the images of some units; makes them where no earlier process has.

        Raises:
          UserError: the folder cannot be written.
        """
        path = self.folder / f"{self.key}-{units[0]}-{units[-1]}.npz"
        if path.is_file():
            # zipfile and NumPy raise all kinds of exceptions, by the place of the damage: what is
            # damaged is made again.
            with contextlib.suppress(Exception):
                return self._read(path)
        made = make(units)
        fields = {name: value for name, value in vars(made).items() if value is not None}
        del fields["settings"]
        with replacing(path) as temporary, open(temporary, "wb") as file:
            np.savez(file, **fields)
        return made

    def _read(self, path: pathlib.Path) -> Visualization:
        with np.load(path, allow_pickle=False) as file:
            fields = {name: file[name] for name in file.files}
        for name in ("units", "seconds", "seed", "stopped_at"):
            fields[name] = fields[name].tolist() if name in fields else None
        optional = {"natural": None, "median": None, "guesses": None}
        fields["units"] = tuple(fields["units"])
        return Visualization(**optional | fields, settings=self.settings)

    def clear(self) -> None:
        """Removes the files, once the whole gallery is written."""
        shutil.rmtree(self.folder, ignore_errors=True)
