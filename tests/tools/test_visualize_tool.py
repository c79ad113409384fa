"""tools/visualize.py on real files, in a process of its own."""

import json

import numpy as np
import pytest

from bg_interp.visualization import statistics


@pytest.fixture
def model_file(tmp_path, make_network):
    path = tmp_path / "network.keras"
    make_network().save(path)
    return path


@pytest.mark.slow
def test_classes_of_a_keras_file(run_tool, model_file, tmp_path):
    output = tmp_path / "out"
    flags = {"model": model_file, "classes": "1,3", "steps": 4, "gif": True, "output": output}
    done = run_tool("visualize", flags)
    assert done.returncode == 0, done.stderr
    for name in ("001-1.png", "003-3.png", "grid.png", "samples.png", "animation.gif"):
        assert (output / name).stat().st_size > 100
    with np.load(output / "images.npz") as file:
        assert file["images"].shape == (2, 16, 16, 3)
    results = json.loads((output / "results.json").read_text())
    assert [unit["name"] for unit in results["units"]] == ["1", "3"]
    assert results["settings"]["steps"] == 4


@pytest.mark.slow
def test_a_finished_run_brings_names_and_natural_logits(run_tool, trained_workdir):
    done = run_tool("visualize", {"model": trained_workdir, "steps": 3})
    assert done.returncode == 0, done.stderr
    results = json.loads((trained_workdir / "visualizations" / "results.json").read_text())
    known = statistics.load(trained_workdir / "ascent.npz").natural_logits
    assert [unit["name"] for unit in results["units"]] == ["disc", "square"]
    np.testing.assert_allclose([unit["best_natural_image"] for unit in results["units"]], known)


@pytest.mark.slow
def test_a_neuron_in_each_channel_of_a_layer(run_tool, model_file, tmp_path):
    flags = {"model": model_file, "layer": "convolution", "channels": "0,5", "steps": 2}
    done = run_tool("visualize", {**flags, "position": "centre", "output": tmp_path / "out"})
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out" / "005-convolution_5.png").is_file()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ({}, "--model must be given"),
        ({"model": "/nowhere"}, "does not exist: /nowhere"),
        ({"model": ".", "channels": "1"}, "need --layer"),
        ({"model": ".", "parametrization": "macoo"}, "did you mean 'maco'"),
        (
            {"model": ".", "preset": "small", "parametrization": "maco"},
            "--preset=small is made for --parametrization=projected",
        ),
        ({"model": ".", "start": "blak"}, "--start must be mean, black, grey, or an image file"),
    ],
)
def test_wrong_flags_are_one_line(run_tool, flags, message):
    done = run_tool("visualize", flags)
    assert done.returncode == 1
    assert message in done.stderr
    assert done.stderr.count("\n") == 1
