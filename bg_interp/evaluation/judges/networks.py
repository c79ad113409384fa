"""The networks of the judges: of other families than the networks they judge, and small.

`residual_network` (pre-activated residual blocks, GELU, depthwise 5 x 5, max pooling) is that of
the reported judges, `plain_network` (stacked 3 x 3 convolutions, ReLU) that of the development
judge, whose features also serve the forced choice. Both take RGB in [0, 255] and give logits, and
their penultimate layer is named `features`.
"""

import dataclasses
import functools
import pathlib
from collections.abc import Callable, Iterator

import keras
import numpy as np
import scipy.special
import tqdm
from keras import layers

from bg_interp.evaluation.arrays import compiled, predict
from bg_interp.evaluation.judges import data
from bg_interp.evaluation.judges.judge import Judge, Material
from bg_interp.storage.files import replacing

FEATURES = "features"


def _initializers(seed: int) -> Iterator[keras.initializers.Initializer]:
    """Yields initializers with seeds of their own, so that no global seed is read."""
    for value in np.random.SeedSequence(seed).generate_state(64):
        yield keras.initializers.GlorotUniform(seed=int(value))


def _normalized(x: keras.KerasTensor, activation: str) -> keras.KerasTensor:
    # The short training of judges needs moving averages that follow quickly.
    return layers.Activation(activation)(layers.BatchNormalization(momentum=0.9)(x))


def _head(
    x: keras.KerasTensor, classes: int, seed: int, init: keras.initializers.Initializer
) -> keras.KerasTensor:
    x = layers.GlobalAveragePooling2D(name=FEATURES)(x)
    x = layers.Dropout(0.2, seed=seed)(x)
    return layers.Dense(classes, kernel_initializer=init, name="logits")(x)


def residual_network(side: tuple[int, int], classes: int, seed: int) -> keras.Model:
    """Builds the reported judges' network: float32 [B, H, W, 3] in [0, 255] -> logits [B, K]."""
    init = _initializers(seed)
    image = layers.Input((*side, 3), name="image")
    x = layers.Rescaling(1 / 64.0, -2.0)(image)
    x = layers.Conv2D(32, 4, 2, "same", kernel_initializer=next(init))(x)
    # Pooling before the blocks, not after them: a quarter of the time, the same accuracy.
    x = layers.MaxPooling2D(2)(x)
    for filters in (48, 96, 128):
        shortcut = layers.Conv2D(filters, 1, kernel_initializer=next(init))(x)
        x = _normalized(x, "gelu")
        x = layers.Conv2D(filters, 3, padding="same", kernel_initializer=next(init))(x)
        x = _normalized(x, "gelu")
        x = layers.DepthwiseConv2D(5, padding="same", depthwise_initializer=next(init))(x)
        x = layers.Conv2D(filters, 1, kernel_initializer=next(init))(x)
        x = layers.Add()([shortcut, x])
        if filters < 128:
            x = layers.MaxPooling2D(2)(x)
    x = _normalized(x, "gelu")
    return keras.Model(image, _head(x, classes, seed, next(init)))


def plain_network(side: tuple[int, int], classes: int, seed: int) -> keras.Model:
    """Builds the development judge's network: float32 [B, H, W, 3] in [0, 255] -> logits [B, K]."""
    init = _initializers(seed)
    image = layers.Input((*side, 3), name="image")
    x = layers.Rescaling(1 / 127.5, -1.0)(image)
    x = layers.AveragePooling2D(2)(x)
    for filters in (32, 64, 96, 128):
        x = layers.Conv2D(filters, 3, padding="same", kernel_initializer=next(init))(x)
        x = _normalized(x, "relu")
        if filters < 128:
            x = layers.MaxPooling2D(2)(x)
    return keras.Model(image, _head(x, classes, seed, next(init)))


@dataclasses.dataclass(frozen=True, eq=False)
class TrainedNetwork:
    """A network that has learnt to judge.

    Attributes:
      network: RGB in [0, 255] to logits, with a layer `features`.
    """

    network: keras.Model

    @functools.cached_property
    def _logits(self) -> Callable:
        return compiled(self.network)

    @functools.cached_property
    def _features(self) -> Callable:
        layer = self.network.get_layer(FEATURES)
        return compiled(keras.Model(self.network.inputs, layer.output))

    def __call__(self, images: np.ndarray) -> np.ndarray:
        """Returns logits, float32 [N, K] or [N, K + 1], for [N, H, W, 3] in [0, 255]."""
        return predict(self._logits, images)

    def features(self, images: np.ndarray) -> np.ndarray:
        """Returns the features before the last layer, float32 [N, D]."""
        return predict(self._features, images)

    def save(self, path: pathlib.Path) -> None:
        """Writes a .keras file."""
        with replacing(path) as temporary:
            self.network.save(temporary)


@dataclasses.dataclass(frozen=True)
class NetworkJudge(Judge):
    """A network that learns from images drawn again for each minibatch.

    Attributes:
      network: builds it, from (height, width), the number of its classes, and a seed.
      draw: what it learns from, see `data.draw_objects`.
      learning_rate: the peak of a cosine with 10 % warm-up.
    """

    network: Callable[[tuple[int, int], int, int], keras.Model] = residual_network
    draw: Callable[..., data.Draw] = data.draw_objects
    learning_rate: float = 3e-3

    suffix = ".keras"

    def train(self, material: Material, seed: int) -> TrainedNetwork:
        """See `Judge.train`."""
        arrays, seed = material.arrays, seed + self.seed
        side = arrays.images.shape[1:3]
        network = self.network(side, self.outputs(material.classes), seed)
        steps = self.steps_for(material.classes)
        rate = keras.optimizers.schedules.CosineDecay(
            self.learning_rate / 10,
            decay_steps=max(1, steps - steps // 10),
            warmup_target=self.learning_rate,
            warmup_steps=steps // 10,
        )
        network.compile(
            optimizer=keras.optimizers.AdamW(rate, weight_decay=1e-4),
            loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        )
        draw = self.draw(arrays, material.backgrounds, material.classes, self.batch_size)
        bar = tqdm.tqdm(total=steps, desc=f"{self.words}: learning", unit="step", leave=False)
        with bar:
            shown = keras.callbacks.LambdaCallback(
                on_train_batch_end=lambda batch, logs=None: bar.update()
            )
            batches = data.batches_of(draw, steps, seed)
            network.fit(batches, shuffle=False, verbose=0, callbacks=[shown])
        return TrainedNetwork(network)

    def load(self, path: pathlib.Path) -> TrainedNetwork:
        """See `Judge.load`."""
        return TrainedNetwork(keras.models.load_model(path, compile=False, safe_mode=True))

    def details(self, scores: np.ndarray, labels: np.ndarray) -> dict[str, np.ndarray]:
        """Returns `probability` of what is to be shown and, where it may say so, `none_of_them`."""
        probabilities = scipy.special.softmax(scores, axis=-1)
        found = {"probability": probabilities[np.arange(len(labels)), labels]}
        may_decline = self.of_backgrounds or self.declines
        return {**found, "none_of_them": probabilities[:, -1]} if may_decline else found
