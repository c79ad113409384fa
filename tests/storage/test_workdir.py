"""A run's folder belongs to one process and one configuration."""

import json
import os
import signal
import socket
import subprocess
import sys

import pytest

from bg_interp.errors import UserError
from bg_interp.storage import workdir as workdir_module
from bg_interp.storage.workdir import Workdir

CONFIG = {"steps": 4, "background": "black", "cache_gb": 1.0}


@pytest.fixture
def run(tmp_path) -> Workdir:
    return Workdir(tmp_path / "run")


def claim(run: Workdir, overwrite: bool = False, fingerprint: str = "a", **change) -> None:
    config = {**CONFIG, **change}
    run.claim(config, not_compared=["cache_gb"], overwrite=overwrite, fingerprint=fingerprint)


def write_everything(run: Workdir) -> None:
    for path in (run.result, run.metrics, run.model, run.litert, run.ascent):
        path.write_text("{}")
    for folder in (run.events, run.checkpoints, run.saved_model, run.visualizations):
        folder.mkdir()
        (folder / "file").write_text("")


def test_the_configuration_stands_with_the_versions(run):
    assert not run.is_run
    claim(run)
    assert run.is_run
    written = json.loads(run.config.read_text())
    assert written["config"] == CONFIG
    assert written["fingerprint"] == "a"
    assert {"tensorflow", "keras", "bg_interp"} <= written["versions"].keys()


def test_the_same_configuration_goes_on(run):
    claim(run)
    claim(run, cache_gb=2.0)
    assert run.read_config()["config"]["cache_gb"] == 1.0


def test_other_masks_are_refused(run):
    facts = {"not_compared": [], "overwrite": False, "fingerprint": "a"}
    run.claim(CONFIG, **facts, masks={"origin": "folder", "bad": {}, "fingerprint": "b"})
    run.claim(CONFIG, **facts, masks={"origin": "folder", "bad": {}, "fingerprint": "b"})
    with pytest.raises(UserError, match="the masks have changed since"):
        run.claim(CONFIG, **facts, masks={"origin": "folder", "bad": {}, "fingerprint": "c"})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"steps": 5}, "steps was 4, now 5"),
        ({"new_flag": 1}, "new_flag was None, now 1"),
        ({"fingerprint": "b"}, "the data have changed since"),
    ],
)
def test_another_configuration_is_refused(run, change, message):
    claim(run)
    write_everything(run)
    with pytest.raises(UserError) as raised:
        claim(run, **change)
    assert message in str(raised.value)
    assert "choose another workdir, or start over with overwrite" in str(raised.value)
    assert run.model.exists()


def test_overwrite_deletes_what_a_run_writes_and_nothing_else(run):
    claim(run)
    write_everything(run)
    (run.path / "notes.txt").write_text("mine")
    claim(run, overwrite=True, steps=5)
    assert sorted(os.listdir(run.path)) == ["config.json", "notes.txt"]
    assert run.read_config()["config"]["steps"] == 5


@pytest.mark.parametrize("folder", ["visualizations", "visualize", "evaluation"])
def test_overwrite_deletes_what_describes_the_network_that_is_gone(run, folder):
    claim(run)
    (run.path / folder).mkdir()
    (run.path / folder / "results.json").write_text("of the old network")
    claim(run, overwrite=True, steps=5)
    assert not (run.path / folder).exists()


def test_overwrite_of_the_same_configuration_starts_a_finished_run_anew(run):
    claim(run)
    write_everything(run)
    claim(run, overwrite=True)
    assert os.listdir(run.path) == ["config.json"]


def test_overwrite_lets_an_unfinished_run_of_the_same_configuration_go_on(run):
    claim(run)
    run.checkpoints.mkdir()
    claim(run, overwrite=True)
    assert run.checkpoints.exists()


def test_killed_while_clearing_the_rest_is_not_taken_for_this_runs(run, monkeypatch):
    claim(run)
    write_everything(run)

    def killed(path):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(workdir_module.shutil, "rmtree", killed)
        with pytest.raises(KeyboardInterrupt):
            claim(run, overwrite=True, steps=5)
    assert run.checkpoints.exists()
    with pytest.raises(UserError, match="another configuration"):
        claim(run, steps=5)


def test_results_without_a_configuration_are_not_taken_over(run):
    claim(run)
    write_everything(run)
    run.config.unlink()
    with pytest.raises(UserError, match=r"another configuration \(without config.json\)"):
        claim(run)
    claim(run, overwrite=True)
    assert os.listdir(run.path) == ["config.json"]


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"config'])
def test_a_damaged_configuration_is_one_line(run, text):
    claim(run)
    run.config.write_text(text)
    with pytest.raises(UserError) as raised:
        claim(run)
    assert str(raised.value).startswith(f"{run.config} is damaged")
    assert "overwrite" in str(raised.value)
    assert "\n" not in str(raised.value)
    claim(run, overwrite=True)
    assert run.read_config()["config"] == CONFIG


def test_a_folder_that_is_no_run_is_named(run):
    with pytest.raises(UserError, match=r"tools/train.py wrote, but it has no config.json"):
        run.read_config()


def test_a_damaged_result_is_none(run):
    assert run.read_result() is None
    run.path.mkdir()
    run.result.write_text('{"accuracies": {')
    assert run.read_result() is None
    run.result.write_text("[]")
    assert run.read_result() is None
    assert run.read_collapsed() is None
    run.result.write_text('{"accuracies": {}, "seconds": 1}')
    assert run.read_result() == {"accuracies": {}, "seconds": 1}
    assert run.read_collapsed() is None
    run.result.write_text('{"collapsed": "its loss is no number"}')
    assert run.read_collapsed() == "its loss is no number"


def test_a_second_holder_is_told_the_process_and_its_machine(run):
    with run.locked():
        with pytest.raises(UserError) as raised, Workdir(run.path).locked():
            pass
        assert f"process {os.getpid()} on {socket.gethostname()}" in str(raised.value)
        assert "choose another workdir" in str(raised.value)
    with Workdir(run.path).locked():
        pass


def test_a_killed_process_keeps_no_lock(run):
    code = (
        "import pathlib, sys, time\n"
        "from bg_interp.storage.workdir import Workdir\n"
        "with Workdir(pathlib.Path(sys.argv[1])).locked():\n"
        "    print('locked', flush=True)\n"
        "    time.sleep(60)"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(run.path)], stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout.readline() == "locked\n"
        with pytest.raises(UserError, match=f"in use by process {process.pid} on"), run.locked():
            pass
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()
    with run.locked():
        pass


def test_half_written_files_of_a_killed_process_are_removed(run):
    (run.path / "checkpoints").mkdir(parents=True)
    (run.path / "checkpoints" / ".partial-a.npz").write_text("half")
    (run.path / ".partial-b").mkdir()
    with run.locked():
        assert os.listdir(run.path / "checkpoints") == []
        assert not (run.path / ".partial-b").exists()


def test_a_workdir_that_cannot_be_written_is_one_line(tmp_path):
    (tmp_path / "file").write_text("")
    for path in (tmp_path / "file", tmp_path / "file" / "run"):
        with pytest.raises(UserError, match="cannot write to workdir="), Workdir(path).locked():
            pass
