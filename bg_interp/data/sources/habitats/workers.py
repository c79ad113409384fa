"""Draws examples on all cores, in order, as PNG bytes."""

import contextlib
import dataclasses
import json
import struct
import sys
from collections.abc import Iterator
from typing import IO

import cv2
import numpy as np

from bg_interp import processes
from bg_interp.config.data import HABITATS_CLASSES
from bg_interp.data.sources.habitats.examples import draw_example
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
    classes: int = HABITATS_CLASSES


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
        workers = processes.cores() if job.count >= _WORTH_A_PROCESS else 0
    if not workers:
        for index in range(job.count):
            yield _draw(job, index)
        return
    with contextlib.ExitStack() as stack:
        tasks = [_task(job, rank, workers) for rank in range(workers)]
        module = "bg_interp.data.sources.habitats.workers"
        pipes = [stack.enter_context(processes.worker(module, task)) for task in tasks]
        for index in range(job.count):
            example = _read(pipes[index % workers])
            if example is None:
                raise UserError(
                    f"a drawing process ended early, before example {index} of {job.split}; "
                    "did it run out of memory? Free some and start again"
                )
            yield example


def _draw(job: Job, index: int) -> EncodedExample:
    example = draw_example(
        job.data_seed, job.split, index, job.image_size, job.correlation, job.classes
    )
    image = cv2.cvtColor(example.image, cv2.COLOR_RGB2BGR)
    return EncodedExample(image=_png(image), mask=_png(example.mask))


def _png(image: np.ndarray) -> bytes:
    _, encoded = cv2.imencode(".png", image)
    return encoded.tobytes()


def _read(pipe: IO[bytes]) -> EncodedExample | None:
    header = pipe.read(_HEADER.size)
    if len(header) < _HEADER.size:
        return None
    image_length, mask_length = _HEADER.unpack(header)
    content = pipe.read(image_length + mask_length)
    if len(content) < image_length + mask_length:
        return None
    return EncodedExample(content[:image_length], content[image_length:])


def _task(job: Job, rank: int, workers: int) -> bytes:
    values = {"job": dataclasses.asdict(job), "rank": rank, "workers": workers}
    return json.dumps(values).encode()


def _write_share(task: bytes, output: IO[bytes]) -> None:
    """Draws every `workers`-th example from `rank` on."""
    values = json.loads(task)
    job = Job(**values["job"])
    for index in range(values["rank"], job.count, values["workers"]):
        example = _draw(job, index)
        output.write(_HEADER.pack(len(example.image), len(example.mask)))
        output.write(example.image + example.mask)
    output.flush()


def _main() -> None:
    task = processes.begin()
    cv2.setNumThreads(1)
    _write_share(task, sys.stdout.buffer)


if __name__ == "__main__":
    _main()
