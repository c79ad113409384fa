"""Running the arms of a study, wherever they stopped: here one after the other, or on a cluster."""

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import tqdm

from bg_interp.cluster.machines import Cluster
from bg_interp.commands import train as arms
from bg_interp.errors import UserError
from bg_interp.evaluation.judges.training import Judges
from bg_interp.storage.workdir import WorkdirBusy
from bg_interp.study import measuring
from bg_interp.study.plan import PlannedArm
from bg_interp.training.loop import Diverged

_WAIT_SECONDS = 10.0
# An arm, and why it could not be finished.
Outcome = tuple[PlannedArm, UserError | None]


class Collapsed(UserError):
    """An arm was trained and learned nothing, which is a result and no failure."""


def run_arm(planned: PlannedArm, judges: Callable[[], Judges]) -> dict[str, Any]:
    """Trains and measures one arm, as far as that isn't done.

    Args:
      planned: the arm.
      judges: gives the judges; called only when something is to be measured.

    Raises:
      WorkdirBusy: another process trains it.
      Collapsed: it learned nothing.
      UserError: it cannot be trained or measured.
    """
    try:
        result = arms.run(planned.config) or {}
    except Diverged as error:
        raise Collapsed(f"collapsed: {error}") from error
    if "collapsed" in result:
        raise Collapsed(f"collapsed, so its class images are no evidence: {result['collapsed']}")
    done = measuring.read(planned.config, planned.natural)
    if done is not None:
        return done
    return measuring.measure(planned.config, judges(), natural=planned.natural)


def one_by_one(planned: Sequence[PlannedArm], judges: Callable[[], Judges]) -> Iterator[Outcome]:
    """Runs arms in this process."""
    for arm in planned:
        print(f"\n== {arm.name}", file=sys.stderr)
        try:
            run_arm(arm, judges)
        except UserError as error:
            yield arm, error
        else:
            yield arm, None


def judges_for(planned: Sequence[PlannedArm], judges: Callable[[], Judges]) -> Judges | None:
    """Returns the judges, to be sent along; None where every arm has been measured."""
    measured = all(measuring.read(arm.config, arm.natural) is not None for arm in planned)
    return None if measured else judges()


def on_cluster(
    planned: Sequence[PlannedArm],
    judges: Callable[[], Judges],
    machines: Cluster,
    cpus: float,
    gpus: float,
) -> Iterator[Outcome]:
    """Runs arms on a cluster, each in a process of its own, as many at a time as find room.

    Args:
      planned: the arms.
      judges: gives the judges, which are trained here and sent along.
      machines: the cluster.
      cpus, gpus: what an arm takes.
    """
    shared = judges_for(planned, judges)
    by_name = {arm.name: arm for arm in planned}
    for name, outcome in machines.as_done(_run_there, shared, by_name, cpus=cpus, gpus=gpus):
        yield by_name[name], outcome


def _run_there(judges: Judges, planned: PlannedArm) -> None:
    run_arm(planned, lambda: judges)


def run_arms(
    planned: Sequence[PlannedArm],
    run: Callable[[Sequence[PlannedArm]], Iterator[Outcome]],
) -> dict[str, UserError]:
    """Runs arms; one that another process trains is retried later.

    Args:
      planned: the arms.
      run: runs them, as `one_by_one` does.

    Returns:
      {name of an arm that failed: why}; the others are finished.

    Raises:
      KeyboardInterrupt: interrupted; what was trained is saved.
    """
    waiting = planned
    failed: dict[str, UserError] = {}
    with tqdm.tqdm(total=len(waiting), desc="arms", unit="arm", smoothing=0) as bar:
        while waiting:
            busy = []
            for arm, error in run(waiting):
                if isinstance(error, WorkdirBusy):
                    busy.append(arm)
                    continue
                if error is not None:
                    failed[arm.name] = error
                    did = "" if isinstance(error, Collapsed) else "failed: "
                    print(f"{arm.name} {did}{error}", file=sys.stderr)
                bar.set_postfix_str(arm.name)
                bar.update()
            if busy:
                time.sleep(_WAIT_SECONDS)
            waiting = busy
    return failed
