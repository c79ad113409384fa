"""The real server in a process of its own, and simulated participants in a real browser."""

import json
import os
import pathlib
import signal
import subprocess
import sys
import urllib.request
import zlib

import numpy as np
from browser import free_port

from bg_interp.people.experiment import design
from bg_interp.storage import files

_TOOL = pathlib.Path(__file__).parents[2] / "tools" / "people.py"
_SIMULATE = """
  const plan = %s;
  window.simulate = (trial, places) => {
    const response = trial.id === undefined ? trial.right : plan[trial.id];
    return { button: places.indexOf(response), rt: 12 };
  };
"""


class Server:
    """tools/people.py at work on one port, to be killed and started again.

    Args:
      workdir: folder of the study.
      flags: more flags.
    """

    def __init__(self, workdir: pathlib.Path, *flags: str):
        self.port = free_port()
        self._command = [
            sys.executable,
            str(_TOOL),
            f"--workdir={workdir}",
            f"--port={self.port}",
            *flags,
        ]
        self._process: subprocess.Popen | None = None

    def __enter__(self) -> "Server":
        self.start()
        return self

    def __exit__(self, *_) -> None:
        self.stop()

    def start(self) -> str:
        """Starts it; returns the link that it prints."""
        self._process = subprocess.Popen(
            self._command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        link = self._process.stdout.readline().strip()
        assert link.startswith("http://"), self._process.stderr.read()
        return link

    def stop(self, number: int = signal.SIGTERM) -> str:
        """Sends it a signal; returns what it wrote to standard error."""
        if self._process.poll() is None:
            os.kill(self._process.pid, number)
        return self._process.communicate(timeout=30)[1]

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def link(self) -> str:
        return f"http://127.0.0.1:{self.port}/"

    def ask(self, path: str, value: object = None) -> dict:
        """Asks the server as the page does."""
        body = None if value is None else json.dumps(value).encode()
        request = urllib.request.Request(
            self.link + path, body, {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)


def allow_fast_answers(folder) -> None:
    """Lets those count who answer as fast as programs."""
    key = files.read_sealed(folder.key)
    key["rules"]["fastest_median_ms"] = 10
    files.write_sealed(folder.key, key)


def plan(key: dict, shares: dict[str, float], seed: int) -> dict[str, int]:
    """Draws what a simulated participant answers to each trial.

    Args:
      key: of the experiment.
      shares: how often the answer is right, by "treatment kind", or by the word for what is shown.
      seed: of the drawing.
    """
    classes, drawn = len(key["classes"]), {}
    for trial, entry in key["trials"].items():
        generator = np.random.default_rng([seed, zlib.crc32(trial.encode())])
        own = entry["shown"]
        if own == design.CLASS_IMAGE:
            own = f"{entry['treatment']} {entry['kind']}"
        choices = classes if entry["kind"] == "naming" else 2
        wrong = (entry["right"] + 1 + generator.integers(choices - 1)) % choices
        is_right = generator.random() < shares[own]
        drawn[trial] = entry["right"] if is_right else int(wrong)
    return drawn


def take_part(browser, link: str, planned: dict[str, int]) -> str:
    """Lets a simulated participant walk through the page; returns their number."""
    script = browser.devtools(
        "Page.addScriptToEvaluateOnNewDocument", source=_SIMULATE % json.dumps(planned)
    )
    browser.open(link)
    browser.wait("return document.getElementById('end')", seconds=120)
    assert "simulated" in browser.run("return document.getElementById('mode').textContent")
    browser.devtools("Page.removeScriptToEvaluateOnNewDocument", identifier=script["identifier"])
    return browser.run("return document.querySelector('#end code').textContent")
