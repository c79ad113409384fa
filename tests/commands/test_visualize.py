"""A gallery from a file: names, a judge, what is said of each image, and going on after a kill."""

import json

import keras
import numpy as np
import pytest

from bg_interp.commands import visualize
from bg_interp.config.ascent import VisualizeConfig, check_names
from bg_interp.errors import UserError
from bg_interp.visualization.ascent import Ascent


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    """The file of a small network whose batch normalisation has seen images."""
    keras.utils.set_random_seed(0)
    inputs = keras.Input((16, 16, 3))
    x = keras.layers.BatchNormalization(momentum=0.0)(keras.layers.Conv2D(6, 3)(inputs))
    x = keras.layers.GlobalAveragePooling2D()(keras.layers.ReLU()(x))
    model = keras.Model(inputs, keras.layers.Dense(20)(x))
    model(np.random.default_rng(0).uniform(0, 255, (8, 16, 16, 3)), training=True)
    path = tmp_path_factory.mktemp("model") / "network.keras"
    model.save(path)
    return path


def results_of(folder):
    return json.loads((folder / "results.json").read_text(encoding="utf-8"))


def test_names_judge_and_what_each_image_is_worth(file, tmp_path):
    names = tmp_path / "names.txt"
    names.write_text("\n".join(f"kind {number}" for number in range(20)), encoding="utf-8")
    config = VisualizeConfig(
        model=str(file),
        classes="kind 3,7",
        class_names=str(names),
        steps=2,
        judge=str(file),
        output=str(tmp_path / "out"),
    )
    done = visualize.run(config)
    assert done.names == ["kind 3", "kind 7"]
    found = results_of(done.folder)
    # The judge is the network itself.
    guesses = [f"kind {unit['first_guess']}" for unit in found["units"]]
    assert found["judge"]["first_guess"] == guesses
    assert [unit["failed"] for unit in found["units"]] == done.made.failed.tolist()
    assert found["prior"] is False
    assert "another network names" in str(done.judged)


def test_a_gallery_of_all_classes_goes_on(file, tmp_path, monkeypatch):
    monkeypatch.setattr(Ascent, "at_once", 8)
    calls, call = [], Ascent.__call__

    def counted(self, units, **how):
        if len(calls) == 2:
            calls.append(None)
            raise KeyboardInterrupt
        calls.append(list(units))
        return call(self, units, **how)

    monkeypatch.setattr(Ascent, "__call__", counted)
    config = VisualizeConfig(
        model=str(file), classes="all", steps=2, samples=1, output=str(tmp_path / "out")
    )
    with pytest.raises(KeyboardInterrupt):
        visualize.run(config)
    assert not (tmp_path / "out" / "results.json").exists()
    done = visualize.run(config)
    # The first two parts were kept, and the third is made.
    assert calls == [list(range(8)), list(range(8, 16)), None, list(range(16, 20))]
    assert done.made.units == tuple(range(20))
    assert not (tmp_path / "out" / "progress").exists()
    calls[:] = [None] * 3
    other = visualize.run(VisualizeConfig(**{**vars(config), "output": str(tmp_path / "new")}))
    np.testing.assert_array_equal(done.made.images, other.made.images)


def test_a_prior_is_said(file, tmp_path):
    config = VisualizeConfig(
        model=str(file), classes="3", preset="natural", steps=2, output=str(tmp_path / "out")
    )
    assert results_of(visualize.run(config).folder)["prior"] is True


def test_a_judge_of_channels_is_refused(file):
    with pytest.raises(UserError, match="judge names classes"):
        check_names(VisualizeConfig(model=str(file), layer="conv2d", judge=str(file)))
