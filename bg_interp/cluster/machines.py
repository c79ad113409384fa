"""The machines of a cluster: their room, whether they are alike, and work given to them."""

import collections
import os
import pathlib
import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from bg_interp.cluster import worker
from bg_interp.errors import UserError, one_line

# A machine that is lost costs one attempt of everything that ran on it. A finite number, since Ray
# starts a process that memory is too small for again and again.
ATTEMPTS = 8
# Blocks under way for each process: the second one is there when the first is done.
_AHEAD = 2
_NODE_SECONDS = 90.0


class Cluster:
    """The machines that `connect` found."""

    def __init__(self, ray: Any):
        self._ray = ray

    def places(self, cpus: float, gpus: float) -> int:
        """Returns how many tasks of that size find room at a time, as of now."""
        resources = self._ray.cluster_resources()
        by_kind = [(resources.get("CPU", 0), cpus), (resources.get("GPU", 0), gpus)]
        return int(min(have // want for have, want in by_kind if want))

    def check_room(self, cpus: float, gpus: float, count: int = 1) -> None:
        """Refuses what would wait for ever.

        Raises:
          UserError: the cluster has not as many processors.
        """
        if self.places(cpus, gpus) < count:
            resources = self._ray.cluster_resources()
            raise UserError(
                f"{count} times {cpus:g} processors and {gpus:g} GPUs are more than the cluster "
                f"has: {resources.get('CPU', 0):g} and {resources.get('GPU', 0):g}; add machines, "
                "or ask for less"
            )

    def check_versions(self) -> None:
        """Checks that all machines have this package, and what results depend on, alike.

        Raises:
          UserError: one has not; the message names it.
        """
        here = worker.versions()
        for node, theirs in self.on_each(worker.versions):
            if theirs != here:
                name = next(name for name in here if theirs.get(name) != here[name])
                raise UserError(
                    f"the machine {node} has {name} {theirs.get(name)}, this one {here[name]}; "
                    "install the same lock on all machines"
                )

    def check_sees(self, folder: pathlib.Path) -> None:
        """Checks that all machines see a folder of this one.

        Raises:
          UserError: one does not; the message names it.
        """
        folder.mkdir(parents=True, exist_ok=True)
        mark = folder / f".cluster-{secrets.token_hex(8)}"
        mark.touch()
        try:
            for node, sees in self.on_each(worker.is_file, str(mark.resolve())):
                if not sees:
                    raise UserError(
                        f"the machine {node} does not see {folder}; choose a folder that all "
                        "machines share, under the same path"
                    )
        finally:
            mark.unlink(missing_ok=True)

    def on_each(self, function: Callable, *arguments: Any) -> list[tuple[str, Any]]:
        """Calls a function once on each machine; returns (address, what it answered) of each.

        One address may stand there twice: a machine can be two nodes, with an environment each.
        A machine that is lost meanwhile takes no part.

        Raises:
          UserError: a machine cannot run it, or doesn't answer in time.
        """
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        called = {}
        for node, address in self._alive().items():
            on_node = NodeAffinitySchedulingStrategy(node, soft=False)
            remote = self._ray.remote(num_cpus=0, scheduling_strategy=on_node)(function)
            called[node] = address, remote.remote(*arguments)
        answers = []
        for node, (address, reference) in called.items():
            try:
                answers.append((address, self._ray.get(reference, timeout=_NODE_SECONDS)))
            except self._ray.exceptions.RayError as error:
                if node not in self._alive():
                    continue
                # The last line of a stack trace says what is wrong.
                reason = (str(error).strip().splitlines() or [type(error).__name__])[-1]
                raise UserError(
                    f"the machine {address} of the cluster cannot run bg_interp: {reason[:300]}"
                ) from error
        return answers

    def _alive(self) -> dict[str, str]:
        """Returns the addresses of the machines that Ray has not lost, by its number of each."""
        nodes = self._ray.nodes()
        return {node["NodeID"]: node["NodeManagerAddress"] for node in nodes if node["Alive"]}

    def in_order(
        self, function: Callable, blocks: Iterable[Any], *, cpus: float = 1, gpus: float = 0
    ) -> Iterator[Any]:
        """Yields `function(block)` for each block, in their order, whatever machine is lost.

        Args:
          function: an importable function or an object that can be called; each process keeps its
            own copy from block to block.
          blocks: what there is to do. Two for each process are under way at a time.
          cpus, gpus: what one process takes.

        Raises:
          UserError: raised by the function; or a block ended its process again and again.
        """
        self.check_room(cpus, gpus)
        # In a list, so that Ray hands on the reference, and each process fetches it once.
        held = [os.getcwd(), self._ray.put(function)]
        task = self._ray.remote(
            num_cpus=cpus, num_gpus=gpus, max_retries=ATTEMPTS, scheduling_strategy="SPREAD"
        )(worker.call_kept)
        running: collections.deque = collections.deque()
        for block in blocks:
            running.append(task.remote(held, block))
            if len(running) >= _AHEAD * max(1, self.places(cpus, gpus)):
                yield self._result(running.popleft())
        while running:
            yield self._result(running.popleft())

    def as_done(
        self,
        function: Callable,
        shared: Any,
        tasks: Mapping[str, Any],
        *,
        cpus: float = 1,
        gpus: float = 0,
    ) -> Iterator[tuple[str, Any]]:
        """Yields what tasks return, or the `UserError` they raised, as they are done.

        Each has a process of its own, which gives its accelerator back, and is started again on
        another machine when its own is lost.

        Args:
          function: importable; gets `shared` and its own task.
          shared: sent to each machine once.
          tasks: what is to be done, by the name that is yielded with the result.
          cpus, gpus: what one task takes.
        """
        self.check_room(cpus, gpus)
        task = self._ray.remote(num_cpus=cpus, num_gpus=gpus, max_calls=1, max_retries=ATTEMPTS)(
            worker.call_task
        )
        here, held = os.getcwd(), self._ray.put(shared)
        running = {task.remote(here, function, held, one): name for name, one in tasks.items()}
        while running:
            (done,), _ = self._ray.wait(list(running))
            name = running.pop(done)
            try:
                yield name, self._result(done)
            except UserError as error:
                yield name, error

    def together(
        self,
        function: Callable,
        argument: Any,
        *,
        workers: int,
        cpus: float,
        gpus: float,
        folder: pathlib.Path,
    ) -> None:
        """Calls `function(argument)` on several workers at once, each with its TF_CONFIG.

        When one is lost, all are started again.

        Args:
          function: importable.
          argument: what all get.
          workers: how many.
          cpus, gpus: what each takes.
          folder: seen by all machines; takes notes of Ray's.

        Raises:
          UserError: the first one that a worker raised, when starting again did not help.
        """
        self.check_room(cpus, gpus, workers)
        from ray.train import FailureConfig, RunConfig, ScalingConfig
        from ray.train.tensorflow import TensorflowTrainer

        each = {"CPU": cpus} | ({"GPU": gpus} if gpus else {})
        trainer = TensorflowTrainer(
            worker.call_worker,
            train_loop_config={"here": os.getcwd(), "function": function, "argument": argument},
            scaling_config=ScalingConfig(
                num_workers=workers, use_gpu=bool(gpus), resources_per_worker=each
            ),
            run_config=RunConfig(
                name="ray",
                storage_path=str(folder.resolve()),
                failure_config=FailureConfig(max_failures=ATTEMPTS),
            ),
        )
        try:
            trainer.fit()
        except Exception as error:
            raise _first_user_error(error) or error from None

    def _result(self, reference: Any) -> Any:
        try:
            return self._ray.get(reference)
        except self._ray.exceptions.RayTaskError as error:
            if isinstance(error.cause, UserError):
                # Ray's own exception says the same with the stack trace of another machine.
                raise error.cause from None
            raise
        except self._ray.exceptions.RayError as error:
            reason = one_line(error)
            raise UserError(
                f"a task was lost {ATTEMPTS + 1} times, with its process or its machine: {reason}"
            ) from error


def _first_user_error(error: BaseException) -> UserError | None:
    """Finds the `UserError` of a worker among the errors of all of them, which Ray wraps."""
    seen = [error, error.__cause__, *getattr(error, "worker_failures", {}).values()]
    for one in seen:
        one = getattr(one, "cause", one)
        if isinstance(one, UserError):
            return one
    return None
