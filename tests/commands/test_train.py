"""The wiring of one arm: what it measures, and what it makes of its settings."""

import types

import pytest
import tensorflow as tf

from bg_interp.commands import train
from bg_interp.config.training import ArmConfig
from bg_interp.data import pipeline, treatments
from bg_interp.data.examples import own_mask


@pytest.mark.parametrize("batch_size", [1, 200])
def test_swapped_accuracy_shows_other_backgrounds_whatever_the_batch_size(
    tiny_habitats, monkeypatch, batch_size
):
    asked = []

    def noted(examples, treatment, *, batch_size):
        asked.append((treatment, batch_size))
        return tf.data.Dataset.range(0)

    monkeypatch.setattr(pipeline, "evaluation_batches", noted)
    data = types.SimpleNamespace(test=None, masks=types.SimpleNamespace(read=own_mask))
    config = ArmConfig(batch_size=batch_size)
    for batches in train.conditions(config, data, treatments.black).values():
        assert list(batches()) == list(batches()) == []
    assert {size for _, size in asked} == {max(batch_size, 64)}
    assert [treatment for treatment, _ in asked] == [
        treatments.black,
        treatments.none,
        treatments.swap,
    ]


def test_xla_is_resolved_by_the_program():
    assert train.resolve_jit(ArmConfig(jit_compile="true"))
    assert not train.resolve_jit(ArmConfig(jit_compile="false"))
    on_gpu = bool(tf.config.list_physical_devices("GPU"))
    assert train.resolve_jit(ArmConfig()) == on_gpu
    assert not train.resolve_jit(ArmConfig(deterministic=True))
