"""A large folder of small images: peak memory and seconds to start of segment and train.

Both tools run on it twice, the second time with what the first one remembered. Memory is the
largest sum over a tool's processes. A tool has started when it has opened and checked its images
and begins its work.
"""

import concurrent.futures
import pathlib
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator

import harness
import numpy as np
import psutil
from PIL import Image

_LIMIT_GIB = 3.0
_LIMIT_SECONDS = 30.0
_CLASSES = 10
_SIDE = 64


def _draw(task: tuple[pathlib.Path, int, int]) -> None:
    root, first, last = task
    rows, columns = np.mgrid[:_SIDE, :_SIDE] - _SIDE // 2
    for number in range(first, last):
        pixels = np.random.default_rng(number).integers(0, 256, (_SIDE, _SIDE, 3)).astype(np.uint8)
        pixels[rows**2 + columns**2 < 200 + 20 * (number % _CLASSES)] = (220, 180, 150)
        path = root / f"class{number % _CLASSES}" / f"{number:06d}.jpg"
        Image.fromarray(pixels).save(path, quality=80)


def make_images(root: pathlib.Path, count: int) -> None:
    """Writes JPEGs of noise with a disc of skin's colour, in ten classes."""
    for number in range(_CLASSES):
        (root / f"class{number}").mkdir(parents=True)
    tasks = [(root, start, min(start + 500, count)) for start in range(0, count, 500)]
    with concurrent.futures.ProcessPoolExecutor(2) as pool:
        list(pool.map(_draw, tasks))


def memory_of(process: psutil.Process) -> int:
    """Returns the resident bytes of a process and of all below it."""
    total = 0
    try:
        for one in [process, *process.children(recursive=True)]:
            total += one.memory_info().rss
    except psutil.NoSuchProcess:
        pass
    return total


def measure(
    job: harness.Job, folder: pathlib.Path, environment: dict[str, str]
) -> tuple[float, float, float]:
    """Runs a tool; returns the seconds to its start, all its seconds, and its peak in GiB."""
    # From nothing, since the start is what is measured.
    command = [sys.executable, *job.command(folder)]
    started, start, peak = time.monotonic(), float("nan"), 0
    with (
        open(folder / f"{job.tool}.log", "a", encoding="utf-8") as log,
        subprocess.Popen(command, env=environment, stdout=log, stderr=log) as process,
    ):
        watched = psutil.Process(process.pid)
        while process.poll() is None:
            peak = max(peak, memory_of(watched))
            if np.isnan(start) and list(folder.glob(job.first)):
                start = time.monotonic() - started
            time.sleep(0.05)
    if process.returncode:
        sys.exit((folder / f"{job.tool}.log").read_text(encoding="utf-8")[-2000:])
    return start, time.monotonic() - started, peak / 2**30


def jobs(images: pathlib.Path) -> list[tuple[harness.Job, str]]:
    """Returns both jobs, each with what is deleted before it runs again."""
    common = {"dataset": f"folder:{images}"}

    def segment(folder):
        return {**common, "segmenter": "selfie", "mask_store": folder / "store"}

    def train(folder):
        store = {"masks": "selfie", "mask_store": folder / "store", "max_bad_fraction": 1}
        # As with a million images: nothing is kept in memory.
        short = {"steps": 20, "checkpoint_every": 20, "adversarial_epsilon": 0, "cache_gb": 0}
        short["recipe"] = "drawings"
        return {**common, **store, **short, "background": "black", "workdir": folder / "run"}

    def unchecked(whole, killed):
        """The tools' other tests look at what they made."""

    return [
        (harness.Job("segment", segment, "store/*/*/.lock-holder", (), unchecked), "store"),
        (harness.Job("train", train, "run/config.json", (), unchecked), "run"),
    ]


def soak(
    folder: pathlib.Path, environment: dict[str, str], count: int
) -> Iterator[tuple[str, str, bool]]:
    """Runs both tools twice on so many images; yields what was done, its figures, and if well."""
    images = folder / "large"
    make_images(images, count)
    for job, output in jobs(images):
        for run in ("first", "again"):
            start, seconds, peak = measure(job, folder, environment)
            well = peak <= _LIMIT_GIB and start < _LIMIT_SECONDS
            figures = f"starts in {start:.1f} s of {seconds:.0f}, {peak:.2f} GiB"
            yield f"{job.tool}, {count:,} images, {run}", figures, well
            if run == "first":
                shutil.copytree(folder / output, folder / "kept")
                shutil.rmtree(folder / output)
        shutil.rmtree(folder / output, ignore_errors=True)
        (folder / "kept").rename(folder / output)
