"""What class images cost in somebody's `fit`: the callback against the ascent alone.

    python benchmarks/callbacks.py [--rounds=7]

trains the small network on images of 64 px, and at the end of each epoch times the callback (an
ascent of every class, the sheet, TensorBoard's event on the disk) and the bare ascent by turns.
Prints the first call, which traces, the medians of the others, and their ratio. Goal: at most 1.1.
"""

import os
import platform
import tempfile
import time
from collections.abc import Callable

from absl import flags

from bg_interp import cli

_ROUNDS = flags.DEFINE_integer("rounds", 7, "epochs after the first", 1)
_CLASSES, _SIDE, _IMAGES = 8, 64, 256


def _seconds(turn: Callable[[], object]) -> float:
    begun = time.perf_counter()
    turn()
    return time.perf_counter() - begun


def main() -> None:
    import keras
    import numpy as np
    import tensorflow as tf

    import bg_interp as bg
    from bg_interp.models import networks
    from bg_interp.visualization import Ascent, statistics
    from bg_interp.visualization.presets import SMALL

    draws = np.random.default_rng(0)
    images = draws.integers(0, 256, (_IMAGES, _SIDE, _SIDE, 3)).astype(np.float32)
    labels = draws.integers(0, _CLASSES, _IMAGES)
    network = networks.build("small", image_size=_SIDE, classes=_CLASSES)
    network.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    ascent, known = Ascent(network, SMALL), statistics.measure(images)
    seconds: dict[str, list[float]] = {"callback": [], "ascent": []}

    class Timed(bg.callbacks.ClassImages):
        def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
            watch = super().on_epoch_end
            turns = {
                "callback": lambda: watch(epoch, logs),
                "ascent": lambda: ascent(statistics=known),
            }
            for name in list(turns)[:: 1 if epoch % 2 else -1]:
                seconds[name].append(_seconds(turns[name]))

    with tempfile.TemporaryDirectory() as logs:
        watch = Timed(logs, data=images, preset="small")
        network.fit(images, labels, epochs=1 + _ROUNDS.value, verbose=0, callbacks=[watch])
    callback, bare = (np.array(some[1:]) for some in seconds.values())
    low, middle, high = np.quantile(callback / bare, (0.25, 0.5, 0.75))
    print(f"{platform.machine()}, {os.cpu_count()} cores, TensorFlow {tf.__version__}")
    print(f"first epoch, tracing included: {seconds['callback'][0]:.2f} s")
    print(f"then: callback {np.median(callback):.2f} s, ascent {np.median(bare):.2f} s")
    print(f"ratio {middle:.2f} (middle half {low:.2f} to {high:.2f})")


if __name__ == "__main__":
    cli.run(main, __doc__)
