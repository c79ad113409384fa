"""After a loss of power everything that was promised is there, and nothing half is taken for whole.

BG_INTERP_POWER sets after how many calls of each tool the power fails; without it the tools are
left out, and only files, folders and answers are tried, after each of their calls.
"""

import contextlib
import os
import random
import sys

import harness
import power
import power_program
import pytest

from bg_interp.people.answers.store import Store
from bg_interp.storage import files

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not power.AVAILABLE, reason="needs strace on PATH"),
]
SEED = int(os.environ.get("BG_INTERP_FAULT_SEED", "0"))
POWER = "power lost"


def disks(calls, root):
    """Yields the disk and what was confirmed after each call."""
    disk, confirmed = power.Disk(root), {}
    for call in calls:
        if call.kind == "confirmed":
            _, what, number = call.data.decode().split()
            confirmed[what] = int(number)
        disk.apply(call)
        yield disk, confirmed


def version_of_result(folder):
    path = folder / "deep" / "result.json"
    return files.read_sealed(path)["version"] if path.exists() else -1


def version_of_folder(folder):
    path = folder / "saved_model" / "variables" / "data"
    # While one folder takes the place of another there is none; never half a folder.
    if not (folder / "saved_model").exists():
        return None
    return int(path.read_text().removeprefix("version "))


def answers_in(folder):
    store = Store(folder / "answers.sqlite", power_program.PUBLIC)
    with contextlib.closing(store):
        return {answer.trial for answer in store.answers()}


def test_what_was_confirmed_is_there_after_each_call(tmp_path, ledger):
    root = tmp_path / "whole"
    command = [sys.executable, power_program.__file__, str(root)]
    calls = power.record(command, root, tmp_path / "log", dict(os.environ))
    kinds = {call.kind for call in calls}
    assert kinds >= {"write", "rename", "sync", "remove", "confirmed"}
    chance = random.Random(SEED)
    for number, (disk, confirmed) in enumerate(disks(calls, root)):
        left = tmp_path / f"left-{number}"
        disk.left_behind(left, chance)
        assert version_of_result(left) >= confirmed.get("result", -1)
        folder = version_of_folder(left)
        assert folder is None or folder >= confirmed.get("folder", -1)
        expected = {f"t{one}" for one in range(confirmed.get("answer", -1) + 1)}
        assert answers_in(left) >= expected
        # The next program goes on there as if nothing had been.
        files.write_sealed(left / "deep" / "result.json", {"version": 9})
        assert version_of_result(left) == 9
    ledger.count(POWER, "storage", tried=number + 1)
    assert version_of_folder(root) == power_program.VERSIONS - 1


def test_the_simulation_notices_files_and_names_that_were_not_synced(tmp_path):
    # What careless programs do loses something in some of the states; else these tests say nothing.
    root = tmp_path / "careless"
    program = (
        "import os, sys; folder = sys.argv[1]; os.mkdir(folder)\n"
        "open(f'{folder}/a', 'w').write('all of it')\n"
        "os.rename(f'{folder}/a', f'{folder}/b')\n"
    )
    command = [sys.executable, "-c", program, str(root)]
    disk = power.Disk(root)
    for call in power.record(command, root, tmp_path / "log", dict(os.environ)):
        disk.apply(call)
    chance, seen = random.Random(0), set()
    for number in range(60):
        left = tmp_path / f"left-{number}"
        disk.left_behind(left, chance)
        seen.add(tuple((path.name, path.read_bytes()) for path in sorted(left.iterdir())))
    assert () in seen
    assert (("b", b"all of it"),) in seen
    assert (("b", b""),) in seen
    assert len(seen) > 4


@pytest.fixture(params=["train", "segment"])
def tool(request, shape_settings, photographs, red_is_foreground):
    """A tool, the command that lets it write into a folder, and what compares two such folders."""
    from test_kills import check_masks, check_run

    def command(folder):
        flags = {**shape_settings, "workdir": folder}
        if request.param == "segment":
            flags = {
                "dataset": f"folder:{photographs}",
                "segmenter_model": red_is_foreground,
                "mask_store": folder / "store",
                "workers": 1,
            }
        written = [f"--{name}={value}" for name, value in flags.items()]
        return [sys.executable, str(harness.ROOT / "tools" / f"{request.param}.py"), *written]

    return request.param, command, check_run if request.param == "train" else check_masks


@pytest.mark.skipif("BG_INTERP_POWER" not in os.environ, reason="`make faults` runs this")
def test_a_tool_resumes_after_the_power_was_lost(tool, tmp_path, environment, ledger):
    name, command, check = tool
    # All runs stand at one place in turn: their settings name it.
    place, whole = tmp_path / "run", tmp_path / "whole"
    calls = power.record(command(place), place, tmp_path / "log", environment)
    place.rename(whole)
    chance = random.Random(SEED)
    changes = [n for n, call in enumerate(calls) if call.kind in ("rename", "remove", "sync")]
    stops = chance.sample(changes, min(int(os.environ["BG_INTERP_POWER"]), len(changes)))
    for number, (disk, _) in enumerate(disks(calls, place)):
        if number in stops:
            disk.left_behind(place, chance)
            harness.run_to_its_end(command(place), environment)
            check(whole, place)
            place.rename(tmp_path / f"tried-{number}")
            ledger.count(POWER, name)
