"""The folder of one run: what stands where, whose configuration it is, and who works in it."""

import contextlib
import importlib.metadata
import pathlib
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from bg_interp.errors import UserError
from bg_interp.storage import files, locks

_PACKAGES = (
    "bg_interp",
    "tensorflow",
    "keras",
    "tensorflow-datasets",
    "mediapipe",
    "tf-keras-vis",
    "absl-py",
    "numpy",
)


def versions() -> dict[str, str]:
    """Returns the installed versions of the packages that a result depends on."""
    return {name: importlib.metadata.version(name) for name in _PACKAGES}


class WorkdirBusy(UserError):
    """Another process works in the folder."""


class Workdir:
    """Paths and configuration of one run.

    Args:
      path: the folder; it need not exist.
    """

    def __init__(self, path: pathlib.Path):
        self.path = path
        self.config = path / "config.json"
        self.result = path / "result.json"
        self.metrics = path / "metrics.jsonl"
        self.events = path / "events"
        self.checkpoints = path / "checkpoints"
        self.model = path / "model.keras"
        self.saved_model = path / "saved_model"
        self.litert = path / "model.tflite"
        self.ascent = path / "ascent.npz"
        self.visualizations = path / "visualizations"
        self.measures = path / "measures.json"
        self.class_images = path / "class_images.npz"
        self.evaluation = path / "evaluation"
        # Where tools/visualize.py wrote before it used `visualizations`.
        self.former_visualizations = path / "visualize"

    @property
    def is_run(self) -> bool:
        """Whether `tools/train.py` made the folder."""
        return self.config.exists()

    def read_config(self) -> dict[str, Any]:
        """Reads config.json.

        Raises:
          UserError: it is missing or damaged.
        """
        try:
            value = files.read_sealed(self.config)
        except FileNotFoundError as error:
            raise UserError(
                f"{self.path} must be a folder that tools/train.py wrote, but it has no config.json"
            ) from error
        except (OSError, ValueError) as error:
            raise UserError(
                f"{self.config} is damaged ({error}); train again with --overwrite"
            ) from error
        if not (
            isinstance(value.get("config"), dict) and isinstance(value.get("class_names", []), list)
        ):
            raise UserError(f"{self.config} is damaged; train again with --overwrite")
        return value

    def read_result(self) -> dict[str, Any] | None:
        """Reads what a finished run measured; None when it isn't finished or it is damaged."""
        try:
            result = files.read_sealed(self.result)
        except (OSError, ValueError):
            return None
        return result if {"accuracies", "seconds"} <= result.keys() else None

    def read_collapsed(self) -> str | None:
        """Reads why the run learned nothing; None when it did learn, or isn't over."""
        try:
            return files.read_sealed(self.result).get("collapsed")
        except (OSError, ValueError):
            return None

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Keeps other processes out of the folder within the block.

        Raises:
          WorkdirBusy: another process works in it.
          UserError: the folder cannot be written.
        """
        with contextlib.ExitStack() as held:
            try:
                held.enter_context(locks.alone_in(self.path))
            except locks.FolderBusy as error:
                raise WorkdirBusy(
                    f"{self.path} is in use by {error}; wait for it, or choose another --workdir"
                ) from error
            except OSError as error:
                raise UserError(
                    f"cannot write to --workdir={self.path}: {error.strerror or error}; choose "
                    "another"
                ) from error
            for folder in (self.path, *filter(pathlib.Path.is_dir, self.path.glob("*"))):
                files.remove_strays(folder)
            yield

    def claim(
        self,
        config: Mapping[str, Any],
        *,
        not_compared: Sequence[str],
        overwrite: bool,
        completed: Callable[[Mapping[str, Any]], Mapping[str, Any]] = dict,
        **facts: Any,
    ) -> None:
        """Makes the folder that of a configuration, or checks that it already is.

        Args:
          config: every resolved setting.
          not_compared: names of settings that may differ between a run and its continuation.
          overwrite: delete what another configuration, or a finished run, left. An unfinished run
            of the same configuration resumes: its end would be the same.
          completed: adds to the settings that an earlier version wrote those that it did not know.
          **facts: what else config.json holds; `fingerprint` of the data and `masks` are compared
            as well.

        Raises:
          UserError: the folder holds a run of another configuration.
        """
        # Results without a configuration are somebody's too: they are never taken for this run's.
        if self.config.exists() or self.checkpoints.exists() or self.result.exists():
            difference = self._difference(config, facts, not_compared, overwrite, completed)
            if difference is None and not (overwrite and self.result.exists()):
                return
            if not overwrite:
                raise UserError(
                    f"{self.path} holds a run of another configuration ({difference}); choose "
                    "another --workdir, or start over with --overwrite"
                )
            self._clear()
        files.write_sealed(self.config, {**facts, "versions": versions(), "config": dict(config)})

    def _difference(
        self,
        config: Mapping[str, Any],
        facts: Mapping[str, Any],
        not_compared: Sequence[str],
        overwrite: bool,
        completed: Callable[[Mapping[str, Any]], Mapping[str, Any]],
    ) -> str | None:
        """Says in what the folder's configuration differs; None when it does not."""
        try:
            before = self.read_config()
        except UserError as error:
            if overwrite:
                return str(error)
            if not self.config.exists():
                return "without config.json"
            raise
        settings = completed(before["config"])
        for name in sorted(config.keys() - set(not_compared)):
            if settings.get(name) != config[name]:
                return f"--{name} was {settings.get(name)!r}, now {config[name]!r}"
        if before.get("fingerprint") != facts.get("fingerprint"):
            return "the data have changed since"
        masks = before.get("masks", {})
        if "fingerprint" in masks and masks != facts.get("masks"):
            return "the masks have changed since"
        return None

    def _clear(self) -> None:
        """Deletes what a run writes, and nothing else that may stand in the folder."""
        written = [path for path in vars(self).values() if path not in (self.path, self.config)]
        # The configuration goes last: killed before, the rest is still known to be another's.
        for path in [*written, self.config]:
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)
