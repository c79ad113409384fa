"""One arm from end to end: data, training, class images, export.

`tools/train.py` is its command line, and a study runs many of them.
"""

import contextlib
import dataclasses
import functools
import json
import math
import pathlib
import sys
import tempfile
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import tensorflow as tf
import tqdm

from bg_interp import pictures
from bg_interp.config import training as settings
from bg_interp.config.training import ArmConfig, CountedConfig
from bg_interp.data import pipeline, treatments
from bg_interp.data.arm_data import STATISTICS_IMAGES, ArmData, open_data, treatment_of
from bg_interp.data.examples import labels_of
from bg_interp.data.sources import open_source
from bg_interp.models import export, networks
from bg_interp.storage import files
from bg_interp.storage.summaries import Summaries
from bg_interp.storage.workdir import Workdir, versions
from bg_interp.training import loop, recipe, strategies
from bg_interp.training.accuracy import Accuracies
from bg_interp.training.checkpoints import Row
from bg_interp.training.collapse import collapsed
from bg_interp.visualization import features
from bg_interp.visualization import statistics as ascent_statistics
from bg_interp.visualization.ascent import Ascent
from bg_interp.visualization.presets import SMALL, for_run
from bg_interp.visualization.results import Visualization

_SHOWN_IMAGES = 4
# What TensorBoard's page of settings compares. It sorts them by name, and shows five at first.
_COMPARED = {
    "background": "background",
    "correlation": "correlation",
    "dataset": "dataset",
    "epsilon": "adversarial_epsilon",
    "network": "network",
    "rate": "learning_rate",
    "seed": "seed",
    "steps": "steps",
}
# So many images tell what features are like.
_FEATURES_IMAGES = 256
# At least: `swap` needs images of other classes in its batch, whatever --batch_size is.
_EVALUATED_TOGETHER = 64


def resolve_jit(config: ArmConfig) -> bool:
    """Tells whether the training step is compiled by XLA: asked for, or a single GPU is there."""
    if config.jit_compile != "auto":
        return config.jit_compile == "true"
    plain = config.strategy == "none" and not config.deterministic
    return plain and bool(tf.config.list_physical_devices("GPU"))


class Arm:
    """One arm, as far as it has come.

    Args:
      config: resolved settings.
      data: see `open_data`.
      workdir: gets everything that the arm writes.
      strategy: what batches are divided among.
    """

    def __init__(
        self,
        config: CountedConfig,
        data: ArmData,
        workdir: Workdir,
        strategy: tf.distribute.Strategy,
    ):
        self.config, self.data, self.workdir = config, data, workdir
        self.treatment = treatment_of(config, config.background, data.train)
        self._strategy = strategy
        self._recipe = recipe.Recipe(
            steps=config.steps,
            learning_rate=config.learning_rate,
            weight_decay=config.weight_decay,
            label_smoothing=config.label_smoothing,
            adversarial_epsilon=config.adversarial_epsilon,
            adversarial_ramp=config.adversarial_ramp,
            adversarial_ramp_power=config.adversarial_ramp_power,
            adversarial_guard=config.adversarial_guard,
            adversarial_replays=config.adversarial_replays,
        )
        with self._strategy.scope():
            self.model = networks.build(
                config.network,
                image_size=config.image_size,
                classes=len(data.source.class_names),
                weights=config.weights,
                seed=config.seed,
                mixed_precision=config.mixed_precision,
                frozen_batch_norm=config.freeze_batch_norm,
            )
            self._optimizer = recipe.make_optimizer(self._recipe, config.mixed_precision)

    def _batches_from(self, start: int):
        config = self.config
        batches = pipeline.training_batches(
            self.data.train,
            self.treatment,
            config,
            batch_size=config.batch_size,
            seed=config.seed,
            start=start,
            stop=config.steps,
        )
        if config.strategy == "none":
            return batches
        # Every worker makes whole batches and takes its part: `swap` and the order of all that is
        # random look across a batch.
        options = tf.data.Options()
        options.experimental_distribute.auto_shard_policy = (
            tf.data.experimental.AutoShardPolicy.DATA
        )
        return self._strategy.experimental_distribute_dataset(batches.with_options(options))

    def accuracies(self) -> Accuracies:
        """Returns what measures the accuracy on the own condition, as is, and swapped."""
        conditions: dict[str, treatments.Treatment] = {"original": treatments.none}
        if self.data.masks.read is not None:
            conditions = {"own_condition": self.treatment, **conditions, "swapped": treatments.swap}
        batches = {
            name: functools.partial(
                pipeline.treated_for_evaluation,
                self.data.test,
                treatment,
                batch_size=max(self.config.batch_size, _EVALUATED_TOGETHER),
            )
            for name, treatment in conditions.items()
        }
        return Accuracies(self.model, batches)

    @functools.cached_property
    def _start_images(self) -> dict[str, np.ndarray]:
        """Treated training images, for the mean that the ascent starts from.

        An arm trained on a mix starts from the treated ones alone: a mean that shows backgrounds
        keeps them in the class images.
        """
        name = self.config.background
        name = self.config.background_in_mix if name == "mix" else name
        chosen = pipeline.sample(self.data.train, STATISTICS_IMAGES, self.config.seed)
        treat = treatment_of(self.config, name, self.data.train)
        batches = pipeline.treated_for_evaluation(chosen, treat, batch_size=self.config.batch_size)
        parts = list(batches)
        return {key: np.concatenate([part[key] for part in parts]) for key in ("image", "label")}

    @functools.cached_property
    def _ascent(self) -> Ascent:
        return Ascent(self.model, for_run(self.config.network))

    @functools.cached_property
    def _learnt_classes(self) -> list[int]:
        """The classes that have training images; of the others a network knows nothing."""
        labels = labels_of(self.data.train)
        names = self.data.source.class_names
        learnt = range(len(names)) if labels is None else np.unique(labels).tolist()
        others = [name for label, name in enumerate(names) if label not in set(learnt)]
        if others:
            print(
                f"no class images of {', '.join(others)}: there are no training images of them",
                file=sys.stderr,
            )
        return list(learnt)

    def class_images(self, natural_logits: bool = False) -> Visualization:
        """Makes an image of each class that has training images, from the network as it is.

        Args:
          natural_logits: measure each class's logit on its best training image as well, and write
            the ascent's statistics into the workdir.
        """
        images, labels = self._start_images["image"], self._start_images["label"]
        if natural_logits:
            found = ascent_statistics.measure(images, self.model, labels)
            if self._ascent.settings is not SMALL:
                # For images with a prior, which tools/visualize.py makes: for a network that was
                # trained on black, natural is black.
                few = images[:_FEATURES_IMAGES].astype(np.float32)
                moments = features.measured(self.model, few)
                found = dataclasses.replace(found, features=moments)
            found.save(self.workdir.ascent)
        else:
            found = ascent_statistics.measure(images)
        steps = self._ascent.settings.steps
        with tqdm.tqdm(total=steps, desc="class images", unit="step", leave=False, delay=1) as bar:
            return self._ascent(
                self._learnt_classes,
                statistics=found,
                seed=self.config.seed,
                progress=lambda done, _: bar.update(done - bar.n),
            )

    def show(self, step: int, summaries: Summaries, natural_logits: bool = False) -> None:
        """Makes class images and shows them in TensorBoard and as a PNG."""
        made = self.class_images(natural_logits)
        names = [self.data.source.class_names[unit] for unit in made.units]
        images = made.images[None]
        sheet = pictures.grid(images, names)
        pictures.save_png(self.workdir.visualizations / f"class_images-{step:06d}.png", sheet)
        # About twice as wide as high: TensorBoard's cards are narrow.
        width = math.ceil(math.sqrt(2 * len(names)))
        summaries.images(
            "images",
            "class images",
            step,
            pictures.grid(images, names, width=width)[None],
            "What the network expects each class to look like.",
        )

    def show_treatment(self, summaries: Summaries) -> None:
        """Shows some training images before and after the treatment, with their masks."""
        # Of more than are shown: `swap` needs other classes.
        few = pipeline.sample(self.data.train, 2 * _SHOWN_IMAGES, self.config.seed)
        treated, before = (
            next(pipeline.treated_for_evaluation(few, treatment, batch_size=len(few)))
            for treatment in (self.treatment, treatments.none)
        )
        masks = np.broadcast_to(treated["mask"], before["image"].shape)
        shown = np.stack([before["image"], masks, treated["image"]])[:, :_SHOWN_IMAGES]
        labels = before["label"][:_SHOWN_IMAGES]
        names = [self.data.source.class_names[label] for label in labels]
        summaries.images(
            "images",
            "treatment",
            0,
            pictures.grid(shown, names, ["image", "mask", "trained on"])[None],
            f"Training images, their masks, and what is trained on: {self.config.background}.",
        )

    def train(self) -> dict[str, Any]:
        """Trains and shows; returns the final test measures, and why it counts as collapsed."""
        summaries = Summaries(self.workdir.events)
        # The loop writes the rows of its checkpoint again; images stay, it has none of them.
        summaries.clear("train", "test")
        if not any(self.workdir.checkpoints.glob("step-*.npz")):
            summaries.clear("images")
            self.show_treatment(summaries)
        bad = sum(self.data.masks.counts.values()) / len(self.data.source.splits["train"])
        summaries.scalars("train", 0, {"bad_masks": bad})
        rows = self._loop(
            summaries,
            loop.Loop(
                checkpoint_every=self.config.checkpoint_every,
                visualize_every=self.config.visualize_every,
                evaluate=self.accuracies(),
                visualize=lambda step: self.show(step, summaries),
            ),
        )
        print("making class images", file=sys.stderr)
        self.show(self.config.steps, summaries, natural_logits=True)
        measures = {name: value for name, value in rows[-1].items() if name.startswith("accuracy/")}
        # Beside the test's scalars: there the HParams page finds settings and measures as one run.
        shown = {name: getattr(self.config, field) for name, field in _COMPARED.items()}
        final = {f"final/{tag}": value for tag, value in measures.items()}
        measured = {tag: tag.rpartition("/")[2] for tag in final}
        summaries.hparams_columns(list(_COMPARED), measured, name="test")
        summaries.hparams("test", shown, run=self.workdir.path.name)
        summaries.scalars("test", 0, final)
        summaries.close()
        reason = collapsed(rows, len(self.data.source.class_names))
        return {"accuracies": measures, **({"collapsed": reason} if reason else {})}

    def train_along(self) -> None:
        """Trains with the first worker, which alone evaluates, shows and exports."""
        summaries = Summaries(self.workdir.events)
        steps = self.config.checkpoint_every
        self._loop(summaries, loop.Loop(steps, 0, evaluate=dict, visualize=lambda step: None))
        summaries.close()

    def _loop(self, summaries: Summaries, when: loop.Loop) -> list[Row]:
        return loop.train(
            self.model,
            self._optimizer,
            self._recipe,
            self._batches_from,
            when,
            folder=self.workdir.path,
            summaries=summaries,
            jit_compile=resolve_jit(self.config),
            strategy=self._strategy,
        )

    def export(self) -> None:
        """Writes model.keras and saved_model/."""
        print("exporting", file=sys.stderr)
        export.keras_file(self.model, self.workdir.model)
        export.saved_model(
            self.model, self.data.source.class_names, self.workdir.saved_model, self.config.resize
        )


def run(config: ArmConfig) -> dict[str, Any] | None:
    """Runs one arm, or resumes it where it stopped.

    Args:
      config: settings; those left open are resolved here.

    Returns:
      What the arm measured, as it stands in result.json: `accuracies`, `seconds` and, for an arm
      that learned nothing, `collapsed`, the reason in words; None on the
      workers of `--strategy=multi_worker` that leave it to the first.

    Raises:
      UserError: settings, data, masks or files that cannot be used.
      WorkerLost: another worker of the same arm is gone.
      KeyboardInterrupt: interrupted; the state is saved.
    """
    started = time.monotonic()
    settings.check_names(config)
    if config.deterministic:
        tf.config.experimental.enable_op_determinism()
    settled = settings.resolved(config)
    strategy = strategies.make(settled.strategy, settled.batch_size)
    with strategies.losses_named(), _folder(settled.workdir, strategy) as workdir:
        data = open_data(settled, open_source(settled))
        config = settings.counted(settled, len(data.train))
        facts = _facts(config, data)
        workdir.claim(
            dataclasses.asdict(config),
            not_compared=settings.NOT_COMPARED,
            overwrite=config.overwrite,
            completed=settings.completed,
            **facts,
        )
        finished = workdir.read_result()
        if _is_over(strategy, config, facts, finished is not None):
            print(f"{config.workdir} is finished; --overwrite starts anew", file=sys.stderr)
            return finished
        arm = Arm(config, data, workdir, strategy)
        if not strategies.is_first(strategy):
            arm.train_along()
            return None
        try:
            result = arm.train()
            arm.export()
        except loop.Diverged:
            # There is no network to go on with: the same command would end here again.
            files.write_sealed(workdir.result, {"accuracies": {}, "collapsed": "its loss diverged"})
            raise
        result["seconds"] = round(time.monotonic() - started, 1)
        if data.doubts:
            result["doubts"] = [doubt.to_dict() for doubt in data.doubts]
        files.write_sealed(workdir.result, result)
    return result


@contextlib.contextmanager
def _folder(path: str, strategy: tf.distribute.Strategy) -> Iterator[Workdir]:
    """Gives the run's folder, locked; to workers other than the first one that is thrown away."""
    if strategies.is_first(strategy):
        workdir = Workdir(pathlib.Path(path))
        with workdir.locked():
            yield workdir
    else:
        with tempfile.TemporaryDirectory(prefix="bg_interp-") as scratch:
            yield Workdir(pathlib.Path(scratch))


def _facts(config: ArmConfig, data: ArmData) -> dict[str, Any]:
    """Returns what config.json says beside the settings."""
    source = data.source
    return {
        "fingerprint": source.fingerprint,
        "network": config.network,
        "class_names": list(source.class_names),
        "examples": {name: len(split) for name, split in source.splits.items()},
        "damaged": [list(pair) for pair in source.damaged],
        "masks": {
            "origin": data.masks.origin.partition(":")[0],
            "bad": data.masks.counts,
            "fingerprint": data.masks_fingerprint,
        },
        "jit_compile": resolve_jit(config),
        **({"doubts": [doubt.to_dict() for doubt in data.doubts]} if data.doubts else {}),
    }


def _is_over(
    strategy: tf.distribute.Strategy, config: CountedConfig, facts: dict[str, Any], finished: bool
) -> bool:
    """Tells whether the run is finished; several workers first make sure that they do the same."""
    if not strategies.spans_workers(strategy):
        return finished
    compared = dataclasses.asdict(config)
    for name in settings.NOT_COMPARED:
        del compared[name]
    strategies.check_same(strategy, json.dumps([compared, facts, versions()], sort_keys=True))
    (first,) = strategies.from_first(strategy, [np.asarray(finished)])
    return bool(first)
