"""The real `tools/repair.py` on a run of tools/train.py."""

import json

import json_schema
import pytest


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ({}, "--model must be given"),
        ({"model": "missing.keras"}, "does not exist: missing.keras"),
        ({"model": ".", "copies": 0}, "--copies must be above 0"),
    ],
)
def test_mistyped_flags_end_in_one_line(run_tool, tmp_path, flags, message):
    ended = run_tool("repair", flags, cwd=tmp_path)
    assert ended.returncode == 1 and ended.stdout == ""
    assert message in ended.stderr and len(ended.stderr.splitlines()) == 1


@pytest.mark.slow
def test_a_run_is_repaired_and_the_result_opens(run_tool, trained_workdir, tmp_path):
    ended = run_tool("repair", {"model": trained_workdir, "output": tmp_path / "mended"})
    assert ended.returncode == 0, ended.stderr
    assert "bg_gap" in ended.stdout
    results = json.loads((tmp_path / "mended" / "results.json").read_text())
    json_schema.check_results(results)
    assert results["before"]["classes"] == results["after"]["classes"] == ["disc", "square"]
    page = (tmp_path / "mended" / "report.html").read_text()
    assert "before and after" in page and "What to do next" in page and str(tmp_path) not in page
    for name in ("disc, before", "square, before", "disc, after", "square, after"):
        assert f'alt="{name}"' in page
    assert (tmp_path / "mended" / "model.keras").is_file()
    assert not (tmp_path / "mended" / "progress").exists()
