"""Controls of the method: reliance when masks or backgrounds are made otherwise.

Masks that are too small leave rims of objects in backgrounds, and their class with them; larger
ones take background along with the object. Tiling has seams. What a model owes to these, and not
to backgrounds, shows when masks are made smaller or larger and backgrounds are inpainted: with the
same partners, so that only that differs. Masks that miss their object leave all of it in the
background; these can't be told from a model that relies on backgrounds by its answers alone, so
reliance is measured once more without the backgrounds that are suspected most.
"""

from collections.abc import Callable

import cv2
import numpy as np
import scipy.special

from bg_interp.data.tiling import FOREGROUND_THRESHOLD
from bg_interp.evaluation.arrays import Arrays, Model, predict
from bg_interp.evaluation.reliance.variants import OWN_PASTED, Variants, margin_of

# By how much of the side masks are made smaller or larger.
_REACH = 1 / 32
# The share of backgrounds that is suspected: segmenters miss about as many objects.
_SUSPECTED = 0.15
# Inpainting a larger hole takes long, and comes out as smooth.
_INPAINTED_SIDE = 96


def _changed(arrays: Arrays, change: Callable[..., np.ndarray]) -> Arrays:
    """Returns images whose masks are smaller or larger; one that would vanish or fill all stays."""
    reach = max(1, round(_REACH * max(arrays.images.shape[1:3])))
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1, 2 * reach + 1))
    masks = np.stack([change(mask[..., 0], kernel)[..., None] for mask in arrays.masks])
    shares = (masks > 127).mean(axis=(1, 2, 3))
    stays = (shares == 0) | (shares == 1)
    masks[stays] = arrays.masks[stays]
    return arrays._replace(masks=masks)


def eroded(arrays: Arrays) -> Arrays:
    """Returns images whose masks are smaller by a 32nd of the side."""
    return _changed(arrays, cv2.erode)


def dilated(arrays: Arrays) -> Arrays:
    """Returns images whose masks are larger by a 32nd of the side."""
    return _changed(arrays, cv2.dilate)


def inpainted(images: np.ndarray, masks: np.ndarray) -> np.ndarray:
    """Returns backgrounds without their objects by inpainting (Telea 2004), uint8 [B, H, W, 3].

    The holes are larger than the masks by the margin of tiled boxes.
    """
    margin = margin_of(images.shape)
    kernel = np.ones((2 * margin + 1, 2 * margin + 1), np.uint8)
    return np.stack([_inpainted(*one, kernel) for one in zip(images, masks, strict=True)])


def _inpainted(image: np.ndarray, mask: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    opaque = (mask[..., 0] > FOREGROUND_THRESHOLD).astype(np.uint8)
    hole = cv2.dilate(opaque, kernel)
    if hole.all():
        hole = opaque
    height, width = hole.shape
    scale = min(1.0, _INPAINTED_SIDE / max(height, width))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    # A pixel that is partly of the object is all hole.
    small_hole = cv2.resize(hole.astype(np.float32), size, interpolation=cv2.INTER_AREA) > 0
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    filled = cv2.inpaint(small, small_hole.astype(np.uint8), 3, cv2.INPAINT_TELEA)
    back = cv2.resize(filled, (width, height), interpolation=cv2.INTER_LINEAR)
    return np.where(hole[..., None] > 0, back, image)


def logits(model: Model, variants: Variants) -> dict[str, np.ndarray]:
    """Asks a model about the controls: seven forward passes of each image.

    Args:
      model: images to logits (see `arrays.compiled`).
      variants: of the test set.

    Returns:
      {"own_pasted", and "same_" or "swap_" with "masks_eroded", "masks_dilated" or "inpainted":
      float32 [N, K]}.
    """
    arrays, seed = variants.arrays, variants.seed
    found = {OWN_PASTED: predict(model, variants.make(OWN_PASTED))}
    # One after the other, since each keeps backgrounds of all images.
    for name, make in {
        "masks_eroded": lambda: Variants(eroded(arrays), seed),
        "masks_dilated": lambda: Variants(dilated(arrays), seed),
        "inpainted": lambda: Variants(arrays, seed, inpainted),
    }.items():
        made = make()
        for short, variant in (("same", "mixed_same"), ("swap", "swap")):
            found[f"{short}_{name}"] = predict(model, made.make(variant))
    return found


def trusted(background_only: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Tells which backgrounds show the least that looks like a rest of their object, bool [N].

    The others, about every seventh, are those that the model takes for their image's class most
    surely, compared with how readily it takes any background for that class.

    Args:
      background_only: the model's logits for backgrounds without their objects, [N, K].
      labels: int [N].
    """
    probabilities = scipy.special.softmax(background_only, axis=1)
    own = probabilities[np.arange(len(labels)), labels]
    surprise = own - probabilities.mean(axis=0)[labels]
    order = np.argsort(-surprise, kind="stable")
    found = np.ones(len(labels), bool)
    found[order[: int(np.ceil(_SUSPECTED * len(labels)))]] = False
    return found
