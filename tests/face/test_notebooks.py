"""The notebooks run from their first cell to the last, against the package as it is."""

import json
import os

import pytest
import source_tree

NOTEBOOKS = sorted((source_tree.ROOT / "docs" / "notebooks").glob("*.ipynb"))


@pytest.mark.slow
@pytest.mark.long
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_it_runs(path, tmp_path, monkeypatch):
    nbclient = pytest.importorskip("nbclient")
    nbformat = pytest.importorskip("nbformat")
    monkeypatch.setenv("TF_CPP_MIN_LOG_LEVEL", "3")
    # A Jupyter of the user's own may be set up otherwise.
    monkeypatch.setenv("JUPYTER_CONFIG_DIR", str(tmp_path))
    notebook = nbformat.read(path, as_version=4)
    where = {"metadata": {"path": str(tmp_path)}}
    nbclient.NotebookClient(notebook, timeout=600, resources=where).execute()
    assert all(cell.get("execution_count") for cell in notebook.cells if cell.cell_type == "code")
    if target := os.environ.get("BG_INTERP_NOTEBOOKS"):
        nbformat.write(notebook, f"{target}/{path.name}")


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_it_is_kept_with_small_outputs_and_no_paths(path):
    text = path.read_text(encoding="utf-8")
    cells = json.loads(text)["cells"]
    assert any(cell.get("outputs") for cell in cells)
    assert not any(o["output_type"] == "error" for c in cells for o in c.get("outputs", ()))
    assert len(text) < 500_000
    assert "/home/" not in text
    assert "site-packages" not in text
