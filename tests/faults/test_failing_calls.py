"""Each call of the system fails once: one line, nothing half, and the same command resumes.

BG_INTERP_FAILURES sets how many calls of each tool are tried; without it the tools are left out,
and of files, folders and answers a few calls of each kind are tried.
"""

import os
import random
import sys

import harness
import power
import power_program
import pytest
from test_power_loss import answers_in, tool, version_of_folder, version_of_result  # noqa: F401

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not power.AVAILABLE, reason="needs strace on PATH"),
]
SEED = int(os.environ.get("BG_INTERP_FAULT_SEED", "0"))
WANTED = int(os.environ.get("BG_INTERP_FAILURES", "0"))
ERRORS = ("ENOSPC", "EIO", "EACCES")
FAILED = "call failed"


def drawn(calls, count, chance):
    """A few calls of each kind, at least one."""
    kinds = sorted({name for name, _ in calls})
    each = max(1, count // len(kinds))
    groups = {kind: [call for call in calls if call[0] == kind] for kind in kinds}
    return [c for group in groups.values() for c in chance.sample(group, min(each, len(group)))]


def check_message(code, errors):
    """A program that did not bear a failure says so in a line."""
    assert "Traceback" not in errors, errors
    assert code in (0, 1), errors
    if code:
        (line,) = [line for line in errors.splitlines() if "error:" in line]
        assert len(line) < 600


def test_each_call_of_the_storage_may_fail(tmp_path, ledger):
    command = [sys.executable, power_program.__file__]
    whole, log = tmp_path / "whole", tmp_path / "log"
    power.record([*command, str(whole)], whole, log, dict(os.environ))
    calls = power.calls_below(whole, log)
    assert {name for name, _ in calls} >= {"fsync", "mkdir", "openat", "rename", "unlink", "write"}
    chance = random.Random(SEED)
    chosen = calls if WANTED else drawn(calls, 10, chance)
    for number, (name, which) in enumerate(chosen):
        folder = tmp_path / f"failed-{number}"
        call = [*command, str(folder)]
        code, errors = power.run_with_failure(
            call, name, which, chance.choice(ERRORS), dict(os.environ)
        )
        check_message(code, errors)
        # What was there before the failure is whole, and the program ends when it is run again.
        if folder.exists():
            assert version_of_result(folder) < power_program.VERSIONS
            assert version_of_folder(folder) in (None, *range(power_program.VERSIONS))
        done = harness.subprocess.run(call, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        assert version_of_result(folder) == power_program.VERSIONS - 1
        assert answers_in(folder) == {f"t{one}" for one in range(power_program.VERSIONS)}
        harness.assert_no_strays(folder)
    ledger.count(FAILED, "storage", tried=len(chosen))


@pytest.mark.skipif(not WANTED, reason="`make faults` runs this")
def test_a_tool_bears_that_a_call_fails(tool, tmp_path, environment, ledger):  # noqa: F811
    name, command, check = tool
    place, whole, log = tmp_path / "run", tmp_path / "whole", tmp_path / "log"
    power.record(command(place), place, log, environment)
    calls = power.calls_below(place, log)
    place.rename(whole)
    chance = random.Random(SEED)
    for number, (call, which) in enumerate(drawn(calls, WANTED, chance)):
        error = chance.choice(ERRORS)
        check_message(*power.run_with_failure(command(place), call, which, error, environment))
        harness.run_to_its_end(command(place), environment)
        check(whole, place)
        harness.assert_no_strays(place)
        place.rename(tmp_path / f"tried-{number}")
        ledger.count(FAILED, name)
