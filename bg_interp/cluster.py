"""Work on the machines of a Ray cluster: blocks in order, tasks that are started again, workers.

A leaf: it is handed functions that stand in importable modules, and knows nothing of what they do.
Ray is imported when a cluster is asked for, and holds no state that matters: what is finished
stands in files, and after a lost head the same command goes on.
"""

import collections
import contextlib
import importlib.metadata
import os
import pathlib
import platform
import secrets
import signal
import socket
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from bg_interp import processes
from bg_interp.errors import UserError

LOCAL = "local"
# A machine that is lost costs one attempt of everything that ran on it. A finite number, since Ray
# starts a process that memory is too small for again and again.
ATTEMPTS = 8
# Blocks under way for each process: the second one is there when the first is done.
_AHEAD = 2
_ANSWER_SECONDS = 10.0
_NODE_SECONDS = 90.0
# Masks and networks that depend on these must not depend on the machine.
_COMPARED = ("bg_interp", "tensorflow", "keras", "mediapipe", "numpy")


@contextlib.contextmanager
def connect(address: str, cores: int | None = None) -> Iterator["Cluster"]:
    """Joins a cluster for the length of the block, and checks its machines.

    Args:
      address: "local" for Ray on this machine alone, or HOST:PORT of a cluster's head; this process
        must run on one of its machines.
      cores: with "local", how many to use; None for all.

    Raises:
      UserError: Ray isn't installed, nobody answers, or a machine has other versions of what
        results depend on.
    """
    try:
        import ray
    except ImportError as error:
        raise UserError(
            "--cluster needs Ray, which is not installed; pip install 'bg_interp[cluster]', or "
            "make .venv/.cluster in a clone"
        ) from error
    # Ray would report its use to its makers.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    own: dict[str, Any] = {"address": address}
    if address == LOCAL:
        own |= {"num_cpus": cores or processes.cores(), "include_dashboard": False}
    else:
        check_answers(address)
    handler = signal.getsignal(signal.SIGTERM)
    try:
        # What workers print comes many times over, and from several machines at once.
        ray.init(**own, log_to_driver=False, logging_level="error")
    except (OSError, RuntimeError, ValueError) as error:
        reason = " ".join(str(error).split())[:300]
        raise UserError(f"--cluster={address} cannot be joined: {reason}") from error
    finally:
        # Ray's own would end this process at once, without a word on what is saved.
        if handler is not None:
            signal.signal(signal.SIGTERM, handler)
    try:
        found = Cluster(ray)
        found.check_versions()
        yield found
    finally:
        ray.shutdown()


def check_answers(address: str) -> None:
    """Checks an address before Ray waits for a minute where nobody answers.

    Raises:
      UserError: it is none, or nobody answers.
    """
    host, _, port = address.rpartition(":")
    if not (host and port.isdigit()):
        raise UserError(f"--cluster must be none, local or HOST:PORT. Received: {address!r}")
    try:
        socket.create_connection((host.strip("[]"), int(port)), _ANSWER_SECONDS).close()
    except OSError as error:
        raise UserError(
            f"--cluster={address}: nobody answers there ({error.strerror or error}); "
            f"`ray start --head --port={port}` starts a cluster"
        ) from error


class Cluster:
    """The machines that `connect` found."""

    def __init__(self, ray: Any):
        self._ray = ray

    def places(self, cpus: float, gpus: float) -> int:
        """Returns how many tasks of that size find room at a time, as of now."""
        found = self._ray.cluster_resources()
        by_kind = [(found.get("CPU", 0), cpus), (found.get("GPU", 0), gpus)]
        return int(min(have // want for have, want in by_kind if want))

    def check_room(self, cpus: float, gpus: float, count: int = 1) -> None:
        """Refuses what would wait for ever.

        Raises:
          UserError: the cluster has not as many processors.
        """
        if self.places(cpus, gpus) < count:
            found = self._ray.cluster_resources()
            raise UserError(
                f"{count} times {cpus:g} processors and {gpus:g} GPUs are more than the cluster "
                f"has: {found.get('CPU', 0):g} and {found.get('GPU', 0):g}; add machines, or ask "
                "for less"
            )

    def check_versions(self) -> None:
        """Checks that all machines have this package, and what results depend on, alike.

        Raises:
          UserError: one has not; the message names it.
        """
        here = versions()
        for node, there in self.on_each(versions).items():
            if there != here:
                name = next(name for name in here if there.get(name) != here[name])
                raise UserError(
                    f"the machine {node} has {name} {there.get(name)}, this one {here[name]}; "
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
            for node, sees in self.on_each(_is_file, str(mark.resolve())).items():
                if not sees:
                    raise UserError(
                        f"the machine {node} does not see {folder}; choose a folder that all "
                        "machines share, under the same path"
                    )
        finally:
            mark.unlink(missing_ok=True)

    def on_each(self, function: Callable, *arguments: Any) -> dict[str, Any]:
        """Calls a function once on each machine; returns its answers by the machine's address.

        Raises:
          UserError: a machine cannot run it, or doesn't answer in time.
        """
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        called = {}
        for node in self._ray.nodes():
            if node["Alive"]:
                there = NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)
                remote = self._ray.remote(num_cpus=0, scheduling_strategy=there)(function)
                called[node["NodeManagerAddress"], node["NodeID"]] = remote.remote(*arguments)
        answers = {}
        for (address, _), reference in called.items():
            try:
                answers[address] = self._ray.get(reference, timeout=_NODE_SECONDS)
            except self._ray.exceptions.RayError as error:
                # The last line of a stack trace says what is wrong.
                reason = (str(error).strip().splitlines() or [type(error).__name__])[-1]
                raise UserError(
                    f"the machine {address} of the cluster cannot run bg_interp: {reason[:300]}"
                ) from error
        return answers

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
        )(_call_kept)
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
            _call_task
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
            _call_worker,
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
            reason = " ".join(str(error).split())[:300]
            raise UserError(
                f"a task was lost {ATTEMPTS + 1} times, with its process or its machine: {reason}"
            ) from error


def versions() -> dict[str, str]:
    """Returns the installed versions of what results depend on."""
    found = {"Python": platform.python_version()}
    return found | {name: importlib.metadata.version(name) for name in _COMPARED}


def _is_file(path: str) -> bool:
    return pathlib.Path(path).is_file()


# In each process of Ray: what it was given to call, by the reference that it came by.
_kept: dict[Any, Callable] = {}


def _call_kept(held: Sequence[Any], block: Any) -> Any:
    import ray

    here, reference = held
    if reference not in _kept:
        _go_to(here)
        # Another run of the same process; what it kept, a segmenter's process perhaps, ends.
        _kept.clear()
        _kept[reference] = ray.get(reference)
    return _kept[reference](block)


def _call_task(here: str, function: Callable, shared: Any, task: Any) -> Any:
    _go_to(here)
    return function(shared, task)


def _go_to(folder: str) -> None:
    """Takes relative paths for what they are where the tool was started."""
    with contextlib.suppress(OSError):
        os.chdir(folder)


def _call_worker(settings: Mapping[str, Any]) -> None:
    # Ray sets it for Keras 2; it sends whoever asks for tf.keras to a package that isn't there.
    os.environ.pop("TF_USE_LEGACY_KERAS", None)
    _go_to(settings["here"])
    settings["function"](settings["argument"])


def _first_user_error(error: BaseException) -> UserError | None:
    """Finds the `UserError` of a worker among the errors of all of them, which Ray wraps."""
    seen = [error, error.__cause__, *getattr(error, "worker_failures", {}).values()]
    for found in seen:
        found = getattr(found, "cause", found)
        if isinstance(found, UserError):
            return found
    return None
