"""Classifiers of every kind whose truth is known: all look at the colour of the object alone.

Objects are red, and say their class by their green; backgrounds have hardly any red, and a green of
their own. A convolution of one pixel tells the two apart, whatever stands behind the object.
"""

import json
import pathlib

import keras
import numpy as np
import onnx
import tensorflow as tf
from keras import layers, ops
from onnx import helper, numpy_helper

from bg_interp import pixels

SIDE, CLASSES, EACH = 24, 3, 8
GREEN = np.array([40, 110, 180])


def photographs(classes: int = CLASSES):
    """Draws images, masks and labels; backgrounds have nothing to do with classes."""
    generator = np.random.default_rng(0)
    labels = np.repeat(np.arange(classes), EACH)
    images = generator.integers(0, 60, (len(labels), SIDE, SIDE, 3))
    images[..., 1] += generator.permutation(len(labels))[:, None, None] * 7
    images[..., 2] += 90
    masks = np.zeros((len(labels), SIDE, SIDE), bool)
    masks[:, 5:17, 4:15] = True
    for image, mask, label in zip(images, masks, labels, strict=True):
        image[mask] = (230, GREEN[label], 30)
    return images.astype(np.uint8), masks, labels


def body(x, classes=CLASSES, dtype=None):
    """Logits for images in 0 to 1, red first, channels last."""
    seen = layers.Conv2D(2, 1, activation="relu", dtype=dtype, name="seen")
    means = layers.GlobalAveragePooling2D(dtype=dtype)(seen(x))
    dense = layers.Dense(classes, dtype=dtype, name="scores")
    logits = dense(means)
    kernel = np.zeros((1, 1, 3, 2), np.float32)
    kernel[0, 0, 0], kernel[0, 0, 1, 1] = 4, 1
    seen.set_weights([kernel, np.full(2, -2.9, np.float32)])
    green = GREEN[:classes] / 255 / (4 * 230 / 255 - 2.9)
    dense.set_weights([200 * np.stack([-2 * green - green**2, 2 * green]), np.zeros(classes)])
    return logits


def from_pixels(x, taken):
    """Undoes a preprocessing: what a network of it does first."""
    scale, shift = np.array(taken.scale), np.array(taken.shift)
    x = layers.Rescaling((1 / scale / 255).tolist(), (-shift / scale / 255).tolist())(x)
    return x[..., ::-1] if taken.reversed else x


def network(taken="0:255", *, first=(), last=None, size=SIDE, classes=CLASSES, call=None, **how):
    """A functional network that takes a preprocessing."""
    image = x = keras.Input((size, size, 3))
    x = from_pixels(x, pixels.named(taken))
    for layer in first:
        x = layer(x)
    x = body(x, classes)
    for layer in [] if last is None else [last]:
        x = layer(x)
    return keras.Model(image, x, **how)


class Own(layers.Layer):
    """A layer of the owner's, which says how it is made."""

    def call(self, x):
        return x + 0.0


class WithoutConfig(layers.Layer):
    """A layer that takes a layer, and does not say so."""

    def __init__(self, inner):
        super().__init__()
        self.inner = inner

    def call(self, x):
        return self.inner(x)


class Subclassed(keras.Model):
    """Layers in code: Keras knows no inputs of it."""

    def __init__(self):
        super().__init__()
        self.inner = network()

    def call(self, x):
        return self.inner(x)


def sequential():
    flat = network()
    return keras.Sequential([keras.Input((SIDE, SIDE, 3)), *flat.layers[1:]])


def nested():
    inner, image = network(), keras.Input((SIDE, SIDE, 3))
    return keras.Model(image, layers.Softmax()(inner(image)))


def augmenting():
    more = [layers.RandomFlip(), layers.RandomBrightness(0.8, (0, 1)), layers.RandomContrast(0.9)]
    return network(first=more)


def adapted():
    """An adapted Normalization, whose statistics are no weights of the copies Keras makes."""
    norm = layers.Normalization()
    norm.adapt(photographs()[0].astype(np.float32))
    image = keras.Input((SIDE, SIDE, 3))
    mean, deviation = np.asarray(norm.mean).ravel(), np.sqrt(np.asarray(norm.variance)).ravel()
    x = layers.Rescaling((deviation / 255).tolist(), (mean / 255).tolist())(norm(image))
    return keras.Model(image, body(x))


def mixed(policy):
    image = keras.Input((SIDE, SIDE, 3))
    x = layers.Rescaling(1 / 255, dtype="float32")(image)
    logits = body(x, dtype="float32")
    keep = layers.Activation("linear", dtype=keras.DTypePolicy(policy))
    return keras.Model(image, keep(logits))


def of_bytes():
    image = keras.Input((SIDE, SIDE, 3), dtype="uint8")
    return keras.Model(image, body(layers.Rescaling(1 / 255)(ops.cast(image, "float32"))))


def single(last):
    """One score of two classes: that of the second against the first."""
    two, image = network(classes=2), keras.Input((SIDE, SIDE, 3))
    x = two(image)
    x = x[:, 1:] - x[:, :1]
    return keras.Model(image, x if last is None else last(x))


def several(*parts, as_dict=False):
    image = keras.Input((SIDE, SIDE, 3))
    x = network()(image)
    outputs = [
        x if part == CLASSES else layers.Dense(part)(layers.Flatten()(image)) for part in parts
    ]
    return keras.Model(
        image, {f"out{n}": one for n, one in enumerate(outputs)} if as_dict else outputs
    )


def two_inputs():
    image, place = keras.Input((SIDE, SIDE, 3)), keras.Input((4,))
    return keras.Model(
        [image, place], layers.Dense(3)(layers.Concatenate()([network()(image), place]))
    )


def grey():
    """Answers by brightness, which the green of objects makes."""
    image = keras.Input((SIDE, SIDE, 1))
    inside = layers.Cropping2D(((6, 8), (5, 10)))(image)
    level = layers.GlobalAveragePooling2D()(inside)
    dense = layers.Dense(CLASSES)
    logits = dense(level)
    bright = 0.299 * 230 + 0.587 * GREEN + 0.114 * 30
    dense.set_weights([2 * bright[None], -(bright**2)])
    return keras.Model(image, logits)


def rgba():
    """Sees nothing where images are not opaque."""
    image = keras.Input((SIDE, SIDE, 4))
    return keras.Model(image, body(image[..., :3] * image[..., 3:] / 255 / 255))


def channels_first():
    image = keras.Input((3, SIDE, SIDE))
    return keras.Model(image, body(layers.Rescaling(1 / 255)(ops.transpose(image, (0, 2, 3, 1)))))


def open_size():
    image = keras.Input((None, None, 3))
    return keras.Model(image, body(layers.Rescaling(1 / 255)(image)))


def fixed_batch():
    image = keras.Input(batch_shape=(1, SIDE, SIDE, 3))
    return keras.Model(image, body(layers.Rescaling(1 / 255)(image)))


def of_convolutions():
    image = keras.Input((SIDE, SIDE, 3))
    return keras.Model(image, layers.Reshape((1, 1, CLASSES))(network()(image)))


# Functions of arrays and of tensors.


def _asked(model, images):
    return np.asarray(model(np.asarray(images, np.float32), training=False))


def by_floats():
    model = network("0:1")
    return lambda images: _asked(model, images)


def by_bytes():
    model = network()

    def scores(images):
        if images.dtype != np.uint8:
            raise TypeError("bytes only")
        return _asked(model, images).tolist()

    return scores


def by_dict():
    model = network("imagenet")
    return lambda images: {"scores": _asked(model, images)}


def in_another_order():
    model = network()
    return lambda images: _asked(model, images)[:, [1, 2, 0]]


def graph_of(dtype, batch=None):
    model = network()
    spec = tf.TensorSpec([batch, SIDE, SIDE, 3], dtype)
    return tf.function(
        lambda x: model(tf.cast(x, tf.float32), training=False), input_signature=[spec]
    )


# Files.


def saved(folder, model, suffix):
    path = folder / f"model{suffix}"
    model.save(path)
    return str(path)


def exported(folder, model):
    model.export(str(folder / "exported"), verbose=False)
    return str(folder / "exported")


def saved_model(
    folder, signature="serving_default", shape=(None, SIDE, SIDE, 3), more=(), side=SIDE
):
    module, model = tf.Module(), network(size=side)
    module.model = model

    def scores(image):
        x = tf.ensure_shape(image, [None, side, side, 3])
        return {"scores": model(x, training=False), **{name: tf.zeros([1]) for name in more}}

    spec = tf.TensorSpec(shape, tf.float32, "image")
    module.call = tf.function(scores, input_signature=[spec])
    tf.saved_model.save(module, str(folder / "saved"), signatures={signature: module.call})
    return str(folder / "saved")


def onnx_file(folder, batch="N", taken="imagenet"):
    """As torch writes it: [N, 3, H, W] of mean and deviation, undone by a scale and a shift."""
    known, flat = pixels.named(taken), network()
    kernel, bias = flat.get_layer("seen").get_weights()
    weights, offset = flat.get_layer("scores").get_weights()
    shape = (1, 3, 1, 1)
    scale, shift = (np.array(one, np.float32).reshape(shape) for one in (known.scale, known.shift))
    values = {
        "shift": -shift,
        "scale": 1 / scale / 255,
        "k": kernel.transpose(3, 2, 0, 1),
        "b": bias,
        "w": weights,
        "o": offset,
    }
    nodes = [
        helper.make_node("Add", ["image", "shift"], ["a"]),
        helper.make_node("Mul", ["a", "scale"], ["m"]),
        helper.make_node("Conv", ["m", "k", "b"], ["c"]),
        helper.make_node("Relu", ["c"], ["r"]),
        helper.make_node("GlobalAveragePool", ["r"], ["g"]),
        helper.make_node("Flatten", ["g"], ["f"]),
        helper.make_node("Gemm", ["f", "w", "o"], ["scores"]),
    ]
    kind = onnx.TensorProto.FLOAT
    image = helper.make_tensor_value_info("image", kind, [batch, 3, SIDE, SIDE])
    scores = helper.make_tensor_value_info("scores", kind, [batch, CLASSES])
    tensors = [
        numpy_helper.from_array(np.ascontiguousarray(value, np.float32), name)
        for name, value in values.items()
    ]
    graph = helper.make_graph(nodes, "network", [image], [scores], tensors)
    opset = [helper.make_opsetid("", 17)]
    onnx.save(helper.make_model(graph, opset_imports=opset, ir_version=8), folder / "net.onnx")
    return str(folder / "net.onnx")


def litert(folder, whole=None):
    converter = tf.lite.TFLiteConverter.from_keras_model(network("-1:1"))
    if whole is not None:
        images = photographs()[0].astype(np.float32) / 127.5 - 1
        ends = [np.full((1, SIDE, SIDE, 3), end, np.float32) for end in (-1, 1)]
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.representative_dataset = lambda: ([one] for one in [*images[:, None], *ends])
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.inference_input_type = converter.inference_output_type = whole
    path = folder / "net.tflite"
    path.write_bytes(converter.convert())
    return str(path)


def weights_alone(folder):
    network().save_weights(folder / "net.weights.h5")
    return str(folder / "net.weights.h5")


def written(folder, name, content=b"no model"):
    path = folder / name
    path.write_bytes(content)
    return str(path)


def of_keras_2(folder):
    """An .h5 file as Keras 2 spelled an operation that was called on a tensor."""
    import h5py

    path = saved(folder, network(), ".h5")
    with h5py.File(path, "r+") as file:
        config = json.loads(file.attrs["model_config"])
        found = next(one for one in config["config"]["layers"] if one["class_name"] == "Rescaling")
        found.update(class_name="TFOpLambda", config={"name": "first", "function": "math.truediv"})
        file.attrs["model_config"], file.attrs["keras_version"] = json.dumps(config), "2.15.0"
    return path


def named(folder, name):
    """MODULE:NAME, of a module in the folder that the test stands in."""
    network().save(folder / "net.keras")
    text = (
        "import keras, numpy as np\n"
        f"def make():\n    return keras.models.load_model({str(folder / 'net.keras')!r})\n"
        "net = make()\n"
        "def scores(images):\n    return np.asarray(net(images, training=False))\n"
        "number = 3\n"
    )
    module = f"zoo_{abs(hash(str(folder)))}"
    pathlib.Path(folder, f"{module}.py").write_text(text)
    return f"{module}:{name}"
