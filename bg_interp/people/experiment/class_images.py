"""The class images of finished arms, which an experiment is made of, read from their folders."""

import dataclasses
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from bg_interp.config.people import MOST_CLASSES, PeopleConfig, names
from bg_interp.errors import UserError, nearest
from bg_interp.storage import files
from bg_interp.storage.workdir import Workdir


@dataclasses.dataclass(frozen=True, eq=False)
class ClassImages:
    """Class images by treatment and seed, every treatment with every seed.

    Attributes:
      class_names: of all classes of the networks, in their order.
      asked: positions in `class_names` of those that people are asked about.
      treatments: names, "none" first; seeds: in ascending order.
      images: (treatment, seed) -> uint8 [K, H, W, 3].
      untrained: seed -> uint8 [K, H, W, 3], of the network before training; may be empty.
      arms: folder of an arm, relative to the study's or absolute -> sha256 of its class images.
      config: configuration of one of the arms, for their data.
    """

    class_names: tuple[str, ...]
    asked: tuple[int, ...]
    treatments: tuple[str, ...]
    seeds: tuple[int, ...]
    images: Mapping[tuple[str, int], np.ndarray]
    untrained: Mapping[int, np.ndarray]
    arms: Mapping[str, str]
    config: Mapping[str, Any]

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes that people are asked about."""
        return tuple(self.class_names[label] for label in self.asked)


@dataclasses.dataclass(frozen=True)
class _Arm:
    """One network's class images: where they are, and of what configuration."""

    folder: pathlib.Path
    pictures: pathlib.Path
    config: Mapping[str, Any]
    class_names: tuple[str, ...]

    @property
    def group(self) -> tuple[float, float]:
        return self.config["correlation"], self.config["adversarial_epsilon"]

    @property
    def cell(self) -> tuple[str, int]:
        return self.config["background"], self.config["seed"]


def _arm(folder: pathlib.Path, pictures: pathlib.Path) -> _Arm:
    facts = Workdir(folder).read_config()
    return _Arm(folder, pictures, facts["config"], tuple(facts["class_names"]))


def _study_arms(workdir: pathlib.Path) -> list[_Arm]:
    """Returns the finished arms of a study."""
    done = sorted(path.parent for path in workdir.glob("arms/*/measures.json"))
    if not done:
        raise UserError(
            f"--workdir must be the folder of a study with finished arms. Received: {workdir}; "
            "make one with tools/study.py, or name output folders with --visualizations"
        )
    return [_arm(folder, Workdir(folder).class_images) for folder in done]


def _visualized(folders: Sequence[str]) -> list[_Arm]:
    """Returns the arms whose class images tools/visualize.py made."""
    arms = []
    for name in folders:
        folder = pathlib.Path(name).expanduser()
        try:
            of = files.read_sealed(folder / "results.json")
            model = pathlib.Path(of["model"]).expanduser()
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise UserError(
                "--visualizations must name folders that tools/visualize.py wrote. "
                f"Received: {name} ({error})"
            ) from error
        if of.get("layer") is not None:
            raise UserError(
                f"--visualizations must name images of classes. Received: {name}, of a layer"
            )
        arms.append(_arm(model if model.is_dir() else model.parent, folder / "images.npz"))
    return arms


def _of_one_group(arms: list[_Arm], config: PeopleConfig) -> list[_Arm]:
    """Keeps the arms that differ in treatment and seed alone."""
    for place, flag in enumerate(("correlation", "adversarial_epsilon")):
        values = sorted({arm.group[place] for arm in arms})
        wanted = getattr(config, flag)
        if wanted is None and len(values) > 1:
            raise UserError(
                f"--{flag} must say which arms to ask about: the study has "
                f"{', '.join(f'{value:g}' for value in values)}"
            )
        if wanted is not None and wanted not in values:
            raise UserError(
                f"--{flag} must be one of {', '.join(f'{value:g}' for value in values)}. "
                f"Received: {wanted:g}"
            )
        arms = [arm for arm in arms if wanted is None or arm.group[place] == wanted]
    return arms


def _asked(class_names: Sequence[str], wanted: str | None) -> tuple[int, ...]:
    chosen = names(wanted) if wanted is not None else list(class_names)
    for name in chosen:
        if name not in class_names:
            raise UserError(
                f"--classes must name classes of the networks. Received: {name!r}"
                f"{nearest(name, class_names)}"
            )
    if not 2 <= len(set(chosen)) == len(chosen) <= MOST_CLASSES:
        raise UserError(
            f"--classes must name 2 to {MOST_CLASSES} classes, each once. Received: {len(chosen)}"
        )
    return tuple(class_names.index(name) for name in chosen)


def _read_images(arm: _Arm, start: str) -> tuple[np.ndarray, np.ndarray | None]:
    """Returns the class images of an arm, and those of its untrained network.

    Raises:
      UserError: the file is missing, damaged, or holds other classes.
    """
    try:
        with np.load(arm.pictures, allow_pickle=False) as file:
            found = {name: file[name] for name in file.files}
    # zipfile and NumPy raise all kinds of exceptions, by the place of the damage.
    except Exception as error:
        raise UserError(
            f"{arm.pictures} cannot be read ({error}); run the tool again that made it"
        ) from error
    images = found.get(start, found.get("images"))
    if images is None or images.ndim != 4 or len(images) != len(arm.class_names):
        raise UserError(
            f"{arm.pictures} must hold an image of each of {len(arm.class_names)} classes from "
            f"the start {start!r}; run the tool again that made it"
        )
    before = found.get("untrained")
    return _as_bytes(images), None if before is None else _as_bytes(before)


def _as_bytes(images: np.ndarray) -> np.ndarray:
    return np.clip(np.rint(images), 0, 255).astype(np.uint8)


def read(config: PeopleConfig) -> ClassImages:
    """Reads the class images that an experiment asks about.

    Seeds that some treatment lacks are left out: nothing could be compared with them.

    Args:
      config: what is asked for.

    Raises:
      UserError: there are no finished arms, they are no treatments of one question, or a file is
        damaged.
    """
    workdir = pathlib.Path(config.workdir).expanduser()
    given = names(config.visualizations)
    arms = _of_one_group(_visualized(given) if given else _study_arms(workdir), config)
    cells = {arm.cell: arm for arm in arms}
    if len(cells) < len(arms) or len({arm.class_names for arm in arms}) > 1:
        raise UserError(
            "the networks must be of the same classes and differ in treatment or seed. "
            f"Received: {', '.join(str(arm.folder) for arm in arms)}"
        )
    treatments = sorted({name for name, _ in cells}, key=lambda name: (name != "none", name))
    seeds = [
        seed
        for seed in sorted({seed for _, seed in cells})
        if all((name, seed) in cells for name in treatments)
    ]
    if not seeds:
        raise UserError(
            f"there must be a seed that {', '.join(treatments)} were all trained from; let "
            "tools/study.py finish its arms"
        )
    asked = _asked(arms[0].class_names, config.classes)
    images, digests = {}, {}
    untrained: dict[int, np.ndarray] = {}
    for cell, arm in sorted(cells.items()):
        if cell[1] not in seeds:
            continue
        images[cell], before = _read_images(arm, config.start)
        if before is not None:
            untrained.setdefault(cell[1], before)
        inside = arm.pictures.is_relative_to(workdir)
        digests[str(arm.pictures.relative_to(workdir) if inside else arm.pictures)] = files.sha256(
            arm.pictures
        )
    return ClassImages(
        class_names=arms[0].class_names,
        asked=asked,
        treatments=tuple(treatments),
        seeds=tuple(seeds),
        images=images,
        untrained=untrained,
        arms=digests,
        # An arm without a treatment may have been trained without masks.
        config=max(arms, key=lambda arm: arm.config["masks"] != "none").config,
    )
