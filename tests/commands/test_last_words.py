"""The last words of a training say what its numbers mean, and what to look at."""

import dataclasses

import pytest

from bg_interp.commands import last_words
from bg_interp.config.training import ArmConfig, resolved


def said(tmp_path, background, **accuracies):
    config = dataclasses.replace(resolved(ArmConfig(background=background)))
    values = {f"accuracy/{name}": value for name, value in accuracies.items()}
    return last_words.text(config, values, tmp_path / "run")


def test_a_network_that_never_saw_backgrounds_is_explained(tmp_path):
    text = said(tmp_path, "black", own_condition=1.0, original=0.175, swapped=0.16)
    assert "1.00  with backgrounds as in training (black)" in text
    assert "real backgrounds, and they mislead it" in text
    assert "it relies on the background" not in text


def test_a_network_that_relies_on_backgrounds_is_explained(tmp_path):
    text = said(tmp_path, "none", own_condition=0.95, original=0.95, swapped=0.03)
    assert "it relies on the background" in text
    # With `none` the condition of training is the unmodified image: one row says so.
    assert "as in training" not in text and text.count("0.95") == 1


def test_small_differences_are_left_without_a_word(tmp_path):
    text = said(tmp_path, "mix", own_condition=0.9, original=0.88, swapped=0.85)
    assert "mixed: a share of 0.5 black" in text
    assert "relies" not in text and "mislead" not in text


@pytest.mark.parametrize("drawn", [True, False])
def test_it_names_the_newest_class_images_and_how_to_look(tmp_path, drawn):
    folder = tmp_path / "run" / "visualizations"
    folder.mkdir(parents=True)
    for step in (20, 120) if drawn else ():
        (folder / f"class_images-{step:06d}.png").touch()
    text = said(tmp_path, "none", original=0.5)
    assert ("class_images-000120.png" in text) == drawn
    assert f"tensorboard --logdir {tmp_path / 'run'}" in text
    assert f"--model={tmp_path / 'run'}" in text
