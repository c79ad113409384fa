"""U²-Net-p, a small network that finds the salient object of a photograph, in Keras.

Qin et al., "U²-Net: Going Deeper with Nested U-Structure for Salient Object Detection", Pattern
Recognition 2020. The weights are read from the published ONNX file; batch normalisation is folded
into the convolutions there. The ImageNet normalisation and the sigmoid sit inside the model.
"""

import itertools
import pathlib
from collections.abc import Iterator

import keras
from keras import layers

from bg_interp.errors import UserError

_MEAN = (0.485, 0.456, 0.406)
_STDDEV = (0.229, 0.224, 0.225)
_NARROW, _WIDE = 16, 64  # Channels inside a block, and at its ends: the "p" (small) variant.


def build(size: int = 320, batch_size: int | None = None) -> keras.Model:
    """Builds U²-Net-p without its weights.

    Args:
      size: height and width of the input, a multiple of 32.
      batch_size: a fixed batch size, or None for any.

    Returns:
      A model from float32 [B, size, size, 3] RGB in [0, 1] to float32 [B, size, size, 1] in
      [0, 1], 1 = foreground.

    Raises:
      ValueError: the size is not a multiple of 32.
    """
    if size % 32:
        raise ValueError(f"size must be a multiple of 32. Received: size={size}")
    # The ONNX file lists its convolutions in the order in which they are made here.
    names = (f"convolution_{index:03d}" for index in itertools.count())
    image = keras.Input((size, size, 3), batch_size=batch_size, name="image")
    scale = [1 / stddev for stddev in _STDDEV]
    offset = [-mean / stddev for mean, stddev in zip(_MEAN, _STDDEV, strict=True)]
    x = layers.Rescaling(scale, offset, name="imagenet_normalisation")(image)

    encoded = []
    for depth in (7, 6, 5, 4):
        encoded.append(_residual_u(x, depth, names))
        x = _pool(encoded[-1])
    encoded.append(_dilated_u(x, names))
    encoded.append(_dilated_u(_pool(encoded[-1]), names))

    decoded = [encoded[-1]]
    for level, skip in enumerate(reversed(encoded[:-1])):
        x = layers.Concatenate()([_enlarge(decoded[0], 2), skip])
        block = _residual_u(x, level + 3, names) if level else _dilated_u(x, names)
        decoded.insert(0, block)

    sides = []
    for level, features in enumerate(decoded):
        side = layers.Conv2D(1, 3, padding="same", name=next(names))(features)
        sides.append(_enlarge(side, 2**level) if level else side)
    fused = layers.Conv2D(1, 1, name=next(names))(layers.Concatenate()(sides))
    return keras.Model(image, layers.Activation("sigmoid", name="mask")(fused), name="u2netp")


def load_weights(model: keras.Model, path: pathlib.Path) -> None:
    """Copies the weights of `u2netp.onnx` into a model made by `build`.

    Raises:
      UserError: the file is not the U²-Net-p network.
    """
    import onnx
    from onnx import numpy_helper

    graph = onnx.load(path).graph
    tensors = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    nodes = [node for node in graph.node if node.op_type == "Conv"]
    convolutions = [layer for layer in model.layers if isinstance(layer, layers.Conv2D)]
    convolutions.sort(key=lambda layer: layer.name)
    if len(nodes) != len(convolutions):
        raise UserError(
            f"{path} must hold the {len(convolutions)} convolutions of U²-Net-p. Received: "
            f"{len(nodes)}"
        )
    for node, layer in zip(nodes, convolutions, strict=True):
        (dilations,) = (tuple(a.ints) for a in node.attribute if a.name == "dilations")
        if dilations != layer.dilation_rate:
            raise UserError(
                f"{path} must dilate {layer.name} by {layer.dilation_rate}. Received: {dilations}"
            )
        kernel, bias = (tensors[name] for name in node.input[1:3])
        layer.set_weights([kernel.transpose(2, 3, 1, 0), bias])


def _convolve(x, channels: int, dilation: int, names: Iterator[str]):
    x = layers.Conv2D(channels, 3, padding="same", dilation_rate=dilation, name=next(names))(x)
    return layers.ReLU()(x)


def _pool(x):
    return layers.MaxPooling2D(2, 2, padding="same")(x)


def _enlarge(x, factor: int):
    return layers.UpSampling2D(factor, interpolation="bilinear")(x)


def _residual_u(x, depth: int, names: Iterator[str]):
    """A U-net of `depth` levels with a shortcut around it: the paper's RSU-L."""
    shortcut = _convolve(x, _WIDE, 1, names)
    skips = [_convolve(shortcut, _NARROW, 1, names)]
    for _ in range(depth - 2):
        skips.append(_convolve(_pool(skips[-1]), _NARROW, 1, names))
    x = _convolve(skips[-1], _NARROW, 2, names)
    while skips:
        x = layers.Concatenate()([x, skips.pop()])
        x = _convolve(x, _NARROW if skips else _WIDE, 1, names)
        if skips:
            x = _enlarge(x, 2)
    return layers.Add()([x, shortcut])


def _dilated_u(x, names: Iterator[str]):
    """The same idea with dilations in place of pooling, for small maps: the paper's RSU-4F."""
    shortcut = _convolve(x, _WIDE, 1, names)
    skips = [_convolve(shortcut, _NARROW, 1, names)]
    for dilation in (2, 4):
        skips.append(_convolve(skips[-1], _NARROW, dilation, names))
    x = _convolve(skips[-1], _NARROW, 8, names)
    for dilation in (4, 2, 1):
        x = layers.Concatenate()([x, skips.pop()])
        x = _convolve(x, _NARROW if skips else _WIDE, dilation, names)
    return layers.Add()([x, shortcut])
