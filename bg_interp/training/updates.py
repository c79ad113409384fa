"""How a network is updated: optimizer, schedule, and "free" adversarial training.

Free adversarial training (Shafahi et al. 2019, arXiv 1904.12843) updates the network several times
on each minibatch; the gradient with respect to the input, which each update gives for nothing,
moves the input against the network for the next one. The paper on background removal trains
without it; here it is what makes class images show objects.
"""

import dataclasses
from typing import Any

import keras
import tensorflow as tf

from bg_interp.training import strategies


@dataclasses.dataclass(frozen=True)
class UpdateSettings:
    """Settings of the updates.

    Attributes:
      steps: minibatches, each with all its replays.
      learning_rate: the peak, reached after a tenth of the updates, before a cosine to 0.
      weight_decay: of AdamW.
      label_smoothing: share of each label that is spread over all classes.
      adversarial_epsilon: largest L2 length of the input's perturbation, per image, in units of
        [0, 1] per channel value. 0 trains without.
      adversarial_ramp: share of the steps over which that length grows from 0.
      adversarial_ramp_power: 1 grows evenly, 2 slowly at first.
      adversarial_replays: updates on each minibatch; the first is on the clean images.
      adversarial_guard: the perturbation shrinks while the network is wrong about most of the
        minibatch as it sees it; see `headroom`.
    """

    steps: int
    learning_rate: float = 2e-3
    weight_decay: float = 1e-4
    label_smoothing: float = 0.0
    adversarial_epsilon: float = 0.0
    adversarial_ramp: float = 0.5
    adversarial_ramp_power: float = 1.0
    adversarial_replays: int = 1
    adversarial_guard: bool = False

    @classmethod
    def of(cls, config: Any) -> "UpdateSettings":
        """Takes them from the settings of an arm, which have the same names."""
        return cls(**{field.name: getattr(config, field.name) for field in dataclasses.fields(cls)})

    @property
    def updates(self) -> int:
        """All updates of the network."""
        return self.steps * self.adversarial_replays

    def epsilon(self, step: int) -> float:
        """Returns the perturbation's largest length at `step` (from 0), in pixel units."""
        grown = min(1.0, (step + 1) / self.steps / self.adversarial_ramp)
        return 255.0 * self.adversarial_epsilon * grown**self.adversarial_ramp_power


def make_optimizer(
    settings: UpdateSettings, mixed_precision: str = "none"
) -> keras.optimizers.Optimizer:
    """Returns AdamW with warm-up and cosine; float16 gets a loss scale."""
    warmup = max(1, settings.updates // 10)
    schedule = keras.optimizers.schedules.CosineDecay(
        initial_learning_rate=0.1 * settings.learning_rate,
        decay_steps=max(1, settings.updates - warmup),
        warmup_target=settings.learning_rate,
        warmup_steps=warmup,
    )
    optimizer = keras.optimizers.AdamW(schedule, weight_decay=settings.weight_decay)
    if mixed_precision == "float16":
        optimizer = keras.optimizers.LossScaleOptimizer(optimizer)
    return optimizer


def _lengths(values: tf.Tensor) -> tf.Tensor:
    """Returns the L2 length of each image, [B, 1, 1, 1], never 0."""
    return tf.sqrt(tf.reduce_sum(tf.square(values), axis=(1, 2, 3), keepdims=True)) + 1e-9


def next_perturbation(
    perturbation: tf.Tensor, input_gradient: tf.Tensor, epsilon: tf.Tensor
) -> tf.Tensor:
    """Moves a perturbation by `epsilon` along the input's gradient, and back into its ball.

    Args:
      perturbation: float32 [B, H, W, 3], in pixel units.
      input_gradient: of the loss, of the same shape; only its direction counts. Images whose
        gradient is 0 or overflowed, as float16's may, keep their perturbation.
      epsilon: radius of the L2 ball and length of the step, in pixel units.
    """
    lengths = _lengths(input_gradient)
    direction = tf.where(tf.math.is_finite(lengths), input_gradient / lengths, 0.0)
    moved = perturbation + epsilon * direction
    return moved * tf.minimum(1.0, epsilon / _lengths(moved))


def headroom(accuracy: tf.Tensor, classes: int) -> tf.Tensor:
    """Returns how much of the perturbation a network can bear, from 0 at chance to 1.

    A perturbation that a network has no answer to teaches it one thing: to answer the same for
    every image. Its features die, batch normalisation that is frozen does not revive them, and no
    later minibatch brings them back. So the perturbation is whole while the network is right at
    least half the way from chance to always, and less below.

    Args:
      accuracy: float32, on the images as the network sees them, perturbed or not.
      classes: number of classes.
    """
    chance = 1.0 / classes
    return tf.clip_by_value(2.0 * (accuracy - chance) / (1.0 - chance), 0.0, 1.0)


class Updater:
    """One compiled update of a network, and a step made of several.

    Args:
      model: gives logits.
      optimizer: built here for the model's variables.
      settings: settings of the updates.
      jit_compile: whether the update is compiled by XLA.
      strategy: the replicas that a batch is divided among.
    """

    def __init__(
        self,
        model: keras.Model,
        optimizer: keras.optimizers.Optimizer,
        settings: UpdateSettings,
        *,
        jit_compile: bool = False,
        strategy: tf.distribute.Strategy | None = None,
    ):
        self._model, self._optimizer, self._settings = model, optimizer, settings
        self._strategy = strategy or tf.distribute.get_strategy()
        with self._strategy.scope():
            optimizer.build(model.trainable_variables)
        # Keras' own mean is divided by the number of replicas, which would count it twice here.
        self._losses = keras.losses.CategoricalCrossentropy(
            from_logits=True, label_smoothing=settings.label_smoothing, reduction=None
        )
        self._update = tf.function(self._distributed_update, jit_compile=jit_compile)
        self._mean = tf.function(self._mean_over_replicas)

    def step(self, batch: dict, step: int) -> tuple[tf.Tensor, tf.Tensor]:
        """Runs all updates of one minibatch.

        Args:
          batch: float32 `image` [B, S, S, 3] and int32 `label` [B], perhaps per replica.
          step: from 0.

        Returns:
          (loss, accuracy) on the clean images, before the first of the updates; float32 scalars.
        """
        images, labels = batch["image"], batch["label"]
        epsilon = tf.constant(self._settings.epsilon(step), tf.float32)
        perturbation = self._strategy.run(tf.zeros_like, (images,))
        first: list[tf.Tensor] = []
        for _ in range(self._settings.adversarial_replays):
            perturbation, *measured = self._update(images, labels, perturbation, epsilon)
            first = first or measured
        if self._strategy.num_replicas_in_sync > 1:
            first = self._mean(*first)
        loss, accuracy = first
        return loss, accuracy

    def _distributed_update(self, *arguments):
        with strategies.statistics_of_whole_batches(self._model, self._strategy):
            return self._strategy.run(self._replica_update, arguments)

    def _mean_over_replicas(self, *values: tf.Tensor) -> list[tf.Tensor]:
        """Returns the means of scalars over all replicas, of which each has its own."""
        # One vector, since each reduction waits for all workers.
        stacked = self._strategy.run(lambda *scalars: tf.stack(scalars), values)
        return tf.unstack(self._strategy.reduce("MEAN", stacked, axis=None), len(values))

    def _replica_update(
        self, images: tf.Tensor, labels: tf.Tensor, perturbation: tf.Tensor, epsilon: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """Updates the network on perturbed images; returns the next perturbation and measures."""
        variables = self._model.trainable_variables
        adversarial = self._settings.adversarial_replays > 1
        with tf.GradientTape() as tape:
            seen = images + perturbation
            if adversarial:
                tape.watch(seen)
            logits = self._model(seen, training=True)
            losses = self._losses(tf.one_hot(labels, logits.shape[-1]), logits)
            loss = tf.reduce_mean(losses)
            # Gradients are summed over the replicas.
            objective = self._optimizer.scale_loss(loss / self._strategy.num_replicas_in_sync)
        correct = tf.equal(tf.argmax(logits, axis=1, output_type=tf.int32), labels)
        accuracy = tf.reduce_mean(tf.cast(correct, tf.float32))
        if adversarial:
            if self._settings.adversarial_guard:
                epsilon *= headroom(accuracy, logits.shape[-1])
            input_gradient, gradients = tape.gradient(objective, (seen, variables))
            perturbation = next_perturbation(perturbation, input_gradient, epsilon)
        else:
            gradients = tape.gradient(objective, variables)
        self._optimizer.apply_gradients(zip(gradients, variables, strict=True))
        return perturbation, loss, accuracy
