"""Draws examples on all cores, in order, as PNG bytes.

The workers are plain processes of this module that write to a pipe, not a multiprocessing pool:
they neither fork a process that holds TensorFlow's threads nor import the caller's main program
again, and they end by themselves when the pipe closes, however the caller ended.
"""

import contextlib
import dataclasses
import json
import os
import pathlib
import signal
import struct
import subprocess
import sys
from collections.abc import Iterator
from typing import IO

import cv2
import numpy as np

import bg_interp
from bg_interp.data.habitats.examples import draw_example
from bg_interp.errors import UserError

# Below this many examples starting a process takes longer than drawing.
_WORTH_A_PROCESS = 200
# Before each example: the lengths of its two PNG files.
_HEADER = struct.Struct("<II")


@dataclasses.dataclass(frozen=True)
class Job:
    """One split to draw; the arguments of `examples.draw_example`."""

    data_seed: int
    split: str
    image_size: int
    correlation: float
    count: int


@dataclasses.dataclass(frozen=True)
class EncodedExample:
    """An image and its mask as PNG files (RGB and grey, 8 bits)."""

    image: bytes
    mask: bytes


def draw_all(job: Job, workers: int | None = None) -> Iterator[EncodedExample]:
    """Yields the job's examples in the order of their index.

    Args:
      job: what to draw.
      workers: processes; 0 draws in this one, None takes one for each core when it pays.

    Raises:
      UserError: a drawing process was killed.
    """
    if workers is None:
        workers = _cores() if job.count >= _WORTH_A_PROCESS else 0
    if not workers:
        for index in range(job.count):
            yield _draw(job, index)
        return
    with contextlib.ExitStack() as stack:
        pipes = [stack.enter_context(_worker(job, rank, workers)) for rank in range(workers)]
        for index in range(job.count):
            example = _read(pipes[index % workers])
            if example is None:
                raise UserError(
                    f"a drawing process ended early, before example {index} of {job.split}; "
                    "was it killed for want of memory? Free some and start again"
                )
            yield example


def _draw(job: Job, index: int) -> EncodedExample:
    example = draw_example(job.data_seed, job.split, index, job.image_size, job.correlation)
    image = cv2.cvtColor(example.image, cv2.COLOR_RGB2BGR)
    return EncodedExample(image=_png(image), mask=_png(example.mask))


def _png(image: np.ndarray) -> bytes:
    _, encoded = cv2.imencode(".png", image)
    return encoded.tobytes()


def _cores() -> int:
    # Containers and `taskset` allow fewer cores than the machine has.
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@contextlib.contextmanager
def _worker(job: Job, rank: int, workers: int) -> Iterator[IO[bytes]]:
    """Starts a process that draws every `workers`-th example from `rank` on; yields its output."""
    arguments = json.dumps({"job": dataclasses.asdict(job), "rank": rank, "workers": workers})
    root = pathlib.Path(bg_interp.__file__).parents[1]
    path = os.pathsep.join([str(root), *filter(None, [os.environ.get("PYTHONPATH")])])
    process = subprocess.Popen(  # noqa: S603
        [sys.executable, "-m", "bg_interp.data.habitats.workers", arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": path},
    )
    assert process.stdout is not None  # noqa: S101 (for the type checker: PIPE was asked for)
    try:
        yield process.stdout
    finally:
        process.stdout.close()
        process.terminate()
        process.wait()


def _read(pipe: IO[bytes]) -> EncodedExample | None:
    header = pipe.read(_HEADER.size)
    if len(header) < _HEADER.size:
        return None
    image_length, mask_length = _HEADER.unpack(header)
    content = pipe.read(image_length + mask_length)
    if len(content) < image_length + mask_length:
        return None
    return EncodedExample(content[:image_length], content[image_length:])


def _write_share(arguments: str, output: IO[bytes]) -> None:
    values = json.loads(arguments)
    job = Job(**values["job"])
    for index in range(values["rank"], job.count, values["workers"]):
        example = _draw(job, index)
        output.write(_HEADER.pack(len(example.image), len(example.mask)))
        output.write(example.image + example.mask)
    output.flush()


def _main() -> None:
    # Ctrl-C reaches the whole process group: the caller reports it, once.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # The default action ends the process quietly when the caller is gone.
    if hasattr(signal, "SIGPIPE"):
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    cv2.setNumThreads(1)
    _write_share(sys.argv[1], sys.stdout.buffer)


if __name__ == "__main__":
    _main()
