"""A repair of one classifier: its last layer retrained, measured before and after.

`tools/repair.py` is its command line.
"""

import dataclasses
import pathlib
import sys
import time
from collections.abc import Iterator
from typing import Any

import keras
from tabulate import tabulate

from bg_interp.cli import INPUT_RANGES
from bg_interp.commands import evaluate
from bg_interp.config.evaluation import check_names, class_names
from bg_interp.config.repair import RepairConfig
from bg_interp.data.opening import open_in_memory
from bg_interp.evaluation.arrays import Arrays, usable_rows
from bg_interp.evaluation.estimate import Estimate
from bg_interp.evaluation.reliance.variants import VARIANTS, mean_interval
from bg_interp.evaluation.result import Evaluation
from bg_interp.models import export
from bg_interp.models.adapter import AdaptedModel, check_outputs, match_classes
from bg_interp.models.loading import load_network
from bg_interp.report import page
from bg_interp.report import repair as report
from bg_interp.retraining import last_layer
from bg_interp.storage import files


@dataclasses.dataclass(frozen=True, eq=False)
class Repair:
    """A classifier before and after.

    Attributes:
      network: the repaired one.
      before: what was measured of the classifier as it was.
      after: the same of the repaired one, on the same images and backgrounds.
      fit: the new last layer.
      seconds: that the fit took, features included.
    """

    network: keras.Model
    before: Evaluation
    after: Evaluation
    fit: last_layer.Fit
    seconds: float

    @property
    def model(self) -> keras.Model:
        """The repaired classifier, in the conventions of the one that was given."""
        return self.network

    @property
    def changes(self) -> dict[str, Estimate]:
        """After minus before of each variant, paired by image, and of BG-Gap."""
        found, seed = {}, self.before.measured["seed"]
        right = {
            name: self.after.right(name).astype(float) - self.before.right(name)
            for name in VARIANTS
        }
        right["bg_gap"] = right["mixed_same"] - right["mixed_random"]
        for name, change in right.items():
            low, high = mean_interval(change, seed)
            found[name] = Estimate(float(change.mean()), low, high, len(change))
        return found

    def __str__(self) -> str:
        """Returns the table of before and after."""
        heads = ("measure", "before", "after", "change [95 %]")
        return tabulate(list(self.rows()), heads, disable_numparse=True)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        heads = ("measure", "before", "after", "change [95 %]")
        return tabulate(list(self.rows()), heads, tablefmt="html", disable_numparse=True)

    def save(self, folder: str | pathlib.Path) -> None:
        """Writes model.keras and results.json, each whole or not at all.

        Raises:
          UserError: the folder cannot be written.
        """
        export.keras_file(self.network, pathlib.Path(folder) / "model.keras")
        files.write_json(pathlib.Path(folder) / "results.json", self.to_dict())

    def rows(self) -> Iterator[tuple[str, str, str, str]]:
        """Yields (measure, before, after, change)."""
        before, after, changes = self.before.measures, self.after.measures, self.changes
        for name in before:
            change = changes.get(name)
            written = "" if change is None else f"{change.value:+.2f} [{change.low:+.2f}, "
            written += "" if change is None else f"{change.high:+.2f}]"
            yield name, str(before[name]), str(after.get(name, "")), written

    def to_dict(self) -> dict[str, Any]:
        """Returns what JSON can hold."""
        return {
            "before": self.before.to_dict(),
            "after": self.after.to_dict(),
            "changes": {name: dataclasses.asdict(one) for name, one in self.changes.items()},
            "strength": self.fit.strength,
            "accuracy_on_unseen_backgrounds": {f"{c:g}": v for c, v in self.fit.unseen.items()},
            "seconds": round(self.seconds, 1),
        }


def run(config: RepairConfig) -> Repair:
    """Repairs one classifier and writes model.keras, saved_model/, results.json and report.html.

    Raises:
      UserError: model, data or masks cannot be used, or the last layer is no dense layer.
    """
    check_names(config)
    path = pathlib.Path(config.model or "").expanduser()
    opened = load_network(path)
    last_layer.last_dense(opened.network)
    given, settled = config, evaluate.settled(config, opened.image_size)
    source = evaluate.open_images(settled)
    names = list(source.class_names)
    model = AdaptedModel(opened.network, INPUT_RANGES[config.input_range], config.output_kind)
    model_classes = class_names(config) or opened.class_names
    if model_classes is not None:
        model = dataclasses.replace(model, columns=match_classes(model_classes, names))
    train, test = (open_in_memory(source, split, settled).arrays for split in ("train", "test"))
    check_outputs(model, test["image"][:1], model_classes or names)
    places = evaluate.places_of(source, "train", train["index"])
    arrays = Arrays.of(train)
    usable = usable_rows(arrays)
    started = time.monotonic()
    fit = last_layer.fit(
        model,
        arrays.take(usable),
        kinds=None if places is None else places[usable],
        copies=config.copies,
        original_weight=config.original_weight,
        seed=config.seed,
    )
    network = last_layer.repaired(opened.network, fit, model.columns)
    seconds = time.monotonic() - started
    print("measuring before and after", file=sys.stderr)
    before, after = (
        evaluate.measure(
            dataclasses.replace(model, network=one),
            Arrays.of(test),
            names,
            places=evaluate.places_of(source, "test", test["index"]),
            place_names=source.place_names,
            backgrounds=0,
            seed=config.seed,
            facts={"model": config.model},
        )
        for one in (opened.network, network)
    )
    done = Repair(network, before, after, fit, seconds)
    _write(done, given, list(model_classes or names))
    return done


def _write(done: Repair, config: RepairConfig, model_classes: list[str]) -> None:
    folder = output_folder(config)
    done.save(folder)
    export.saved_model(done.network, model_classes, folder / "saved_model")
    flags = {
        name: page.without_places(name, getattr(config, name))
        for name in ("model", "dataset", "masks", "original_weight", "copies", "seed")
        if getattr(config, name) != getattr(RepairConfig(), name)
    }
    report.write(
        folder / "report.html",
        rows=list(done.rows()),
        evaluations=(done.before, done.after),
        strength=done.fit.strength,
        command=page.command("repair", flags),
    )


def output_folder(config: RepairConfig) -> pathlib.Path:
    """Returns the folder that a repair writes to."""
    if config.output:
        return pathlib.Path(config.output).expanduser()
    path = pathlib.Path(config.model or "").expanduser()
    return path.with_name(f"{path.stem if path.is_file() else path.name}-repaired")
