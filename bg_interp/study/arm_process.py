"""Arms in a process beside this one, whose memory goes back when it ends.

What TensorFlow, XLA and oneDNN keep of a network that was trained and looked at stays with the
process: one GiB for each arm of a MobileNetV2, so that a study of twenty would end without memory.
A process runs arms until it has taken a good deal, then another one goes on. One that dies costs
the arm it had.
"""

import dataclasses
import os
import pickle
import resource
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import IO, TYPE_CHECKING, Any

from bg_interp import cli, processes
from bg_interp.errors import UserError
from bg_interp.study.plan import PlannedArm

if TYPE_CHECKING:
    from bg_interp.evaluation.judges.training import Judges
    from bg_interp.study.running import Outcome

# An arm of MobileNetV2 takes 2.8 GiB alone; several of the small network fit into one process.
_MOST_GIB = 2.5
_PARENT_SECONDS = 1.0


@dataclasses.dataclass(frozen=True)
class _Task:
    """What a process is to do.

    Attributes:
      arms: in their order.
      judges: `Judges`; None when nothing is to be measured.
      most_gib: begin no other arm once more was taken.
    """

    arms: Sequence[PlannedArm]
    judges: Any
    most_gib: float


def in_processes(
    planned: Sequence[PlannedArm], judges: "Callable[[], Judges]", most_gib: float = _MOST_GIB
) -> "Iterator[Outcome]":
    """Runs arms one after the other, in one process after another.

    Args:
      planned: the arms.
      judges: gives the judges; called only when something is to be measured.
      most_gib: the memory from which on a process takes no other arm.
    """
    from bg_interp.study import running

    shared = running.judges_for(planned, judges)
    left = list(planned)
    while left:
        task = pickle.dumps(_Task(left, shared, most_gib))
        with processes.worker(__name__, task) as pipe:
            outcomes = 0
            for error in _answers(pipe):
                yield left[outcomes], error
                outcomes += 1
        if not outcomes:
            yield (
                left[0],
                UserError(
                    "its process died without a word, perhaps out of memory; the same command "
                    "resumes where it was"
                ),
            )
        left = left[max(outcomes, 1) :]


def _answers(pipe: IO[bytes]) -> Iterator[UserError | None]:
    while True:
        try:
            yield pickle.load(pipe)  # noqa: S301 (from a process of our own)
        except EOFError:
            return


def _run(task: _Task, answers: IO[bytes]) -> None:
    for arm in task.arms:
        pickle.dump(_outcome(arm, task.judges), answers)
        answers.flush()
        # Kibibytes, on Linux.
        if resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20 > task.most_gib:
            return


def _outcome(arm: PlannedArm, judges: "Judges") -> UserError | None:
    from bg_interp.study import running

    try:
        ((_, error),) = running.one_by_one([arm], lambda: judges)
    except Exception as unforeseen:
        if message := cli.explained(unforeseen):
            return UserError(message)
        raise
    return error


def _end_with_parent() -> None:
    """Ends this process, as Ctrl-C would, when the one that started it is gone."""
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(_PARENT_SECONDS)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, daemon=True).start()


def _main() -> None:
    given = processes.begin()
    # What arms print is for people, and not for the pipe.
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    _end_with_parent()
    with answers, cli.as_a_tool():
        try:
            _begin_and_run(given, answers)
        finally:
            # From here on there is nothing to save, and the reader of the last answer sends one.
            signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _begin_and_run(given: bytes, answers: IO[bytes]) -> None:
    try:
        # Nothing above has imported it, and nobody is told of its devices again with each process.
        cli.load_tensorflow()
        task = pickle.loads(given)  # noqa: S301 (from a process of our own)
    except Exception as error:
        if (message := cli.explained(error)) is None:
            raise
        pickle.dump(UserError(message), answers)
    else:
        _run(task, answers)


if __name__ == "__main__":
    try:
        _main()
    except KeyboardInterrupt:
        sys.exit(130)
