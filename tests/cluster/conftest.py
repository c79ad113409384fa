"""Ray on the loopback address: one machine, or two nodes of one core that can be killed."""

import contextlib
import pathlib
import signal
import types

import psutil
import pytest


# Not for the session: it would stay for the tests of all other folders.
@pytest.fixture(scope="module", autouse=True)
def environment_of_ray(session_cache):
    """What Ray's processes inherit: where the tests' own tasks stand, and a cache of their own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(pathlib.Path(__file__).parent))
        patch.setenv("BG_INTERP_CACHE", str(session_cache))
        # Ray would report its use.
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        yield


def pytest_collection_modifyitems(items):
    for item in items:
        if "/tests/cluster/" in str(item.path):
            item.add_marker(pytest.mark.slow)


def processes_of(node) -> list[psutil.Process]:
    """Returns the processes of a node, its workers and their children included."""
    found = []
    for started in [one.process for some in node.all_processes.values() for one in some]:
        # Not yet waited for by Ray, so that the number cannot be another process's.
        if started.poll() is None:
            with contextlib.suppress(psutil.NoSuchProcess):
                process = psutil.Process(started.pid)
                found += [process, *process.children(recursive=True)]
    return found


def kill_node(node) -> None:
    """Ends a node and all that it started, as a machine that loses its power does."""
    for process in processes_of(node):
        with contextlib.suppress(psutil.NoSuchProcess):
            process.send_signal(signal.SIGKILL)


@pytest.fixture
def two_nodes():
    """A head and a second node, each of one core; `address` is what --cluster takes."""
    from ray.cluster_utils import Cluster

    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
    second = cluster.add_node(num_cpus=1)
    cluster.wait_for_nodes()
    yield types.SimpleNamespace(
        address=cluster.address,
        head=cluster.head_node,
        second=second,
        kill=kill_node,
        processes_of=processes_of,
    )
    # Killed ones cannot be shut down any more.
    for node in (second, cluster.head_node):
        kill_node(node)
