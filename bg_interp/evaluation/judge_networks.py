"""The networks of the judges: of other families than the networks they judge, and small.

`residual_network` (pre-activated residual blocks, GELU, depthwise 5 x 5, max pooling) is that of
the reported judges, `plain_network` (stacked 3 x 3 convolutions, ReLU) that of the development
judge. Both take RGB in [0, 255] and give logits, and their penultimate layer is named `features`.
"""

from collections.abc import Iterator

import keras
import numpy as np
from keras import layers

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
