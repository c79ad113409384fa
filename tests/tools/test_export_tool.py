"""tools/export.py writes what others can serve, and says in one line what it cannot."""

import pathlib
import shutil

import pytest

from bg_interp import cli
from bg_interp.errors import UserError
from tools import export as tool

pytestmark = pytest.mark.usefixtures("speaking_of_flags")


@pytest.fixture
def export(monkeypatch):
    """Runs the tool's `main` in this process with settings in place of flags."""

    def run(**settings):
        config = tool.ExportConfig(**settings)
        monkeypatch.setattr(cli, "config_from_flags", lambda config_class: config)
        tool.main()

    return run


def test_both_formats_are_written_to_the_output(export, trained_workdir, tmp_path, capsys):
    export(model=str(trained_workdir), format="saved_model, litert", output=str(tmp_path / "out"))
    assert (tmp_path / "out" / "model.tflite").stat().st_size > 100_000
    assert (tmp_path / "out" / "saved_model" / "saved_model.pb").exists()
    names = (tmp_path / "out" / "saved_model" / "assets" / "class_names.txt").read_text()
    assert names == "disc\nsquare\n"
    assert capsys.readouterr().out.count("wrote ") == 2


def test_a_file_is_exported_beside_itself_with_the_names_given(export, trained_workdir, tmp_path):
    shutil.copy(trained_workdir / "model.keras", tmp_path / "mine.keras")
    export(model=str(tmp_path / "mine.keras"), class_names="round, corners")
    names = (tmp_path / "saved_model" / "assets" / "class_names.txt").read_text()
    assert names == "round\ncorners\n"


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({}, "--model must name a folder of tools/train.py, a .keras file, or MODULE:NAME"),
        ({"model": "x", "format": "onnx"}, "--format must be one or more of saved_model, litert"),
        ({"model": "x", "format": ""}, "--format must be one or more of saved_model, litert"),
        ({"model": "/nowhere"}, "/nowhere"),
        ({"model": "/nowhere.keras"}, "does not exist: /nowhere.keras"),
    ],
)
def test_wrong_flags_are_one_line(export, settings, message):
    with pytest.raises(UserError) as raised:
        export(**settings)
    assert message in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_folder_that_is_no_run_and_one_not_finished_are_named(export, trained_workdir, tmp_path):
    with pytest.raises(UserError, match=r"must be the folder of a run"):
        export(model=str(tmp_path))
    shutil.copy(trained_workdir / "config.json", tmp_path)
    with pytest.raises(UserError, match="a run that is not finished"):
        export(model=str(tmp_path))


def test_the_wrong_number_of_names_is_refused(export, trained_workdir):
    with pytest.raises(UserError, match=r"must be 2 class names\. Received: 3"):
        export(model=str(trained_workdir), class_names="a,b,c")


@pytest.mark.slow
def test_the_program_itself_exports(run_tool, trained_workdir, tmp_path):
    done = run_tool("export", {"model": trained_workdir, "output": tmp_path, "format": "litert"})
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"wrote {pathlib.Path(tmp_path) / 'model.tflite'}\n"
    assert done.stderr == ""
