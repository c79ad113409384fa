"""Every class image comes out of `ActivationMaximization`, and a preset is a plain call of it."""

import dataclasses

import keras
import numpy as np
import pytest

from bg_interp.commands import train, visualize
from bg_interp.config.ascent import VisualizeConfig
from bg_interp.config.training import ArmConfig
from bg_interp.models import targets
from bg_interp.storage.workdir import Workdir
from bg_interp.study import measuring
from bg_interp.visualization import ActivationMaximization, presets, statistics
from bg_interp.visualization.ascent import Ascent
from bg_interp.visualization.modifiers import Noise, SpectrumWeights, View
from bg_interp.visualization.optimizers import Linear, Projected
from bg_interp.visualization.parametrizations import Pixels
from bg_interp.visualization.scores import Margin


@pytest.fixture
def made(monkeypatch):
    """Records what the engine returns, and what becomes class images."""
    recorded = {ActivationMaximization: [], Ascent: []}
    for kind, results in recorded.items():
        original = kind.__call__

        def call(self, *args, original=original, results=results, **options):
            results.append(original(self, *args, **options))
            return results[-1]

        monkeypatch.setattr(kind, "__call__", call)
    return recorded


def all_are_the_engines(made, count):
    assert len(made[Ascent]) == len(made[ActivationMaximization]) == count
    for shown, images in zip(made[Ascent], made[ActivationMaximization], strict=True):
        np.testing.assert_array_equal(shown.samples.reshape(images.shape), images)


@pytest.mark.slow
def test_of_train(made, shape_settings, session_cache, tmp_path, monkeypatch):
    monkeypatch.setenv("BG_INTERP_CACHE", str(session_cache))
    # The least that trains: masks and adversarial steps don't touch the engine.
    settings = {**shape_settings, "steps": 2, "workdir": str(tmp_path / "run")}
    settings |= {"background": "none", "masks": "none"}
    del settings["adversarial_epsilon"], settings["adversarial_replays"]
    train.run(ArmConfig(**settings))
    # Before the first step, and after the last.
    all_are_the_engines(made, 2)


def test_of_a_study(made, trained_workdir, shape_settings):
    workdir = Workdir(trained_workdir)
    model = keras.models.load_model(workdir.model, compile=False)
    config = ArmConfig(**shape_settings, workdir=str(trained_workdir))
    measuring.make_class_images(model, config, statistics.load(workdir.ascent))
    all_are_the_engines(made, len(measuring.STARTS) + 1)


def test_of_a_study_with_the_prior_of_natural_features(
    trained_workdir, shape_settings, monkeypatch
):
    few = dataclasses.replace(presets.NATURAL, steps=2)
    monkeypatch.setitem(presets.PRESETS, "natural", few)
    workdir = Workdir(trained_workdir)
    model = keras.models.load_model(workdir.model, compile=False)
    config = ArmConfig(**shape_settings, workdir=str(trained_workdir))
    known = statistics.load(workdir.ascent)
    made = measuring.make_class_images(model, config, known, [1], natural=True)
    assert list(made) == [*(start.name for start in measuring.STARTS), "prior", "untrained"]
    assert made["prior"].images.shape == made["own"].images.shape
    assert (made["prior"].images != made["own"].images).any()


def test_of_visualize_and_by_a_plain_call_the_same_bytes(made, trained_workdir, tmp_path):
    config = VisualizeConfig(str(trained_workdir), preset="small", steps=80, output=str(tmp_path))
    visualize.run(config)
    all_are_the_engines(made, 1)

    # This is the call of docs/visualization.md.
    model = targets.logits(keras.models.load_model(trained_workdir / "model.keras", compile=False))
    known = statistics.load(trained_workdir / "ascent.npz")
    classes = np.tile(np.arange(model.output_shape[-1]), 2)
    images = ActivationMaximization(model)(
        Margin(classes),
        seed_input=np.repeat(known.mean[None], len(classes), axis=0),
        input_modifiers=[View(shift=1 / 16, rotation=6, scale=0.08), Noise(8, 2, steps=80)],
        regularizers=None,
        gradient_modifier=SpectrumWeights(known.magnitude, power=0.25),
        optimizer=Projected(Linear(1.0, 0.2, steps=80), budget=25.0, around=known.mean / 255),
        parametrization=Pixels(initial=0.01),
        steps=80,
    )
    with np.load(tmp_path / "images.npz") as file:
        assert file["samples"].tobytes() == images.numpy().tobytes()
