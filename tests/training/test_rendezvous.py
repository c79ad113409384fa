"""Workers that wait for each other before TensorFlow starts."""

import concurrent.futures
import socket

import pytest

from bg_interp.cluster.team import Team
from bg_interp.errors import UserError
from bg_interp.training import rendezvous


@pytest.fixture
def addresses():
    with socket.create_server(("127.0.0.1", 0)) as found:
        port = found.getsockname()[1]
    return (f"127.0.0.1:{port}", "127.0.0.1:1", "127.0.0.1:2")


def test_all_workers_go_on_together(addresses):
    with concurrent.futures.ThreadPoolExecutor() as threads:
        teams = [Team(addresses, index) for index in (2, 0, 1)]
        assert list(threads.map(rendezvous.wait_for_all, teams)) == [None] * 3
    # The port is free again, for TensorFlow.
    socket.create_server(("127.0.0.1", int(addresses[0].rpartition(":")[2]))).close()


def test_a_missing_worker_is_named(addresses, monkeypatch):
    monkeypatch.setattr(rendezvous, "SECONDS", 0.6)
    with concurrent.futures.ThreadPoolExecutor() as threads:
        first, second = (
            threads.submit(rendezvous.wait_for_all, Team(addresses, index)) for index in (0, 1)
        )
        with pytest.raises(UserError, match=r"within 1 seconds; missing: 127.0.0.1:2\. Start"):
            first.result()
        with pytest.raises(UserError, match="did not gather all 3 workers"):
            second.result()


def test_a_stranger_at_the_door_changes_nothing(addresses):
    with concurrent.futures.ThreadPoolExecutor() as threads:
        first = threads.submit(rendezvous.wait_for_all, Team(addresses[:2], 0))
        port = int(addresses[0].rpartition(":")[2])
        while True:
            try:
                with socket.create_connection(("127.0.0.1", port)) as stranger:
                    stranger.sendall(b"GET /")
                break
            except ConnectionRefusedError:
                continue
        rendezvous.wait_for_all(Team(addresses[:2], 1))
        first.result()


def test_a_port_that_is_taken_is_one_line(addresses):
    port = int(addresses[0].rpartition(":")[2])
    with (
        socket.create_server(("", port)),
        pytest.raises(UserError, match="cannot listen on 127"),
    ):
        rendezvous.wait_for_all(Team(addresses, 0))


def test_an_address_without_a_port_is_refused():
    with pytest.raises(UserError, match="must be HOST:PORT"):
        rendezvous.wait_for_all(Team(("host", "host"), 0))
