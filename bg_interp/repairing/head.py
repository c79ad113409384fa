"""The last layer of a classifier: found, taken off, and replaced in a copy."""

import dataclasses
from collections.abc import Sequence

import keras
import numpy as np

from bg_interp.errors import UserError
from bg_interp.models import copying, graph
from bg_interp.models.adapter import for_two_classes

# Activations that keep the classes in the order of what the dense layer gives.
_OF_SCORES = ("linear", "softmax", "log_softmax")
_OF_ONE_SCORE = ("linear", "sigmoid")


@dataclasses.dataclass(frozen=True, eq=False)
class Head:
    """The dense layer that a classifier ends with.

    Attributes:
      model: the classifier.
      dense: the layer: a unit for each of K classes, or a single one that tells two apart.
    """

    model: keras.Model
    dense: keras.layers.Dense

    @property
    def classes(self) -> int:
        """The number of classes, K."""
        return max(self.dense.units, 2)

    def features(self) -> keras.Model:
        """Returns the classifier up to the layer: images in its own range to float [B, D]."""
        name = self.model.name
        try:
            return keras.Model(self.model.inputs[0], self.dense.input, name=name)
        except ValueError:  # Its layers were called before they came into this classifier.
            wiring = graph.rewire(self.model)
            seen = next(call.inputs[0] for call in wiring.calls if call.layer is self.dense)
            return keras.Model(wiring.model.inputs[0], seen, name=name)

    def weights(self) -> tuple[np.ndarray, np.ndarray]:
        """Returns kernel [D, K] and bias [K], float32; those of two classes for a single unit."""
        kernel = np.asarray(self.dense.kernel, np.float32)
        bias = np.asarray(self.dense.bias, np.float32)
        return for_two_classes(kernel, bias)

    def replaced(self, kernel: np.ndarray, bias: np.ndarray) -> keras.Model:
        """Returns a copy of the classifier with another last layer; itself stays as it is.

        Args:
          kernel: float32 [D, K].
          bias: float32 [K].
        """
        if self.dense.units == 1:
            kernel, bias = kernel[:, 1:] - kernel[:, :1], bias[1:] - bias[:1]
        return copying.with_layer(self.model, self.dense, [kernel, bias])


def find_head(model: keras.Model) -> Head:
    """Finds the dense layer that a classifier ends with; its activation may be a layer of its own.

    Args:
      model: a Keras model whose layers are known, sequential or functional.

    Raises:
      UserError: it ends otherwise.
    """
    layers = list(getattr(model, "layers", []))
    last = f"{type(layers[-1]).__name__} {layers[-1].name!r}" if layers else "no layers"
    activations = []
    if layers and (obstacle := _obstacle(model)):
        last += obstacle
    elif layers:
        while layers and (name := _activation(layers[-1])) is not None:
            activations.append(name)
            layers.pop()
        if layers and isinstance(layers[-1], keras.layers.Dense):
            dense = layers[-1]
            activations.append(dense.activation.__name__)
            fitting = _OF_SCORES if dense.units > 1 else _OF_ONE_SCORE
            flat = len(dense.input.shape) == 2
            if dense.use_bias and flat and set(activations) <= set(fitting):
                return Head(model, dense)
            last += f" (units={dense.units}, use_bias={dense.use_bias}, {activations[-1]})"
    name = getattr(model, "name", type(model).__name__)
    raise UserError(
        "repair retrains a last layer that is dense with a bias: one unit for each class, with a "
        "softmax or without, or a single unit, with a sigmoid or without, in a sequential or "
        f"functional Keras model. Received: {name!r}, which ends with {last}"
    )


def _obstacle(model: keras.Model) -> str:
    """Says why a model is no graph of layers from one input to one output; "" where it is one."""
    inputs, outputs = (len(getattr(model, name, None) or []) for name in ("inputs", "outputs"))
    if (inputs, outputs) != (1, 1):
        return f" and has {inputs} inputs and {outputs} outputs"
    # A layer that is listed last need not be the one that gives the output.
    is_last = getattr(model.layers[-1], "output", None) is model.outputs[0]
    if isinstance(model, keras.Sequential) or is_last:
        return ""
    return ", but gives something else than what that layer does"


def _activation(layer: keras.layers.Layer) -> str | None:
    """Returns the name of an activation that is a layer of its own, else None."""
    if isinstance(layer, keras.layers.Softmax):
        return "softmax"
    if isinstance(layer, keras.layers.Activation):
        return layer.activation.__name__
    return None


def of_data(
    kernel: np.ndarray, bias: np.ndarray, columns: Sequence[int] | None
) -> tuple[np.ndarray, np.ndarray]:
    """Brings a last layer from the order of the network's classes into that of the dataset's.

    Arguments as those of `in_order`, which takes it back.
    """
    if columns is None:
        return kernel, bias
    return kernel[:, list(columns)], bias[list(columns)]


def in_order(
    kernel: np.ndarray, bias: np.ndarray, columns: Sequence[int] | None
) -> tuple[np.ndarray, np.ndarray]:
    """Brings a last layer from the order of the dataset's classes into that of the network's.

    Args:
      kernel: [D, K].
      bias: [K].
      columns: the network's class for each of the dataset's; None for the same order.
    """
    if columns is None:
        return kernel, bias
    order = np.argsort(columns)
    return kernel[:, order], bias[order]


def logits_of_bytes(features: keras.Model, kernel: np.ndarray, bias: np.ndarray) -> keras.Model:
    """Returns a classifier of RGB in [0, 255] that gives logits, as `models.export` serves it.

    Args:
      features: RGB in [0, 255] to float [B, D].
      kernel: float32 [D, K].
      bias: float32 [K].
    """
    dense = keras.layers.Dense(len(bias), name="logits", dtype="float32")
    image = keras.Input(features.inputs[0].shape[1:], name="rgb")
    model = keras.Model(image, dense(features(image, training=False)), name="repaired")
    dense.set_weights([kernel, bias])
    return model
