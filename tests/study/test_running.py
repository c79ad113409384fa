"""How the arms of a study are run, whatever becomes of single ones."""

import pytest

from bg_interp.config.training import ArmConfig
from bg_interp.errors import UserError
from bg_interp.storage.workdir import WorkdirBusy
from bg_interp.study import run as studies
from bg_interp.study import running
from bg_interp.study.plan import StudyConfig, make_plan
from bg_interp.training.loop import Diverged


@pytest.fixture
def plan(tmp_path):
    return make_plan(StudyConfig(seeds="2", workdir=str(tmp_path)), ArmConfig())


@pytest.fixture
def ran(monkeypatch):
    """Stands in for training and measuring; gives the names of the arms that were run."""
    names = []

    def train(planned, judges):
        names.append(planned.name)
        return {}

    monkeypatch.setattr(running, "run_arm", train)
    monkeypatch.setattr(studies, "in_processes", running.one_by_one)
    monkeypatch.setattr(running, "_WAIT_SECONDS", 0.0)
    return names


def alone(planned):
    """Runs arms in this process, without judges."""
    return running.one_by_one(planned, lambda: None)


def test_all_arms_are_run_once(plan, ran):
    assert running.run_arms(plan.arms, alone) == {}
    assert ran == [arm.name for arm in plan.arms]


def test_a_shard_runs_its_part(plan, ran):
    running.run_arms(plan.arms[1::3], alone)
    assert ran == [arm.name for arm in plan.arms[1::3]]


def test_an_arm_that_fails_is_named_and_the_others_are_run(plan, ran, monkeypatch):
    train = running.run_arm

    def failing(planned, judges):
        train(planned, judges)
        if planned.background == "noise":
            raise UserError("no noise today")

    monkeypatch.setattr(running, "run_arm", failing)
    failed = running.run_arms(plan.arms, alone)
    assert len(ran) == len(plan.arms)
    assert set(failed) == {arm.name for arm in plan.arms if arm.background == "noise"}
    assert {str(error) for error in failed.values()} == {"no noise today"}


def test_an_arm_that_another_process_trains_is_retried_later(plan, ran, monkeypatch):
    train, busy = running.run_arm, {plan.arms[0].name}

    def locked(planned, judges):
        train(planned, judges)
        if planned.name in busy:
            busy.discard(planned.name)
            raise WorkdirBusy("in use")

    monkeypatch.setattr(running, "run_arm", locked)
    assert running.run_arms(plan.arms, alone) == {}
    assert ran.count(plan.arms[0].name) == 2
    assert ran[-1] == plan.arms[0].name


def test_without_any_finished_arm_the_first_error_is_told(plan, ran, monkeypatch):
    def failing(planned, judges):
        raise UserError("no data")

    monkeypatch.setattr(running, "run_arm", failing)
    with pytest.raises(UserError, match="no data"):
        studies.run(plan, StudyConfig(seeds="2", workdir=str(plan.workdir)))


def test_a_shard_that_is_not_the_last_leaves_the_report_to_others(plan, ran, capsys):
    studies.run(plan, StudyConfig(seeds="2", shard="0/2", workdir=str(plan.workdir)))
    assert "other shards" in capsys.readouterr().err
    assert not (plan.workdir / "report.html").exists()


def test_failed_arms_are_told_after_the_report_is_written(plan, ran, monkeypatch):
    def failing(planned, judges):
        raise UserError("no noise today")

    written = []
    monkeypatch.setattr(running, "run_arm", failing)
    monkeypatch.setattr(studies, "read_all", lambda laid_out: {"none": {}})
    monkeypatch.setattr(studies, "write", lambda *arguments: written.append(arguments))
    with pytest.raises(UserError, match=r"8 of 8 arms failed.*no noise today"):
        studies.run(plan, StudyConfig(seeds="2", workdir=str(plan.workdir)))
    assert len(written) == 1


def test_arms_that_learned_nothing_are_a_result_and_no_failure(plan, ran, monkeypatch, capsys):
    def collapsing(planned, judges):
        raise running.Collapsed("collapsed, so its class images are no evidence: accuracy .14")

    monkeypatch.setattr(running, "run_arm", collapsing)
    monkeypatch.setattr(studies, "read_all", lambda laid_out: {"none": {}})
    monkeypatch.setattr(studies, "write", lambda *arguments: None)
    studies.run(plan, StudyConfig(seeds="2", workdir=str(plan.workdir)))
    told = capsys.readouterr()
    assert "8 of 8 arms learned nothing" in told.out and "failed" not in told.err


def test_an_arm_whose_loss_diverged_learned_nothing(plan, monkeypatch):
    def diverging(config):
        raise Diverged("the loss is nan after 3 steps")

    monkeypatch.setattr(running.arms, "run", diverging)
    with pytest.raises(running.Collapsed, match="the loss is nan"):
        running.run_arm(plan.arms[0], judges=None)
