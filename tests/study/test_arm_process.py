"""Arms in processes of their own: what they leave, and what becomes of one that dies."""

import dataclasses
import io
import pickle
import threading
import time

import psutil
import pytest

from bg_interp.config.training import ArmConfig
from bg_interp.evaluation.reliance.variants import VARIANTS
from bg_interp.study import arm_process, measuring, running
from bg_interp.study.arm_process import in_processes
from bg_interp.study.plan import SET_BY_STUDY, StudyConfig, make_plan


@pytest.fixture
def arms(shape_settings, session_cache, tmp_path, monkeypatch):
    """An arm that takes seconds, one whose images are nowhere, and one for a process that dies."""
    monkeypatch.setenv("BG_INTERP_CACHE", str(session_cache))
    settings = {k: value for k, value in shape_settings.items() if k not in SET_BY_STUDY}
    study = StudyConfig(backgrounds="black", seeds="1", workdir=str(tmp_path))
    (good,) = make_plan(study, ArmConfig(**settings)).arms
    nowhere = dataclasses.replace(
        good.config, dataset="folder:nowhere", workdir=str(tmp_path / "arms" / "lost")
    )
    killed = dataclasses.replace(good.config, workdir=str(tmp_path / "arms" / "killed"))
    return [good, *(dataclasses.replace(good, config=one) for one in (nowhere, killed))]


def _without_judges():
    return None


def _kill_the_first_process() -> None:
    def ours(process: psutil.Process) -> bool:
        return "bg_interp.study.arm_process" in process.cmdline()

    while not (found := [one for one in psutil.Process().children() if ours(one)]):
        time.sleep(0.05)
    found[0].kill()


def test_arms_are_run_errors_come_back_and_a_process_that_dies_costs_its_arm_alone(arms, capfd):
    good, lost, killed = arms
    thread = threading.Thread(target=_kill_the_first_process)
    thread.start()
    # So little memory that each gets a process of its own.
    outcomes = in_processes([killed, lost, good], _without_judges, most_gib=0.0)
    (first, died), (second, refused), third = outcomes
    thread.join()
    assert first is killed and "died" in str(died)
    assert second is lost and "nowhere" in str(refused)
    assert third == (good, None)
    assert measuring.read(good.config)["background"]["accuracy"].keys() == set(VARIANTS)
    told = capfd.readouterr().err
    assert f"== {good.name}" in told and "Traceback" not in told
    assert "cuda" not in told.lower()

    def asked():
        raise AssertionError("there is nothing to judge")

    assert running.judges_for([good], asked) is None


@pytest.mark.parametrize("error", [MemoryError(), ZeroDivisionError()])
def test_one_that_cannot_begin_for_want_of_memory_says_so(monkeypatch, error):
    def fail():
        raise error

    monkeypatch.setattr(arm_process.cli, "load_tensorflow", fail)
    answers = io.BytesIO()
    if isinstance(error, MemoryError):
        arm_process._begin_and_run(b"", answers)
        assert "memory ran out" in str(pickle.loads(answers.getvalue()))
    else:
        with pytest.raises(ZeroDivisionError):
            arm_process._begin_and_run(b"", answers)
