"""A tiny dataset whose answers are known, and judges trained on it once for all tests."""

import contextlib
import dataclasses
import io
import pathlib
import pickle
import types

import numpy as np
import pytest

from bg_interp.evaluation.arrays import Arrays
from bg_interp.evaluation.judges.judge import Judge
from bg_interp.evaluation.judges.networks import plain_network
from bg_interp.evaluation.judges.training import JUDGES, Judges, train_judges

SIDE = 24
_STEPS = {"foreground": 100, "development": 80, "background": 30, "shape": 12}


def _quick(judge: Judge) -> Judge:
    judge = dataclasses.replace(judge, steps=_STEPS[judge.name], batch_size=32)
    # The foreground judge has the same network, whose graph takes longer to build than to train.
    return dataclasses.replace(judge, network=plain_network) if judge.of_backgrounds else judge


QUICK = tuple(map(_quick, JUDGES))


def draw_shapes(count: int, seed: int) -> Arrays:
    """Draws bars that lie, stand or cross, each class on speckles of its own colour."""
    generator = np.random.default_rng(seed)
    labels = np.arange(count, dtype=np.int32) % 3
    rows, columns = np.mgrid[:SIDE, :SIDE]
    images, masks = [], []
    for label in labels:
        top, left = generator.integers(-2, 3, 2) + SIDE // 2
        lying = (abs(rows - top) < 3) & (abs(columns - left) < 9)
        standing = (abs(rows - top) < 9) & (abs(columns - left) < 3)
        shape = [lying, standing, lying | standing][label][..., None]
        # Speckles have no direction that would give the shape away.
        speckles = generator.random((SIDE, SIDE, 1)) < 0.5
        background = 40 + 150 * speckles * np.eye(3)[label]
        image = np.where(shape, generator.uniform(0, 255, 3), background)
        images.append(np.clip(image, 0, 255).astype(np.uint8))
        masks.append((255 * shape).astype(np.uint8))
    return Arrays(np.stack(images), np.stack(masks), labels)


@pytest.fixture(scope="session")
def shapes_train() -> Arrays:
    return draw_shapes(240, seed=0)


@pytest.fixture(scope="session")
def shapes_test() -> Arrays:
    return draw_shapes(90, seed=1)


@pytest.fixture(scope="session")
def training(shapes_train, shapes_test, made_once) -> types.SimpleNamespace:
    """Judges that were trained, and what was said meanwhile on standard output and error."""

    def train(folder: pathlib.Path) -> None:
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            judges = train_judges(shapes_train, shapes_test, seed=0, judges=QUICK)
        found = {"judges": judges, "out": out.getvalue(), "err": err.getvalue()}
        (folder / "training.pickle").write_bytes(pickle.dumps(found))

    found = pickle.loads((made_once("judges", train) / "training.pickle").read_bytes())
    return types.SimpleNamespace(**found)


@pytest.fixture(scope="session")
def judges(training) -> Judges:
    return training.judges
