"""What a treatment costs: against decoding a JPEG, and in a training step of the default recipe.

    python benchmarks/treatments.py [--rounds=7]

prints two Markdown tables: medians over rounds in which all treatments take turns, in one process,
so that a busy machine slows them alike, with the spread of the ratios. Goals: black 0.15 and noise
2.5 times decoding a 224 px JPEG; a training step at most 1.05 times that of none, with noise 1.15.
"""

import os
import platform
import time
from collections.abc import Callable

from absl import flags

from bg_interp import cli

_ROUNDS = flags.DEFINE_integer("rounds", 7, "how often each treatment takes its turn", 1)
_NAMES = ("none", "black", "noise", "mix", "blur", "mean", "swap", "random_mask")
_BATCH = 64
_STEPS = 12


def _ratios(turns: dict[str, Callable[[], object]], reference: str, rounds: int) -> dict:
    """Runs all turns `rounds` times, and returns each one's times over the reference's."""
    import numpy as np

    seconds: dict[str, list[float]] = {name: [] for name in turns}
    for number in range(rounds + 1):
        order = list(turns) if number % 2 else list(turns)[::-1]
        for name in order:
            start = time.perf_counter()
            turns[name]()
            if number:  # The first round traces and warms up.
                seconds[name].append(time.perf_counter() - start)
    base = np.array(seconds[reference])
    return {name: (np.median(some), np.array(some) / base) for name, some in seconds.items()}


def _print(title: str, results: dict, unit: str, per: int) -> None:
    import numpy as np
    from tabulate import tabulate

    rows = [
        (
            name,
            f"{1e3 * median / per:.3f}",
            f"{np.median(ratios):.2f}",
            f"{np.quantile(ratios, 0.25):.2f} to {np.quantile(ratios, 0.75):.2f}",
        )
        for name, (median, ratios) in results.items()
    ]
    print(f"\n{title}\n")
    print(tabulate(rows, ("", f"ms / {unit}", "ratio", "middle half"), tablefmt="github"))


def _against_decoding(rounds: int) -> None:
    import numpy as np
    import tensorflow as tf
    from skimage import data

    from bg_interp.data import treatments

    photograph = tf.image.resize(data.astronaut(), (224, 224))
    jpeg = tf.io.encode_jpeg(tf.cast(photograph, tf.uint8), quality=90)
    images = tf.tile(tf.cast(photograph, tf.uint8)[None], [_BATCH, 1, 1, 1])
    masks = tf.cast(np.random.default_rng(0).integers(0, 2, (_BATCH, 224, 224, 1)) * 255, tf.uint8)
    labels, key = tf.range(_BATCH) % 8, tf.constant([0, 1])

    def decode_all() -> None:
        for _ in range(_BATCH):
            tf.io.decode_jpeg(jpeg, channels=3)

    def treat(name: str) -> Callable[[], object]:
        treatment = treatments.make(name)
        graph = tf.function(treatment)
        return lambda: graph(images, masks, labels, key)

    turns = {"decoding": decode_all} | {name: treat(name) for name in _NAMES if name != "none"}
    _print(
        "Treatment against decoding, 224 px", _ratios(turns, "decoding", rounds), "image", _BATCH
    )


def _in_training(rounds: int) -> None:
    from bg_interp.config.data import DataConfig
    from bg_interp.config.treatment import AugmentationConfig
    from bg_interp.data import pipeline, sources, treatments
    from bg_interp.data.opening import open_in_memory
    from bg_interp.models import networks
    from bg_interp.training import updates

    source = sources.open_source(DataConfig())
    examples = open_in_memory(source, "train", DataConfig(image_size=64))
    settings = updates.UpdateSettings(steps=100_000, adversarial_epsilon=6.0, adversarial_replays=4)
    network = networks.build("small", image_size=64, classes=8)
    updater = updates.Updater(network, updates.make_optimizer(settings), settings)

    def train(name: str) -> Callable[[], object]:
        batches = pipeline.training_batches(
            examples,
            treatments.make(name),
            AugmentationConfig(),
            batch_size=_BATCH,
            seed=0,
            start=0,
            stop=_STEPS,
        )

        def steps() -> None:
            # A fresh iterator each turn: one that waits would prepare batches in others' turns.
            for step, batch in enumerate(batches):
                loss, _ = updater.step(batch, step)
            loss.numpy()

        return steps

    turns = {name: train(name) for name in _NAMES}
    _print("Training step of the default recipe", _ratios(turns, "none", rounds), "step", _STEPS)


def main() -> None:
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(2)
    print(f"{platform.machine()}, {os.cpu_count()} cores, TensorFlow {tf.__version__}")
    _against_decoding(_ROUNDS.value)
    _in_training(_ROUNDS.value)


if __name__ == "__main__":
    cli.run(main, __doc__)
