"""What a network wants done to an image of bytes, and how to put it before the network.

Networks of keras.applications come with a `preprocess_input` of their own, which is forgotten as
easily as it is applied twice; others take [0, 255], [0, 1] or [-1, 1], and do not say which.
"""

import importlib
import re
from collections.abc import Callable

import keras
import numpy as np
from keras import layers

from bg_interp.errors import UserError, one_line
from bg_interp.outside import to_range

# What networks take for black and white.
RANGES = ((0.0, 255.0), (0.0, 1.0), (-1.0, 1.0))
# The first batch normalisation tells what a network was trained on. Its statistics of the right
# range and of another one are this far apart, on images that are natural; see `_strangeness`.
_FAR = 2.0


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


def check_settings(
    preprocess: str | Callable | None, input_range: tuple[float, float] | None
) -> None:
    """Checks what `with_preprocessing` takes.

    Raises:
      UserError: settings that contradict each other, or are none.
    """
    if callable(preprocess) and input_range is not None:
        raise UserError("preprocess as a function and input_range exclude each other: give one")
    if isinstance(preprocess, str) and preprocess != "auto":
        raise UserError(f'preprocess must be "auto", a function or None. Received: {preprocess!r}')


def with_preprocessing(
    model: keras.Model,
    preprocess: str | Callable | None,
    input_range: tuple[float, float] | None,
    image_size: tuple[int, int] | None = None,
) -> keras.Model:
    """Puts what a classifier wants done to images before it.

    Args:
      model: a classifier of images; subclassed models may be called as they are.
      preprocess: "auto" applies `preprocess_input` to a network of keras.applications, and nothing
        to any other; a function of images in [0, 255]; None for none.
      input_range: what the model takes for black and white; None for [0, 255]. It excludes a
        function.
      image_size: rows and columns of the images, for models that leave them open.

    Returns:
      A model of float32 [B, H, W, 3] in [0, 255], which shares the weights; the model itself where
      nothing is to be done.

    Raises:
      UserError: settings that contradict each other, a size that is missing, or a function that
        cannot be part of a model.
    """
    check_settings(preprocess, input_range)
    low, high = RANGES[0] if input_range is None else to_range(input_range)
    known = application_of(model) if preprocess == "auto" and input_range is None else None
    nothing = known is None and not callable(preprocess) and (low, high) == RANGES[0]
    size = size_of(model)
    if nothing and size is not None:
        return model
    size = size or image_size
    if size is None:
        raise UserError(
            f"the model {model.name!r} does not say the size of its images; give image_size"
        )
    x = image = keras.Input((*size, 3), name="image")
    if callable(preprocess):
        x = _called(preprocess, image)
    elif known is not None:
        x = of_application(image, known)
    elif not nothing:
        x = layers.Rescaling((high - low) / 255, low, name="to_range")(image)
    return keras.Model(image, model(x), name=model.name)


def _called(preprocess: Callable, image: keras.KerasTensor) -> keras.KerasTensor:
    try:
        return preprocess(image)
    except Exception as error:  # It is somebody's code, which may raise anything.
        raise UserError(
            "preprocess must be of operations that a Keras model may hold, as keras.ops are and "
            f"NumPy's are not. It raises {type(error).__name__}: {one_line(error)}"
        ) from error


def size_of(model: keras.Model) -> tuple[int, int] | None:
    """Returns rows and columns of a model's images; None where it leaves them open."""
    inputs = getattr(model, "inputs", None)
    size = tuple(inputs[0].shape[1:3]) if inputs else (None, None)
    return None if None in size else size


def check_size(model: keras.Model, images: np.ndarray, what: str) -> None:
    """Checks that images are as large as a model wants them.

    Args:
      model: a classifier of images.
      images: [N, H, W, C].
      what: names them in messages.

    Raises:
      UserError: they are not.
    """
    size = size_of(model)
    if size is not None and size != images.shape[1:3]:
        raise UserError(
            f"{what} must be of the model's size, {list(size)}. "
            f"Received: {list(images.shape[1:3])}; resize them"
        )


def likely_range(model: keras.Model, images: np.ndarray) -> tuple[float, float] | None:
    """Returns the range that a network was trained on, where another one than [0, 255] is likely.

    The first batch normalisation keeps the mean and variance that it saw in training. Networks
    without one, and nested ones, tell nothing.

    Args:
      model: takes images as they come.
      images: natural ones, uint8 or float [N, H, W, 3] in [0, 255].
    """
    found = [layer for layer in model.layers if isinstance(layer, layers.BatchNormalization)]
    if not found or not len(images) or not getattr(model, "inputs", None):
        return None
    before = keras.Model(model.inputs[0], found[0].input)
    values = np.asarray(images[:64], np.float32)

    def strangeness(low: float, high: float) -> float:
        return _strangeness(np.asarray(before(low + values * ((high - low) / 255))), found[0])

    by_range = {span: strangeness(*span) for span in RANGES}
    best = min(by_range, key=by_range.__getitem__)
    return best if by_range[RANGES[0]] - by_range[best] > _FAR else None


def check_range(model: keras.Model, images: np.ndarray) -> None:
    """Looks whether images in [0, 255] reach a network as those did that it was trained on.

    Args:
      model: what `with_preprocessing` returned.
      images: see `likely_range`.

    Raises:
      UserError: another range fits far better.
    """
    best = likely_range(model, images)
    if best is not None:
        raise UserError(
            f"the model {model.name!r} seems to take images in {list(best)}, not in [0, 255]: what "
            "reaches its first batch normalisation is far from what that saw in training; give "
            f"input_range={best}, or preprocess"
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
