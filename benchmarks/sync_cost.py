"""What it costs a training step and a mask that files are synced before they count.

    python benchmarks/sync_cost.py

trains on habitats by the tool's own settings, checkpoints and all, and makes masks of noise with
the selfie segmenter, and prints how long each took, and how long it waited for the disk. The ratio
is that of the whole time to the time without that wait; it must be at most 1.05. Only the disk
decides it: a folder in memory (`--folder=/dev/shm`) has no wait.
"""

import contextlib
import os
import pathlib
import tempfile
import time
from collections.abc import Iterator

import numpy as np
from absl import flags
from tabulate import tabulate

from bg_interp import cli

FLAGS = flags.FLAGS
flags.DEFINE_integer("steps", 120, "training steps")
flags.DEFINE_integer("images", 600, "masks")
flags.DEFINE_string("folder", None, "where files are written; default: the temporary folder")

_MOST = 1.05


class Waits:
    """The time that this process waits for disks; its own thread does all the writing.

    Attributes:
      seconds: so far.
      count: how often.
    """

    def __init__(self) -> None:
        self.seconds, self.count = 0.0, 0
        self._sync = os.fsync

    def __call__(self, handle: int) -> None:
        started = time.perf_counter()
        self._sync(handle)
        self.seconds += time.perf_counter() - started
        self.count += 1


@contextlib.contextmanager
def counted() -> Iterator[Waits]:
    """Counts the waits within the block."""
    before, waits = os.fsync, Waits()
    os.fsync = waits
    try:
        yield waits
    finally:
        os.fsync = before


def row(what: str, count: int, seconds: float, waits: Waits) -> list[object]:
    """Returns a line of the table: milliseconds of each, and the ratio."""
    without = seconds - waits.seconds
    each = [1e3 * one / count for one in (seconds, without)]
    return [what, count, waits.count, *each, seconds / without]


def trained(folder: pathlib.Path, steps: int) -> list[object]:
    from bg_interp.commands import train
    from bg_interp.config.training import ArmConfig

    config = ArmConfig(background="black", steps=steps, workdir=str(folder / "run"))
    started = time.perf_counter()
    with counted() as waits:
        train.run(config)
    return row("training step", steps, time.perf_counter() - started, waits)


def segmented(folder: pathlib.Path, count: int) -> list[object]:
    from bg_interp.masks import precompute
    from bg_interp.masks.segmenters.opening import prepare
    from bg_interp.masks.segmenters.segmenter import Settings
    from bg_interp.masks.store import MaskStore

    class Noise:
        name, fingerprint = "noise", "0" * 64

    settings, chance = Settings("selfie"), np.random.default_rng(0)
    path = prepare(settings)
    images = (
        (f"{number}.png", chance.integers(0, 256, (224, 224, 3), np.uint8))
        for number in range(count)
    )
    store = MaskStore(folder / "store", Noise(), settings)
    started = time.perf_counter()
    with counted() as waits:
        made = sum(1 for _ in precompute.fill(store, images, path))
    return row("mask", made, time.perf_counter() - started, waits)


def main() -> None:
    cli.load_tensorflow()
    with tempfile.TemporaryDirectory(dir=FLAGS.folder) as name:
        folder = pathlib.Path(name)
        rows = [trained(folder, FLAGS.steps), segmented(folder, FLAGS.images)]
    head = ["", "how many", "syncs", "ms each", "ms without syncs", "ratio"]
    print(tabulate(rows, head, "pipe", floatfmt=".3f"))
    if any(one[-1] > _MOST for one in rows):
        raise SystemExit(f"a ratio is above {_MOST}")


if __name__ == "__main__":
    cli.run(main, __doc__)
