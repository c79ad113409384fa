"""Runs, mask stores, studies and experiments at another place, or in other hands.

Each is copied, renamed, unpacked from a zip file, read only, another user's, or names paths of a
machine that is gone; then the command that made it goes on, or is refused in one line.
"""

import contextlib
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

import harness
import pytest
from test_moves import copied, read_only, renamed, zipped

sys.path.append(str(harness.ROOT / "tests" / "people"))

from made_up import made_experiment, write_study

from bg_interp.storage import files

IN_MAKE_FAULTS = "BG_INTERP_KILLS" in os.environ
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not IN_MAKE_FAULTS, reason="`make faults` runs this"),
]
MOVED, NOBODY = "moved", 65534
MOVES = {"copied": copied, "zipped": zipped, "renamed": renamed}


class Thing:
    """A folder, and the command that made it.

    Args:
      tool: that made it.
      folder: where it stands.
      flags: of that command, for a folder and one for what else is written.
      same: gives what may not differ afterwards, of a folder.
    """

    def __init__(self, tool, folder, flags, same):
        self.tool, self.folder, self.flags, self.same = tool, folder, flags, same

    def command(self, folder, elsewhere):
        flags = [f"--{name}={value}" for name, value in self.flags(folder, elsewhere).items()]
        return [sys.executable, str(harness.ROOT / "tools" / f"{self.tool}.py"), *flags]


@pytest.fixture(scope="module")
def run(shape_settings, trained_workdir):
    return Thing(
        "train",
        trained_workdir,
        lambda folder, elsewhere: {**shape_settings, "workdir": folder},
        lambda folder: harness.digests(folder, "*.npz", "metrics.jsonl", "model.keras"),
    )


@pytest.fixture(scope="module")
def store(shape_folder, red_is_foreground, tmp_path_factory, environment):
    def flags(folder, elsewhere):
        images = {"dataset": f"folder:{shape_folder.images}", "workers": 1}
        return {**images, "segmenter_model": red_is_foreground, "mask_store": folder}

    made = Thing(
        "segment",
        tmp_path_factory.mktemp("moved") / "store",
        flags,
        lambda folder: harness.digests(folder, "*/*/masks-*"),
    )
    harness.run_to_its_end(made.command(made.folder, None), environment)
    return made


@pytest.fixture(scope="module")
def study(shape_settings, tmp_path_factory, environment):
    left_out = ("background", "steps", "adversarial_epsilon")
    settings = {name: value for name, value in shape_settings.items() if name not in left_out}
    short = {"steps": 2, "backgrounds": "none,black", "seeds": 1}
    made = Thing(
        "study",
        tmp_path_factory.mktemp("moved") / "study",
        lambda folder, elsewhere: {**settings, **short, "workdir": folder},
        lambda folder: harness.digests(folder, "results.csv", "arms/*/measures.json"),
    )
    harness.run_to_its_end(made.command(made.folder, None), environment)
    return made


@pytest.fixture(scope="module")
def experiment(tmp_path_factory):
    folder = write_study(tmp_path_factory.mktemp("moved") / "study")
    made_experiment(folder)
    return Thing(
        "people",
        folder,
        lambda folder, elsewhere: {"workdir": folder, "export": elsewhere / "pack.jzip"},
        lambda folder: harness.digests(folder, "people/*.json", "people/images/*"),
    )


THINGS = ("run", "store", "study", "experiment")


@pytest.fixture(params=THINGS)
def thing(request):
    return request.getfixturevalue(request.param)


@pytest.fixture
def scratch():
    """A folder that every user may enter, as pytest's own are not."""
    with tempfile.TemporaryDirectory() as name:
        os.chmod(name, 0o777)
        yield pathlib.Path(name)


def check_end(done, goes_on=False):
    """A command ends well, or in one line; where nothing keeps it from its work, well."""
    assert "Traceback" not in done.stderr, done.stderr
    assert done.returncode in (0, 1), done.stderr
    if done.returncode:
        (line,) = [line for line in done.stderr.splitlines() if "error:" in line]
        assert len(line) < 600
        assert not goes_on, line


def asked(command, environment, **how):
    return subprocess.run(command, env=environment, capture_output=True, text=True, **how)


@pytest.mark.parametrize("move", MOVES)
def test_it_goes_on_at_its_new_place(move, thing, scratch, environment, ledger):
    moved = scratch / "new place"
    MOVES[move](thing.folder, moved)
    check_end(asked(thing.command(moved, scratch), environment), goes_on=True)
    assert thing.same(moved) == thing.same(thing.folder)
    ledger.count(MOVED, thing.tool)


def test_on_a_read_only_file_system(thing, scratch, environment, ledger):
    moved = scratch / "moved"
    shutil.copytree(thing.folder, moved)
    with read_only(str(moved)):
        check_end(asked(thing.command(moved, scratch), environment))
        assert thing.same(moved) == thing.same(thing.folder)
    ledger.count(MOVED, thing.tool)


def as_nobody(command):
    """The command as another user runs it."""
    change = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
    if os.geteuid() or subprocess.run([*change, sys.executable, "-c", ""], check=False).returncode:
        pytest.skip("only root can become another user, one who may run this Python")
    return [*change, *command]


@pytest.mark.parametrize("owner", ["ours", "theirs"])
def test_under_another_user(owner, thing, scratch, environment, ledger):
    moved = scratch / "moved"
    shutil.copytree(thing.folder, moved)
    (scratch / "home").mkdir(mode=0o777)
    for path in (scratch / "home", *([moved, *moved.rglob("*")] if owner == "theirs" else [])):
        os.chown(path, NOBODY, NOBODY)
    own = {"HOME": str(scratch / "home"), "BG_INTERP_CACHE": str(scratch / "home" / "cache")}
    inputs = scratch / "inputs"
    command = _with_readable_inputs(thing.command(moved, scratch / "home"), inputs)
    done = asked(as_nobody(command), {**environment, **own}, cwd=scratch)
    check_end(done)
    # Images at another place are other images: their masks are made beside those that were there.
    assert thing.same(thing.folder).items() <= thing.same(moved).items()
    ledger.count(MOVED, thing.tool)


def _with_readable_inputs(command, inputs):
    """Copies what a command reads from pytest's own folders to where all users may read it."""
    inputs.mkdir()
    found = []
    for number, word in enumerate(command):
        name, _, value = word.rpartition("=")
        kind, _, place = value.rpartition(":")
        path = pathlib.Path(place)
        if name and path.exists() and "pytest-of" in place:
            target = inputs / f"{number}-{path.name}"
            (shutil.copytree if path.is_dir() else shutil.copy)(path, target)
            word = f"{name}={kind}{':' if kind else ''}{target}"
        found.append(word)
    return found


def test_paths_of_another_machine(run, shape_settings, scratch, run_tool, ledger):
    """Images that are elsewhere now: it is said which are missing, and both ways out work."""
    moved = scratch / "moved"
    shutil.copytree(run.folder, moved)
    described = files.read_sealed(moved / "config.json")
    for name in ("dataset", "masks"):
        described["config"][name] = "folder:/another/machine/images"
    files.write_sealed(moved / "config.json", described)
    data = {name: shape_settings[name] for name in ("dataset", "masks")}
    short = {"model": moved, "adversarial_backgrounds": 0, "class_images": False}
    done = run_tool("evaluate", {**short, "output": scratch / "a"})
    check_end(done)
    assert done.returncode == 1 and "/another/machine/images" in done.stderr
    check_end(run_tool("evaluate", {**short, **data, "output": scratch / "b"}), goes_on=True)
    assert json.loads((scratch / "b" / "results.json").read_text())["measures"]
    with contextlib.suppress(FileNotFoundError):
        assert not any((scratch / "a").iterdir())
    check_end(run_tool("export", {"model": moved, "output": scratch / "c"}), goes_on=True)
    done = run_tool("train", {**shape_settings, "workdir": moved})
    check_end(done)
    assert done.returncode == 1 and "another" in done.stderr
    ledger.count(MOVED, "evaluate", tried=2)
    ledger.count(MOVED, "train")
