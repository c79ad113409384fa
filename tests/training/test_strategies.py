"""What a batch is divided among, without a second machine."""

import types

import pytest
import tensorflow as tf

from bg_interp.errors import UserError
from bg_interp.models import networks
from bg_interp.training import strategies


def test_a_batch_that_cannot_be_divided_is_refused(monkeypatch):
    three = types.SimpleNamespace(num_replicas_in_sync=3)
    monkeypatch.setattr(tf.distribute, "MirroredStrategy", lambda: three)
    with pytest.raises(UserError, match="must be a multiple of the 3 devices"):
        strategies.make("mirrored", batch_size=64)
    assert strategies.make("mirrored", batch_size=66) is three


def test_one_machine_is_its_own_first_worker():
    strategy = strategies.make("none", batch_size=7)
    assert strategy is tf.distribute.get_strategy()
    assert strategies.is_first(strategy)
    assert not strategies.spans_workers(strategy)


@pytest.mark.parametrize("replicas", [1, 2])
def test_layers_are_synchronized_within_the_block_alone(replicas):
    model = networks.build("small", image_size=32, classes=2)
    strategy = types.SimpleNamespace(num_replicas_in_sync=replicas)
    layer = model.get_layer("normalization_1")
    with strategies.statistics_of_whole_batches(model, strategy):
        assert layer.synchronized == (replicas > 1)
    assert not layer.synchronized


def test_a_lost_worker_is_one_line():
    error = tf.errors.UnavailableError(None, None, "Connection reset by peer")
    message = "go on from the newest checkpoint"
    with pytest.raises(strategies.WorkerLost, match=message), strategies.losses_named():
        raise error
