"""One arm from end to end: data, training, class images, export.

`tools/train.py` is its command line, and a study runs many of them.
"""

import contextlib
import dataclasses
import json
import pathlib
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from bg_interp.commands.run_pictures import RunPictures
from bg_interp.config import training as settings
from bg_interp.config.training import ArmConfig, CountedConfig
from bg_interp.data import pipeline, treatments
from bg_interp.data.arm_data import ArmData, open_data, treatment_of
from bg_interp.data.sources import open_source
from bg_interp.models import export, networks
from bg_interp.storage import files
from bg_interp.storage.summaries import Summaries
from bg_interp.storage.workdir import Workdir, versions
from bg_interp.training import loop, strategies, updates
from bg_interp.training.accuracy import Accuracies
from bg_interp.training.checkpoints import Row
from bg_interp.training.collapse import collapsed

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
# At least: `swap` needs images of other classes in its batch, whatever --batch_size is.
_EVALUATED_TOGETHER = 64

# Trains, with what is done beside the updates, and returns all metrics.
_Fit = Callable[[Summaries, loop.Loop], list[Row]]


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
    resolved = settings.resolved(config)
    strategy = strategies.make(resolved.strategy, resolved.batch_size)
    with strategies.losses_named(), _folder(resolved.workdir, strategy) as workdir:
        data = open_data(resolved, open_source(resolved))
        config = settings.counted(resolved, len(data.train))
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
            print(f"{config.workdir} is finished; --overwrite starts over", file=sys.stderr)
            return finished
        treatment = treatment_of(config, config.background, data.train)
        model, fit = _network(config, data, treatment, workdir, strategy)
        if not strategies.is_first(strategy):
            _follow(config, workdir, fit)
            return None
        try:
            rows = _train(config, data, treatment, model, workdir, fit)
        except loop.Diverged:
            # There is no network to go on with: the same command would end here again.
            files.write_sealed(workdir.result, {"accuracies": {}, "collapsed": "its loss diverged"})
            raise
        print("exporting", file=sys.stderr)
        names = data.source.class_names
        export.keras_file(model, workdir.model)
        export.saved_model(model, names, workdir.saved_model, config.resize)
        result = _result(rows, data, seconds=round(time.monotonic() - started, 1))
        files.write_sealed(workdir.result, result)
    return result


def resolve_jit(config: ArmConfig) -> bool:
    """Tells whether the training step is compiled by XLA: asked for, or a single GPU is there."""
    if config.jit_compile != "auto":
        return config.jit_compile == "true"
    plain = config.strategy == "none" and not config.deterministic
    return plain and bool(tf.config.list_physical_devices("GPU"))


def _network(
    config: CountedConfig,
    data: ArmData,
    treatment: treatments.Treatment,
    workdir: Workdir,
    strategy: tf.distribute.Strategy,
) -> tuple[keras.Model, _Fit]:
    """Builds the network, and what trains it from its newest checkpoint on."""
    how = updates.UpdateSettings.of(config)
    with strategy.scope():
        model = networks.build(
            config.network,
            image_size=config.image_size,
            classes=len(data.source.class_names),
            weights=config.weights,
            seed=config.seed,
            mixed_precision=config.mixed_precision,
            frozen_batch_norm=config.freeze_batch_norm,
        )
        optimizer = updates.make_optimizer(how, config.mixed_precision)

    def fit(summaries: Summaries, when: loop.Loop) -> list[Row]:
        return loop.train(
            model,
            optimizer,
            how,
            lambda start: _batches(config, data, treatment, strategy, start),
            when,
            folder=workdir.path,
            summaries=summaries,
            jit_compile=resolve_jit(config),
            strategy=strategy,
        )

    return model, fit


def _batches(
    config: CountedConfig,
    data: ArmData,
    treatment: treatments.Treatment,
    strategy: tf.distribute.Strategy,
    start: int,
):
    """Returns the training batches from a step on; of several workers, this one's part."""
    batches = pipeline.training_batches(
        data.train,
        treatment,
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
    options.experimental_distribute.auto_shard_policy = tf.data.experimental.AutoShardPolicy.DATA
    return strategy.experimental_distribute_dataset(batches.with_options(options))


def conditions(
    config: ArmConfig, data: ArmData, treatment: treatments.Treatment
) -> dict[str, Callable[[], Iterator[dict[str, np.ndarray]]]]:
    """Returns what accuracies are taken on: the own condition, unmodified images, and swapped."""
    treated: dict[str, treatments.Treatment] = {"original": treatments.none}
    if data.masks.read is not None:
        treated = {"own_condition": treatment, **treated, "swapped": treatments.swap}
    together = max(config.batch_size or 0, _EVALUATED_TOGETHER)
    # One pipeline for all evaluations of a run: building its graph takes longer than a pass.
    return {
        name: pipeline.evaluation_batches(data.test, one, batch_size=together).as_numpy_iterator
        for name, one in treated.items()
    }


def _train(
    config: CountedConfig,
    data: ArmData,
    treatment: treatments.Treatment,
    model: keras.Model,
    workdir: Workdir,
    fit: _Fit,
) -> list[Row]:
    """Trains and shows; returns all metrics."""
    summaries = Summaries(workdir.events)
    pictures = RunPictures(config, data, model, workdir, summaries)
    # The loop writes the rows of its checkpoint again; images stay, it has none of them.
    summaries.clear("train", "test")
    if not any(workdir.checkpoints.glob("step-*.npz")):
        summaries.clear("images")
        pictures.show_treatment(treatment)
    bad = sum(data.masks.counts.values()) / len(data.source.splits["train"])
    summaries.scalars("train", 0, {"bad_masks": bad})
    when = loop.Loop(
        checkpoint_every=config.checkpoint_every,
        visualize_every=config.visualize_every,
        evaluate=Accuracies(model, conditions(config, data, treatment)),
        visualize=pictures.show,
    )
    rows = fit(summaries, when)
    print("making class images", file=sys.stderr)
    pictures.show(config.steps, natural_logits=True)
    _compare_settings(summaries, config, workdir, _accuracies(rows))
    summaries.close()
    return rows


def _follow(config: CountedConfig, workdir: Workdir, fit: _Fit) -> None:
    """Trains with the first worker, which alone evaluates, shows and exports."""
    summaries = Summaries(workdir.events)
    steps = config.checkpoint_every
    fit(summaries, loop.Loop(steps, 0, evaluate=dict, visualize=lambda step: None))
    summaries.close()


def _compare_settings(
    summaries: Summaries, config: CountedConfig, workdir: Workdir, accuracies: dict[str, float]
) -> None:
    """Shows settings and final measures in TensorBoard's HParams."""
    # Beside the test's scalars: there the HParams page finds settings and measures as one run.
    shown = {name: getattr(config, field) for name, field in _COMPARED.items()}
    final = {f"final/{tag}": value for tag, value in accuracies.items()}
    measured = {tag: tag.rpartition("/")[2] for tag in final}
    summaries.hparams_columns(list(_COMPARED), measured, name="test")
    summaries.hparams("test", shown, run=workdir.path.name)
    summaries.scalars("test", 0, final)


def _accuracies(rows: list[Row]) -> dict[str, float]:
    return {name: value for name, value in rows[-1].items() if name.startswith("accuracy/")}


def _result(rows: list[Row], data: ArmData, seconds: float) -> dict[str, Any]:
    """Returns what stands in result.json."""
    result: dict[str, Any] = {"accuracies": _accuracies(rows)}
    reason = collapsed(rows, len(data.source.class_names))
    if reason:
        result["collapsed"] = reason
    result["seconds"] = seconds
    return {**result, **_doubts(data)}


def _doubts(data: ArmData) -> dict[str, Any]:
    return {"doubts": [doubt.to_dict() for doubt in data.doubts]} if data.doubts else {}


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
        **_doubts(data),
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
