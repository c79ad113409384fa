"""A large folder of small images: peak memory and seconds to start of segment and train.

    make soak                        100,000 images; allow half an hour on two cores
    make soak ARGS=--images=5000

makes the images in a temporary folder, runs both tools on them twice, the second time with what the
first one remembered, and fails when a limit is broken. Memory is the largest sum over a tool's
processes. A tool has started when it has opened and checked its images and begins its work.
"""

import argparse
import concurrent.futures
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

import harness
import numpy as np
import psutil
from PIL import Image
from tabulate import tabulate

from bg_interp.masks.segmenters import model_files
from bg_interp.masks.segmenters.kinds import SELFIE

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


def main() -> None:
    """Makes the images, runs the tools, prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--images", type=int, default=100_000)
    parser.add_argument("--folder", help="where to work; default: the system's temporary folder")
    arguments = parser.parse_args()
    model = model_files.locate(SELFIE)
    rows, broken = [], False
    with tempfile.TemporaryDirectory(dir=arguments.folder, prefix="soak-") as name:
        folder = pathlib.Path(name)
        environment = {**os.environ, "BG_INTERP_CACHE": str(folder / "cache")}
        (folder / "cache" / "models").mkdir(parents=True)
        shutil.copy(model, folder / "cache" / "models")
        started = time.monotonic()
        make_images(folder / "images", arguments.images)
        print(f"made {arguments.images} images in {time.monotonic() - started:.0f} s", flush=True)
        for job, output in jobs(folder / "images"):
            for run in ("first", "again"):
                start, seconds, peak = measure(job, folder, environment)
                rows.append([job.tool, run, start, seconds, peak])
                print(job.tool, run, f"{start:.1f} s, {seconds:.1f} s, {peak:.2f} GiB", flush=True)
                broken |= peak > _LIMIT_GIB or not start < _LIMIT_SECONDS
                if run == "first":
                    shutil.copytree(folder / output, folder / "kept")
                    shutil.rmtree(folder / output)
            shutil.rmtree(folder / output, ignore_errors=True)
            (folder / "kept").rename(folder / output)
    print(tabulate(rows, ["", "run", "start, s", "all, s", "peak, GiB"], floatfmt=".2f"))
    print(f"limits: {_LIMIT_GIB} GiB, {_LIMIT_SECONDS:.0f} s to start")
    sys.exit(1 if broken else 0)


if __name__ == "__main__":
    main()
