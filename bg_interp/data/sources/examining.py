"""Decodes image files to see whether they can be decoded, on all cores where there are many."""

import concurrent.futures
import contextlib
import hashlib
import itertools
import json
import os
import pathlib
import sys
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from bg_interp import decoding, processes
from bg_interp.data import near_duplicates
from bg_interp.errors import UserError

# Below this many images starting processes takes longer than decoding.
_WORTH_A_PROCESS = 2000


class Examined(NamedTuple):
    """What was found when a file was decoded.

    Attributes:
      digest: of its bytes; "" where it cannot be decoded.
      reason: why it cannot be decoded; None where it can.
      turn: EXIF's orientation of its pixels.
      looks: see `near_duplicates.looks_of`.
    """

    digest: str
    reason: str | None
    turn: int = 1
    looks: int = 0


def examine(path: pathlib.Path) -> Examined:
    """Decodes a file and returns what was found."""
    try:
        str(path).encode()
        data = path.read_bytes()
        pixels, turn = decoding.decode_with_turn(data)
    except UnicodeEncodeError:
        return Examined("", "its name, or that of its folder, is not UTF-8")
    except (decoding.DamagedImage, OSError) as error:
        return Examined("", str(error))
    digest = hashlib.blake2b(data, digest_size=16).hexdigest()
    return Examined(digest, None, turn, near_duplicates.looks_of(pixels))


def examine_all(paths: Sequence[pathlib.Path], workers: int | None = None) -> Iterator[Examined]:
    """Yields what `examine` returns for each file, in their order.

    Args:
      paths: the files.
      workers: processes; 0 takes threads of this one, None processes when they pay.

    Raises:
      UserError: a process was killed.
    """
    if workers is None:
        workers = processes.cores() if len(paths) >= _WORTH_A_PROCESS else 0
    if not workers:
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
            yield from pool.map(examine, paths)
        return
    tasks = [json.dumps([str(path) for path in paths[rank::workers]]) for rank in range(workers)]
    with contextlib.ExitStack() as stack:
        pipes = [
            stack.enter_context(processes.worker("bg_interp.data.sources.examining", task.encode()))
            for task in tasks
        ]
        for path, pipe in zip(paths, itertools.cycle(pipes), strict=False):
            line = pipe.readline()
            if not line.endswith(b"\n"):
                raise UserError(
                    f"a process that checks images ended early, at {str(path)!r}; did it "
                    "run out of memory? Free some and start again"
                )
            yield Examined(*json.loads(line))


def _main() -> None:
    for path in json.loads(processes.begin()):
        sys.stdout.write(json.dumps(examine(pathlib.Path(path))) + "\n")


if __name__ == "__main__":
    _main()
