"""`fit` with both callbacks for 200 epochs: memory and files stay what they are.

    soak_fit.py FOLDER EPOCHS

prints a line of JSON after each epoch: resident bytes, open files, threads, files in the folder.
"""

import json
import pathlib
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator

# What may be taken more at the end than after the first fifth, in MiB: allocators keep some.
_GROWTH_MIB = 48.0
_SIDE, _COUNT, _CLASSES = 32, 240, 3


def _train(folder: pathlib.Path, epochs: int) -> None:
    import keras
    import numpy as np
    import psutil

    import bg_interp as bg

    generator = np.random.default_rng(0)
    labels = np.arange(_COUNT) % _CLASSES
    rows, columns = np.mgrid[:_SIDE, :_SIDE] - _SIDE // 2
    masks = np.stack([rows**2 + columns**2 < 60 + 60 * label for label in labels])
    images = generator.integers(0, 120, (_COUNT, _SIDE, _SIDE, 3)).astype(np.uint8)
    images[masks] = 200
    model = keras.Sequential(
        [
            keras.Input((_SIDE, _SIDE, 3)),
            keras.layers.Rescaling(1 / 255),
            keras.layers.Conv2D(8, 3, strides=2, activation="relu"),
            keras.layers.Conv2D(16, 3, strides=2, activation="relu"),
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dense(_CLASSES),
        ]
    )
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile("adam", loss, metrics=["accuracy"])
    process = psutil.Process()

    def measure(epoch: int, logs: dict | None = None) -> None:
        found = {
            "epoch": epoch + 1,
            "memory": process.memory_info().rss,
            "open": process.num_fds(),
            "threads": process.num_threads(),
            "files": sum(path.is_file() for path in folder.rglob("*")),
        }
        print(json.dumps(found), flush=True)

    callbacks = [
        bg.callbacks.ClassImages(folder / "images", data=images),
        bg.callbacks.BackgroundReliance(images, labels, masks, logdir=folder / "reliance"),
        keras.callbacks.LambdaCallback(on_epoch_end=measure),
    ]
    model.fit(images, labels, epochs=epochs, batch_size=40, verbose=0, callbacks=callbacks)


def figures(rows: list[dict[str, int]]) -> tuple[str, bool]:
    """Returns how memory and files went, and whether they stayed what they were."""
    fifth = max(1, len(rows) // 5)
    early, late = rows[fifth : 2 * fifth], rows[-fifth:]
    before, after = (statistics.median(row["memory"] for row in some) for some in (early, late))
    growth = (after - before) / 2**20
    numbers = [{row[name] for row in rows[fifth:]} for name in ("open", "files")]
    text = (
        f"{len(rows)} epochs; {before / 2**20:.0f} MiB after a fifth, {after / 2**20:.0f} at the "
        f"end; open files {min(numbers[0])} to {max(numbers[0])}, files written "
        f"{min(numbers[1])} to {max(numbers[1])}"
    )
    return text, growth < _GROWTH_MIB and len(numbers[0]) == len(numbers[1]) == 1


def soak(
    folder: pathlib.Path, environment: dict[str, str], epochs: int
) -> Iterator[tuple[str, bool]]:
    """Trains in a process of its own; yields its figures about once a minute, and at the end."""
    command = [sys.executable, __file__, str(folder / "fit"), str(epochs)]
    rows: list[dict[str, int]] = []
    with (
        open(folder / "fit.log", "w", encoding="utf-8") as said,
        open(folder / "fit.jsonl", "w", encoding="utf-8") as kept,
        subprocess.Popen(
            command, env=environment, stdout=subprocess.PIPE, stderr=said, text=True
        ) as process,
    ):
        told = time.monotonic()
        for line in process.stdout or ():
            kept.write(line)
            rows.append(json.loads(line))
            if time.monotonic() - told > 60 and len(rows) < epochs:
                told = time.monotonic()
                yield figures(rows)
    if process.returncode or len(rows) != epochs:
        sys.exit((folder / "fit.log").read_text(encoding="utf-8")[-2000:])
    yield figures(rows)


if __name__ == "__main__":
    _train(pathlib.Path(sys.argv[1]), int(sys.argv[2]))
