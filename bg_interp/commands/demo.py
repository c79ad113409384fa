"""The demonstration: two networks trained, audited, one of them repaired, and the story told.

`tools/demo.py` is its command line. Everything on the page is measured anew.
"""

import pathlib
import sys

from bg_interp.commands import evaluate, repair, train
from bg_interp.config.demo import DemoConfig
from bg_interp.config.evaluation import EvaluateConfig
from bg_interp.config.repair import RepairConfig
from bg_interp.config.training import ArmConfig
from bg_interp.evaluation.result import Evaluation
from bg_interp.report import demo as report
from bg_interp.storage.workdir import Workdir

# Fewer copies than a repair takes by itself: a third of its time and memory.
_COPIES = 2
_ARMS = ("none", "black")


def run(config: DemoConfig) -> pathlib.Path:
    """Runs the demonstration, or resumes one that was stopped.

    Returns:
      The page, index.html in the folder.

    Raises:
      UserError: the folder cannot be written, or holds a demonstration of other settings.
    """
    folder = pathlib.Path(config.workdir).expanduser()
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
    kept = "as they are" if background == "none" else f"on {background} backgrounds"
    _say(f"training a network on pictures {kept}")
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


def _class_images(folder: pathlib.Path) -> pathlib.Path:
    return sorted(Workdir(folder).visualizations.glob("class_images-*.png"))[-1]


def _say(what: str) -> None:
    print(what, file=sys.stderr, flush=True)
