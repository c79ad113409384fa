"""Background variants of a test set, and a model's accuracy on each.

The seven variants of Xiao et al. 2020, "Noise or Signal: The Role of Image Backgrounds in Object
Recognition" (arXiv 2006.09994), table 1, and `swap`, all made on the fly from images and masks:

  original          the image as it is
  foreground_only   the object on black                                  (Only-FG)
  no_foreground     the image with the object's pixels black             (No-FG)
  background_only   the object's box filled by tiling the background     (Only-BG-T)
  mixed_same        the object on the background_only of another image of its class
  mixed_random      ... of any other image, whatever its class
  mixed_next        ... of an image of the next class, the first following the last
  swap              ... of an image of another class
  own_pasted        ... of its own image: what pasting alone costs

Boxes are a sixteenth of the side larger on every side than the masks say. A mask that is a little
too small would leave the object's rim in the background, and its class with it: a model that looks
at objects only would seem to rely on backgrounds.

Reliance is the accuracy on mixed_same minus that on swap, BG-Gap that on mixed_same minus that on
mixed_random: what the background's class adds when all else about the composition is the same.
"""

from collections.abc import Callable, Iterable

import numpy as np

from bg_interp.data.tiling import tile_arrays
from bg_interp.errors import UserError
from bg_interp.evaluation.arrays import Arrays, Model, batches, predict
from bg_interp.evaluation.measures import VARIANTS

MIXED = ("mixed_same", "mixed_random", "mixed_next", "swap")
OWN_PASTED = "own_pasted"
_WITH_BACKGROUND = ("background_only", OWN_PASTED, *MIXED)
# What keys the drawing of partners: it stays, whatever is added to the list.
_KEYS = {name: key for key, name in enumerate(MIXED, start=4)}
# By how much of the side boxes are larger than masks say.
_MARGIN = 1 / 16


def behind(variant: str, labels: np.ndarray, seed: int) -> np.ndarray:
    """Returns the image that gives each one its background, int64 [N]: itself where none does.

    Args:
      variant: any, also one of other masks or fillings, such as "swap_inpainted".
      labels: int [N].
      seed: of the variants.
    """
    for rule, names in {"mixed_same": "same", "swap": "swap"}.items():
        if variant.startswith(f"{names}_"):
            variant = rule
    return partners(variant, labels, seed) if variant in MIXED else np.arange(len(labels))


def partners(variant: str, labels: np.ndarray, seed: int, draw: int = 0) -> np.ndarray:
    """Draws, for each image, the image that gives its background.

    An image is its own partner only when the variant's rule leaves no other.

    Args:
      variant: one of MIXED.
      labels: int [N].
      seed: keys the drawing.
      draw: the number of the drawing, for several partners of each image.

    Returns:
      int64 [N], positions in `labels`.
    """
    generator = np.random.default_rng([seed, _KEYS[variant], *([draw] if draw else [])])
    positions = np.arange(len(labels))
    present = np.unique(labels)
    following = dict(zip(present.tolist(), np.roll(present, -1).tolist(), strict=True))
    is_allowed = {
        "mixed_same": lambda label: labels == label,
        "mixed_random": lambda _: np.ones(len(labels), bool),
        "mixed_next": lambda label: labels == following[label],
        "swap": lambda label: labels != label,
    }[variant]
    rows_of = {label: positions[labels == label] for label in present.tolist()}
    allowed = {label: positions[is_allowed(label)] for label in rows_of}
    # The place of each image itself among those allowed, which it is to be none of.
    own, others = np.full(len(labels), len(labels)), np.zeros(len(labels), np.int64)
    for label, rows in rows_of.items():
        is_there = np.isin(rows, allowed[label])
        own[rows[is_there]] = np.searchsorted(allowed[label], rows[is_there])
        others[rows] = len(allowed[label]) - is_there
    places = np.zeros(len(labels), np.int64)
    places[others > 0] = generator.integers(0, others[others > 0])
    places += places >= own
    chosen = positions.copy()
    for label, rows in rows_of.items():
        rows = rows[others[rows] > 0]
        chosen[rows] = allowed[label][places[rows]]
    return chosen


def compose(
    variant: str, images: np.ndarray, masks: np.ndarray, backgrounds: np.ndarray | None = None
) -> np.ndarray:
    """Makes one variant of a batch.

    NumPy's operations cost a tenth of TensorFlow's, called one by one, and give the same bytes.

    Args:
      variant: one of VARIANTS, or OWN_PASTED.
      images: uint8 [B, H, W, 3].
      masks: uint8 [B, H, W, 1], 255 = foreground.
      backgrounds: uint8 [B, H, W, 3], made of the images themselves (background_only, own_pasted)
        or of their partners; None for variants that need none.

    Returns:
      uint8 [B, H, W, 3].
    """
    if variant == "original":
        return images
    # Of every channel, since NumPy takes twice as long where one value goes with three.
    opacity = np.repeat(masks, images.shape[-1], axis=-1) / np.float32(255)
    if variant == "foreground_only":
        return _pixels(images * opacity)
    if variant == "no_foreground":
        return _pixels(images * (1 - opacity))
    if variant not in _WITH_BACKGROUND or backgrounds is None:
        raise ValueError(f"variant must be one of {VARIANTS}, with backgrounds. Got: {variant!r}")
    if variant == "background_only":
        return backgrounds
    return _pixels(images * opacity + backgrounds * (1 - opacity))


def _pixels(images: np.ndarray) -> np.ndarray:
    return np.rint(images).astype(np.uint8)


# Images and masks, uint8 [B, H, W, 3] and [B, H, W, 1], to backgrounds without the objects.
Filling = Callable[[np.ndarray, np.ndarray], np.ndarray]


def margin_of(shape: tuple[int, ...]) -> int:
    """Returns by how many pixels boxes are larger, for images [N, H, W, 3]."""
    return round(_MARGIN * max(shape[1:3]))


def tiled(images: np.ndarray, masks: np.ndarray) -> np.ndarray:
    """Returns backgrounds without their objects by tiling, uint8 [B, H, W, 3]."""
    return tile_arrays(images, masks, margin_of(images.shape))


class Variants:
    """The background variants of a set of images.

    Every background is made once, when it is first needed, and kept: twelve of them would
    otherwise be made of each image of an evaluation.

    Attributes:
      arrays: the N images, and those that partners are drawn from.
      seed: keys the choice of partners.
      filling: makes backgrounds.
    """

    def __init__(self, arrays: Arrays, seed: int = 0, filling: Filling = tiled):
        """Takes images with usable masks.

        Raises:
          UserError: they are of one class.
        """
        present = np.unique(arrays.labels)
        if len(present) < 2:
            raise UserError(
                "images of two classes or more must have a usable mask, since backgrounds are "
                f"exchanged between classes. Received: {len(arrays.labels)} images, all of class "
                f"{present[0]}"
            )
        self.arrays = arrays
        self.seed = seed
        self.filling = filling
        self._filled = np.zeros_like(arrays.images)
        self._is_filled = np.zeros(len(arrays.labels), bool)

    def make(self, variant: str, rows: np.ndarray | None = None, draw: int = 0) -> np.ndarray:
        """Returns one variant of images, uint8 [N, H, W, 3].

        Args:
          variant: one of VARIANTS, or OWN_PASTED.
          rows: positions of the images to make; None for all, in their order.
          draw: see `partners`.
        """
        images, masks, labels = self.arrays
        behind = np.arange(len(labels))
        rows = behind if rows is None else rows
        if variant in MIXED:
            behind = partners(variant, labels, self.seed, draw)
        if variant in _WITH_BACKGROUND:
            self._fill(behind[rows])
        made = np.empty((len(rows), *images.shape[1:]), np.uint8)
        for batch in batches(len(rows)):
            some = rows[batch]
            backgrounds = self._filled[behind[some]] if variant in _WITH_BACKGROUND else None
            made[batch] = compose(variant, images[some], masks[some], backgrounds)
        return made

    def logits(self, model: Model, names: Iterable[str] = VARIANTS) -> dict[str, np.ndarray]:
        """Asks a model about variants; returns {variant: float32 [N, K]}.

        Args:
          model: images to logits (see `arrays.compiled`).
          names: of the variants.
        """
        return {name: predict(model, self.make(name)) for name in names}

    def _fill(self, rows: np.ndarray) -> None:
        """Makes those backgrounds of images that are not made yet."""
        new = np.unique(rows[~self._is_filled[rows]])
        if len(new):
            self._filled[new] = self.filling(self.arrays.images[new], self.arrays.masks[new])
            self._is_filled[new] = True


def confusion_matrix(labels: np.ndarray, predicted: np.ndarray, classes: int) -> np.ndarray:
    """Returns counts, int64 [true class, predicted class]."""
    return np.bincount(labels * classes + predicted, minlength=classes**2).reshape(classes, classes)
