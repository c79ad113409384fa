"""Ray on the loopback address: one machine, or two nodes of one core that can be killed."""

import os
import pathlib
import types

import nodes
import pytest


# Not for the session: it would stay for the tests of all other folders.
@pytest.fixture(scope="module", autouse=True)
def environment_of_ray(session_cache):
    """What Ray's processes inherit: where the tests' own tasks stand, and a cache of their own."""
    with pytest.MonkeyPatch.context() as patch:
        here = [str(pathlib.Path(__file__).parent), *filter(None, [os.environ.get("PYTHONPATH")])]
        patch.setenv("PYTHONPATH", os.pathsep.join(here))
        patch.setenv("BG_INTERP_CACHE", str(session_cache))
        # Ray would report its use.
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        yield


def pytest_collection_modifyitems(items):
    for item in items:
        if "/tests/cluster/" in str(item.path):
            item.add_marker(pytest.mark.slow)


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
        kill=nodes.kill,
        processes_of=nodes.processes_of,
    )
    # Killed ones cannot be shut down any more.
    for node in (second, cluster.head_node):
        nodes.kill(node)
