"""Run by test_mirrored.py: trains on two logical CPUs and on one, and compares the weights."""

import keras
import numpy as np
import tensorflow as tf

from bg_interp.config.treatment import AugmentationConfig
from bg_interp.data import pipeline, treatments
from bg_interp.data.examples import InMemory
from bg_interp.models import networks
from bg_interp.training.updates import Updater, UpdateSettings


def trained(strategy: tf.distribute.Strategy) -> list[np.ndarray]:
    """Returns the losses of, and the weights after, three steps of free adversarial training."""
    settings = UpdateSettings(steps=3, adversarial_epsilon=1.0, adversarial_replays=2)
    generator = np.random.default_rng(0)
    examples = InMemory(
        {
            "image": generator.integers(0, 256, (12, 32, 32, 3)).astype(np.uint8),
            "mask": np.full((12, 32, 32, 1), 255, np.uint8),
            "label": np.arange(12, dtype=np.int32) % 2,
            "index": np.arange(12),
        }
    )
    with strategy.scope():
        model = networks.build("small", image_size=32, classes=2)
        model.get_layer("dropout").rate = 0.0
        # AdamW would turn the rounding of a small gradient into a whole step.
        optimizer = keras.optimizers.SGD(0.01)
    updater = Updater(model, optimizer, settings, strategy=strategy)
    batches = pipeline.training_batches(
        examples, treatments.black, AugmentationConfig(), batch_size=8, seed=0, start=0, stop=3
    )
    if strategy.num_replicas_in_sync > 1:
        batches = strategy.experimental_distribute_dataset(batches)
    losses = [updater.step(batch, step)[0] for step, batch in enumerate(batches)]
    return [np.asarray(losses)] + [np.asarray(weight) for weight in model.get_weights()]


if __name__ == "__main__":
    tf.config.set_logical_device_configuration(
        tf.config.list_physical_devices("CPU")[0], [tf.config.LogicalDeviceConfiguration()] * 2
    )
    mirrored = tf.distribute.MirroredStrategy(["/cpu:0", "/cpu:1"])
    pairs = zip(trained(mirrored), trained(tf.distribute.get_strategy()), strict=True)
    print("replicas", mirrored.num_replicas_in_sync)
    print("difference", max(float(np.abs(ours - theirs).max()) for ours, theirs in pairs))
