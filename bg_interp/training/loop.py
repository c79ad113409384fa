"""The training loop: steps, metrics, checkpoints, and going on where a killed run stopped."""

import dataclasses
import pathlib
import time
from collections.abc import Callable, Iterable

import keras
import numpy as np
import tensorflow as tf
import tqdm

from bg_interp.errors import UserError
from bg_interp.storage import files
from bg_interp.storage.summaries import Summaries
from bg_interp.training import strategies
from bg_interp.training.checkpoints import Checkpoints, Row, State
from bg_interp.training.interrupts import Interrupts
from bg_interp.training.updates import Updater, UpdateSettings

# Reading a loss waits for the device, and TensorBoard shows a thousand points at most.
_LOGGED_POINTS = 500


class Diverged(UserError):
    """The loss is no longer a finite number."""


@dataclasses.dataclass(frozen=True)
class Loop:
    """What a run of the loop needs beside the network.

    Attributes:
      checkpoint_every: steps between checkpoints.
      visualize_every: steps between calls of `visualize`; 0 for none.
      evaluate: gives the test measures of the network as it is.
      visualize: shows the network as it is after so many steps.
    """

    checkpoint_every: int
    visualize_every: int
    evaluate: Callable[[], dict[str, float]]
    visualize: Callable[[int], None]


class _Log:
    """Rows of metrics: kept in every checkpoint, written to metrics.jsonl and TensorBoard.

    The files are only written after a checkpoint that holds the same rows, and written anew when a
    run resumes, so that they never hold a row twice or one that the network doesn't know of.
    """

    def __init__(self, path: pathlib.Path, summaries: Summaries, rows: list[Row]):
        self.rows, self._path, self._summaries = rows, path, summaries
        self._shown = 0

    def add(self, step: int, split: str, values: dict[str, float]) -> None:
        self.rows.append({"step": step, "split": split, **values})

    def write(self) -> None:
        files.write_text(self._path, "".join(files.json_line(row) for row in self.rows))
        for row in self.rows[self._shown :]:
            measures = {k: v for k, v in row.items() if k not in ("step", "split")}
            self._summaries.scalars(str(row["split"]), int(row["step"]), measures)
        self._summaries.flush()
        self._shown = len(self.rows)


def train(
    model: keras.Model,
    optimizer: keras.optimizers.Optimizer,
    settings: UpdateSettings,
    batches_from: Callable[[int], Iterable[dict]],
    loop: Loop,
    *,
    folder: pathlib.Path,
    summaries: Summaries,
    jit_compile: bool,
    strategy: tf.distribute.Strategy,
) -> list[Row]:
    """Trains a network, from its newest checkpoint on where there is one.

    Args:
      model: gives logits.
      optimizer: see `updates.make_optimizer`.
      settings: settings of the updates.
      batches_from: gives the batches from a step on: float32 `image`, int32 `label`.
      loop: when to do what beside the updates.
      folder: gets `checkpoints/` and `metrics.jsonl`.
      summaries: gets all metrics, those from before a restart as well.
      jit_compile: whether updates are compiled by XLA.
      strategy: the replicas that a batch is divided among. Of several workers the first one's
        checkpoint counts; the others need not see it.

    Returns:
      All metrics, a row for each logged training step and each evaluation.

    Raises:
      KeyboardInterrupt: SIGINT or SIGTERM came; the state is saved.
      UserError: a file cannot be written.
      Diverged: the loss is no longer a finite number.
    """
    updater = Updater(model, optimizer, settings, jit_compile=jit_compile, strategy=strategy)
    checkpoints = Checkpoints(folder / "checkpoints", model, optimizer)
    start, rows, measured = checkpoints.restore()
    if strategies.spans_workers(strategy):
        start = _start_together(strategy, checkpoints, start)
    log = _Log(folder / "metrics.jsonl", summaries, rows)
    if start == 0:
        loop.visualize(0) if loop.visualize_every else None
    log_every = max(1, settings.steps // _LOGGED_POINTS)
    pending = [tuple(pair) for pair in measured]
    with Interrupts() as interrupts, _progress_bar(start, settings.steps) as bar:
        started = time.monotonic()
        for step, batch in zip(range(start, settings.steps), batches_from(start), strict=False):
            pending.append(updater.step(batch, step))
            done = step + 1
            at_checkpoint = done % loop.checkpoint_every == 0 or done == settings.steps
            if done % log_every == 0 or at_checkpoint:
                loss, accuracy = np.mean(np.array(pending, np.float64), axis=0).tolist()
                pending.clear()
                log.add(done, "train", {"loss": loss, "accuracy": accuracy})
                images = (done - start) * _batch_size(batch) / (time.monotonic() - started)
                bar.set_postfix_str(
                    f"loss {loss:.3f}, accuracy {accuracy:.3f}, {images:.0f} images/s",
                    refresh=False,
                )
            bar.update()
            # Before the checkpoint: after it, a run that is killed here would never show this step.
            if loop.visualize_every and done % loop.visualize_every == 0 and done < settings.steps:
                loop.visualize(done)
            if at_checkpoint:
                _check_finite(loss, done)
                log.add(done, "test", loop.evaluate())
                checkpoints.save(State(done, log.rows, []))
                log.write()
            if interrupts.requested is not None and done < settings.steps:
                checkpoints.save(State(done, log.rows, np.array(pending, np.float64).tolist()))
                interrupts.stop()
    log.write()
    return log.rows


def _start_together(strategy: tf.distribute.Strategy, checkpoints: Checkpoints, start: int) -> int:
    """Gives every worker the step and the variables that the first one starts from."""
    mine = [np.asarray(variable) for variable in checkpoints.variables]
    step, *values = strategies.from_first(strategy, [np.asarray(start), *mine])
    for variable, value in zip(checkpoints.variables, values, strict=True):
        variable.assign(value)
    return int(step)


def _check_finite(loss: float, done: int) -> None:
    if not np.isfinite(loss):
        raise Diverged(
            f"the loss is {loss} after {done} steps: training has diverged; start over with "
            "--overwrite and a lower --learning_rate"
        )


def _batch_size(batch: dict) -> int:
    labels = batch["label"]
    values = getattr(labels, "values", (labels,))
    return sum(int(value.shape[0]) for value in values)


def _progress_bar(start: int, total: int) -> tqdm.tqdm:
    return tqdm.tqdm(
        desc="training",
        initial=start,
        total=total,
        unit="step",
        mininterval=0.5,
        dynamic_ncols=True,
    )
