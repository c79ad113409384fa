"""Damaged results, settings, experiments and packed answers are read, or refused in one line."""

import contextlib
import dataclasses
import json
import pathlib
import random
import sys
import zipfile

import pytest
from damaging import damaged
from fuzzing import CASES
from spoiling import spoil_archive

sys.path.append(str(pathlib.Path(__file__).parents[1] / "people"))

from made_up import answer_of, made_experiment, write_study

from bg_interp.errors import UserError
from bg_interp.evaluation.baseline import Baseline
from bg_interp.evaluation.estimate import Estimate
from bg_interp.people import jatos
from bg_interp.people.answers.store import Store
from bg_interp.people.experiment.folder import Folder
from bg_interp.storage import files
from bg_interp.storage.workdir import Workdir

DEEP = b"[" * 100_000
HOSTILE = [
    DEEP,
    b'{"a":' * 100_000,
    b"",
    b"null",
    b"[]",
    b'"text"',
    b"1e999999",
    b"1" * 10_000,
    b'{"config": {}, "class_names": {}}',
    b'{"measures": {"reliance": 3}}',
    b'{"measures": {"reliance": {"value": "high", "low": 0, "high": 1, "count": 2}}}',
    b'{"measures": {}, "answers": {"keys": ["a"], "labels": [7]}, "classes": [], "seed": 0}',
    b"\xff\xfe{\0",
    b"\0" * 100,
]


def read_baseline(path):
    whole = Baseline.read(path)
    whole.compared(whole)


def baseline(folder):
    value = dataclasses.asdict(Estimate(0.5, 0.4, 0.6, 4, 4.0))
    predicted = {name: [0, 1, 0, 1] for name in ("original", "masked", "background", "swapped")}
    said = {
        "keys": ["a", "b", "c", "d"],
        "labels": [0, 1, 1, 0],
        "predicted": predicted,
        "on_all": {},
        "trusted": [1, 1, 0, 1],
    }
    content = {"measures": {"reliance": value}, "answers": said, "classes": ["cat", "dog"]}
    path = folder / "results.json"
    path.write_text(json.dumps({**content, "seed": 0, "model": "a.keras"}))
    return path, read_baseline


def run(folder):
    settings = {"background": "black", "seed": 0, "steps": 9}
    files.write_sealed(folder / "config.json", {"config": settings, "class_names": ["cat", "dog"]})
    return folder / "config.json", lambda path: Workdir(path.parent).read_config()


def without_seal(folder):
    path, read = run(folder)
    content = json.loads(path.read_text())
    del content["sha256"]
    path.write_text(json.dumps(content))
    return path, read


def experiment(folder):
    made = made_experiment(write_study(folder / "study"))
    return made.public, lambda path: Folder(made.workdir).read_public()


@pytest.mark.parametrize("kind", [baseline, run, without_seal, experiment])
def test_damaged_json_is_read_or_refused_in_one_line(kind, tmp_path, speaking_of_flags):
    path, read = kind(tmp_path)
    whole, ends = path.read_bytes(), {"read": 0, "refused": 0}
    read(path)
    cases = [*HOSTILE, *(damaged(whole, random.Random(number)) for number in range(CASES))]
    for number, content in enumerate(cases):
        path.write_bytes(content)
        try:
            read(path)
            ends["read"] += 1
        except UserError as error:
            assert "\n" not in str(error), (number, str(error))
            ends["refused"] += 1
    assert ends["refused"]


@pytest.fixture
def answers(tmp_path):
    """A file of answers, and what JATOS exported of one person's."""
    folder = made_experiment(write_study(tmp_path / "study"))
    public = folder.read_public()
    trials = public["lists"][0][:6]
    sent = [answer_of("ab" * 12, trial, place) for place, trial in enumerate(trials)]
    lines = "\n".join(json.dumps({**one, "list": 0, "simulated": False}) for one in sent)
    packed = tmp_path / "in" / "jatos.jrzip"
    packed.parent.mkdir()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("study_result_1/comp-result_1/data.txt", lines)
        archive.writestr("study_result_1/metadata.json", "{}")
    store = Store(folder.answers, public)
    store._database.execute("PRAGMA synchronous=OFF")
    yield store, packed
    store.close()


def test_damaged_archives_are_read_or_refused_and_nothing_is_unpacked(
    answers, tmp_path, speaking_of_flags
):
    store, packed = answers
    whole, ends = packed.read_bytes(), {"read": 0, "refused": 0}
    assert jatos.import_results(store, str(packed)).taken == 6
    before = {path for path in tmp_path.rglob("*") if "sqlite" not in path.name}
    for number in range(CASES):
        packed.write_bytes(whole)
        spoil_archive(packed, random.Random(number))
        try:
            jatos.import_results(store, str(packed))
            ends["read"] += 1
        except UserError as error:
            assert "\n" not in str(error), (number, str(error))
            ends["refused"] += 1
    assert all(ends.values())
    assert {path for path in tmp_path.rglob("*") if "sqlite" not in path.name} == before


def test_an_archive_that_would_fill_the_memory_is_refused(answers):
    store, packed = answers
    with (
        zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
        archive.open("bomb.txt", "w", force_zip64=True) as member,
    ):
        for _ in range(6):
            member.write(bytes(100_000_000))
    assert packed.stat().st_size < 10_000_000
    with pytest.raises(UserError, match="more than 500000000 bytes"):
        jatos.import_results(store, str(packed))


@pytest.mark.parametrize("how", ["encrypted", "unknown way"])
def test_an_archive_that_python_cannot_unpack_is_refused(answers, how):
    store, packed = answers
    content = bytearray(packed.read_bytes())
    # The flags and the way of compression, in the member's own header and in the directory's.
    for start, flags in ((content.index(b"PK\x03\x04"), 6), (content.index(b"PK\x01\x02"), 8)):
        content[start + flags + (0 if how == "encrypted" else 2)] = 1 if how == "encrypted" else 77
    packed.write_bytes(content)
    with pytest.raises(UserError, match="must name results"), contextlib.closing(store):
        jatos.import_results(store, str(packed))
