"""The server of the experiment is killed under thirty people; twenty simulated ones are counted."""

import contextlib
import http.client
import json
import os
import random
import signal
import sqlite3
import sys
import threading

import numpy as np
import pytest
from harness import ROOT, kills_wanted

sys.path.append(str(ROOT / "tests" / "people"))

import browser as browsers
import serving
from made_up import answer_of, made_experiment, write_study

from bg_interp.evaluation import statistics
from bg_interp.people.answers import results

pytestmark = pytest.mark.slow
EVERY_TOOL = "BG_INTERP_KILLS" in os.environ
_PEOPLE = 30


class Crowd:
    """People who answer all at once, each on a connection of their own.

    Args:
      server: the server.
      public: of the experiment.
    """

    def __init__(self, server, public):
        self._server, self._public = server, public
        self._lock = threading.Lock()
        self.confirmed: list[tuple[str, str]] = []

    def answer(self, until: threading.Event) -> list[threading.Thread]:
        threads = [threading.Thread(target=self._person, args=(until,)) for _ in range(_PEOPLE)]
        for thread in threads:
            thread.start()
        return threads

    def _person(self, until: threading.Event) -> None:
        try:
            state = self._server.ask("api/start", {"simulated": True})
            for place, trial in enumerate(self._public["lists"][state["list"]]):
                if until.is_set():
                    return
                sent = answer_of(state["participant"], trial, place)
                if self._server.ask("api/answer", sent)["new"]:
                    with self._lock:
                        self.confirmed.append((sent["participant"], sent["trial"]))
        except (OSError, ValueError, http.client.HTTPException):
            return  # The server is gone.


def answers_in(folder) -> set[tuple[str, str]]:
    """Returns who answered which trial, of a database that is whole."""
    with contextlib.closing(sqlite3.connect(folder.answers)) as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        return set(database.execute("SELECT participant, trial FROM answer"))


def test_no_confirmed_answer_is_lost_when_the_server_is_killed(tmp_path, ledger):
    folder = made_experiment(write_study(tmp_path / "study"))
    public = folder.read_public()
    kills, confirmed, lost = kills_wanted(2), [], set()
    generator = random.Random(0)
    for _ in range(kills):
        with serving.Server(folder.workdir) as server:
            crowd, over = Crowd(server, public), threading.Event()
            threads = crowd.answer(over)
            over.wait(generator.uniform(0.5, 2.5))
            errors = server.stop(signal.SIGKILL)
            over.set()
            for thread in threads:
                thread.join(30)
            assert "Traceback" not in errors
        confirmed += crowd.confirmed
        lost |= set(confirmed) - answers_in(folder)
    ledger.count("killed (SIGKILL)", "people", tried=kills, lost=min(kills, len(lost)))
    assert confirmed and not lost
    # The same command goes on with all of them.
    with serving.Server(folder.workdir) as server:
        who, trial = confirmed[0]
        state = server.ask(f"api/state/{who}")
        assert trial in state["done"]


SHARES = {
    "none naming": 0.5,
    "black naming": 0.9,
    "none objects": 0.7,
    "black objects": 0.9,
    "none conflict": 0.25,
    "black conflict": 0.85,
    "natural": 0.99,
    "untrained": 0.25,
}
GUESSING = {name: 0.125 if "naming" in name or " " not in name else 0.5 for name in SHARES}


@pytest.mark.skipif(not EVERY_TOOL, reason="`make faults` runs this")
@pytest.mark.skipif(not browsers.AVAILABLE, reason="needs chromium and chromedriver")
def test_twenty_simulated_participants_of_whom_two_guess(tmp_path):
    names = ["fish", "bird", "car", "tree", "mushroom", "butterfly", "cup", "starfish"]
    study = write_study(tmp_path / "study", seeds=[0, 1, 2], classes=names)
    folder = made_experiment(study, of_classes=len(names), naming_trials=24)
    serving.allow_fast_answers(folder)
    key = folder.read_key()
    with (
        serving.Server(folder.workdir, "--naming_trials=24") as server,
        browsers.opened(tmp_path) as browser,
    ):
        for number in range(20):
            shares = GUESSING if number in (6, 13) else SHARES
            serving.take_part(browser, server.link, serving.plan(key, shares, number))
        assert not browser.log()
    found = results.update(folder)
    assert found["simulated"] and found["participants"] == 20
    assert found["left_out"] == {"named fewer than 75% of the natural objects": 2}
    assert found["complete"]
    for measure, made in found["measures"].items():
        kind = measure.removeprefix("human_")
        for treatment in ("none", "black"):
            values = np.array(list(made["values"][treatment].values()), np.float64)
            planted = SHARES[f"{treatment} {kind}"]
            low, high = statistics.interval(
                values, shared_variance=made["shared_variance"][treatment]
            )
            assert low <= planted <= high, (measure, treatment)
        one = results.compare(measure, made, "black", "none")
        assert one.low <= SHARES[f"black {kind}"] - SHARES[f"none {kind}"] <= one.high
    table = results.table(found)
    assert "18 of 20 simulated participants count" in table
    (folder.workdir / "table.txt").write_text(table)
    with sqlite3.connect(folder.answers) as database:
        (count,) = database.execute("SELECT COUNT(*) FROM answer").fetchone()
    trials = [len(one) for one in folder.read_public()["lists"]]
    assert count == 20 * trials[0] and len(set(trials)) == 1
    assert json.loads(folder.results.read_text())["simulated"]
