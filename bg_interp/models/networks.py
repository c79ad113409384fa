"""The networks: one small one for small images, and all of keras.applications.

Each takes float32 RGB in [0, 255], holds its own preprocessing, gives logits, and is one flat
functional `keras.Model` of stock layers, so that every layer can be named and the file opens
without this package.
"""

import collections
import contextlib
import itertools
import pathlib
import re
import warnings
from collections.abc import Iterator

import keras
import numpy as np
from keras import layers

from bg_interp.errors import UserError, one_line
from bg_interp.models import keras_files, preprocessing

LOGITS = "logits"
# The alphas of MobileNets.
_WIDTHS = (0.25, 0.35, 0.5, 0.75, 1.3, 1.4)
# A head that is drawn anew on weights that are given starts this much smaller than usual: at full
# size its first answers are sure and wrong, and the first updates spoil the features below it.
_FRESH_HEAD = 0.01


def small(image_size: int, classes: int) -> keras.Model:
    """Builds the small network: four convolutions with a flat head.

    The first convolution is large and coarse, and the head is flat, so that its class images have
    a place for each part of an object.

    Args:
      image_size: side of the input in pixels.
      classes: number of logits.
    """
    x = image = keras.Input((image_size, image_size, 3), name="image")
    x = layers.Rescaling(1 / 64, -2.0, name="preprocess")(x)
    for number, (filters, kernel, stride) in enumerate(
        [(32, 8, 4), (48, 3, 1), (64, 3, 1), (96, 3, 1)], start=1
    ):
        x = layers.Conv2D(
            filters, kernel, stride, padding="same", use_bias=False, name=f"convolution_{number}"
        )(x)
        x = layers.BatchNormalization(momentum=0.9, name=f"normalization_{number}")(x)
        x = layers.ReLU(name=f"activation_{number}")(x)
        if stride == 1:
            x = layers.AveragePooling2D(2, name=f"pool_{number}")(x)
    x = layers.Flatten(name="flatten")(x)
    x = layers.Dropout(0.2, name="dropout")(x)
    # float32 also under mixed precision: the loss needs the range.
    return keras.Model(image, layers.Dense(classes, dtype="float32", name=LOGITS)(x), name="small")


def application(name: str, image_size: int, classes: int, weights: str) -> keras.Model:
    """Builds a network of keras.applications with a head of its own, as one flat graph.

    Args:
      name: of the network, for instance "MobileNetV2".
      image_size: side of the input in pixels.
      classes: number of logits.
      weights: "none", "imagenet", or the path of a .keras, .h5 or .weights.h5 file.

    Raises:
      UserError: the weights are not there, or the network cannot take images of that size.
    """
    if weights in ("none", "imagenet"):
        return _application(name, image_size, classes, weights)
    saved = _saved(name, pathlib.Path(weights).expanduser())
    first = model = _application(name, image_size, classes, "none")
    # MobileNets come in several widths, and the file tells which by its shapes.
    for width in _widths(name):
        misfit = _misfit(model, saved)
        if misfit is None or misfit not in saved:
            break
        model = _application(name, image_size, classes, "none", width)
    model = model if _misfit(model, saved) is None else first
    _take_weights(model, saved, weights)
    return model


def _widths(name: str) -> tuple[float, ...]:
    """Returns the alphas that a network may have beside 1."""
    return _WIDTHS if name.startswith("MobileNet") else ()


def _application(
    name: str, image_size: int, classes: int, weights: str, width: float | None = None
) -> keras.Model:
    """Builds a network of keras.applications; `width` is the alpha of a MobileNet."""
    image = keras.Input((image_size, image_size, 3), name="image")
    try:
        backbone = getattr(keras.applications, name)(
            input_tensor=preprocessing.of_application(image, name),
            include_top=False,
            weights="imagenet" if weights == "imagenet" else None,
            **({} if width is None else {"alpha": width}),
        )
    # Keras raises a plain Exception when a download fails.
    except Exception as error:
        reason = one_line(error)
        raise UserError(
            f"--network={name} with --weights={weights} and --image_size={image_size} could not "
            f"be built: {reason}"
        ) from error
    x = backbone.output
    if len(x.shape) == 4:
        x = layers.GlobalAveragePooling2D(name="pool")(x)
    x = layers.Dropout(0.3, name="dropout")(x)
    x = layers.Dense(classes, dtype="float32", name=LOGITS)(x)
    return keras.Model(image, x, name=name)


def _all_layers(model: keras.Model) -> Iterator[keras.Layer]:
    """Yields the layers of a model and of the models nested in it."""
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            yield from _all_layers(layer)
        else:
            yield layer


def _stable_names(model: keras.Model) -> dict[str, keras.Layer]:
    """Returns the layers by names that do not depend on what a process built before.

    Keras numbers layers without a name, as in Xception and InceptionV3, through a whole process
    (conv2d_4); here they are numbered within their model.
    """
    found: dict[str, keras.Layer] = {}
    counts: collections.Counter[str] = collections.Counter()
    for layer in _all_layers(model):
        name, kind = layer.name, re.sub(r"_\d+$", "", layer.name)
        if kind.replace("_", "") == type(layer).__name__.lower():
            name = f"{kind} number {counts[kind]}"
            counts[kind] += 1
        found[name] = layer
    return found


def _saved(name: str, path: pathlib.Path) -> dict[str, keras.Layer]:
    """Returns the layers of a file by their stable names.

    Args:
      name: of the network that they are of, for a file that has weights alone.
      path: a .keras or .h5 file, or a .weights.h5 file, such as keras.applications downloads.

    Raises:
      UserError: the file cannot be read.
    """
    what = f"--weights={path}"
    if not path.is_file() or not keras_files.holds_weights_alone(path):
        return _stable_names(keras_files.opened(path, what))
    reasons = []
    widths: list[dict] = [{}, *({"alpha": width} for width in _widths(name))]
    for width, with_head in itertools.product(widths, (True, False)):
        try:
            network = getattr(keras.applications, name)(
                weights=None, include_top=with_head, **width
            )
            with warnings.catch_warnings():
                # Of layers within layers, which Keras looks for in more places than there are.
                warnings.simplefilter("ignore")
                network.load_weights(path)
            return _stable_names(network)
        # Keras raises many kinds of exceptions: for weights that do not fit, and for no network.
        except Exception as error:
            reasons.append(one_line(error))
    raise UserError(
        f"{what} holds weights alone, and not those of keras.applications' {name}: {reasons[0]}; "
        "give a .keras file of the whole network"
    )


def _misfit(model: keras.Model, saved: dict[str, keras.Layer]) -> str | None:
    """Returns the name of a layer other than the head that a file lacks, or has in other shapes."""
    for name, layer in _stable_names(model).items():
        if layer.weights and layer.name != LOGITS and not _fits(layer, saved.get(name)):
            return layer.name
    return None


def _fits(layer: keras.Layer, other: keras.Layer | None) -> bool:
    shapes = [variable.shape for variable in layer.weights]
    return other is not None and [variable.shape for variable in other.weights] == shapes


def _take_weights(model: keras.Model, saved: dict[str, keras.Layer], what: str) -> None:
    """Copies the weights of the layers of the same name and shape from a file.

    Args:
      model: the network to fill.
      saved: see `_saved`.
      what: names the file in messages.

    Raises:
      UserError: the file lacks a layer other than the head.
    """
    misfit = _misfit(model, saved)
    if misfit is not None:
        shapes = [tuple(variable.shape) for variable in model.get_layer(misfit).weights]
        raise UserError(
            f"--weights={what} must hold a {model.name}; its layer {misfit!r} of shapes "
            f"{shapes} is missing or of other shapes"
        )
    for name, layer in _stable_names(model).items():
        if layer.weights and _fits(layer, saved.get(name)):
            layer.set_weights(saved[name].get_weights())


def initialize(model: keras.Model, seed: int, only: set[str] | None = None) -> None:
    """Draws a model's weights again from a seed, without any global random state.

    Args:
      model: its layers' own initializers are used, each with a seed of its own.
      seed: the same seed gives the same weights.
      only: names of the layers to draw; None for all.
    """
    for number, layer in enumerate(_all_layers(model)):
        keys = np.random.SeedSequence([seed, number]).generate_state(4).tolist()
        generator = getattr(layer, "seed_generator", None)
        if generator is not None:
            generator.state.assign(np.array(keys[:2], generator.state.dtype))
        if only is not None and layer.name not in only:
            continue
        for place, variable in enumerate(layer.trainable_variables):
            initializer = _initializer(layer, variable.name)
            if initializer is not None and "seed" in initializer.get_config():
                config = {**initializer.get_config(), "seed": (keys[2] + place) % 2**31}
                fresh = initializer.__class__.from_config(config)
                variable.assign(fresh(variable.shape, dtype=variable.dtype))


def _initializer(layer: keras.Layer, variable: str) -> keras.Initializer | None:
    """Returns the initializer of one of a layer's variables, where it has one."""
    # Depthwise convolutions call their variable "kernel", separable ones "depthwise_kernel".
    names = [variable, variable.removesuffix("_kernel"), "depthwise"]
    initializers = (getattr(layer, f"{name}_initializer", None) for name in names)
    return next((initializer for initializer in initializers if initializer is not None), None)


def freeze_batch_norm(model: keras.Model) -> None:
    """Makes batch normalisation use, and keep, the statistics that the weights came with."""
    for layer in model.layers:
        if isinstance(layer, layers.BatchNormalization):
            layer.trainable = False


@contextlib.contextmanager
def _dtype_policy(mixed_precision: str) -> Iterator[None]:
    """Builds layers under a mixed-precision policy and puts the former one back."""
    before = keras.config.dtype_policy()
    if mixed_precision != "none":
        keras.config.set_dtype_policy(f"mixed_{mixed_precision}")
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def build(
    name: str,
    *,
    image_size: int,
    classes: int,
    weights: str = "none",
    seed: int = 0,
    mixed_precision: str = "none",
    frozen_batch_norm: bool = False,
) -> keras.Model:
    """Builds a network whose weights depend on the seed alone.

    Args:
      name: "small" or a name of keras.applications.
      image_size: side of the input in pixels.
      classes: number of logits.
      weights: "none", "imagenet", or the path of a .keras or .h5 file of the same network.
      seed: of the weights that are drawn: all of them, or the head alone.
      mixed_precision: "none", "float16" or "bfloat16".
      frozen_batch_norm: see `freeze_batch_norm`.

    Returns:
      A flat functional model from float32 [B, S, S, 3] in [0, 255] to float32 logits [B, classes].

    Raises:
      UserError: the weights are not there or do not fit.
    """
    with _dtype_policy(mixed_precision):
        if name == "small":
            model = small(image_size, classes)
            if weights != "none":
                _take_weights(model, _saved(name, pathlib.Path(weights).expanduser()), weights)
        else:
            model = application(name, image_size, classes, weights)
    initialize(model, seed, only=None if weights == "none" else {LOGITS})
    if weights != "none":
        kernel = model.get_layer(LOGITS).kernel
        kernel.assign(_FRESH_HEAD * kernel)
    if frozen_batch_norm:
        freeze_batch_norm(model)
    return model
