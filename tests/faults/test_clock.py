"""A clock that is set back in the middle of a run changes nothing of it."""

import os
import pathlib
import shutil
import subprocess
import sys

import harness
import pytest
from test_kills import check_run

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("cc") is None, reason="needs a compiler of C"),
    pytest.mark.skipif("BG_INTERP_KILLS" not in os.environ, reason="`make faults` runs this"),
]
CLOCK = "clock set back"
# What asks for the date, from Python and from TensorFlow's own code, is told one of a month ago.
_SOURCE = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <sys/time.h>
#include <time.h>
enum { BACK = 30 * 24 * 3600 };
int clock_gettime(clockid_t clock, struct timespec *now) {
  static int (*real)(clockid_t, struct timespec *);
  if (!real) real = dlsym(RTLD_NEXT, "clock_gettime");
  int end = real(clock, now);
  if (!end && clock == CLOCK_REALTIME) now->tv_sec -= BACK;
  return end;
}
int gettimeofday(struct timeval *now, void *zone) {
  struct timespec found;
  int end = clock_gettime(CLOCK_REALTIME, &found);
  now->tv_sec = found.tv_sec;
  now->tv_usec = found.tv_nsec / 1000;
  return end;
}
time_t time(time_t *kept) {
  struct timespec found;
  clock_gettime(CLOCK_REALTIME, &found);
  if (kept) *kept = found.tv_sec;
  return found.tv_sec;
}
"""


@pytest.fixture(scope="module")
def a_month_ago(tmp_path_factory, environment) -> dict[str, str]:
    """The environment of programs whose clock is a month behind."""
    folder = tmp_path_factory.mktemp("clock")
    (folder / "clock.c").write_text(_SOURCE)
    library = folder / "clock.so"
    build = ["cc", "-shared", "-fPIC", "-o", str(library), str(folder / "clock.c"), "-ldl"]
    subprocess.run(build, check=True)
    changed = {**environment, "LD_PRELOAD": str(library)}
    code = "import datetime; print((datetime.datetime.now() - datetime.timedelta(0)).isoformat())"
    there, here = (
        subprocess.run([sys.executable, "-c", code], env=one, capture_output=True, text=True)
        for one in (changed, environment)
    )
    assert there.stdout < here.stdout
    return changed


def resumed(command, environment):
    done = subprocess.run([sys.executable, *command], env=environment, capture_output=True)
    errors = done.stderr.decode()
    assert done.returncode == 0, errors
    assert "Traceback" not in errors


def test_train(shape_settings, trained_workdir, a_month_ago, tmp_path, ledger):
    folder = tmp_path / "run"
    shutil.copytree(trained_workdir, folder)
    for name in ("result.json", "model.keras", "checkpoints/step-00000004.npz"):
        (folder / name).unlink()
    command = harness.Job("train", lambda where: {**shape_settings, "workdir": where}, "", (), None)
    resumed(command.command(folder), a_month_ago)
    check_run(trained_workdir, folder)
    ledger.count(CLOCK, "train")


def test_segment(photographs, red_is_foreground, environment, a_month_ago, tmp_path, ledger):
    def flags(folder: pathlib.Path):
        images = {"dataset": f"folder:{photographs}", "workers": 1}
        return {**images, "segmenter_model": red_is_foreground, "mask_store": folder}

    job = harness.Job("segment", flags, "", (), None)
    resumed(job.command(tmp_path / "whole"), environment)
    shutil.copytree(tmp_path / "whole", tmp_path / "broken")
    for last in (tmp_path / "broken").rglob("masks-00002.*"):
        last.unlink()
    resumed(job.command(tmp_path / "broken"), a_month_ago)
    assert harness.stored_masks(tmp_path / "broken") == harness.stored_masks(tmp_path / "whole")
    ledger.count(CLOCK, "segment")
