"""Running the arms of a study: those of a shard, one after the other, wherever they stopped."""

import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

import tqdm

from bg_interp.commands import train as arms
from bg_interp.errors import UserError
from bg_interp.evaluation.judges.training import Judges
from bg_interp.storage.workdir import WorkdirBusy
from bg_interp.study import measuring
from bg_interp.study.plan import Plan, PlannedArm

_WAIT_SECONDS = 10.0


def run_arm(planned: PlannedArm, judges: Callable[[], Judges]) -> dict[str, Any]:
    """Trains and measures one arm, as far as that isn't done.

    Args:
      planned: the arm.
      judges: gives the judges; called only when something is to be measured.

    Raises:
      WorkdirBusy: another process trains it.
      UserError: it cannot be trained or measured, or learned nothing.
    """
    result = arms.run(planned.config)
    if result is not None and "collapsed" in result:
        raise UserError(f"collapsed, so its class images are no evidence: {result['collapsed']}")
    done = measuring.read(planned.config)
    return done if done is not None else measuring.measure(planned.config, judges())


def run_arms(plan: Plan, shard: tuple[int, int], judges: Callable[[], Judges]) -> dict[str, str]:
    """Runs every N-th arm from the I-th; an arm that another process trains is come back to.

    Args:
      plan: the study.
      shard: (I, N).
      judges: gives the judges.

    Returns:
      {name of an arm that failed: why}; the others are finished.

    Raises:
      KeyboardInterrupt: interrupted; what was trained is saved.
    """
    first, step = shard
    waiting: Sequence[PlannedArm] = plan.arms[first::step]
    failed: dict[str, str] = {}
    with tqdm.tqdm(total=len(waiting), desc="arms", unit="arm", smoothing=0) as bar:
        while waiting:
            busy = []
            for planned in waiting:
                bar.set_postfix_str(planned.name)
                print(f"\n== {planned.name}", file=sys.stderr)
                try:
                    run_arm(planned, judges)
                except WorkdirBusy:
                    busy.append(planned)
                    continue
                except UserError as error:
                    failed[planned.name] = str(error)
                    print(f"{planned.name} failed: {error}", file=sys.stderr)
                bar.update()
            if busy:
                time.sleep(_WAIT_SECONDS)
            waiting = busy
    return failed
