"""Masks made on a cluster, whatever of it is killed, are those of one machine."""

import concurrent.futures
import contextlib
import os
import pathlib
import signal
import subprocess
import sys
import time

import psutil
import pytest

from bg_interp import cluster
from bg_interp.data.sources import open_source
from bg_interp.masks import blocks, precompute, shards
from bg_interp.masks.segmenters.opening import prepare
from bg_interp.masks.segmenters.segmenter import Settings
from bg_interp.masks.store import MaskStore

pytest.importorskip("ray", reason="`make cluster` installs Ray")

_TOOL = pathlib.Path(__file__).parents[2] / "tools" / "segment.py"
_LIMIT_SECONDS = 600.0


def opened(photographs, model, root):
    """Returns the source, its store, and where the model stands."""
    source = open_source(open_config(f"folder:{photographs}"))
    settings = Settings(model=str(model))
    return source, MaskStore(root, source, settings), prepare(settings)


def open_config(dataset):
    from bg_interp.config.segmentation import SegmentConfig

    return SegmentConfig(dataset=dataset)


@pytest.fixture(scope="module")
def one_machine(photographs, red_is_foreground, tmp_path_factory):
    """The store that this process fills alone."""
    root = tmp_path_factory.mktemp("stores") / "one"
    source, store, path = opened(photographs, red_is_foreground, root)
    images = (
        keyed
        for split in source.splits.values()
        for keyed in blocks.readable(split, range(len(split.keys)), [])
    )
    with whole_shards():
        assert len(list(precompute.fill(store, images, path))) == 600
    return store


@contextlib.contextmanager
def whole_shards():
    """Cuts shards by their number of masks alone, so that their files can be compared."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(precompute, "_SHARD_SECONDS", 1e9)
        yield


def stored_masks(folder: pathlib.Path) -> dict[str, bytes]:
    """Returns all masks of a store by key; no shard may be damaged, no key may stand twice."""
    found: dict[str, bytes] = {}
    for index in sorted(folder.rglob("masks-*.json")):
        assert shards.damage(index) == ""
        for key, entry in shards.read_index(index).items():
            assert key not in found
            content = (index.parent / entry.shard).read_bytes()
            found[key] = content[entry.offset : entry.offset + entry.length]
    return found


def contents(folder: pathlib.Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.glob("*.*") if path.name[0] != "."}


@pytest.mark.slow
@pytest.mark.long
def test_a_killed_process_changes_no_file(
    one_machine, photographs, red_is_foreground, tmp_path, pause
):
    source, store, path = opened(photographs, red_is_foreground, tmp_path)
    make = blocks.BlockMaker(source.splits, store.settings, path)

    def made(machines):
        divided = blocks.divided(source.splits, set(one_machine.entries()))
        for block in machines.in_order(make, divided):
            yield from block.masks

    with (
        whole_shards(),
        cluster.connect("local", cores=2) as machines,
        concurrent.futures.ThreadPoolExecutor() as threads,
    ):
        killing = threads.submit(_kill_a_working_process, pause / 10)
        assert len(list(precompute.keep(store, made(machines)))) == 600
        assert killing.result()
    assert contents(store.folder) == contents(one_machine.folder)


def _kill_a_working_process(pause: float) -> bool:
    """Kills a process that works, so many seconds after there was one."""
    deadline = time.monotonic() + _LIMIT_SECONDS
    while time.monotonic() < deadline:
        for process in psutil.Process().children(recursive=True):
            with contextlib.suppress(psutil.NoSuchProcess):
                if " ".join(process.cmdline()).startswith("ray::call_kept"):
                    time.sleep(pause)
                    process.send_signal(signal.SIGKILL)
                    return True
    return False


@pytest.mark.slow
@pytest.mark.long
def test_a_lost_machine_and_a_lost_head_cost_no_mask(
    two_nodes, one_machine, photographs, red_is_foreground, tmp_path, pause
):
    settings = {
        "dataset": f"folder:{photographs}",
        "segmenter_model": red_is_foreground,
        "mask_store": tmp_path,
        "workers": 1,
    }
    command = [sys.executable, str(_TOOL), *(f"--{k}={v}" for k, v in settings.items())]
    log = (tmp_path / "log.txt").open("w")
    driver = subprocess.Popen([*command, f"--cluster={two_nodes.address}"], stderr=log, stdout=log)
    try:
        _wait_for(driver, tmp_path, "masks-00000.json")
        time.sleep(pause / 10)
        two_nodes.kill(two_nodes.second)
        _wait_for(driver, tmp_path, "masks-00001.json")
        two_nodes.kill(two_nodes.head)
    finally:
        # Without its head it would end by itself after a minute or two.
        driver.kill()
        driver.wait()
    done = subprocess.run(command, capture_output=True, text=True, env=dict(os.environ))
    assert done.returncode == 0, done.stderr
    assert stored_masks(tmp_path) == stored_masks(one_machine.folder)


def _wait_for(driver: subprocess.Popen, folder: pathlib.Path, name: str) -> None:
    deadline = time.monotonic() + _LIMIT_SECONDS
    while not list(folder.rglob(name)):
        assert driver.poll() is None and time.monotonic() < deadline, (
            folder / "log.txt"
        ).read_text()
        time.sleep(0.01)
