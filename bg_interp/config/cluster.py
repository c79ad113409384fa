"""Whether other machines help, and how much of them one task takes."""

import dataclasses

from bg_interp.cli import NOT_NEGATIVE, POSITIVE, setting
from bg_interp.cluster.team import read_team
from bg_interp.errors import UserError


@dataclasses.dataclass(frozen=True)
class ClusterConfig:
    """Where the work of a tool is done."""

    cluster: str = setting(
        "none",
        "Ray cluster that shares the work: none, local (this machine alone), or HOST:PORT of its "
        "head; see docs/cluster.md",
    )

    @property
    def on_cluster(self) -> bool:
        """Whether Ray is asked for."""
        return self.cluster != "none"


@dataclasses.dataclass(frozen=True)
class TeamConfig(ClusterConfig):
    """Several machines for one arm."""

    num_workers: int | None = setting(
        None,
        "with --strategy=multi_worker: how many workers Ray starts on --cluster. Without it each "
        "worker is started by hand, or by a scheduler, with its TF_CONFIG",
        rule=POSITIVE,
    )
    worker_cpus: float = setting(1.0, "processors that Ray reserves for a worker", rule=POSITIVE)
    worker_gpus: float = setting(0.0, "GPUs that Ray gives a worker", rule=NOT_NEGATIVE)

    def check(self, strategy: str) -> None:
        """Checks that the flags fit together.

        Raises:
          UserError: they do not, or there is no TF_CONFIG where one is needed.
        """
        if strategy == "multi_worker" and not self.on_cluster:
            read_team()
        if self.num_workers is None and self.on_cluster:
            raise UserError(f"--cluster={self.cluster} needs --num_workers")
        if self.num_workers is not None and not self.on_cluster:
            raise UserError("--num_workers needs --cluster=local or --cluster=HOST:PORT")
        if self.num_workers is not None and strategy != "multi_worker":
            raise UserError(
                f"--num_workers needs --strategy=multi_worker. Received: --strategy={strategy}"
            )
