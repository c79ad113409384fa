"""A browser, driven by the WebDriver protocol (www.w3.org/TR/webdriver2) with nothing but HTTP."""

import base64
import contextlib
import json
import os
import pathlib
import shutil
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from typing import Any

AVAILABLE = bool(shutil.which("chromium") and shutil.which("chromedriver"))
_FLAGS = (
    "--headless=new",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
)


def free_port() -> int:
    """Returns a port of the loopback that nobody uses now."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


class Browser:
    """One window of Chromium.

    Args:
      session: address of the driver's session.
    """

    def __init__(self, session: str):
        self._session = session

    def _do(self, command: str, value: dict | None = None, method: str = "POST") -> Any:
        body = None if method != "POST" else json.dumps(value or {}).encode()
        request = urllib.request.Request(
            f"{self._session}/{command}".rstrip("/"),
            body,
            {"Content-Type": "application/json"},
            method=method,
        )
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)["value"]

    def close(self) -> None:
        self._do("", method="DELETE")

    def open(self, address: str) -> None:
        self._do("url", {"url": address})

    def reload(self) -> None:
        self._do("refresh")

    @property
    def address(self) -> str:
        return self._do("url", method="GET")

    def run(self, script: str, *arguments: Any) -> Any:
        """Runs the body of a function in the page, and returns what it returns."""
        return self._do("execute/sync", {"script": script, "args": list(arguments)})

    def devtools(self, command: str, **parameters: Any) -> Any:
        """Sends a command of the DevTools protocol."""
        return self._do("goog/cdp/execute", {"cmd": command, "params": parameters})

    def wait(self, script: str, *arguments: Any, seconds: float = 30) -> Any:
        """Waits until a script returns something that is true, and returns it."""
        deadline = time.monotonic() + seconds
        while not (found := self.run(script, *arguments)):
            shown = self.run("return document.body.innerText")
            assert time.monotonic() < deadline, f"waited for {script}; the page shows: {shown}"
            time.sleep(0.03)
        return found

    def press(self, key: str) -> None:
        """Presses a key."""
        actions = [{"type": kind, "value": key} for kind in ("keyDown", "keyUp")]
        self._do("actions", {"actions": [{"type": "key", "id": "keys", "actions": actions}]})

    def tabs(self) -> list[str]:
        return self._do("window/handles", method="GET")

    def new_tab(self) -> str:
        return self._do("window/new", {"type": "tab"})["handle"]

    def close_tab(self) -> None:
        self._do("window", method="DELETE")

    def show(self, tab: str) -> None:
        self._do("window", {"handle": tab})

    def screenshot(self, path: pathlib.Path) -> None:
        path.write_bytes(base64.b64decode(self._do("screenshot", method="GET")))

    def log(self) -> list[str]:
        """Returns what the page wrote to its console since the last call."""
        return [entry["message"] for entry in self._do("se/log", {"type": "browser"})]


@contextlib.contextmanager
def opened(folder: pathlib.Path, width: int = 1280, height: int = 720) -> Iterator[Browser]:
    """Opens a browser for the block, with a profile of its own in `folder`."""
    port = free_port()
    driver = subprocess.Popen(
        ["chromedriver", f"--port={port}"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "TMPDIR": str(folder)},
    )
    try:
        address = f"http://127.0.0.1:{port}"
        _wait_for(f"{address}/status")
        flags = [
            *_FLAGS,
            f"--window-size={width},{height}",
            f"--user-data-dir={folder / 'profile'}",
        ]
        if os.geteuid() == 0:
            flags.append("--no-sandbox")
        wanted = {
            "goog:chromeOptions": {"args": flags, "binary": shutil.which("chromium")},
            "goog:loggingPrefs": {"browser": "ALL"},
        }
        body = {"capabilities": {"alwaysMatch": wanted}}
        request = urllib.request.Request(
            f"{address}/session", json.dumps(body).encode(), {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=60) as answer:
            session = json.load(answer)["value"]["sessionId"]
        made = Browser(f"{address}/session/{session}")
        try:
            yield made
        finally:
            made.close()
    finally:
        driver.terminate()
        driver.wait()


def _wait_for(address: str) -> None:
    deadline = time.monotonic() + 20
    while True:
        try:
            with urllib.request.urlopen(address, timeout=5):
                return
        except OSError:
            assert time.monotonic() < deadline
            time.sleep(0.05)
