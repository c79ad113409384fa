"""The demonstration from end to end, at a tiny size: its page tells what was measured."""

import html
import json
import re

import pytest


@pytest.mark.slow
def test_the_page_tells_the_story_with_what_was_measured(run_tool, tmp_path):
    settings = {"steps": 4, "image_size": 32, "workdir": tmp_path / "demo"}
    done = run_tool("demo", settings, anew=True)
    assert done.returncode == 0, done.stderr
    assert str(tmp_path / "demo" / "index.html") in done.stdout
    page = (tmp_path / "demo" / "index.html").read_text(encoding="utf-8")
    for arm, place in (("none", 0), ("black", 1)):
        results = json.loads((tmp_path / "demo" / arm / "evaluation/results.json").read_text())
        for variant, words in (
            ("original", "unmodified"),
            ("swap", "background of another class"),
        ):
            row = re.search(rf'<th scope="row">{words}</th>(.*?)</tr>', page, re.DOTALL)[1]
            shown = re.findall(r"<td>([0-9.]+) ", row)
            assert float(shown[place]) == round(results["measures"][variant]["value"], 2)
    for link in re.findall(r'href="([^"#:]+\.html)"', page):
        assert (tmp_path / "demo" / html.unescape(link)).is_file()
    assert page.count('class="wide-picture"') == 2
    assert str(tmp_path) not in page
    assert (tmp_path / "demo" / "repaired" / "model.keras").is_file()
