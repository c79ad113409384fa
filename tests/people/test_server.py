"""What the server refuses, and whom it serves meanwhile."""

import contextlib
import http.client
import json
import socket
import sqlite3
import threading
import time
import urllib.parse

import pytest
import waitress.server
from browser import free_port
from made_up import answer_of
from werkzeug.test import Client

from bg_interp.errors import UserError
from bg_interp.people import server


@pytest.fixture
def application(experiment, store):
    return server.Application(experiment, store, "127.0.0.1")


@pytest.fixture
def client(application):
    return Client(application)


def get(client, path, **options):
    return client.get(path, base_url="http://127.0.0.1:8642", **options)


def post(client, path, value, **options):
    return client.post(path, base_url="http://127.0.0.1:8642", json=value, **options)


def begun(client, public):
    state = post(client, "/api/start", {}).json
    return state["participant"], public["lists"][state["list"]]


def test_everything_that_the_page_needs_is_served(client, public):
    for path in ("/", "/page.js", "/page.css", "/host.js", "/order.js", "/delivery.js"):
        found = get(client, path)
        assert found.status_code == 200
        assert "default-src 'none'" in found.headers["Content-Security-Policy"]
        assert "unsafe" not in found.headers["Content-Security-Policy"]
    assert get(client, "/experiment.json").json["lists"] == public["lists"]
    picture = get(client, f"/images/{public['practice'][0]['image']}.png")
    assert picture.mimetype == "image/png" and picture.data.startswith(b"\x89PNG")


@pytest.mark.parametrize(
    "path",
    [
        "/key.json",
        "/answers.sqlite",
        "/../key.json",
        "/images/../../key.json",
        "/images/..%2f..%2fkey.json",
        "/images/%2e%2e/%2e%2e/key.json",
        "//etc/passwd",
        "/images/",
        "/host-jatos.js/..",
        "/api/state/nobody",
        "/api/state/'%20OR%201=1%20--",
    ],
)
def test_no_path_leads_out_of_what_is_listed(client, path):
    found = get(client, path)
    assert found.status_code in (400, 404)
    assert b"trials" not in found.data and b"SQLite" not in found.data


def test_what_the_system_refuses_is_told_once_and_tried_again(
    client, public, store, monkeypatch, capsys
):
    who, trials = begun(client, public)
    sent = [answer_of(who, trial, place) for place, trial in enumerate(trials[:3])]

    def full(_):
        raise sqlite3.OperationalError("database or disk is full")

    for one in sent[:2]:
        with monkeypatch.context() as patch:
            patch.setattr(store, "answer", full)
            for _ in range(3):
                refused = post(client, "/api/answer", one)
                assert refused.status_code == 503 and "try again" in refused.json["error"]
        (line,) = capsys.readouterr().err.splitlines()
        assert line.startswith("error: ") and "database or disk is full" in line
        assert post(client, "/api/answer", one).json["new"]
    assert not capsys.readouterr().err

    def broken(_):
        raise ZeroDivisionError

    monkeypatch.setattr(store, "answer", broken)
    with pytest.raises(ZeroDivisionError):
        post(client, "/api/answer", sent[2])


def test_an_answer_is_stored_and_a_reload_finds_it(client, public):
    who, trials = begun(client, public)
    sent = answer_of(who, trials[0])
    assert post(client, "/api/answer", sent).json == {"new": True, "answers": 1}
    assert post(client, "/api/answer", {**sent, "response": 1}).json["new"] is False
    assert get(client, f"/api/state/{who}").json["done"] == [trials[0]["id"]]


@pytest.mark.parametrize(
    "body",
    [
        b"{" * 3000,
        b"[" * 3000,
        b"",
        b"\xff\xfe",
        b'{"rt": NaN}',
        b'{"rt": Infinity}',
        b"7",
        b"[]",
        b"null",
        b" " * 5000,
    ],
    ids=lambda body: str(body[:12]),
)
def test_a_body_that_is_no_answer_is_refused(client, store, body):
    found = client.post(
        "/api/answer",
        base_url="http://127.0.0.1:8642",
        data=body,
        content_type="application/json",
    )
    assert found.status_code in (400, 413) and not store.answers()


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Content-Type": "text/plain"}, 400),
        ({"Content-Type": "application/x-www-form-urlencoded"}, 400),
        ({"Content-Type": "application/json", "Origin": "http://evil.example"}, 403),
        ({"Content-Type": "application/json", "Origin": "null"}, 403),
        ({"Content-Type": "application/json", "Host": "evil.example:8642"}, 403),
        ({"Content-Type": "application/json", "Origin": "http://127.0.0.1:8642"}, 200),
    ],
)
def test_other_sites_and_other_names_are_refused(client, store, headers, status):
    found = client.post("/api/start", base_url="http://127.0.0.1:8642", data=b"{}", headers=headers)
    assert found.status_code == status
    assert len(store.participants()) == (status == 200)


@pytest.mark.parametrize("method", ["PUT", "DELETE", "OPTIONS", "PATCH"])
def test_other_methods_are_refused(client, method):
    found = client.open("/api/answer", base_url="http://127.0.0.1:8642", method=method)
    assert found.status_code == 400


def test_the_network_needs_the_secret_of_the_link(experiment, store):
    application = server.Application(experiment, store, "192.0.2.7")
    client, base = Client(application), "http://192.0.2.7:8642"
    assert len(application.root) > 20 and application.root.strip("/") == store.link
    assert client.get(application.root, base_url=base).status_code == 200
    for path in ("/", "/experiment.json", "/wrong-secret/", application.root[:-3]):
        assert client.get(path, base_url=base).status_code == 404
    # Addresses are fine, names of others aren't.
    assert client.get(application.root, base_url="http://198.51.100.1:8642").status_code == 200
    assert client.get(application.root, base_url="http://evil.example:8642").status_code == 403
    assert server.link(application, "192.0.2.7", 8642) == f"{base}{application.root}"


def test_a_preview_says_so(experiment, store):
    client = Client(server.Application(experiment, store, "127.0.0.1", preview=True))
    assert post(client, "/api/start", {}).json["preview"] is True


def test_a_port_in_use_is_named(application):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(UserError, match=f"port={port} can't be served on"):
            server.serve(application, "127.0.0.1", port)


@contextlib.contextmanager
def _running(application, host="127.0.0.1"):
    """Serves an application by the real server in a thread; yields its port."""
    port = free_port()
    made = server.listen(application, host, port)
    thread = threading.Thread(target=made.run, daemon=True)
    thread.start()
    yield port
    waitress.server.wasyncore.close_all(made._map)
    thread.join(10)


def _ask(port, method, path, body=None, host="127.0.0.1"):
    connection = http.client.HTTPConnection(host, port, timeout=10)
    connection.request(method, path, body, {"Content-Type": "application/json"})
    answer = connection.getresponse()
    found = answer.status, answer.read()
    connection.close()
    return found


def test_the_link_for_the_network_is_whole_and_reached(experiment, store):
    application = server.Application(experiment, store, "0.0.0.0")
    with _running(application, "0.0.0.0") as port:
        link = urllib.parse.urlsplit(server.link(application, "0.0.0.0", port))
        assert link.hostname != "0.0.0.0" and len(link.path) > 20
        # By the machine's own address, and by another of its loopback.
        for host in (link.hostname, "127.0.0.2"):
            for path, status in ((link.path, 200), ("/", 404), ("/" + "x" * 22 + "/", 404)):
                assert _ask(port, "GET", path, host=host)[0] == status


def test_stalled_clients_and_huge_bodies_keep_nobody_waiting(application, store):
    with _running(application) as port:
        held = [socket.create_connection(("127.0.0.1", port)) for _ in range(12)]
        for one in held:
            one.sendall(b"POST /api/answer HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{")
        begun = time.monotonic()
        assert _ask(port, "GET", "/")[0] == 200
        assert json.loads(_ask(port, "POST", "/api/start", b"{}")[1])["done"] == []
        assert time.monotonic() - begun < 2
        try:
            status = _ask(port, "POST", "/api/answer", b" " * 10_000_000)[0]
        except OSError:
            status = 413  # The connection was ended before all was sent.
        assert status == 413
        assert _ask(port, "GET", "/")[0] == 200
        for one in held:
            one.close()
    assert len(store.participants()) == 1 and not store.answers()
