"""What happens to the background of a batch: the paper's four treatments, and controls.

A treatment is a pure function of (images, masks, labels, key), the same in training, evaluation
and summaries:

  images: uint8 [B, H, W, 3] RGB; masks: uint8 [B, H, W, 1], 255 = foreground;
  labels: int32 [B]; key: int32 [2], (seed, step): the same key, the same random numbers.
  Returns: uint8 [B, H, W, 3]; `none` returns its images as they came.

`none`, `black`, `noise` and `mix` are those of Nielsen et al. 2023 (arXiv 2306.13178).
"""

import dataclasses
from collections.abc import Callable, Sequence

import tensorflow as tf

from bg_interp.config.treatment import TreatmentConfig
from bg_interp.data.tiling import tile_background

Treatment = Callable[[tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor], tf.Tensor]

DEFAULTS = TreatmentConfig()
# The background is blurred at this many pixels a side, by a Gaussian of this deviation there: a
# twelfth of the image, strong enough that textures and outlines are gone, and colours stay.
_BLUR_SIDE, _BLUR_DEVIATION = 24, 2.0


# XLA makes one loop of it, which takes a tenth of the time of the single operations.
@tf.function(jit_compile=True, autograph=False)
def composite(images: tf.Tensor, masks: tf.Tensor, background: tf.Tensor) -> tf.Tensor:
    """Lays the foreground over another background; soft masks blend.

    Args:
      images: uint8 [B, H, W, 3].
      masks: uint8 [B, H, W, 1].
      background: uint8 or float32 in [0, 255], of a shape that broadcasts to that of `images`.

    Returns:
      uint8 [B, H, W, 3]; exactly the image where the mask is 255, and exactly the background
      where it is 0.
    """
    opacity = tf.cast(masks, tf.float32) / 255.0
    images, background = tf.cast(images, tf.float32), tf.cast(background, tf.float32)
    return tf.cast(tf.floor(images * opacity + background * (1.0 - opacity) + 0.5), tf.uint8)


def none(images: tf.Tensor, masks: tf.Tensor, labels: tf.Tensor, key: tf.Tensor) -> tf.Tensor:
    """Leaves images unmodified, bit for bit."""
    del masks, labels, key
    return images


def black(images: tf.Tensor, masks: tf.Tensor, labels: tf.Tensor, key: tf.Tensor) -> tf.Tensor:
    """Makes the background black."""
    del labels, key
    return composite(images, masks, tf.constant(0.0))


@dataclasses.dataclass(frozen=True)
class Noise:
    """Replaces the background by Gaussian noise, drawn again for every pixel and channel.

    Attributes:
      mean: of the noise before clipping to [0, 255], in pixel units.
      stddev: its deviation before clipping, in pixel units.
    """

    mean: float = TreatmentConfig.noise_mean
    stddev: float = TreatmentConfig.noise_stddev

    def __call__(
        self, images: tf.Tensor, masks: tf.Tensor, labels: tf.Tensor, key: tf.Tensor
    ) -> tf.Tensor:
        """Applies the treatment."""
        del labels
        return _over_noise(images, masks, _uniform_16_bit(tf.shape(images), key), self._quantiles())

    def _quantiles(self) -> tf.Tensor:
        """Returns the noise's value at each of 65,536 equally likely places, uint8."""
        places = (tf.range(65536, dtype=tf.float64) + 0.5) / 65536
        values = self.mean + self.stddev * tf.math.ndtri(places)
        return tf.cast(tf.clip_by_value(tf.round(values), 0.0, 255.0), tf.uint8)


def _uniform_16_bit(shape: tf.Tensor, key: tf.Tensor) -> tf.Tensor:
    """Draws uint16 over its whole range: two from each random integer that is drawn."""
    count = tf.reduce_prod(shape)
    pairs = tf.random.stateless_uniform([(count + 1) // 2], key, None, None, tf.uint32)
    return tf.reshape(tf.reshape(tf.bitcast(pairs, tf.uint16), [-1])[:count], shape)


# Values of noise are looked up, not computed: a fifth of the time of drawing normal numbers.
@tf.function(jit_compile=True, autograph=False)
def _over_noise(
    images: tf.Tensor, masks: tf.Tensor, drawn: tf.Tensor, quantiles: tf.Tensor
) -> tf.Tensor:
    return composite(images, masks, tf.gather(quantiles, tf.cast(drawn, tf.int32)))


@dataclasses.dataclass(frozen=True)
class Mean:
    """Replaces the background by one colour, meant to be the dataset's mean.

    Attributes:
      colour: RGB in [0, 255].
    """

    colour: Sequence[float]

    def __call__(
        self, images: tf.Tensor, masks: tf.Tensor, labels: tf.Tensor, key: tf.Tensor
    ) -> tf.Tensor:
        """Applies the treatment."""
        del labels, key
        return composite(images, masks, tf.constant(self.colour, tf.float32))


def _blurred(values: tf.Tensor) -> tf.Tensor:
    """Convolves float32 [B, H, W, C] with a Gaussian; what lies outside counts as 0."""
    radius = round(3 * _BLUR_DEVIATION)
    offsets = tf.range(-radius, radius + 1, dtype=tf.float32)
    weights = tf.exp(-0.5 * tf.square(offsets / _BLUR_DEVIATION))
    channels = values.shape[-1]
    kernel = tf.tile((weights / tf.reduce_sum(weights))[:, None, None, None], [1, 1, channels, 1])
    for oriented in (kernel, tf.transpose(kernel, [1, 0, 2, 3])):
        values = tf.nn.depthwise_conv2d(values, oriented, [1, 1, 1, 1], "SAME")
    return values


def blur(images: tf.Tensor, masks: tf.Tensor, labels: tf.Tensor, key: tf.Tensor) -> tf.Tensor:
    """Blurs the background, by a Gaussian of a twelfth of the image's size.

    Only background pixels are averaged (a normalised convolution), so that no foreground colour
    bleeds into the background around the object. What so wide a Gaussian leaves needs few pixels,
    so it is applied to a reduced image.
    """
    del labels, key
    share = 1.0 - tf.cast(masks, tf.float32) / 255.0
    weighted = tf.concat([tf.cast(images, tf.float32) * share, share], axis=-1)
    small = tf.image.resize(weighted, [_BLUR_SIDE, _BLUR_SIDE], method="area")
    sums = _blurred(small)
    background = tf.math.divide_no_nan(sums[..., :3], sums[..., 3:])
    return composite(images, masks, tf.image.resize(background, images.shape[1:3]))


def _choose_partner(allowed: tf.Tensor, key: tf.Tensor) -> tf.Tensor:
    """Returns, for each row of bool [B, B], one allowed column at random, int64 [B].

    A row without an allowed column gives the row's own number.
    """
    scores = tf.random.stateless_uniform(tf.shape(allowed), key)
    chosen = tf.argmax(tf.where(allowed, scores, -1.0), axis=1)
    own = tf.range(tf.shape(allowed, tf.int64)[0])
    return tf.where(tf.reduce_any(allowed, axis=1), chosen, own)


def swap(images: tf.Tensor, masks: tf.Tensor, labels: tf.Tensor, key: tf.Tensor) -> tf.Tensor:
    """Replaces the background by that of an image of another class of the same batch.

    The hole that the other image's object leaves is filled by tiling, as in `tile_background`. An
    image whose batch holds no other class gets its own background, tiled.
    """
    partner = _choose_partner(labels[:, None] != labels[None], key)
    return composite(images, masks, tf.gather(tile_background(images, masks), partner))


def random_mask(
    images: tf.Tensor, masks: tf.Tensor, labels: tf.Tensor, key: tf.Tensor
) -> tf.Tensor:
    """Blackens by the mask of another image: a control that hides as much, but not the background.

    In a batch of one there is no other image, and its own mask is used.
    """
    del labels
    count = tf.shape(images)[0]
    others = ~tf.cast(tf.eye(count), tf.bool)
    return composite(images, tf.gather(masks, _choose_partner(others, key)), tf.constant(0.0))


@dataclasses.dataclass(frozen=True)
class Mix:
    """Treats a share of the images, drawn again with every key, and leaves the others.

    Attributes:
      inner: what is done to those that are treated.
      fraction: the probability that an image is treated.
    """

    inner: Treatment
    fraction: float = 0.5

    def __call__(
        self, images: tf.Tensor, masks: tf.Tensor, labels: tf.Tensor, key: tf.Tensor
    ) -> tf.Tensor:
        """Applies the treatment."""
        choice_key, inner_key = tf.unstack(tf.random.split(key, 2))
        chosen = tf.random.stateless_uniform([tf.shape(images)[0], 1, 1, 1], choice_key)
        treated = self.inner(images, masks, labels, inner_key)
        return tf.where(chosen < self.fraction, treated, images)


def with_hard_masks(treatment: Treatment) -> Treatment:
    """Returns the treatment with masks that are cut at one half before it: 0 or 255, no soft edge.

    Args:
      treatment: any.
    """

    def treat(images: tf.Tensor, masks: tf.Tensor, labels: tf.Tensor, key: tf.Tensor) -> tf.Tensor:
        hard = tf.where(masks >= 128, tf.constant(255, tf.uint8), tf.constant(0, tf.uint8))
        return treatment(images, hard, labels, key)

    return treat


def make(
    name: str,
    config: TreatmentConfig = DEFAULTS,
    *,
    mean_colour: Sequence[float] = (127.0, 127.0, 127.0),
) -> Treatment:
    """Makes a treatment by its name.

    Args:
      name: none, black, noise, mix, blur, mean, swap or random_mask.
      config: settings of `noise` and `mix`; its own `background` is not looked at.
      mean_colour: RGB in [0, 255] for `mean`.

    Raises:
      ValueError: no treatment of that name.
    """
    simple = {"none": none, "black": black, "blur": blur, "swap": swap, "random_mask": random_mask}
    if name in simple:
        return simple[name]
    if name == "noise":
        return Noise(config.noise_mean, config.noise_stddev)
    if name == "mean":
        return Mean(tuple(mean_colour))
    if name == "mix" and config.background_in_mix != "mix":
        inner = make(config.background_in_mix, config, mean_colour=mean_colour)
        return Mix(inner, config.mix_fraction)
    raise ValueError(f"name must be the name of a treatment. Received: name={name!r}")
