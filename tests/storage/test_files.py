"""A reader of a file sees all of it or nothing."""

import errno
import json
import os
import pathlib
import subprocess
import sys

import pytest

from bg_interp.errors import UserError
from bg_interp.storage import files


def test_an_error_while_writing_leaves_the_old_file_and_nothing_beside(tmp_path):
    path = tmp_path / "a.txt"
    files.write_text(path, "old")
    with pytest.raises(ZeroDivisionError), files.replacing(path) as temporary:
        temporary.write_text("half")
        raise ZeroDivisionError
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["a.txt"]


def test_the_file_appears_only_when_it_is_whole(tmp_path):
    path = tmp_path / "deep" / "a.keras"
    with files.replacing(path) as temporary:
        temporary.write_text("all")
        assert temporary.suffix == ".keras"
        assert temporary.parent == path.parent
        assert not path.exists()
    assert path.read_text() == "all"


def test_a_full_disk_is_one_line_that_names_the_file(tmp_path):
    path = tmp_path / "a.txt"
    with pytest.raises(UserError) as raised, files.replacing(path):
        raise OSError(28, "No space left on device")
    assert str(raised.value).startswith(f"cannot write {path}: No space left on device; free")
    assert os.listdir(tmp_path) == []


def test_a_folder_that_cannot_be_made_is_one_line(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match=r"cannot write .*a\.txt"):
        files.write_text(tmp_path / "file" / "a.txt", "text")


def test_files_get_the_usual_permissions(tmp_path):
    before = os.umask(0o027)
    try:
        files.write_text(tmp_path / "a.txt", "text")
    finally:
        os.umask(before)
    assert (tmp_path / "a.txt").stat().st_mode & 0o777 == 0o640


def test_json_keeps_letters_of_all_languages(tmp_path):
    files.write_json(tmp_path / "a.json", {"Fußgänger": "鳥"})
    text = (tmp_path / "a.json").read_text(encoding="utf-8")
    assert "Fußgänger" in text
    assert json.loads(text) == {"Fußgänger": "鳥"}


def test_a_line_of_json_has_its_end():
    assert files.json_line({"Fußgänger": 1}) == '{"Fußgänger": 1}\n'


def test_sha256_is_that_of_the_bytes(tmp_path):
    (tmp_path / "a").write_bytes(b"abc")
    assert files.sha256(tmp_path / "a").startswith("ba7816bf8f01cfea")


def test_the_cache_folder_can_be_chosen(tmp_path, monkeypatch):
    monkeypatch.setenv("BG_INTERP_CACHE", str(tmp_path))
    assert files.cache_folder() == tmp_path
    monkeypatch.delenv("BG_INTERP_CACHE")
    assert files.cache_folder().name == "bg_interp"


_WRITER = """
import pathlib, sys, time
from bg_interp.storage import files
with files.replacing(pathlib.Path(sys.argv[1])) as temporary:
    temporary.write_text("half")
    print("writing", flush=True)
    time.sleep(60)
"""


def test_what_a_killed_writer_left_goes_with_the_next_write_but_not_before_it_is_dead(tmp_path):
    process = subprocess.Popen(
        [sys.executable, "-c", _WRITER, str(tmp_path / "a.txt")], stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout.readline() == "writing\n"
        files.remove_strays(tmp_path)
        assert len(list(tmp_path.glob(".partial-*"))) == 1
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
    files.write_text(tmp_path / "b.txt", "whole")
    assert os.listdir(tmp_path) == ["b.txt"]


def test_a_killed_writers_folder_goes_as_well(tmp_path):
    (tmp_path / ".partial-x").mkdir()
    (tmp_path / ".partial-x" / "file").write_text("")
    with files.partial_folder(tmp_path / "saved_model") as folder:
        assert os.listdir(tmp_path) == [folder.name]
        files.remove_strays(tmp_path)
        assert folder.exists()
    assert os.listdir(tmp_path) == []


def test_a_sealed_file_is_read_as_it_was_written(tmp_path):
    path = tmp_path / "a.json"
    value = {"Fußgänger": (1, 2.5), "b": {3: None}, "name\udcff": "\udcfe"}
    files.write_sealed(path, value)
    expected = {"Fußgänger": [1, 2.5], "b": {"3": None}, "name\udcff": "\udcfe"}
    assert files.read_sealed(path) == expected


def test_a_sealed_file_that_says_something_else_is_refused(tmp_path):
    path = tmp_path / "a.json"
    files.write_sealed(path, {"accuracy": 0.91})
    path.write_text(path.read_text().replace("0.91", "0.97"))
    with pytest.raises(ValueError, match='remove "sha256" if you changed it'):
        files.read_sealed(path)
    path.write_text('{"accuracy": 0.97}')
    assert files.read_sealed(path) == {"accuracy": 0.97}
    path.write_text("[]")
    with pytest.raises(ValueError, match="must hold an object, not list"):
        files.read_sealed(path)


@pytest.mark.parametrize("text", ["[" * 100_000, b'{"a":' * 100_000, "no", b"\xff", "[]"])
def test_what_is_no_sealed_json_is_a_value_error(text, tmp_path):
    path = tmp_path / "a.json"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    with pytest.raises(ValueError):
        files.read_sealed(path)


@pytest.mark.parametrize("number", [errno.EINVAL, errno.ENOTSUP, errno.EIO])
def test_what_syncs_no_folders_is_borne_and_a_broken_disk_is_not(tmp_path, monkeypatch, number):
    def fsync(handle: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", fsync)
    if number == errno.EIO:
        with pytest.raises(UserError, match="Input/output error"):
            files.write_text(tmp_path / "a.txt", "text")
        assert not os.listdir(tmp_path)
    else:
        files.write_text(tmp_path / "a.txt", "text")
        assert (tmp_path / "a.txt").read_text() == "text"


def test_a_folder_takes_the_place_of_another_one_as_a_whole(tmp_path):
    folder = tmp_path / "saved_model"
    for content in ("old", "new"):
        with files.partial_folder(folder) as temporary:
            written = temporary / "written"
            (written / "deep").mkdir(parents=True)
            (written / "deep" / content).write_text(content)
            files.replace_folder(written, folder)
        assert [path.name for path in folder.rglob("*")] == ["deep", content]
        assert os.listdir(tmp_path) == ["saved_model"]


def test_keras_keeps_its_models_where_it_is_told_or_at_home(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    assert files.keras_models() == tmp_path / "models"
    monkeypatch.delenv("KERAS_HOME")
    assert files.keras_models() == pathlib.Path.home() / ".keras" / "models"


def test_links_are_followed_and_each_folder_is_seen_once(tmp_path):
    top, elsewhere = tmp_path / "top", tmp_path / "elsewhere"
    (top / "a").mkdir(parents=True)
    (elsewhere / "b").mkdir(parents=True)
    (elsewhere / "b" / "seen").touch()
    (top / "link").symlink_to(elsewhere)
    # Back to where we are, to what holds it, and to one another.
    (top / "a" / "here").symlink_to(top / "a")
    (top / "a" / "above").symlink_to(tmp_path)
    (elsewhere / "b" / "over").symlink_to(top)
    walked = [(os.path.relpath(where, top), names) for where, _, names in files.walked(top)]
    assert sorted(walked) == [(".", []), ("a", []), ("link", []), ("link/b", ["seen"])]
