"""The page in a browser: a person, simulated participants, bad connections, and JATOS."""

import contextlib
import json
import re
import signal
import threading
import time
import zipfile

import browser as browsers
import pytest
import serving
from made_up import CLASSES, made_experiment
from werkzeug.serving import make_server
from werkzeug.wrappers import Request, Response

from bg_interp.people import jatos
from bg_interp.people.answers import results
from bg_interp.people.answers.store import Store

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not browsers.AVAILABLE, reason="needs chromium and chromedriver"),
]
_BUTTONS = "return document.querySelectorAll('#stage.%s button:enabled').length"
_PICTURE = "return document.querySelector('#stage .shown img').src"


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    with browsers.opened(tmp_path_factory.mktemp("browser")) as made:
        yield made


@pytest.fixture
def served(experiment):
    with serving.Server(experiment.workdir) as server:
        yield server


@pytest.fixture(scope="module")
def preview(session_experiment):
    """A server that stores nothing, for all tests that only look."""
    with serving.Server(session_experiment.workdir, "--preview") as server:
        yield server


def press(browser, kind, place=0):
    """Presses a button of a screen once it can be pressed."""
    browser.wait(_BUTTONS % kind)
    browser.run("document.querySelectorAll('#stage .buttons button')[arguments[0]].click()", place)


def begin(browser, link):
    """Goes through consent, instructions and practice."""
    browser.open(link)
    press(browser, "page")
    browser.wait("return document.querySelector('#stage h1')?.textContent === 'How it works'")
    press(browser, "page")
    for _ in range(3):
        press(browser, "naming")
        press(browser, "feedback")
    press(browser, "page")
    browser.wait(_BUTTONS % "naming")


def answers(folder, public):
    store = Store(folder.answers, public)
    found = store.answers()
    store.close()
    return found


def test_a_person_survives_reloads_tabs_hasty_fingers_and_lost_connections(
    browser, served, experiment, public
):
    begin(browser, served.link)
    shown = browser.run(
        "return [...document.querySelectorAll('#stage button')].map(b => b.lastChild.textContent)"
    )
    assert sorted(shown) == sorted(CLASSES)
    # Four presses at once are one answer.
    for _ in range(4):
        browser.press("1")
    browser.wait(_BUTTONS % "naming")
    wait_for(lambda: len(answers(experiment, public)) == 1)
    # A reload goes on with the same picture.
    picture = browser.run(_PICTURE)
    browser.reload()
    browser.wait(_BUTTONS % "naming")
    assert browser.run(_PICTURE) == picture
    # A second tab shows the same trial; its second answer doesn't count.
    first, second = browser.tabs()[0], browser.new_tab()
    address = browser.address
    browser.show(second)
    browser.open(address)
    browser.wait(_BUTTONS % "naming")
    assert browser.run(_PICTURE) == picture
    press(browser, "naming", 2)
    wait_for(lambda: len(answers(experiment, public)) == 2)
    kept = answers(experiment, public)
    browser.close_tab()
    browser.show(first)
    press(browser, "naming", 1)
    # The server dies; answers wait on the page, which says so.
    browser.wait(_BUTTONS % "naming")
    assert answers(experiment, public) == kept
    served.stop(signal.SIGKILL)
    press(browser, "naming")
    browser.wait("return document.getElementById('notice').textContent.includes('No connection')")
    press(browser, "naming")
    served.start()
    wait_for(lambda: len(answers(experiment, public)) == 4)
    browser.wait("return document.getElementById('notice').hidden")
    # So they do when the connection is lost.
    browser.devtools("Network.enable")
    _offline(browser, True)
    press(browser, "naming")
    browser.wait("return !document.getElementById('notice').hidden")
    _offline(browser, False)
    wait_for(lambda: len(answers(experiment, public)) == 5)
    found = answers(experiment, public)
    assert found[: len(kept)] == kept and len({one.trial for one in found}) == 5
    assert [one.place for one in found] == list(range(5))
    # What the browser logged is the lost connection alone.
    assert all("ERR_" in line for line in browser.log())


def _offline(browser, yes):
    browser.devtools(
        "Network.emulateNetworkConditions",
        offline=yes,
        latency=0,
        downloadThroughput=-1,
        uploadThroughput=-1,
    )


def wait_for(condition, seconds=20):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


SHARES = {
    "none naming": 0.0,
    "black naming": 1.0,
    "none objects": 1.0,
    "black objects": 1.0,
    "none conflict": 0.0,
    "black conflict": 1.0,
    "natural": 1.0,
    "untrained": 0.0,
}


def test_simulated_participants_give_back_what_was_planted(
    browser, served, experiment, public, key
):
    serving.allow_fast_answers(experiment)
    for number in range(2):
        serving.take_part(browser, served.link, serving.plan(key, SHARES, number))
    assert not browser.log()
    found = results.update(experiment)
    assert (found["counted"], found["simulated"], found["complete"]) == (2, True, True)
    for kind in ("naming", "objects", "conflict"):
        for treatment, rows in found["measures"][f"human_{kind}"]["values"].items():
            seen = {value for row in rows.values() for value in row if value is not None}
            assert seen == {SHARES[f"{treatment} {kind}"]}
    # Both sides, and every place among the buttons, were right now and then.
    given = answers(experiment, public)
    assert {one.button for one in given} == set(range(len(CLASSES)))


def test_class_names_and_consent_are_text(browser, experiment, tmp_path):
    consent = tmp_path / "consent.txt"
    consent.write_text("<script>document.title='hacked'</script> & <img src=x onerror=alert(1)>")
    folder = made_experiment(experiment.workdir, consent=str(consent))
    with serving.Server(experiment.workdir, f"--consent={consent}") as server:
        browser.open(server.link)
        browser.wait(_BUTTONS % "page")
        shown = browser.run("return document.querySelector('.text p').textContent")
        assert shown == folder.read_public()["consent"][0] == consent.read_text()
        assert browser.run("return document.title") == "What does this picture show?"
        assert browser.run("return document.querySelectorAll('#stage img').length") == 0
        assert not browser.log()


@pytest.mark.parametrize(("width", "height"), [(1280, 720), (390, 844), (360, 640)])
def test_a_trial_fits_the_screen(browser, preview, width, height):
    browser.devtools(
        "Emulation.setDeviceMetricsOverride",
        width=width,
        height=height,
        deviceScaleFactor=1,
        mobile=width < 500,
    )
    browser.open(preview.link)
    browser.wait("return document.activeElement.className === 'primary'")
    # Who is asked for consent sees where its text begins, however long it is.
    assert browser.run("return scrollY") == 0
    begin(browser, preview.link)
    box = browser.run(
        "return [document.documentElement.scrollWidth, document.documentElement.scrollHeight,"
        " innerWidth, innerHeight]"
    )
    browser.devtools("Emulation.clearDeviceMetricsOverride")
    assert box[0] <= box[2] and box[1] <= box[3]


# The part of jatos.js that the page calls; it keeps session data and results on the server.
_JATOS_JS = """
window.jatos = {
  studyResultId: RESULT, studySessionData: SESSION,
  onLoad(ready) { addEventListener("load", ready); },
  setStudySessionData(data) {
    return fetch("session", { method: "POST", body: JSON.stringify(data) });
  },
  appendResultData(text) { return fetch("append", { method: "POST", body: text }); },
  endStudyWithoutRedirect() { return fetch("end", { method: "POST", body: "" }); },
};
"""


class _Jatos:
    """A stand-in for JATOS: unpacks a .jzip, serves its folder and collects results."""

    def __init__(self, packed):
        with zipfile.ZipFile(packed) as pack:
            (name,) = [one for one in pack.namelist() if one.endswith(".jas")]
            self.description = json.loads(pack.read(name))["data"]
            folder = self.description["dirName"] + "/"
            self.files = {
                one.removeprefix(folder): pack.read(one)
                for one in pack.namelist()
                if one.startswith(folder)
            }
        self.session, self.data, self.ended = "{}", "", False

    @Request.application
    def __call__(self, request):
        path = request.path.lstrip("/") or self.description["componentList"][0]["htmlFilePath"]
        if request.method == "POST":
            text = request.get_data(as_text=True)
            if path == "session":
                self.session = text
            elif path == "append":
                self.data += text
            else:
                self.ended = True
            return Response("")
        if path == "jatos.js":
            script = _JATOS_JS.replace("RESULT", "7").replace("SESSION", self.session)
            return Response(script, mimetype="text/javascript")
        kinds = {"html": "text/html", "js": "text/javascript", "css": "text/css"}
        kinds |= {"png": "image/png", "json": "application/json"}
        if path not in self.files:
            return Response("", 404)
        return Response(self.files[path], mimetype=kinds[path.rpartition(".")[2]])

    def results(self, path):
        """Writes what JATOS exports."""
        with zipfile.ZipFile(path, "w") as pack:
            pack.writestr("study_result_7/comp-result_9/data.txt", self.data)
        return str(path)


@contextlib.contextmanager
def _running(application):
    server = make_server("127.0.0.1", 0, application, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.port}/"
    server.shutdown()
    thread.join(10)


def test_jatos_runs_the_export_and_its_results_are_taken_in_once(
    browser, experiment, store, key, tmp_path
):
    stand_in = _Jatos(jatos.export(experiment, str(tmp_path / "experiment.jzip")))
    with _running(stand_in) as link:
        who = serving.take_part(browser, link, serving.plan(key, SHARES, 0))
        assert stand_in.ended
        # A reload after the end knows that everything is answered.
        browser.reload()
        browser.wait("return document.getElementById('end')")
    stand_in.data += "{broken\n" + json.dumps({"participant": "x"}) + "\n"
    path = stand_in.results(tmp_path / "results.jrzip")
    trials = len(store._choices[0])
    assert jatos.import_results(store, path) == jatos.Counts(taken=trials, known=0, refused=2)
    assert jatos.import_results(store, path) == jatos.Counts(taken=0, known=trials, refused=2)
    (one,) = store.participants()
    assert (one.number, one.simulated, one.finished) == (who, True, True)
    assert re.fullmatch("[0-9a-f]{24}", who) and one.list == 7 % len(store._choices)
