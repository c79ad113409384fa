"""Memory that runs out, wherever it does: one line, nothing lost, and the same command goes on.

The limit is of addresses (RLIMIT_AS), as `ulimit -v` sets it. BG_INTERP_MEMORY says how many limits
of each tool are tried; without it, none is.
"""

import os
import pathlib
import resource
import shutil
import subprocess
import sys
import threading

import harness
import psutil
import pytest
from test_kills import check_run
from test_people_faults import Crowd, answers_in, made_experiment, serving, write_study

from bg_interp.people.experiment.folder import Folder

pytestmark = pytest.mark.slow
WANTED = int(os.environ.get("BG_INTERP_MEMORY", "0"))
LIMITED = "memory limited"
# From below what TensorFlow's import takes to above what a whole run takes, in MiB.
_LIMITS = (1200, 4400)
# What Python takes by itself, and what a tool without TensorFlow does.
_SMALL_LIMITS = (24, 64)


def run_within(megabytes, command, environment):
    """Runs a tool with so much memory; returns its exit code and what it said."""
    size = megabytes * 2**20
    done = subprocess.run(
        [sys.executable, *command],
        env=environment,
        capture_output=True,
        text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (size, size)),
    )
    return done.returncode, done.stderr


def sweep(tool, flags, check, tmp_path, environment, ledger, limits=_LIMITS):
    """Tries limits one after the other in one folder each, then runs it to its end and compares."""
    (lowest, highest), steps = limits, max(1, WANTED - 1)
    job = harness.Job(tool, flags, first="", boundaries=(), check=check)
    whole = tmp_path / "whole"
    harness.run_to_its_end([sys.executable, *job.command(whole)], environment)
    for number in range(WANTED):
        limit = lowest + (highest - lowest) * number // steps
        folder = tmp_path / f"limit-{limit}"
        code, errors = run_within(limit, job.command(folder), environment)
        assert "Traceback" not in errors, (limit, errors)
        # Below zero: C++ ends a process that gets no memory by a signal; OpenBLAS says so as well.
        if code > 0:
            said = ("error:", "OpenBLAS error: Memory")
            (line,) = [line for line in errors.splitlines() if line.startswith(said)]
            assert len(line) < 600
        harness.run_to_its_end([sys.executable, *job.command(folder)], environment)
        check(whole, folder)
        harness.assert_no_strays(folder)
        ledger.count(LIMITED, tool)


def same_files(*patterns):
    def check(whole, limited):
        found = harness.digests(limited, *patterns)
        assert found == harness.digests(whole, *patterns) and found

    return check


needs_numbers = pytest.mark.skipif(not WANTED, reason="`make faults` runs this")


@needs_numbers
def test_train(shape_settings, tmp_path, environment, ledger):
    flags = {**shape_settings, "steps": 4}
    sweep("train", lambda f: {**flags, "workdir": f}, check_run, tmp_path, environment, ledger)


@needs_numbers
def test_segment(shape_folder, red_is_foreground, tmp_path, environment, ledger):
    def check(whole, limited):
        assert harness.stored_masks(whole) == harness.stored_masks(limited)

    def flags(folder):
        return {
            "dataset": f"folder:{shape_folder.images}",
            "segmenter_model": red_is_foreground,
            "mask_store": folder,
            "workers": 1,
        }

    sweep("segment", flags, check, tmp_path, environment, ledger)


@needs_numbers
@pytest.mark.parametrize("tool", ["evaluate", "repair"])
def test_audits(tool, trained_workdir, shape_settings, tmp_path, environment, ledger):
    data = {name: shape_settings[name] for name in ("dataset", "masks")}
    more = {"adversarial_backgrounds": 0} if tool == "evaluate" else {}
    written = "images.csv" if tool == "evaluate" else "model.keras"
    flags = lambda folder: {**data, **more, "model": trained_workdir, "output": folder}  # noqa: E731
    check = same_files(written) if tool == "evaluate" else lambda whole, limited: None
    sweep(tool, flags, check, tmp_path, environment, ledger)


@needs_numbers
def test_study(shape_settings, tmp_path, environment, ledger):
    """Whichever of its processes memory runs out in."""
    left_out = ("background", "steps", "adversarial_epsilon")
    settings = {name: value for name, value in shape_settings.items() if name not in left_out}
    short = {**settings, "steps": 2, "backgrounds": "none", "seeds": 1}
    check = same_files("results.csv", "results.md", "arms/*/measures.json", "arms/*/metrics.jsonl")
    sweep("study", lambda f: {**short, "workdir": f}, check, tmp_path, environment, ledger)


@pytest.fixture
def experiment(tmp_path):
    return made_experiment(write_study(tmp_path / "study")).workdir


@needs_numbers
def test_people_export(experiment, tmp_path, environment, ledger):
    def flags(folder):
        shutil.copytree(experiment, folder, dirs_exist_ok=True)
        return {"workdir": folder, "export": folder / "pack.jzip"}

    check = same_files("people/*.json", "people/images/*")
    sweep("people", flags, check, tmp_path, environment, ledger, _SMALL_LIMITS)


@needs_numbers
def test_the_server_of_people_bears_that_memory_runs_out_under_it(experiment, tmp_path, ledger):
    """No answer that was confirmed is lost, and it serves on when there is memory again."""
    for number in range(WANTED):
        folder = Folder(pathlib.Path(shutil.copytree(experiment, tmp_path / f"more-{number}")))
        with serving.Server(folder.workdir) as server:
            process = psutil.Process(server.pid)
            # What it has now, and from nothing to 16 MiB for thirty people.
            limit = process.memory_info().vms + number * 2**24 // max(1, WANTED - 1)
            process.rlimit(resource.RLIMIT_AS, (limit, resource.RLIM_INFINITY))
            crowd, over = Crowd(server, folder.read_public()), threading.Event()
            people = crowd.answer(over)
            over.wait(2)
            over.set()
            for one in people:
                one.join(30)
            process.rlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY,) * 2)
            assert server.ask("api/start", {"simulated": True})["participant"]
            assert "Traceback" not in server.stop()
        assert crowd.confirmed and not set(crowd.confirmed) - answers_in(folder)
        ledger.count(LIMITED, "people")
