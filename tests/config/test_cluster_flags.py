"""What is refused before Ray is started, or where there is no Ray."""

import socket
import sys

import pytest

from bg_interp import cluster
from bg_interp.commands import segment
from bg_interp.config.cluster import TeamConfig
from bg_interp.config.segmentation import SegmentConfig
from bg_interp.errors import UserError


@pytest.fixture
def without_ray(monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)


@pytest.mark.usefixtures("without_ray")
def test_without_ray_the_extra_is_named():
    with (
        pytest.raises(UserError, match=r"pip install 'bg_interp\[cluster\]'"),
        cluster.connect("local"),
    ):
        pass


@pytest.mark.usefixtures("without_ray")
def test_without_ray_no_data_set_is_prepared_for_masks(monkeypatch):
    monkeypatch.setattr(segment, "open_each_once", lambda _: pytest.fail("it was opened"))
    with pytest.raises(UserError, match="needs Ray"):
        segment.run(SegmentConfig(dataset="habitats", cluster="local"))


@pytest.fixture
def with_ray(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: name)


@pytest.mark.usefixtures("with_ray")
def test_an_address_where_nobody_answers_is_one_line():
    with socket.create_server(("127.0.0.1", 0)) as found:
        port = found.getsockname()[1]
    with pytest.raises(UserError, match=f"{port}: nobody answers there"):
        cluster.check(f"127.0.0.1:{port}")


@pytest.mark.usefixtures("with_ray")
@pytest.mark.parametrize("address", ["locl", "host", "ray://", ":6379"])
def test_an_address_without_a_port_is_refused(address):
    with pytest.raises(UserError, match="must be none, local or HOST:PORT"):
        cluster.check(address)


@pytest.mark.parametrize(
    ("flags", "strategy", "words"),
    [
        ({"cluster": "local"}, "multi_worker", "needs num_workers"),
        ({"num_workers": 2}, "none", "num_workers needs cluster"),
        ({"num_workers": 2, "cluster": "local"}, "none", "needs strategy='multi_worker'"),
        ({}, "multi_worker", "needs TF_CONFIG"),
    ],
)
def test_flags_that_do_not_fit_together_are_refused(monkeypatch, flags, strategy, words):
    monkeypatch.delenv("TF_CONFIG", raising=False)
    with pytest.raises(UserError, match=words):
        TeamConfig(**flags).check(strategy)


def test_one_machine_needs_no_cluster():
    TeamConfig().check("none")
