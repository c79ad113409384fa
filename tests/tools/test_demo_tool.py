"""The demonstration from end to end, hardly trained: its page, and what README does with it."""

import html
import json
import re

import pytest
import source_tree


@pytest.mark.slow
@pytest.mark.long
def test_the_page_tells_the_story_and_readme_s_lines_run_after_it(run_tool, tmp_path, monkeypatch):
    settings = {"steps": 4, "workdir": tmp_path / "runs" / "demo", "photos": tmp_path / "photos"}
    done = run_tool("demo", settings, anew=True)
    assert done.returncode == 0, done.stderr
    _page_tells_what_was_measured(done, tmp_path / "runs" / "demo")
    assert len(list((tmp_path / "photos" / "test").glob("*/*.png"))) == 8 * 16
    monkeypatch.chdir(tmp_path)
    for name in ("README.md", "docs/index.md"):
        page = (source_tree.ROOT / name).read_text(encoding="utf-8")
        exec(compile(page.split("```python\n")[1].split("```")[0], name, "exec"), {})
        assert (tmp_path / "report.html").stat().st_size > 10_000
        (tmp_path / "report.html").unlink()


def _page_tells_what_was_measured(done, folder):
    assert str(folder / "index.html") in done.stdout
    page = (folder / "index.html").read_text(encoding="utf-8")
    for arm, place in (("none", 0), ("black", 1)):
        results = json.loads((folder / arm / "evaluation/results.json").read_text())
        for variant, words in (
            ("original", "unmodified"),
            ("swap", "background of another class"),
        ):
            row = re.search(rf'<th scope="row">{words}</th>(.*?)</tr>', page, re.DOTALL)[1]
            shown = re.findall(r"<td>([0-9.]+) ", row)
            assert float(shown[place]) == round(results["measures"][variant]["value"], 2)
    for link in re.findall(r'href="([^"#:]+\.html)"', page):
        assert (folder / html.unescape(link)).is_file()
    assert page.count('class="wide-picture"') == 2
    assert str(folder) not in page
    assert (folder / "repaired" / "model.keras").is_file()
