"""Memory that runs out, wherever it does: one line, nothing lost, and the same command goes on.

The limit is of addresses (RLIMIT_AS), as `ulimit -v` sets it. BG_INTERP_MEMORY says how many limits
of each tool are tried; without it, none is.
"""

import os
import resource
import subprocess
import sys

import harness
import pytest
from test_kills import check_run

pytestmark = pytest.mark.slow
WANTED = int(os.environ.get("BG_INTERP_MEMORY", "0"))
LIMITED = "memory limited"
# From below what TensorFlow's import takes to above what a whole run takes, in MiB.
_LOWEST, _HIGHEST = 1200, 4400


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


def sweep(tool, flags, check, tmp_path, environment, ledger):
    """Tries limits one after the other in one folder each, then runs it to its end and compares."""
    job = harness.Job(tool, flags, first="", boundaries=(), check=check)
    whole = tmp_path / "whole"
    harness.run_to_its_end([sys.executable, *job.command(whole)], environment)
    for number in range(WANTED):
        limit = _LOWEST + (_HIGHEST - _LOWEST) * number // max(1, WANTED - 1)
        folder = tmp_path / f"limit-{limit}"
        code, errors = run_within(limit, job.command(folder), environment)
        assert "Traceback" not in errors, (limit, errors)
        # Below zero: C++ ends a process that gets no memory by a signal.
        if code > 0:
            (line,) = [line for line in errors.splitlines() if line.startswith("error:")]
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
