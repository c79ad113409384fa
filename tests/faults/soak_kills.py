"""Masks of 20,000 images, while every minute the program or a machine of its cluster is killed.

The same command goes on each time. Each folder that was filled so holds the masks of one that was
filled without a kill, and as many files; nothing half-written is left in it.
"""

import contextlib
import dataclasses
import math
import os
import pathlib
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator

import harness
import nodes
import psutil
import soak_large

_LIMIT_GIB = 4.0
_MINUTE = 60.0


@dataclasses.dataclass
class Filling:
    """A mask store that is filled again and again, under kills.

    Attributes:
      images: the folder of images.
      expected: the masks of a store that was filled without a kill, by key.
      environment: of the programs.
      kills: how many there were.
      compared: how many stores were filled to their end and held what was expected.
      peaks: the largest memory of each start in GiB, all processes together.
    """

    images: pathlib.Path
    expected: dict[str, bytes]
    environment: dict[str, str]
    kills: int = 0
    compared: int = 0
    peaks: list[float] = dataclasses.field(default_factory=list)

    def command(self, store: pathlib.Path, *more: str) -> list[str]:
        """Returns the command line that fills a store."""
        flags = [f"--dataset=folder:{self.images}", "--segmenter=selfie", "--workers=1"]
        return [*_TOOL, *flags, f"--mask_store={store}", *more]

    def one_start(self, command: list[str], log: pathlib.Path, tick: Callable[[], bool]) -> bool:
        """Runs a command until it ends, or `tick` says that it is over; whether it ended well."""
        peak = 0
        with (
            open(log, "a", encoding="utf-8") as said,
            subprocess.Popen(command, env=self.environment, stdout=said, stderr=said) as process,
        ):
            watched = psutil.Process(process.pid)
            while process.poll() is None:
                peak = max(peak, soak_large.memory_of(watched))
                if tick():
                    self._kill(watched)
                time.sleep(0.2)
        self.peaks.append(peak / 2**30)
        if process.returncode not in (0, -9):
            sys.exit(log.read_text(encoding="utf-8")[-2000:])
        return process.returncode == 0

    def _kill(self, process: psutil.Process) -> None:
        children = process.children(recursive=True)
        process.kill()
        _, alive = psutil.wait_procs(children, timeout=60)
        assert not alive, f"{len(alive)} processes stayed behind"
        self.kills += 1

    def check(self, store: pathlib.Path, log: pathlib.Path) -> None:
        """Compares a store that is full with what was expected, and deletes it.

        Raises:
          AssertionError: a mask is missing or another one, a file is left over, or a stack trace.
        """
        assert "Traceback" not in log.read_text(encoding="utf-8")
        assert harness.stored_masks(store) == self.expected
        harness.assert_no_strays(store)
        shards = {path.stem for path in store.rglob("masks-*.tfrecord")}
        assert shards == {path.stem for path in store.rglob("masks-*.json")}
        assert len([p for p in store.rglob("*") if p.is_file()]) <= 2 * len(shards) + _OTHER_FILES
        shutil.rmtree(store)
        self.compared += 1

    def figures(self) -> str:
        """Returns what was tried, and how much memory it took."""
        first, *_ = self.peaks
        return (
            f"{self.kills} kills, {self.compared} stores of {len(self.expected):,} masks compared, "
            f"0 lost; {first:.2f} GiB at first, {max(self.peaks):.2f} at most"
        )


_TOOL = [sys.executable, str(harness.ROOT / "tools" / "segment.py")]
# store.json, the list of bad masks, the lock and its holder.
_OTHER_FILES = 6


def prepare(folder: pathlib.Path, environment: dict[str, str], count: int) -> Filling:
    """Draws the images, and fills a store without a kill; both once in a folder."""
    images, store = folder / "images", folder / "unbroken"
    if not images.exists():
        drawing = folder / "drawing"
        shutil.rmtree(drawing, ignore_errors=True)
        soak_large.make_images(drawing, count)
        drawing.rename(images)
    filling = Filling(images, {}, environment)
    filling.one_start(filling.command(store), folder / "unbroken.log", lambda: False)
    found = harness.stored_masks(store)
    assert len(found) == count
    return dataclasses.replace(filling, expected=found, peaks=[])


def _each(seconds: float) -> Callable[[], bool]:
    """Returns a function that is true once each time that so many seconds have passed."""
    last = time.monotonic()

    def due() -> bool:
        nonlocal last
        if time.monotonic() - last < seconds:
            return False
        last = time.monotonic()
        return True

    return due


def killed(filling: Filling, folder: pathlib.Path, seconds: float, each: float) -> Iterator[str]:
    """Fills stores for so long, with a SIGKILL of the program each minute; yields the figures."""
    chance, until = random.Random(0), time.monotonic() + seconds
    store, log = folder / "killed", folder / "killed.log"
    # What was begun is filled to its end.
    while time.monotonic() < until or store.exists():
        over = time.monotonic() >= until
        due = _each(math.inf if over else chance.uniform(0.75, 1.25) * each)
        if filling.one_start(filling.command(store), log, due):
            filling.check(store, log)
        yield filling.figures()


class Pair:
    """A head and a second node on this machine, which is killed and replaced."""

    def __init__(self) -> None:
        from ray.cluster_utils import Cluster

        self._cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
        self._second = self._cluster.add_node(num_cpus=1)
        self._cluster.wait_for_nodes()
        self.address = self._cluster.address

    def replace(self) -> None:
        """Ends the second node as a loss of power does, and starts another."""
        nodes.kill(self._second)
        self._second = self._cluster.add_node(num_cpus=1)

    def close(self) -> None:
        """Ends both nodes."""
        for node in (self._second, self._cluster.head_node):
            nodes.kill(node)


def lost(filling: Filling, folder: pathlib.Path, seconds: float, each: float) -> Iterator[str]:
    """Fills stores on two nodes for so long, one of them lost each minute; yields the figures."""
    os.environ.update(filling.environment, RAY_USAGE_STATS_ENABLED="0")
    until, log = time.monotonic() + seconds, folder / "lost.log"
    with contextlib.closing(Pair()) as pair:
        due = _each(each)

        def tick() -> bool:
            if due():
                pair.replace()
                filling.kills += 1
            return False

        while time.monotonic() < until:
            command = filling.command(folder / "lost", f"--cluster={pair.address}")
            assert filling.one_start(command, log, tick)
            filling.check(folder / "lost", log)
            yield filling.figures()


def is_well(filling: Filling) -> bool:
    """Whether stores were compared, something was killed, and memory kept its limit."""
    return bool(filling.kills and filling.compared) and max(filling.peaks) < _LIMIT_GIB
