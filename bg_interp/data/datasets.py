"""Treatments in anybody's own `model.fit`: of a tf.data pipeline, or as a layer of a Keras one."""

import re
from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from bg_interp.arguments import whole
from bg_interp.cli import check
from bg_interp.config.mask_rules import MaskRules
from bg_interp.config.treatment import TreatmentConfig
from bg_interp.data import treatments
from bg_interp.errors import UserError
from bg_interp.masks.arrays import InFormat, to_opacity
from bg_interp.masks.formats import Format, format_of, white_of
from bg_interp.masks.raw import Raw, of_array

# So many elements tell how the masks of a dataset are written, if they are not all black.
_LOOKED_AT = 8
_MOST_LOOKED_AT = 4096
_OF_A_BATCH = ("swap", "random_mask")
_KEYS = ("image", "label", "mask")
_KEYS_OF_LAYERS = ("images", "labels", "segmentation_masks")


class Treatment:
    """A treatment for data of one's own.

    Example:
      ```
      train = data.apply(bg.Treatment("mix", seed=0)).batch(32)   # of (image, label, mask)
      model.fit(train)
      ```

    Args:
      background: none, black, noise, mix, blur, mean, swap or random_mask.
      seed: of all that is random. Each element gets a key of its own, other ones in each pass
        through the data; the same seed gives the same sequence of passes.
      background_in_mix: what `mix` does to the images that it treats.
      mix_fraction: the share of images that `mix` treats.
      noise_mean: of `noise`, in pixel units (0 to 255).
      noise_stddev: of `noise`, in pixel units.
      mean_colour: RGB in 0 to 255, for `mean`.
      invert_masks: True where black is the object.
      mask_values: which values of masks are object, where they are maps of labels or colours: a
        number, a list of numbers, "1:20" or "#800000".

    Raises:
      UserError: no treatment of that name, or a setting out of its range.
    """

    def __init__(
        self,
        background: str = "black",
        *,
        seed: int = 0,
        background_in_mix: str = "black",
        mix_fraction: float = 0.5,
        noise_mean: float = TreatmentConfig.noise_mean,
        noise_stddev: float = TreatmentConfig.noise_stddev,
        mean_colour: tuple[float, float, float] = (127.0, 127.0, 127.0),
        invert_masks: bool | None = None,
        mask_values: Any = None,
    ):
        config = TreatmentConfig(
            background=background,
            background_in_mix=background_in_mix,
            mix_fraction=mix_fraction,
            noise_mean=noise_mean,
            noise_stddev=noise_stddev,
        )
        check(config)
        colour = np.atleast_1d(mean_colour)
        if colour.shape != (3,) or not ((colour >= 0) & (colour <= 255)).all():
            raise UserError(
                f"mean_colour must be RGB, three numbers from 0 to 255. Received: {mean_colour!r}"
            )
        self.background, self.seed = background, whole(seed, "seed")
        self._rules = MaskRules.of(invert_masks, mask_values)
        inner = background_in_mix if background == "mix" else background
        self._needs_batch = inner in _OF_A_BATCH
        self._treat = treatments.make(background, config, mean_colour=mean_colour)

    # Else an error that is raised inside `map` comes out as a page of TensorFlow's.
    @tf.autograph.experimental.do_not_convert
    def __call__(self, data: tf.data.Dataset, *others: Any) -> tf.data.Dataset:
        """Treats a dataset: `data.apply(treatment)`.

        Args:
          data: elements or batches of (image, label, mask), or of dictionaries with these keys.
            Images RGB, uint8 or float, in 0 to 255 or 0 to 1; labels as they are, sparse or
            one-hot; masks of any format of `masks.formats`.

        Returns:
          The same elements, treated, images in the range and dtype that they came in: (image,
          label), or the dictionary.

        Raises:
          UserError: not such a dataset. `map` cannot do what `apply` does: inside it nothing
            tells one pass through the data from the next, so the same noise would come each time.
        """
        if others or not isinstance(data, tf.data.Dataset):
            raise UserError(
                "a treatment is applied to a whole dataset, which gives each element a key of its "
                f"own: data.apply(treatment), not data.map. Received: {type(data).__name__}"
            )
        _check_structure(data.element_spec)
        _check_sizes(data.element_spec)
        chosen, divisor = _looked_at(data, self._rules)
        read = InFormat(chosen, "the masks")
        keys = tf.data.Dataset.random(seed=self.seed, rerandomize_each_iteration=True)

        def treat(number: tf.Tensor, element: Any) -> Any:
            image, label, mask = _parts(element)
            key = tf.stack([tf.constant(self.seed, tf.int32), tf.cast(number, tf.int32)])
            opacity = _opacities(mask, read, image.shape.rank == 3)
            treated = self._treated(_in_range(image, divisor), label, opacity, key, divisor)
            if isinstance(element, Mapping):
                return {**element, "image": treated}
            return treated, label

        return tf.data.Dataset.zip(keys, data).map(
            treat, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True
        )

    def _treated(
        self, image: tf.Tensor, label: tf.Tensor, mask: tf.Tensor, key: tf.Tensor, divisor: float
    ) -> tf.Tensor:
        if self.background == "none":
            return image
        single = image.shape.rank == 3
        if single and self._needs_batch:
            raise UserError(
                f"{self.background} takes from the other images of a batch: batch the data before "
                "the treatment is applied"
            )
        pixels = tf.cast(tf.round(tf.cast(image, tf.float32) * (255.0 / divisor)), tf.uint8)
        mask = mask if mask.shape.rank == image.shape.rank else mask[..., None]
        one_hot = label.shape.rank == (1 if single else 2) and label.shape[-1] != 1
        numbers = tf.argmax(label, axis=-1) if one_hot else label
        numbers = tf.cast(tf.reshape(numbers, [-1]), tf.int32)
        if single:
            treated = self._treat(pixels[None], mask[None], numbers, key)[0]
        else:
            treated = self._treat(pixels, mask, numbers, key)
        if image.dtype == tf.uint8:
            return treated
        return tf.cast(tf.cast(treated, tf.float32) * (divisor / 255.0), image.dtype)

    def layer(self) -> keras.layers.Layer:
        """Returns the treatment as a layer, for a Keras pipeline of images and segmentation masks.

        The layer takes batches: dictionaries with "images" in 0 to 255, "labels" and
        "segmentation_masks" (bool, 0 to 1 or 0 to 255), as Keras's own augmentations do, and is
        active in training only.
        """
        return _TreatmentLayer(self)


class _TreatmentLayer(keras.layers.Layer):
    def __init__(self, treatment: Treatment):
        super().__init__(name=f"background_{treatment.background}")
        self._treatment = treatment
        self._seeds = keras.random.SeedGenerator(treatment.seed)

    @tf.autograph.experimental.do_not_convert
    def __call__(self, inputs: Mapping[str, tf.Tensor], *args: Any, **others: Any) -> Any:
        try:
            return super().__call__(inputs, *args, **others)
        except UserError as error:
            # Keras puts a page of its own around what a layer raises, the message in bold.
            own = re.search(r"\x1b\[1m(.*?)\x1b\[0m", str(error), re.DOTALL)
            raise UserError(own[1] if own else str(error)) from None

    def call(self, inputs: Mapping[str, tf.Tensor], training: bool = True) -> dict[str, tf.Tensor]:
        if not training:
            return dict(inputs)
        _check_batch(inputs)
        opacity = _of_batch(inputs["segmentation_masks"], self._treatment._rules)
        key = tf.cast(self._seeds.next(), tf.int32)
        treated = self._treatment._treated(inputs["images"], inputs["labels"], opacity, key, 255.0)
        return {**inputs, "images": treated}


def _check_batch(inputs: Mapping[str, tf.Tensor]) -> None:
    """Checks what a layer gets.

    Raises:
      UserError: a key is missing, or masks are of another size than images.
    """
    known = isinstance(inputs, Mapping)
    if not known or not set(_KEYS_OF_LAYERS) <= set(inputs):
        raise UserError(
            f"the layer takes dictionaries with {', '.join(_KEYS_OF_LAYERS)}. "
            f"Received: {', '.join(inputs) if known else type(inputs).__name__}"
        )
    images, masks = (list(inputs[key].shape[1:3]) for key in ("images", "segmentation_masks"))
    if None not in (*images, *masks) and images != masks:
        raise UserError(
            f"segmentation_masks must be of the images' size, {images}. Received: {masks}"
        )


def _of_batch(masks: tf.Tensor, rules: MaskRules) -> tf.Tensor:
    """Returns opacities of a batch of masks, which must tell how they are written."""

    def read(values: np.ndarray) -> np.ndarray:
        return to_opacity(values, "segmentation_masks", rules)

    masks = tf.convert_to_tensor(masks)
    if tf.executing_eagerly():
        return tf.constant(read(masks.numpy()))
    found = tf.numpy_function(read, [masks], tf.uint8, stateful=False)
    known = masks.shape[:-1] if masks.shape.rank == 4 else masks.shape
    return tf.ensure_shape(found, [*known, 1])


def _check_structure(spec: Any) -> None:
    keys = spec.keys() if isinstance(spec, Mapping) else None
    if (keys is not None and set(_KEYS) <= set(keys)) or (
        isinstance(spec, tuple) and len(spec) == len(_KEYS)
    ):
        return
    found = ", ".join(keys) if keys is not None else f"{type(spec).__name__}"
    raise UserError(
        "the elements must be (image, label, mask), or dictionaries with image, label and mask. "
        f"Received: {found}{f' of {len(spec)}' if isinstance(spec, tuple) else ''}"
    )


def _check_sizes(spec: Any) -> None:
    image, _, mask = (part.shape for part in _parts(spec))
    if image.rank not in (None, 3, 4) or (image.rank and image[-1] != 3):
        raise UserError(
            f"the images must be RGB, [height, width, 3] or a batch of such. Received: {image}"
        )
    if image.rank and mask.rank:
        # Without the channels: [H, W] or [B, H, W].
        bare = mask if mask.rank == image.rank - 1 else mask[:-1]
        if not image[:-1].is_compatible_with(bare):
            raise UserError(
                f"the masks must be of the images' size, {image[:-1]}. Received: {bare}"
            )


def _parts(element: Any) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    values = [element[key] for key in _KEYS] if isinstance(element, Mapping) else element
    image, label, mask = values
    return image, label, mask


def _looked_at(data: tf.data.Dataset, rules: MaskRules) -> tuple[Format, float]:
    """Returns how masks are written, and the white of the images: 1 or 255."""
    floats = _parts(data.element_spec)[0].dtype.is_floating
    masks: list[Raw] = []
    low, high, told = np.inf, -np.inf, not floats
    for number, element in enumerate(data.take(_MOST_LOOKED_AT).as_numpy_iterator()):
        image, _, mask = _parts(element)
        low, high = min(low, float(np.min(image))), max(high, float(np.max(image)))
        masks += [of_array(one) for one in _as_batch(mask, np.ndim(image) == 3)]
        # Black images are the same in any range.
        told = told or high > 1 or bool((image != np.floor(image)).any())
        if (
            number + 1 >= _LOOKED_AT
            and told
            and any(raw.levels is not None and white_of(raw.levels) for raw in masks)
        ):
            break
    if not masks:
        raise UserError("the dataset is empty; there is nothing to treat")
    if not (low >= 0 and high <= 255):
        raise UserError(
            "the images must lie in 0 to 1 or 0 to 255, as before a model's preprocessing. "
            f"Received: values from {low:g} to {high:g}; treat them before that"
        )
    return format_of(masks, "the masks", rules), 1.0 if floats and high <= 1 else 255.0


def _as_batch(mask: np.ndarray, single: bool) -> np.ndarray:
    """Returns masks as [N, H, W, C], from [H, W], [H, W, C], [N, H, W] or [N, H, W, C]."""
    batch = mask[None] if single else mask
    return batch if batch.ndim == 4 else batch[..., None]


def _opacities(mask: tf.Tensor, read: InFormat, single: bool) -> tf.Tensor:
    """Returns the opacities of a mask or a batch of masks, with a channel, uint8."""

    def opacities(values: np.ndarray) -> np.ndarray:
        found = read(_as_batch(values, single))
        return found[0] if single else found

    made = tf.numpy_function(opacities, [mask], tf.uint8, stateful=False)
    known = mask.shape if mask.shape.rank == (3 if single else 4) else [*mask.shape, 1]
    return tf.ensure_shape(made, [*known[:-1], 1])


def _in_range(image: tf.Tensor, white: float) -> tf.Tensor:
    """Checks that an image that was not looked at has the range of the others."""
    if not image.dtype.is_floating:
        return image
    message = (
        "UserError: the images must all lie in one range, 0 to 1 or 0 to 255, as the first do "
        f"that are not black: 0 to {white:g}"
    )
    inside = tf.debugging.Assert(tf.reduce_max(image) <= white * 1.001, [message])
    with tf.control_dependencies([inside]):
        return tf.identity(image)
