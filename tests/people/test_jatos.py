"""The .jzip holds the public part alone and is the same each time; results are checked."""

import json
import zipfile

import pytest
from made_up import answer_of

from bg_interp.errors import UserError
from bg_interp.people import jatos


def test_an_export_has_no_key_and_the_same_bytes_again(experiment, tmp_path, key):
    first, second = (
        jatos.export(experiment, str(tmp_path / name)) for name in ("a.jzip", "b.jzip")
    )
    assert first.read_bytes() == second.read_bytes()
    with zipfile.ZipFile(first) as pack:
        names = pack.namelist()
        text = b"".join(pack.read(name) for name in names if not name.endswith(".png"))
    assert not [name for name in names if "key" in name or "answers" in name]
    assert b'"treatment"' not in text and b'"right": 1, "kind"' not in text
    folder = f"class_images_{key['experiment']}/"
    assert f"{folder}experiment.json" in names and f"{folder}host.js" in names
    assert {name.partition("/")[0] + "/" for name in names if "/" in name} == {folder}


def test_a_description_has_what_jatos_asks_for(experiment, tmp_path):
    path = jatos.export(experiment, str(tmp_path / "a.jzip"))
    with zipfile.ZipFile(path) as pack:
        (name,) = [one for one in pack.namelist() if one.endswith(".jas")]
        described = json.loads(pack.read(name))
    assert described["version"] == "3"
    study = described["data"]
    assert {"uuid", "title", "dirName", "componentList", "batchList"} <= study.keys()
    assert study["componentList"][0]["htmlFilePath"] == "index.html"
    assert study["componentList"][0]["reloadable"]


def test_results_may_be_plain_text_and_bad_lines_are_counted(store, public, tmp_path):
    sent = {**answer_of("ab" * 12, public["lists"][1][0]), "list": 1, "simulated": False}
    lines = [sent, {**sent, "list": 99}, {**sent, "participant": "AB" * 12}, 7, {**sent, "rt": -1}]
    path = tmp_path / "results.txt"
    path.write_text("\n".join(json.dumps(line) for line in lines) + "\n\n[[\n")
    assert jatos.import_results(store, str(path)) == jatos.Counts(taken=1, known=0, refused=5)


@pytest.mark.parametrize("content", [None, b"PK\x03\x04 broken", b"\xff\xfe\x00"])
def test_a_file_that_cannot_be_read_is_named(store, tmp_path, content):
    path = tmp_path / "results.jrzip"
    if content is not None:
        path.write_bytes(content)
    if content is not None and content.startswith(b"PK"):
        assert jatos.import_results(store, str(path)).refused == 1
        return
    with pytest.raises(UserError, match=r"import_results must name results.*results\.jrzip"):
        jatos.import_results(store, str(path))
