"""The judges of a dataset: trained once, each cached by itself."""

import dataclasses
import functools
import hashlib
import json
import pathlib
import tempfile
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from bg_interp.errors import one_line
from bg_interp.evaluation.arrays import Arrays, with_usable_masks
from bg_interp.evaluation.judges import data
from bg_interp.evaluation.judges.accuracy import VERSION, HeldOut, held_out
from bg_interp.evaluation.judges.judge import Judge, Material, TrainedJudge
from bg_interp.evaluation.judges.networks import NetworkJudge, plain_network
from bg_interp.evaluation.judges.shape import ShapeJudge
from bg_interp.evaluation.judges.trust import distrust
from bg_interp.storage import locks
from bg_interp.storage.files import cache_folder, read_sealed, write_sealed

# A judge that is added here is trained, cached, measured, asked about every class image, compared
# by studies and shown in their reports.
JUDGES: tuple[Judge, ...] = (
    NetworkJudge("foreground", "foreground judge", "foreground_judge"),
    # Of another architecture and seed, for choosing recipes: no choice was made by a reported one.
    NetworkJudge(
        "development",
        "development judge",
        "development_judge",
        is_reported=False,
        is_encoder=True,
        steps=300,
        seed=1,
        network=plain_network,
    ),
    NetworkJudge(
        "background",
        "background judge",
        "leakage",
        of_backgrounds=True,
        steps=200,
        seed=2,
        draw=data.draw_backgrounds,
    ),
    ShapeJudge("shape", "shape judge", "shape_judge", steps=75, seed=3),
)


@dataclasses.dataclass(frozen=True, eq=False)
class Judges:
    """The judges of one dataset.

    Attributes:
      classes: K, without "none of them".
      kinds: the judges.
      trained: {name of a judge: what it has learnt}.
      accuracies: {name of a judge: {kind of held-out natural image: share right}}.
    """

    classes: int
    kinds: tuple[Judge, ...]
    trained: dict[str, TrainedJudge]
    accuracies: dict[str, dict[str, float]]

    def __reduce__(self) -> tuple[Callable, tuple]:
        """Lets judges travel to other machines, as the files that the cache keeps."""
        files = {judge.name: _as_file(judge, self.trained[judge.name]) for judge in self.kinds}
        return _from_files, (self.classes, self.kinds, files, self.accuracies)

    @property
    def encode(self) -> Callable[[np.ndarray], np.ndarray]:
        """The features of the forced choice: images [N, H, W, 3] in [0, 255] to [N, D]."""
        name = next(judge.name for judge in self.kinds if judge.is_encoder)
        return self.trained[name].features  # type: ignore[attr-defined]

    @property
    def distrust(self) -> dict[str, str]:
        """Why judges of objects are no evidence of recognisability, {name of a judge: reason}."""
        found = {
            judge.name: distrust(self.accuracies[judge.name], self.classes)
            for judge in self.kinds
            if not judge.of_backgrounds
        }
        return {name: reason for name, reason in found.items() if reason}

    def describe(self) -> str:
        """Returns a table of `accuracies`, and which judges know no objects."""
        from tabulate import tabulate

        rows = [
            (judge, kind, f"{share:.2f}")
            for judge, kinds in self.accuracies.items()
            for kind, share in kinds.items()
        ]
        table = tabulate(rows, ("judge", "held-out natural images", "right"))
        doubts = [
            f"the {name} judge cannot tell whether an image is recognisable: {reason}"
            for name, reason in self.distrust.items()
        ]
        return "\n".join([table, *doubts])


def _as_file(judge: Judge, trained: TrainedJudge) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / f"judge{judge.suffix}"
        trained.save(path)
        return path.read_bytes()


def _from_files(
    classes: int,
    kinds: tuple[Judge, ...],
    contents: dict[str, bytes],
    accuracies: dict[str, dict[str, float]],
) -> Judges:
    trained = {}
    with tempfile.TemporaryDirectory() as folder:
        for judge in kinds:
            path = pathlib.Path(folder) / f"{judge.name}{judge.suffix}"
            path.write_bytes(contents[judge.name])
            trained[judge.name] = judge.load(path)
    return Judges(classes, kinds, trained, accuracies)


def train_judges(
    train: Arrays, test: Arrays, seed: int, judges: Sequence[Judge] = JUDGES
) -> Judges:
    """Trains judges and measures them on `test`.

    Args:
      train: natural images that no judged network was trained on.
      test: natural images held out.
      seed: keys initial weights and the order and composition of the data.
      judges: those to train.
    """
    found = _DataSet(train, test, seed)
    trained = {judge.name: judge.train(found.material, seed) for judge in judges}
    accuracies = {
        judge.name: found.held_out.accuracies(judge, trained[judge.name]) for judge in judges
    }
    return Judges(found.classes, tuple(judges), trained, accuracies)


@dataclasses.dataclass(frozen=True, eq=False)
class _DataSet:
    """What judges learn from and are tested on, made when a judge that is to be trained asks."""

    train: Arrays
    test: Arrays
    seed: int

    @property
    def classes(self) -> int:
        return int(max(self.train.labels.max(), self.test.labels.max())) + 1

    @functools.cached_property
    def material(self) -> Material:
        return Material.of(self.train, self.classes)

    @functools.cached_property
    def held_out(self) -> HeldOut:
        return held_out(with_usable_masks(self.test), self.classes, self.seed)


def load_or_train_judges(
    train: Arrays,
    test: Arrays,
    fingerprint: str,
    seed: int = 0,
    judges: Sequence[Judge] = JUDGES,
) -> Judges:
    """Returns the judges of a dataset from the cache, and trains and caches those it lacks.

    Prints their accuracy on held-out images either way. Several processes may ask at once: one
    trains, the others wait.

    Args:
      train: see `train_judges`.
      test: see `train_judges`.
      fingerprint: names the data of `train` and `test`.
      seed: see `train_judges`.
      judges: see `train_judges`.
    """
    known = _DataSet(train, test, seed)
    key = _key(VERSION, fingerprint, seed, train[0].shape, test[0].shape)
    folder = cache_folder() / "judges" / key
    trained, accuracies = {}, {}
    with locks.in_turn(folder / "lock"):
        for judge in judges:
            path = folder / f"{judge.name}-{_key(judge.key())}{judge.suffix}"
            found = load_judge(judge, path) or _train_and_save(judge, path, known)
            trained[judge.name], accuracies[judge.name] = found
    done = Judges(known.classes, tuple(judges), trained, accuracies)
    print(done.describe())
    return done


def _key(*parts: Any) -> str:
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]


def _sealed(path: pathlib.Path) -> pathlib.Path:
    """Returns the file beside a judge's that says what it got right, and that it is whole."""
    return path.with_suffix(".json")


def _train_and_save(
    judge: Judge, path: pathlib.Path, known: _DataSet
) -> tuple[TrainedJudge, dict[str, float]]:
    trained = judge.train(known.material, known.seed)
    accuracies = known.held_out.accuracies(judge, trained)
    trained.save(path)
    # Written last: where it is, the judge is whole.
    write_sealed(_sealed(path), accuracies)
    return trained, accuracies


def load_judge(judge: Judge, path: pathlib.Path) -> tuple[TrainedJudge, dict[str, float]] | None:
    """Reads a judge and its accuracies from the cache; None when it isn't there or is damaged."""
    if not _sealed(path).exists():
        return None
    try:
        return judge.load(path), read_sealed(_sealed(path))
    # Keras, zipfile and NumPy raise all kinds of exceptions, by the place of the damage.
    except Exception as error:
        reason = one_line(error)
        print(f"the {judge.words} in {path} is damaged ({reason}); training it again")
        return None
