"""TF_CONFIG as it is read, and what is said of one that cannot be."""

import json

import pytest

from bg_interp.cluster.team import Team, read_team
from bg_interp.errors import UserError


def set_config(monkeypatch, jobs, kind, index):
    config = {"cluster": jobs, "task": {"type": kind, "index": index}}
    monkeypatch.setenv("TF_CONFIG", json.dumps(config))


def test_workers_are_counted_from_the_first(monkeypatch):
    set_config(monkeypatch, {"worker": ["a:1", "b:1"]}, "worker", 1)
    assert read_team() == Team(("a:1", "b:1"), 1)
    assert not read_team().is_first
    assert read_team().name == "worker 1 of 2"


def test_a_chief_is_the_first_worker(monkeypatch):
    jobs = {"chief": ["a:1"], "worker": ["b:1", "c:1"]}
    set_config(monkeypatch, jobs, "chief", 0)
    assert read_team().is_first
    # Kubeflow writes numbers as text.
    set_config(monkeypatch, jobs, "worker", "1")
    assert read_team() == Team(("a:1", "b:1", "c:1"), 2)


def test_without_tf_config_the_way_out_is_named(monkeypatch):
    monkeypatch.delenv("TF_CONFIG", raising=False)
    with pytest.raises(UserError, match="num_workers"):
        read_team()


@pytest.mark.parametrize(
    "text",
    [
        "worker",
        "[]",
        '{"cluster": {"worker": ["a:1"]}}',
        '{"cluster": {"worker": ["a:1"]}, "task": {"type": "worker", "index": 1}}',
        '{"cluster": {"worker": ["a:1"]}, "task": {"type": "evaluator", "index": 0}}',
        '{"cluster": ["a:1"], "task": {"type": "worker", "index": 0}}',
    ],
)
def test_what_names_no_worker_is_refused(monkeypatch, text):
    monkeypatch.setenv("TF_CONFIG", text)
    with pytest.raises(UserError, match="TF_CONFIG must be of the form"):
        read_team()
