"""Worker processes that make masks: each opens its own segmenter and takes one image at a time.

MediaPipe's segmenters neither survive a fork nor travel between processes, and a few malformed
models or images abort the whole process; so the processes are spawned, and one that dies costs the
image it had and is replaced.
"""

import contextlib
import multiprocessing
import os
import pathlib
import signal
import sys
from collections.abc import Generator, Iterable, Iterator
from multiprocessing.connection import Connection, wait

import numpy as np

from bg_interp.errors import UserError
from bg_interp.masks import encoding
from bg_interp.masks.segmenters.opening import open_segmenter
from bg_interp.masks.segmenters.segmenter import Settings
from bg_interp.masks.shards import Mask

Images = Iterable[tuple[str, np.ndarray]]
# A model that kills its process every time must not be tried for a million images.
_DEATHS_IN_A_ROW = 3


class Worker:
    """One process, the pipe to it, and the image it is busy with."""

    def __init__(self, settings: Settings, path: pathlib.Path):
        self._settings, self._path = settings, path
        self.task: tuple[str, np.ndarray] | None = None
        self._start()

    def _start(self) -> None:
        context = multiprocessing.get_context("spawn")
        self.pipe, theirs = context.Pipe()
        arguments = (theirs, self._settings, self._path)
        self._process = context.Process(target=_serve, args=arguments, daemon=True)
        self._process.start()
        # Only the worker holds its end now, so that its death closes the pipe.
        theirs.close()

    def give(self, task: tuple[str, np.ndarray]) -> None:
        """Sends an image; the worker must be idle."""
        self.task = task
        try:
            self.pipe.send(task)
        except OSError:
            # A process that cannot be written to would never answer; whatever it is, it ends, and
            # `take` finds out and says so.
            self._process.kill()

    def take(self) -> Mask | UserError | None:
        """Returns what the worker answered, or None after replacing a process that has died."""
        try:
            answer = self.pipe.recv()
        except (EOFError, OSError):
            self.stop()
            self._start()
            answer = None
        return answer

    def stop(self) -> None:
        """Ends the process: it stops when its pipe closes."""
        self.pipe.close()
        self._process.join(timeout=10)
        if self._process.is_alive():
            self._process.kill()


def make_masks(
    images: Images, settings: Settings, path: pathlib.Path, count: int
) -> Generator[Mask, None, None]:
    """Yields a mask for every image, in the order in which they are done.

    Args:
      images: keys and uint8 RGB [H, W, 3].
      settings: of the segmenter.
      path: what `segmenters.opening.prepare` returned.
      count: how many processes work at the same time.

    Raises:
      UserError: the segmenter cannot be opened, or its process dies again and again.
    """
    workers = [Worker(settings, path) for _ in range(count)]
    try:
        yield from share_out(iter(images), workers)
    finally:
        for worker in workers:
            worker.stop()


def share_out(images: Iterator[tuple[str, np.ndarray]], workers: list[Worker]) -> Iterator[Mask]:
    """Yields a mask for every image, made by workers that are idle before and afterwards.

    Raises:
      UserError: see `make_masks`.
    """
    deaths = 0
    # The next image is decoded while the workers are busy, and no worker is sent a second image
    # before it answered: both sides writing into full pipes would wait for each other without end.
    upcoming = next(images, None)
    while upcoming is not None or any(worker.task for worker in workers):
        for worker in workers:
            if worker.task is None and upcoming is not None:
                worker.give(upcoming)
                upcoming = next(images, None)
        busy: dict[object, Worker] = {w.pipe: w for w in workers if w.task is not None}
        for pipe in wait(list(busy)):  # type: ignore[arg-type]
            worker = busy[pipe]
            (key, image), answer = worker.task, worker.take()  # type: ignore[misc]
            worker.task = None
            if isinstance(answer, UserError):
                raise answer
            deaths = 0 if answer else deaths + 1
            if deaths == _DEATHS_IN_A_ROW:
                raise UserError(
                    f"the segmenter's process died on {deaths} images in a row, the last one "
                    f"{key!r}; check --segmenter_model, or free some memory"
                )
            yield answer or encoding.failed(key, image, "the segmenter's process died")


def _serve(pipe: Connection, settings: Settings, path: pathlib.Path) -> None:
    """What a worker process does: opens the segmenter, then answers until the pipe closes."""
    # Ctrl-C reaches the whole group of processes; the parent alone decides what follows.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    if settings.backend == "mediapipe":
        # MediaPipe imports TensorFlow when it finds it, uses it for nothing that is done here,
        # and starts in half the time without it.
        sys.modules["tensorflow"] = None  # type: ignore[assignment]
    with pipe, contextlib.suppress(EOFError, OSError):  # The parent closed the pipe, or is gone.
        try:
            with open_segmenter(settings, path) as segmenter:
                while True:
                    pipe.send(encoding.mask_of(segmenter, *pipe.recv()))
        except UserError as error:
            pipe.send(error)
