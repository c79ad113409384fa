"""What the cluster promises of any work: order, a second attempt, and errors in one line."""

import os
import signal

import pytest
import tasks

from bg_interp import cluster
from bg_interp.cluster import worker
from bg_interp.cluster.machines import Cluster
from bg_interp.errors import UserError

pytest.importorskip("ray", reason="`make cluster` installs Ray")


@pytest.fixture(scope="module")
def machines():
    handler = signal.getsignal(signal.SIGTERM)
    with cluster.connect("local", cores=2) as found:
        # Ray's own handler would end a tool without a word.
        assert signal.getsignal(signal.SIGTERM) is handler
        yield found


def test_results_come_in_the_order_of_the_blocks(machines, tmp_path):
    assert list(machines.in_order(tasks.Doubler(tmp_path), range(12))) == list(range(0, 24, 2))
    done_by = {path.name.partition("-")[2] for path in tmp_path.iterdir()}
    assert str(os.getpid()) not in done_by
    assert len(done_by) <= 2


def test_a_task_whose_process_dies_is_started_again(machines, tmp_path):
    found = dict(machines.as_done(tasks.die_once, tmp_path, {"a": "a", "b": "b"}))
    assert found == {"a": "a done", "b": "b done"}


def test_an_error_of_the_user_is_the_line_that_was_raised(machines):
    ((name, error),) = machines.as_done(tasks.refuse, None, {"one": "this"})
    assert (name, str(error)) == ("one", "this is refused")
    assert type(error) is UserError


def test_a_defect_is_not_taken_for_an_error_of_the_user(machines):
    with pytest.raises(ZeroDivisionError):
        list(machines.as_done(tasks.break_down, None, {"one": "this"}))


def test_more_than_the_cluster_has_is_refused_at_once(machines):
    with pytest.raises(UserError, match="1 times 1 processors and 1 GPUs are more"):
        list(machines.as_done(tasks.refuse, None, {"one": "this"}, gpus=1))
    with pytest.raises(UserError, match="3 times 1 processors"):
        machines.check_room(1, 0, 3)


def test_other_versions_on_a_machine_are_named(machines, monkeypatch):
    machines.check_versions()
    monkeypatch.setattr(worker.platform, "python_version", lambda: "2.7")
    with pytest.raises(UserError, match=r"has Python 3.*, this one 2\.7"):
        machines.check_versions()


def test_a_folder_that_a_machine_does_not_see_is_named(machines, monkeypatch, tmp_path):
    machines.check_sees(tmp_path)
    assert not list(tmp_path.iterdir())
    monkeypatch.setattr(Cluster, "on_each", lambda *_: [("10.0.0.1", True), ("10.0.0.2", False)])
    with pytest.raises(UserError, match=r"the machine 10\.0\.0\.2 does not see"):
        machines.check_sees(tmp_path)


def test_a_machine_that_is_lost_while_it_is_asked_takes_no_part(machines, monkeypatch):
    there = machines._alive()
    gone = there | {"0f" * 28: "10.0.0.2"}
    lives = iter([gone, there])
    monkeypatch.setattr(Cluster, "_alive", lambda _: next(lives))
    assert [address for address, _ in machines.on_each(worker.versions)] == [*there.values()]
    monkeypatch.setattr(Cluster, "_alive", lambda _: gone)
    with pytest.raises(UserError, match=r"the machine 10\.0\.0\.2 of the cluster cannot run"):
        machines.on_each(worker.versions)
