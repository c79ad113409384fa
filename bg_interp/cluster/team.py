"""The machines that train one arm together, as TF_CONFIG names them.

TF_CONFIG is TensorFlow's own convention, which Kubeflow, Ray Train and others set:

    {"cluster": {"worker": ["host0:7000", "host1:7000"]}, "task": {"type": "worker", "index": 0}}
"""

import dataclasses
import json
import os

from bg_interp.errors import UserError


@dataclasses.dataclass(frozen=True)
class Team:
    """The workers of one arm, and which of them this process is.

    Attributes:
      addresses: host:port of each worker; the first one writes, the others only compute.
      index: this worker's place among them.
    """

    addresses: tuple[str, ...]
    index: int

    @property
    def is_first(self) -> bool:
        """Whether this is the worker that writes."""
        return self.index == 0

    @property
    def name(self) -> str:
        """What messages call this worker."""
        return f"worker {self.index} of {len(self.addresses)}"


def read_team() -> Team:
    """Reads TF_CONFIG; a job `chief` counts as the first worker.

    Raises:
      UserError: it is not set, or does not say which workers there are and which one this is.
    """
    text = os.environ.get("TF_CONFIG", "")
    if not text:
        raise UserError(
            "--strategy=multi_worker needs TF_CONFIG in the environment of every worker, or "
            "--num_workers for a cluster of Ray's. Received: no TF_CONFIG"
        )
    try:
        content = json.loads(text)
        jobs, task = content["cluster"], content["task"]
        addresses = tuple(str(one) for job in ("chief", "worker") for one in jobs.get(job, ()))
        before = {"chief": 0, "worker": len(jobs.get("chief", ()))}
        index = before[task["type"]] + int(task["index"])
        fits = 0 <= index < len(addresses)
    except (ValueError, KeyError, TypeError, AttributeError):
        fits = False
    if not fits:
        raise UserError(
            'TF_CONFIG must be of the form {"cluster": {"worker": ["HOST:PORT", ...]}, "task": '
            f'{{"type": "worker", "index": 0}}}}. Received: {text[:200]}'
        )
    return Team(addresses, index)
