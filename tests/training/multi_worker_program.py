"""One worker of TF_CONFIG, run by test_multi_worker.py: python multi_worker_program.py FOLDER FLAGS

Trains with FLAGS as tools/train.py does, without its pictures, and leaves in FOLDER what the
network is in the end, worker-INDEX.npz. With --exact it first compares an exact recipe with the
training of a single worker, which worker 0 repeats on its own.
"""

import pathlib
import sys

import keras
import numpy as np
import tensorflow as tf

from bg_interp import cli
from bg_interp.cluster.team import read_team
from bg_interp.commands import run_pictures, train
from bg_interp.config.training import ArmConfig
from bg_interp.config.treatment import AugmentationConfig
from bg_interp.data import pipeline, treatments
from bg_interp.data.examples import InMemory
from bg_interp.models import networks
from bg_interp.training import loop, strategies
from bg_interp.training.updates import Updater, UpdateSettings

_STEPS = 6


def exact_weights(strategy: tf.distribute.Strategy) -> list[np.ndarray]:
    """Returns all weights after six steps of four updates, with nothing that is drawn."""
    settings = UpdateSettings(steps=_STEPS, adversarial_epsilon=1.0, adversarial_replays=4)
    generator = np.random.default_rng(0)
    examples = InMemory(
        {
            "image": generator.integers(0, 256, (24, 32, 32, 3)).astype(np.uint8),
            "mask": np.full((24, 32, 32, 1), 255, np.uint8),
            "label": np.arange(24, dtype=np.int32) % 2,
            "index": np.arange(24),
        }
    )
    with strategy.scope():
        model = networks.build("small", image_size=32, classes=2)
        model.get_layer("dropout").rate = 0.0
        # AdamW would turn the rounding of a small gradient into a whole step.
        optimizer = keras.optimizers.SGD(0.01)
    updater = Updater(model, optimizer, settings, strategy=strategy)
    batches = pipeline.training_batches(
        examples, treatments.black, AugmentationConfig(), batch_size=8, seed=0, start=0, stop=_STEPS
    )
    if strategies.spans_workers(strategy):
        batches = strategy.experimental_distribute_dataset(batches)
    for step, batch in enumerate(batches):
        updater.step(batch, step)
    return [np.asarray(weight) for weight in model.get_weights()]


def compare(strategy: tf.distribute.Strategy, folder: pathlib.Path) -> None:
    """Notes the largest difference between the weights of all workers and of one."""
    together = exact_weights(strategy)
    if strategies.is_first(strategy):
        alone = exact_weights(tf.distribute.OneDeviceStrategy("/cpu:0"))
        found = max(float(np.abs(a - b).max()) for a, b in zip(together, alone, strict=True))
        (folder / "difference.txt").write_text(str(found))


def main(folder: pathlib.Path, exact: bool) -> None:
    make, train_loop = strategies.make, loop.train

    def made(*arguments):
        strategy = make(*arguments)
        if exact:
            compare(strategy, folder)
        return strategy

    def trained(model, optimizer, *arguments, **named):
        rows = train_loop(model, optimizer, *arguments, **named)
        values = [np.asarray(variable) for variable in [*model.variables, *optimizer.variables]]
        np.savez(folder / f"worker-{read_team().index}.npz", *values)
        return rows

    strategies.make, loop.train = made, trained
    run_pictures.RunPictures.show = lambda *_, **__: None
    train.run(cli.config_from_flags(ArmConfig))


if __name__ == "__main__":
    where = pathlib.Path(sys.argv.pop(1))
    asked = "--exact" in sys.argv and not sys.argv.remove("--exact")
    cli.define_flags(ArmConfig)
    cli.run(lambda: main(where, bool(asked)), __doc__)
