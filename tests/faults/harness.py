"""Programs killed by SIGKILL on purpose, and what has to hold afterwards.

A kill counts when the system reports that the signal ended the program. Half of them come when a
declared file appears, the others after a time drawn between the program's first written file and
the end of an unbroken run; the time that TensorFlow takes to start is not worth killing in.
"""

import collections
import contextlib
import dataclasses
import hashlib
import os
import pathlib
import random
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence

import psutil
import tool_server
from tool_server import ToolProcess

ROOT = pathlib.Path(__file__).parents[2]
_LIMIT_SECONDS = 600.0
_POLL_SECONDS = 0.002
# How long an unbroken run works that was not measured.
_SECONDS = 5.0


@dataclasses.dataclass(frozen=True)
class Job:
    """A tool at work on tiny data.

    Attributes:
      tool: its name in tools/.
      flags: gives its flags for a folder that takes all that it writes.
      first: pattern of the first file that it writes below that folder.
      boundaries: patterns of files, relative to that folder; to be killed when one appears.
      check: compares what two folders hold, (unbroken, killed and gone on).
      finished: tells whether the folder holds a finished job, which would do nothing more.
      is_long: takes so long that one folder gets all the kills, at its boundaries in their order.
    """

    tool: str
    flags: Callable[[pathlib.Path], dict[str, object]]
    first: str
    boundaries: Sequence[str]
    check: Callable[[pathlib.Path, pathlib.Path], None]
    finished: Callable[[pathlib.Path], bool] = lambda folder: False
    is_long: bool = False

    def command(self, folder: pathlib.Path) -> list[str]:
        """The command line that works in `folder`."""
        flags = [f"--{name}={value}" for name, value in self.flags(folder).items()]
        return [str(ROOT / "tools" / f"{self.tool}.py"), *flags]


class Ledger:
    """What was tried and what was lost, by fault and tool; printed when the tests end."""

    def __init__(self) -> None:
        self.tried: collections.Counter[tuple[str, str]] = collections.Counter()
        self.lost: collections.Counter[tuple[str, str]] = collections.Counter()

    def count(self, fault: str, tool: str, tried: int = 1, lost: int = 0) -> None:
        """Adds cases of a fault."""
        self.tried[fault, tool] += tried
        self.lost[fault, tool] += lost

    def table(self) -> str:
        """Returns fault x tool, "survived/tried"."""
        from tabulate import tabulate

        tools = sorted({tool for _, tool in self.tried})
        rows = []
        for fault in dict.fromkeys(fault for fault, _ in self.tried):
            tried = [self.tried[fault, tool] for tool in tools]
            lost = [self.lost[fault, tool] for tool in tools]
            cells = [f"{all_ - bad}/{all_}" for all_, bad in zip(tried, lost, strict=True)]
            rows.append([fault, *(cell if cell != "0/0" else "" for cell in cells)])
        return tabulate(rows, ["survived/tried", *tools])


def run_whole(job: Job, folder: pathlib.Path, environment: dict[str, str]) -> float:
    """Runs a job to its end; returns the seconds from its first written file on."""
    process = _start(job, folder, environment)
    _wait_for(process, folder, {job.first})
    started = time.monotonic()
    _, errors = process.communicate(timeout=_LIMIT_SECONDS)
    assert process.returncode == 0, errors
    assert "Traceback" not in errors
    return time.monotonic() - started


def run_to_its_end(command: Sequence[str], environment: dict[str, str]) -> None:
    """Runs a tool, given with its interpreter, which must end well."""
    process = tool_server.start(list(command[1:]), environment)
    _, errors = process.communicate(timeout=_LIMIT_SECONDS)
    assert process.returncode == 0, errors
    assert "Traceback" not in errors


def survive(
    job: Job,
    scratch: pathlib.Path,
    environment: dict[str, str],
    kills: int,
    seed: int,
    whole: pathlib.Path | None = None,
) -> Iterator[int]:
    """Kills a job so many times, runs it to its end, and compares it with an unbroken run.

    A job that ends before it is killed, or that can't be killed further, is compared and begun anew
    in another folder.

    Args:
      job: what is killed.
      scratch: gets the folders of all runs.
      environment: of the processes.
      kills: how often.
      seed: draws when.
      whole: the folder of an unbroken run, where there is one already.

    Yields:
      How many times it was killed in a folder in which it was then run to its end and compared.
    """
    generator = random.Random(seed)
    seconds = _SECONDS
    if whole is None:
        whole = scratch / "whole"
        seconds = run_whole(job, whole, environment)
    boundaries = list(job.boundaries)
    if not job.is_long:
        generator.shuffle(boundaries)
    # One that is killed so often in one folder must not come to its end before.
    longest = seconds / kills if job.is_long else seconds
    done, number, tries = 0, 0, 0
    while done < kills:
        folder, known = scratch / f"killed-{number}", done
        # A few kills a folder: the later they come, the more there is that could be damaged.
        most = kills if job.is_long else generator.randint(1, 4)
        for _ in range(min(most, kills - done)):
            tries += 1
            assert tries < 5 * kills + 10, f"{job.tool} ends before it can be killed"
            point = _boundary(job, folder, boundaries, tries // 2) if tries % 2 else None
            killed = _kill(job, folder, environment, point, after=generator.uniform(0, longest))
            done += killed
            if not killed or job.finished(folder):
                break
        if not (job.is_long and job.finished(folder)):
            run_whole(job, folder, environment)
        job.check(whole, folder)
        assert_no_strays(folder)
        number += 1
        yield done - known


def assert_no_strays(folder: pathlib.Path) -> None:
    """Checks that no half-written file is left."""
    assert not list(folder.rglob(".partial-*"))


def _start(job: Job, folder: pathlib.Path, environment: dict[str, str]) -> ToolProcess:
    folder.mkdir(parents=True, exist_ok=True)
    return tool_server.start(job.command(folder), environment)


def _found(folder: pathlib.Path, pattern: str) -> set[tuple[pathlib.Path, int, int]]:
    """Returns the files of a pattern with their identities: a file written anew counts as new."""
    found = set()
    for path in folder.glob(pattern):
        try:
            stat = path.stat()
            # The number alone may be that of a file that was there before and is gone.
            found.add((path, stat.st_ino, stat.st_mtime_ns))
        except FileNotFoundError:
            continue
    return found


def _wait_for(
    process: ToolProcess, folder: pathlib.Path, patterns: set[str], known: set = frozenset()
) -> bool:
    """Waits until a new file of a pattern appears; False when the process ends before."""
    deadline = time.monotonic() + _LIMIT_SECONDS
    while process.poll() is None:
        if any(_found(folder, pattern) - known for pattern in patterns):
            return True
        assert time.monotonic() < deadline
        time.sleep(_POLL_SECONDS)
    return False


def _boundary(job: Job, folder: pathlib.Path, boundaries: Sequence[str], number: int) -> str | None:
    """Returns the pattern of a file to be killed at; None when a long job has passed them all."""
    if not job.is_long:
        return boundaries[number % len(boundaries)]
    return next((pattern for pattern in boundaries if not _found(folder, pattern)), None)


def _kill(
    job: Job,
    folder: pathlib.Path,
    environment: dict[str, str],
    boundary: str | None = None,
    after: float = 0.0,
) -> bool:
    """Starts a job and kills it when a file of `boundary` appears, or so long after its first."""
    pattern = boundary or job.first
    known = _found(folder, pattern)
    process = _start(job, folder, environment)
    reached = _wait_for(process, folder, {pattern}, known)
    if reached and boundary is None:
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.communicate(timeout=after)
    children = []
    if process.poll() is None:
        children = psutil.Process(process.pid).children(recursive=True)
    process.kill()
    _, errors = process.communicate()
    # A worker learns that its caller is gone when it has imported what it needs.
    _, alive = psutil.wait_procs(children, timeout=60)
    assert not alive, f"{job.tool} left {len(alive)} processes behind"
    # A worker that multiprocessing was starting at that moment finds nothing to start from.
    assert "Traceback" not in errors or "in spawn_main" in errors, errors
    return process.returncode == -9


def digests(folder: pathlib.Path, *patterns: str) -> dict[str, str]:
    """Returns the sha256 of the files of some patterns by their relative names."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for pattern in patterns
        for path in sorted(folder.glob(pattern))
        if path.is_file()
    }


def stored_masks(folder: pathlib.Path) -> dict[str, bytes]:
    """Returns all masks of a store by key; no shard may be damaged, no key may stand twice."""
    from bg_interp.masks import shards

    found: dict[str, bytes] = {}
    for index in sorted(folder.rglob("masks-*.json")):
        assert shards.damage(index) == ""
        for key, entry in shards.read_index(index).items():
            assert key not in found
            content = (index.parent / entry.shard).read_bytes()
            found[key] = content[entry.offset : entry.offset + entry.length]
    return found


def kills_wanted(default: int) -> int:
    """Returns how many kills each tool gets: BG_INTERP_KILLS, or the default."""
    return int(os.environ.get("BG_INTERP_KILLS", str(default)))
