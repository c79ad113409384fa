"""The demonstration: two networks trained, audited, one of them repaired, and the story told.

`tools/demo.py` is its command line. Everything on the page is measured anew.
"""

import pathlib
import sys

import numpy as np

from bg_interp import pictures
from bg_interp.commands import evaluate, repair, train
from bg_interp.config.data import DataConfig
from bg_interp.config.demo import DemoConfig
from bg_interp.config.evaluation import EvaluateConfig
from bg_interp.config.repair import RepairConfig
from bg_interp.config.training import ArmConfig
from bg_interp.data.opening import open_in_memory
from bg_interp.data.sources import open_source
from bg_interp.evaluation.result import Evaluation
from bg_interp.report import demo as report
from bg_interp.storage import locks
from bg_interp.storage.workdir import Workdir

# Fewer copies than a repair takes by itself: a third of its time and memory.
_COPIES = 2
_ARMS = ("none", "black")
# Of each class: segmenting takes up to half a second a picture.
_PHOTOS = {"train": 24, "test": 16}


def run(config: DemoConfig) -> pathlib.Path:
    """Runs the demonstration, or resumes one that was stopped.

    Returns:
      The page, index.html in the folder.

    Raises:
      UserError: the folder cannot be written, or holds a demonstration of other settings.
    """
    folder = pathlib.Path(config.workdir).expanduser()
    with locks.alone_in_output(folder, "--workdir"):
        return _run(config, folder)


def _run(config: DemoConfig, folder: pathlib.Path) -> pathlib.Path:
    if config.photos is not None:
        _write_photos(pathlib.Path(config.photos).expanduser(), config.image_size)
    audits = {name: _audited(config, folder, name) for name in _ARMS}
    _say("retraining the last layer of the first network, on composites")
    repaired = repair.run(
        RepairConfig(
            model=str(folder / "none"),
            output=str(folder / "repaired"),
            copies=_COPIES,
            class_images=False,
            seed=config.seed,
        )
    )
    class_images = {name: _class_images(folder / name) for name in _ARMS}
    page = folder / "index.html"
    report.write(page, audits["none"], audits["black"], repaired.after, class_images, config.seed)
    return page


def _audited(config: DemoConfig, folder: pathlib.Path, background: str) -> Evaluation:
    """Trains one network, and measures how much it relies on backgrounds."""
    kept = "unmodified pictures" if background == "none" else f"{background} backgrounds"
    _say(f"training a network on {kept}")
    train.run(
        ArmConfig(
            background=background,
            steps=config.steps,
            # One evaluation, at the end.
            checkpoint_every=config.steps,
            visualize_every=0,
            image_size=config.image_size,
            seed=config.seed,
            workdir=str(folder / background),
        )
    )
    _say("measuring how much it relies on backgrounds")
    return evaluate.run(EvaluateConfig(model=str(folder / background), seed=config.seed))


def _write_photos(folder: pathlib.Path, image_size: int) -> None:
    """Writes the first pictures of each class as PNGs, as somebody would keep photographs."""
    data = DataConfig(image_size=image_size)
    source = open_source(data)
    for split, count in _PHOTOS.items():
        arrays = open_in_memory(source, split, data).arrays
        for label, name in enumerate(source.class_names):
            rows = np.flatnonzero(arrays["label"] == label)[:count]
            for number, row in enumerate(rows):
                path = folder / split / name / f"{number:02d}.png"
                path.parent.mkdir(parents=True, exist_ok=True)
                pictures.save_png(path, arrays["image"][row])


def _class_images(folder: pathlib.Path) -> pathlib.Path:
    return sorted(Workdir(folder).visualizations.glob("class_images-*.png"))[-1]


def _say(what: str) -> None:
    print(what, file=sys.stderr, flush=True)
