"""One arm on several machines of a Ray cluster: workers that are started, and started again."""

import pathlib
import shutil
import sys
from typing import Any

from bg_interp import cluster
from bg_interp.commands import train
from bg_interp.config.cluster import TeamConfig
from bg_interp.config.training import ArmConfig, resolved
from bg_interp.errors import UserError
from bg_interp.storage.workdir import Workdir


def run(config: ArmConfig, team: TeamConfig) -> dict[str, Any]:
    """Runs one arm on as many workers as asked for, or resumes it where it stopped.

    Args:
      config: see `train.run`.
      team: the cluster, and what each worker takes of it.

    Returns:
      What the arm measured; see `train.run`.

    Raises:
      UserError: see `train.run`; or the cluster cannot be used.
    """
    folder = pathlib.Path(resolved(config).workdir)
    notes = folder / "ray"
    with cluster.connect(team.cluster) as machines:
        machines.check_sees(folder)
        print(f"training on {team.num_workers} workers: {folder}", file=sys.stderr)
        try:
            machines.together(
                train.run,
                config,
                workers=team.num_workers or 1,
                cpus=team.worker_cpus,
                gpus=team.worker_gpus,
                folder=folder,
            )
        finally:
            shutil.rmtree(notes, ignore_errors=True)
    result = Workdir(folder).read_result()
    if result is None:
        raise UserError(f"the workers ended without a result in {folder}; start the command again")
    return result
