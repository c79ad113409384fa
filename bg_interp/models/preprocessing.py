"""What a network wants done to an image of bytes, put before it as layers of its own.

Which preprocessing that is, `models.opening` finds out; here it becomes part of a Keras network.
"""

import importlib
import re
from collections.abc import Callable, Sequence

import keras
import numpy as np
from keras import layers

from bg_interp.errors import UserError, one_line
from bg_interp.models import graph
from bg_interp.models.asking import predict
from bg_interp.models.layout import Layout
from bg_interp.pixels import BYTES, USUAL, Pixels

# The first batch normalisation tells what a network was trained on. Its statistics of the right
# range and of another one are this far apart, on images that are natural; see `_strangeness`.
FAR = 2.0
# So many images tell how far.
_LOOKED_AT = 64


def of_application(image: keras.KerasTensor, application: str) -> keras.KerasTensor:
    """Applies an application's own `preprocess_input` as stock layers.

    Each of them is an affine map of the colours, perhaps with red and blue exchanged; the map is
    read off black and the three pure colours.
    """
    module = importlib.import_module(getattr(keras.applications, application).__module__)
    probes = np.concatenate([np.zeros((1, 3)), 255 * np.eye(3)]).astype(np.float32)[None, None]
    black, *colours = np.asarray(module.preprocess_input(probes.copy()), np.float64)[0, 0]
    matrix = (np.stack(colours) - black) / 255
    reverse = not np.allclose(matrix, np.diag(np.diag(matrix)))
    scale = np.diag(matrix[:, ::-1]) if reverse else np.diag(matrix)
    if reverse:
        # Output channel c takes input channel 2 - c.
        image, scale = image[..., ::-1], scale[::-1]
    if np.allclose(scale, 1) and np.allclose(black, 0):
        return image
    return layers.Rescaling(scale.tolist(), black.tolist(), name="preprocess")(image)


def application_of(model: keras.Model) -> str | None:
    """Returns which network of keras.applications a model is, by the name that Keras gave it."""
    name = _plain(model.name)
    networks = (known for known in dir(keras.applications) if known[0].isupper())
    fitting = [known for known in networks if name.startswith(_plain(known))]
    return max(fitting, key=len, default=None)


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


def with_pixels(
    model: keras.Model,
    pixels: Pixels,
    layout: Layout | None = None,
    image_size: Sequence[int] | None = None,
) -> keras.Model:
    """Puts what a network wants done to images before it, in inference.

    Args:
      model: a network of images; subclassed models may be called as they are.
      pixels: what it wants of pixels.
      layout: the shape it takes; None to read it off the network.
      image_size: rows and columns of the images, for networks that leave them open.

    Returns:
      A network of float32 RGB [B, H, W, 3] in [0, 255], which shares the weights; the network
      itself where nothing is to be done.

    Raises:
      UserError: a size that is missing.
    """
    layout = layout or layout_of(model)
    size = layout.size if None not in layout.size else image_size
    nothing = layout.is_plain and not pixels.reversed and pixels.range == BYTES.range
    if nothing and None not in layout.size:
        return model
    image = _image(model, size)
    x = image if nothing else _layered(image, pixels, layout)
    if layout.is_whole:
        # Whole numbers carry no gradient: the same layers take floats.
        model = graph.rewire(model, shapes=[layout.shape(image.shape[1:3])]).model
    return keras.Model(image, model(x, training=False), name=model.name)


def with_function(
    model: keras.Model, function: Callable, image_size: Sequence[int] | None = None
) -> keras.Model:
    """Puts a caller's function of images in [0, 255] before a network, in inference.

    Raises:
      UserError: a size that is missing, or a function that cannot be part of a network.
    """
    image = _image(model, size_of(model) or image_size)
    return keras.Model(image, model(_called(function, image), training=False), name=model.name)


def _image(model: keras.Model, size: Sequence[int | None] | None) -> keras.KerasTensor:
    if size is None or None in size:
        raise UserError(
            f"the model {model.name!r} does not say the size of its images; give image_size"
        )
    return keras.Input((*size, 3), name="image")


def _layered(image: keras.KerasTensor, pixels: Pixels, layout: Layout) -> keras.KerasTensor:
    """Applies what `Pixels` and `Layout` do as stock layers and operations."""
    x = layout.coloured(image)
    if pixels.reversed and layout.channels >= 3:
        alpha = [x[..., 3:]] if layout.channels > 3 else []
        x = keras.ops.concatenate([x[..., 2:3], x[..., 1:2], x[..., 0:1], *alpha], axis=-1)
    scale, shift = pixels.factors(layout.channels)
    if len(set(scale)) == 1 and len(set(shift)) == 1:
        if (scale[0], shift[0]) != (1.0, 0.0):
            x = layers.Rescaling(scale[0], shift[0], name="to_range")(x)
    else:
        x = layers.Rescaling(scale, shift, name="to_range")(x)
    if layout.place == "first":
        return keras.ops.transpose(x, (0, 3, 1, 2))
    return keras.ops.squeeze(x, axis=-1) if layout.place == "none" else x


def _called(preprocess: Callable, image: keras.KerasTensor) -> keras.KerasTensor:
    try:
        return preprocess(image)
    except Exception as error:  # It is somebody's code, which may raise anything.
        raise UserError(
            "preprocess must be of operations that a Keras model may hold, as keras.ops are and "
            f"NumPy's are not. It raises {type(error).__name__}: {one_line(error)}"
        ) from error


def layout_of(model: keras.Model) -> Layout:
    """Returns the shape that a Keras network takes; any where it does not say."""
    inputs = getattr(model, "inputs", None)
    if not inputs:
        return Layout()
    return Layout.of(tuple(inputs[0].shape), inputs[0].dtype, str(model.name))


def size_of(model: keras.Model) -> tuple[int, int] | None:
    """Returns rows and columns of a model's images; None where it leaves them open."""
    rows, columns = layout_of(model).size
    return None if rows is None or columns is None else (rows, columns)


def check_size(model: keras.Model, images: np.ndarray, what: str) -> None:
    """Checks that images are as large as a model wants them; see `check_layout`."""
    check_layout(layout_of(model), images, what)


def check_layout(layout: Layout, images: np.ndarray, what: str) -> None:
    """Checks that images are as large as a classifier wants them.

    Args:
      layout: the shape that it takes.
      images: [N, H, W, C].
      what: names them in messages.

    Raises:
      UserError: they are not.
    """
    pairs = zip(layout.size, images.shape[1:3], strict=True)
    if any(wanted not in (None, there) for wanted, there in pairs):
        raise UserError(
            f"{what} must be of the model's size, {list(layout.size)}. "
            f"Received: {list(images.shape[1:3])}; resize them"
        )


def strangeness(
    model: keras.Model, readings: Sequence[Callable], images: np.ndarray
) -> list[float] | None:
    """Returns how far images, as each reading brings them to a network, are from its training.

    The first batch normalisation keeps the mean and variance that it saw in training. Networks
    without one, and nested ones, tell nothing: None.

    Args:
      model: a network with a graph.
      readings: functions of images in [0, 255] to what the network takes.
      images: natural ones, uint8 or float [N, H, W, 3] in [0, 255].
    """
    normalizations = [
        layer for layer in model.layers if isinstance(layer, layers.BatchNormalization)
    ]
    if not normalizations or not len(images) or not getattr(model, "inputs", None):
        return None
    try:
        before = keras.Model(model.inputs[0], normalizations[0].input)
    except ValueError:  # The layer was called before it came into this network.
        return None
    rows = np.linspace(0, len(images) - 1, min(len(images), _LOOKED_AT)).astype(np.int64)

    def seen(reading: Callable) -> np.ndarray:
        return predict(lambda some: before(reading(some), training=False), images[rows])

    return [_strangeness(seen(reading), normalizations[0]) for reading in readings]


def likely_range(model: keras.Model, images: np.ndarray) -> Pixels | None:
    """Returns what a network was trained on, where something else than [0, 255] is likely.

    Args:
      model: takes images as they come.
      images: see `strangeness`.
    """
    strange = strangeness(model, USUAL, images)
    if strange is None:
        return None
    best = int(np.argmin(strange))
    return USUAL[best] if strange[0] - strange[best] > FAR else None


def check_range(model: keras.Model, images: np.ndarray) -> None:
    """Looks whether images in [0, 255] reach a network as those did that it was trained on.

    Args:
      model: what `with_pixels` returned.
      images: see `strangeness`.

    Raises:
      UserError: another range fits far better.
    """
    best = likely_range(model, images)
    if best is not None:
        way_out = f"input_range={best.range}" if best.range else f"preprocess={best.name!r}"
        raise UserError(
            f"the model {model.name!r} seems to take images in {best.name}, not in 0:255: what "
            "reaches its first batch normalisation is far from what that saw in training; give "
            f"{way_out}, or preprocess"
        )


def _strangeness(values: np.ndarray, norm: layers.BatchNormalization) -> float:
    """Returns how far values are from the statistics of a layer; 0 are the same ones.

    In logarithms of the deviation, and in deviations of the mean, the median over channels.
    """
    channels = values.reshape(-1, values.shape[-1]).astype(np.float64)
    variance = np.asarray(norm.moving_variance, np.float64) + norm.epsilon
    spread = np.abs(np.log(channels.var(axis=0) + norm.epsilon) - np.log(variance)) / 2
    shift = np.abs(channels.mean(axis=0) - np.asarray(norm.moving_mean)) / np.sqrt(variance)
    return float(np.median(spread) + np.median(shift))
