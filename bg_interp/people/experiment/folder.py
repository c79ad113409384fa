"""The folder `people/` of a study: its files, and whose experiment stands in it."""

import pathlib
import shutil
from collections.abc import Mapping
from typing import Any

from bg_interp import cli
from bg_interp.config.people import PeopleConfig
from bg_interp.errors import UserError
from bg_interp.people.answers import store
from bg_interp.storage import files

# Settings that make another experiment when they change.
_MADE_FROM = (
    "visualizations",
    "correlation",
    "adversarial_epsilon",
    "start",
    "classes",
    "naming_trials",
    "choosing_trials",
    "seed",
)
_LONGEST_CONSENT = 20_000


class Folder:
    """Paths of an experiment.

    Args:
      workdir: folder of the study.
    """

    def __init__(self, workdir: pathlib.Path):
        self.workdir = workdir
        self.path = workdir / "people"
        self.public = self.path / "experiment.json"
        self.images = self.path / "images"
        self.key = self.path / "key.json"
        self.answers = self.path / "answers.sqlite"
        self.table = self.path / "answers.csv"
        self.results = self.path / "results.json"

    def read_public(self) -> dict[str, Any]:
        """Reads what everybody may see.

        Raises:
          UserError: it is missing or damaged.
        """
        return self._read(self.public)

    def read_key(self) -> dict[str, Any]:
        """Reads which answers are right.

        Raises:
          UserError: it is missing or damaged.
        """
        return self._read(self.key)

    def _read(self, path: pathlib.Path) -> dict[str, Any]:
        try:
            return files.read_sealed(path)
        except FileNotFoundError as error:
            raise UserError(
                f"there is no experiment in {self.path} yet; `python tools/people.py "
                f"--workdir={self.workdir}` makes one"
            ) from error
        except (OSError, ValueError) as error:
            raise UserError(
                f"{path} is damaged ({error}); without answers it may be deleted, and is made again"
            ) from error


def workdir(config: PeopleConfig) -> pathlib.Path:
    """Returns the folder of the study."""
    return pathlib.Path(config.workdir).expanduser()


def read_consent(path: str) -> list[str]:
    """Reads the paragraphs of a consent text.

    Raises:
      UserError: it cannot be read, says nothing, or is too long.
    """
    try:
        text = pathlib.Path(path).expanduser().read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise UserError(f"--consent={path} cannot be read as UTF-8 text: {error}") from error
    paragraphs = [" ".join(part.split()) for part in text.split("\n\n") if part.strip()]
    if not paragraphs or len(text) > _LONGEST_CONSENT:
        raise UserError(
            f"--consent must name a text of 1 to {_LONGEST_CONSENT} characters. "
            f"Received: {len(text.strip())} in {path}"
        )
    return paragraphs


def open_or_build(config: PeopleConfig) -> Folder:
    """Makes the experiment that is asked for, unless it is there.

    Args:
      config: what is asked for.

    Raises:
      UserError: people have answered another experiment in this folder; what `class_images.read`
        raises.
    """
    folder = Folder(workdir(config))
    asked = {name: getattr(config, name) for name in _MADE_FROM}
    asked["consent"] = None if config.consent is None else read_consent(config.consent)
    difference = _difference(folder, asked)
    if difference is None:
        return folder
    if folder.answers.exists() and (count := store.participants(folder.answers)):
        raise UserError(
            f"{folder.path} holds the answers of {count} people to another experiment "
            f"({difference}); give the flags that it was made with, or move the folder away"
        )
    _build(config, folder, asked)
    return folder


def _difference(folder: Folder, asked: dict[str, Any]) -> str | None:
    """Says in what the experiment of a folder differs from what is asked; None when it doesn't."""
    try:
        public, key = files.read_sealed(folder.public), files.read_sealed(folder.key)
    except (OSError, ValueError):
        return "its experiment.json or key.json is missing or damaged"
    if public["experiment"] != key["experiment"]:
        return "its key.json belongs to another one"
    for name, value in asked.items():
        if key["settings"].get(name) != value:
            return f"--{name} was {key['settings'].get(name)!r}, now {value!r}"
    for name, digest in key["arms"].items():
        path = folder.workdir / name
        if not path.is_file() or files.sha256(path) != digest:
            return f"{name} has changed since"
    missing = [
        name for name in pictures_of(public) if not (folder.images / f"{name}.png").is_file()
    ]
    return f"{len(missing)} of its pictures are missing" if missing else None


def pictures_of(public: Mapping[str, Any]) -> set[str]:
    """Returns the names of all pictures that an experiment shows."""
    trials = [*public["practice"], *(trial for one in public["lists"] for trial in one)]
    return {name for trial in trials for name in (trial["image"], *trial.get("pair", ()))}


def _build(config: PeopleConfig, folder: Folder, asked: dict[str, Any]) -> None:
    """Makes the experiment and writes its folder, experiment.json at the end."""
    cli.load_tensorflow()
    from bg_interp.people.experiment import building, class_images, design, natural

    arms = class_images.read(config)
    pictures = natural.NaturalPictures(
        natural.load(arms.config),
        arms.class_names,
        arms.asked,
        design.natural_pictures(len(arms.asked)),
        config.seed,
    )
    made = building.build(
        arms,
        pictures,
        naming=config.naming_trials,
        choosing=config.choosing_trials,
        seed=config.seed,
        consent=asked["consent"],
        facts={"settings": asked},
    )
    folder.public.unlink(missing_ok=True)
    folder.answers.unlink(missing_ok=True)
    if folder.images.exists():
        shutil.rmtree(folder.images)
    for name, content in made.pictures.items():
        with files.replacing(folder.images / f"{name}.png") as temporary:
            temporary.write_bytes(content)
    files.write_sealed(folder.key, made.key)
    files.write_sealed(folder.public, made.public)
