"""Trained networks for others to use: a SavedModel with two signatures, and LiteRT."""

import pathlib
from collections.abc import Sequence

import keras
import tensorflow as tf

from bg_interp.errors import UserError, one_line, printable
from bg_interp.models.orientation import upright
from bg_interp.models.preprocessing import layout_of
from bg_interp.models.resizing import resized
from bg_interp.storage import files


class _Served(tf.Module):
    """A network with all that lies between somebody's image and a class name."""

    def __init__(
        self,
        model: keras.Model,
        class_names: Sequence[str],
        assets: pathlib.Path,
        resize: str,
        independent: bool,
    ):
        super().__init__()
        self._model = model
        # A SavedModel holds what it can find, and layers hide their seeds and other state.
        self._state = [variable.value for variable in model.variables]
        self._probable = tf.nn.sigmoid if independent else tf.nn.softmax
        self._names = tf.constant(list(class_names))
        self._size, self._resize = list(model.inputs[0].shape[1:3]), resize
        # An asset travels with the SavedModel: assets/class_names.txt.
        self._asset = tf.saved_model.Asset(str(assets))

    def _answers(self, images: tf.Tensor) -> dict[str, tf.Tensor]:
        logits = self._model(images, training=False)
        index = tf.argmax(logits, axis=-1)
        return {
            "logits": logits,
            "probabilities": self._probable(logits),
            "class_index": index,
            "class_name": tf.gather(self._names, index),
        }

    @tf.function(input_signature=[tf.TensorSpec([None, None, None, 3], tf.uint8, "images")])
    def serve(self, images: tf.Tensor) -> dict[str, tf.Tensor]:
        """Answers for uint8 RGB images of any one size, [B, H, W, 3]."""
        return self._answers(resized(images, self._size, self._resize))

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, "encoded")])
    def serve_bytes(self, encoded: tf.Tensor) -> dict[str, tf.Tensor]:
        """Answers for encoded JPEG, PNG, GIF or BMP images [B] of any sizes, turned upright."""

        def decoded(data: tf.Tensor) -> tf.Tensor:
            image = tf.io.decode_image(data, channels=3, expand_animations=False)
            image = upright(tf.ensure_shape(image, [None, None, 3]), data)
            return resized(tf.ensure_shape(image, [None, None, 3]), self._size, self._resize)

        spec = tf.TensorSpec([*self._size, 3], tf.float32)
        return self._answers(tf.map_fn(decoded, encoded, fn_output_signature=spec))


def check_input(model: keras.Model) -> None:
    """Checks that a model can be exported.

    Raises:
      UserError: it has other inputs than one of RGB images of a fixed size.
    """
    sizes = layout_of(model).size
    if len(model.inputs or []) != 1 or None in sizes:
        shapes = [tuple(image.shape[1:]) for image in model.inputs or []]
        raise UserError(
            "an exported model must have one input, RGB images of a fixed size [height, width, 3]. "
            f"Received: {model.name} with inputs of shapes {shapes}"
        )


def saved_model(
    model: keras.Model,
    class_names: Sequence[str],
    folder: pathlib.Path,
    resize: str = "smooth",
    independent: bool = False,
) -> None:
    """Writes a SavedModel that needs neither this package nor Keras to answer.

    `serving_default` takes uint8 images [B, H, W, 3] of any size, `serve_bytes` encoded ones [B];
    both resize, preprocess and return `logits`, `probabilities`, `class_index`, `class_name`.

    Args:
      model: takes float32 RGB [B, S, S, 3] in [0, 255] and gives logits.
      class_names: of the logits, in order; assets/class_names.txt has a line for each.
      folder: is replaced as a whole.
      resize: how images come to the model's size; see `resizing.resized`.
      independent: whether each output answers a question of its own, so that probabilities are
        sigmoids and need not add up to 1.

    Raises:
      UserError: the folder cannot be written, or the model takes no images of a fixed size.
    """
    check_input(model)
    try:
        with files.partial_folder(folder) as temporary:
            names = temporary / "class_names.txt"
            lines = [f"{printable(name)}\n" for name in class_names]
            names.write_text("".join(lines), encoding="utf-8")
            served = _Served(model, class_names, names, resize, independent)
            written = temporary / "saved_model"
            signatures = {"serving_default": served.serve, "serve_bytes": served.serve_bytes}
            tf.saved_model.save(served, str(written), signatures)
            files.replace_folder(written, folder)
    except (OSError, tf.errors.OpError) as error:
        reason = error.message if isinstance(error, tf.errors.OpError) else error.strerror or error
        raise UserError(
            f"cannot write {folder}: {reason}; free some space there, or choose another folder"
        ) from error


def litert(model: keras.Model, path: pathlib.Path) -> None:
    """Writes the bare network as a LiteRT (.tflite) file: float32 images in, logits out.

    Raises:
      UserError: the file cannot be written, or the network holds an operation LiteRT lacks.
    """
    with files.replacing(path) as temporary:
        try:
            model.export(temporary, format="litert", verbose=False)
        # The converter raises many kinds of exceptions, its own among them.
        except Exception as error:
            if isinstance(error, OSError):
                raise
            reason = one_line(error)
            raise UserError(f"{model.name} cannot be converted to LiteRT: {reason}") from error


def keras_file(model: keras.Model, path: pathlib.Path) -> None:
    """Writes a .keras file, whole or not at all.

    Raises:
      UserError: the file cannot be written.
    """
    with files.replacing(path) as temporary:
        model.save(temporary)
