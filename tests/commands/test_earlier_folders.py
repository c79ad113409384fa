"""Folders that the first version wrote still open: a run, and a store of masks."""

import dataclasses
import pathlib
import shutil
import types

import numpy as np
import pytest
import tensorflow as tf

from bg_interp.config import training
from bg_interp.config.data import DataConfig
from bg_interp.data import mask_choice
from bg_interp.errors import UserError
from bg_interp.storage.workdir import Workdir

EARLIER = pathlib.Path(__file__).parent / "earlier"


@pytest.fixture
def run(tmp_path) -> Workdir:
    """The folder of a finished run of `tools/train.py --background=black`, without its network."""
    shutil.copytree(EARLIER / "run", tmp_path / "run")
    return Workdir(tmp_path / "run")


def claim(run: Workdir, **change):
    config = training.resolved(training.ArmConfig(background="black", **change))
    before = run.read_config()
    run.claim(
        dataclasses.asdict(training.counted(config, before["examples"]["train"])),
        not_compared=training.NOT_COMPARED,
        overwrite=False,
        completed=training.completed,
        fingerprint=before["fingerprint"],
        masks=before["masks"],
    )


def test_a_run_is_taken_for_that_of_the_same_command(run):
    claim(run)
    assert run.read_result()["accuracies"]["accuracy/own_condition"] > 0.8


def test_a_run_of_other_settings_is_told_from_it(run):
    with pytest.raises(UserError, match=r"pixel_noise was 16\.0, now 8\.0"):
        claim(run, pixel_noise=8.0)
    # That version had no guard: what it did is today's default.
    with pytest.raises(UserError, match="adversarial_guard was False, now True"):
        claim(run, adversarial_guard=True)


def test_a_store_of_masks_is_read(tmp_path):
    shutil.copytree(EARLIER / "masks", tmp_path / "masks")
    split = types.SimpleNamespace(keys=["cat/0.jpg", "dog/1.jpg"])
    source = types.SimpleNamespace(
        name="folder:/photos", fingerprint="0" * 64, has_masks=False, splits={"train": split}
    )
    config = DataConfig(masks="object", mask_store=str(tmp_path / "masks"))
    found = mask_choice.choose(source, "train", config)
    assert found.origin == "object-309c8469258d-50f51012"
    assert found.counts == {"empty": 1}
    left, right = np.split(found.read(tf.constant(0, tf.int64), {}).numpy()[..., 0], 2, axis=1)
    assert (left.min(), right.max()) == (255, 0)
