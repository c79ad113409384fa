"""Runs that were copied, renamed, zipped or put where nothing can be written, still work."""

import contextlib
import os
import shutil
import subprocess

import pytest

pytestmark = pytest.mark.slow
MOVED = "moved"
EVERY = "BG_INTERP_KILLS" in os.environ
# `make faults` tries all of them, `make test` one of each kind.
MOVES = ("copied", "zipped", "renamed") if EVERY else ("copied",)
TOOLS = ("train", "evaluate", "visualize", "export") if EVERY else ("train", "evaluate")


def copied(run, target):
    """Other times, other owners of the inodes."""
    shutil.copytree(run, target)
    for path in target.rglob("*"):
        os.utime(path, (0, 0))


def zipped(run, target):
    shutil.make_archive(str(target), "zip", run)
    shutil.unpack_archive(f"{target}.zip", target)


def renamed(run, target):
    shutil.copytree(run, target.with_name("before"))
    target.with_name("before").rename(target)


@pytest.mark.parametrize("move", MOVES)
def test_a_finished_run_is_finished_at_its_new_place(
    move, trained_workdir, shape_settings, run_tool, tmp_path, ledger
):
    moved = tmp_path / "elsewhere"
    {"copied": copied, "zipped": zipped, "renamed": renamed}[move](trained_workdir, moved)
    done = run_tool("train", {**shape_settings, "workdir": moved})
    assert done.returncode == 0, done.stderr
    assert "is finished" in done.stderr
    ledger.count(MOVED, "train")


def test_an_unfinished_run_resumes_at_its_new_place(
    trained_workdir, shape_settings, saved_weights, run_tool, tmp_path, ledger
):
    moved = tmp_path / "elsewhere"
    copied(trained_workdir, moved)
    for name in ("result.json", "model.keras", "checkpoints/step-00000004.npz"):
        (moved / name).unlink()
    done = run_tool("train", {**shape_settings, "workdir": moved})
    assert done.returncode == 0, done.stderr
    assert saved_weights(moved / "model.keras") == saved_weights(trained_workdir / "model.keras")
    ledger.count(MOVED, "train")


@contextlib.contextmanager
def read_only(folder):
    """Lets nobody write to a folder, root included."""
    try:
        subprocess.run(["mount", "--bind", folder, folder], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"a file system that is read only needs the right to mount one: {error}")
    try:
        remount = ["mount", "-o", "remount,ro,bind", folder]
        subprocess.run(remount, check=True, capture_output=True)
        yield
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


@pytest.mark.parametrize("tool", TOOLS)
def test_a_run_on_a_read_only_file_system_is_used_or_refused_in_one_line(
    tool, trained_workdir, shape_settings, run_tool, tmp_path, ledger
):
    run, elsewhere = tmp_path / "run", tmp_path / "elsewhere"
    shutil.copytree(trained_workdir, run)
    data = {name: shape_settings[name] for name in ("dataset", "masks")}
    settings = {
        "train": {**shape_settings, "workdir": run},
        "evaluate": {**data, "model": run, "adversarial_backgrounds": 0},
        "visualize": {"model": run, "steps": 2, "classes": "0"},
        "export": {"model": run},
    }[tool]
    with read_only(str(run)):
        refused = run_tool(tool, settings)
        assert refused.returncode in (0, 1), refused.stderr
        if refused.returncode:
            (line,) = [one for one in refused.stderr.splitlines() if "error:" in one]
            assert str(run) in line
        assert "Traceback" not in refused.stderr
        if tool != "train":
            done = run_tool(tool, {**settings, "output": elsewhere})
            assert done.returncode == 0, done.stderr
            assert any(elsewhere.iterdir())
    ledger.count(MOVED, tool)
