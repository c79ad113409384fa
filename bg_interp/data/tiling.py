"""Backgrounds without their objects: an object's box, filled by tiling what lies outside of it.

The filling is that of "Only-BG-T" in Xiao et al. 2020, "Noise or Signal: The Role of Image
Backgrounds in Object Recognition" (arXiv 2006.09994): the object's bounding box is covered with
copies of the largest rectangle of the image that does not touch it. Nothing of the object's
outline stays, which blacking out the object's pixels alone would leave.
"""

import numpy as np
import tensorflow as tf

# A pixel belongs to the object's box when its opacity is above a tenth: at one half, the soft rim
# of the object would stay in the background and draw its outline.
FOREGROUND_THRESHOLD = 25


def object_boxes(masks: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor]:
    """Returns the bounding box of each mask's foreground.

    Args:
      masks: [B, H, W, 1], uint8 or float in [0, 255], 255 = foreground.

    Returns:
      (top, bottom, left, right), each int32 [B]; bottom and right are exclusive. A mask without
      foreground has an empty box, with bottom = top and right = left.
    """
    inside = masks[..., 0] > tf.cast(FOREGROUND_THRESHOLD, masks.dtype)
    top, bottom = _extent(tf.reduce_any(inside, axis=2))
    left, right = _extent(tf.reduce_any(inside, axis=1))
    return top, bottom, left, right


def _extent(occupied: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns the first True of each row of bool [B, N] and the one after the last, as int32 [B].

    A row without True gives (0, 0).
    """
    length = tf.shape(occupied)[1]
    numbers = tf.cast(occupied, tf.int32)
    first = tf.argmax(numbers, axis=1, output_type=tf.int32)
    after_last = length - tf.argmax(numbers[:, ::-1], axis=1, output_type=tf.int32)
    return first, tf.where(tf.reduce_any(occupied, axis=1), after_last, 0)


def _largest_rectangle(boxes: tuple[tf.Tensor, ...], height: int, width: int) -> tf.Tensor:
    """Returns (top, bottom, left, right) of the largest rectangle beside each box, int32 [B, 4]."""
    top, bottom, left, right = boxes
    zero = tf.zeros_like(top)
    above = tf.stack([zero, top, zero, zero + width], axis=1)
    below = tf.stack([bottom, zero + height, zero, zero + width], axis=1)
    at_left = tf.stack([zero, zero + height, zero, left], axis=1)
    at_right = tf.stack([zero, zero + height, right, zero + width], axis=1)
    candidates = tf.stack([above, below, at_left, at_right], axis=1)
    areas = (candidates[..., 1] - candidates[..., 0]) * (candidates[..., 3] - candidates[..., 2])
    return tf.gather(candidates, tf.argmax(areas, axis=1), batch_dims=1)


def _tiled_positions(start: tf.Tensor, stop: tf.Tensor, length: int) -> tf.Tensor:
    """Returns, for each of `length` positions, the one in [start, stop) that it repeats, [B, N]."""
    # A rectangle of size 0 is not used; 1 keeps the division defined.
    period = tf.maximum(stop - start, 1)[:, None]
    positions = start[:, None] + tf.math.floormod(tf.range(length)[None] - start[:, None], period)
    return tf.minimum(positions, length - 1)


def _background_colours(images: tf.Tensor, masks: tf.Tensor) -> tf.Tensor:
    """Returns each image's mean colour weighted by background opacity, float32 [B, 1, 1, 3]."""
    opacity = 1.0 - tf.cast(masks, tf.float32) / 255.0
    total = tf.reduce_sum(tf.cast(images, tf.float32) * opacity, axis=(1, 2), keepdims=True)
    return tf.math.divide_no_nan(total, tf.reduce_sum(opacity, axis=(1, 2), keepdims=True))


def _grown(
    boxes: tuple[tf.Tensor, ...], margin: int, height: int, width: int
) -> tuple[tf.Tensor, ...]:
    """Returns boxes that are larger by a margin on every side, as far as the images go.

    Of the widest strip beside a box half is left, so that there is something to tile.
    """
    top, bottom, left, right = boxes
    strips = tf.stack([top, height - bottom, left, width - right])
    step = tf.minimum(margin, tf.reduce_max(strips, axis=0) // 2)
    # An empty box stays one.
    step = tf.where(bottom > top, step, 0)
    starts = (tf.maximum(one - step, 0) for one in (top, left))
    stops = (tf.minimum(one + step, end) for one, end in ((bottom, height), (right, width)))
    (top, left), (bottom, right) = starts, stops
    return top, bottom, left, right


def _plan(masks: tf.Tensor, margin: int) -> tuple[tuple[tf.Tensor, ...], tf.Tensor, tf.Tensor]:
    """Returns each object's box, and the rows [B, H] and columns [B, W] that are tiled over it."""
    height, width = masks.shape[1], masks.shape[2]
    boxes = object_boxes(masks)
    if margin:
        boxes = _grown(boxes, margin, height, width)
    source = _largest_rectangle(boxes, height, width)
    rows = _tiled_positions(source[:, 0], source[:, 1], height)
    columns = _tiled_positions(source[:, 2], source[:, 3], width)
    return boxes, rows, columns


def tile_background(images: tf.Tensor, masks: tf.Tensor, margin: int = 0) -> tf.Tensor:
    """Replaces each object's bounding box by copies of the largest rectangle outside of it.

    The copies continue the rectangle periodically from where it lies. An image whose mask has no
    foreground stays as it is. Where the box covers the whole image there is nothing to tile: it
    becomes the mean colour of the background pixels, or black when there are none.

    Args:
      images: [B, H, W, 3], uint8 or float32 in [0, 255]; H and W static.
      masks: [B, H, W, 1], uint8 or float in [0, 255], 255 = foreground.
      margin: pixels by which boxes are larger than the masks say, so that masks that are a little
        too small leave nothing of the object's rim in the background.

    Returns:
      [B, H, W, 3], of the dtype of `images`.
    """
    images = tf.convert_to_tensor(images)
    masks = tf.convert_to_tensor(masks)
    (top, bottom, left, right), rows, columns = _plan(masks, margin)
    rows_inside = _within(top, bottom, images.shape[1])
    columns_inside = _within(left, right, images.shape[2])
    inside = (rows_inside[:, :, None] & columns_inside[:, None, :])[..., None]
    tiled = tf.gather(tf.gather(images, rows, axis=1, batch_dims=1), columns, axis=2, batch_dims=1)

    covered = tf.reduce_all(inside, axis=(1, 2, 3), keepdims=True)

    def plain() -> tf.Tensor:
        colours = tf.cast(_background_colours(images, masks), images.dtype)
        return tf.where(covered, colours, tiled)

    # Hardly ever is an object's box the whole image, and mean colours take a third of the time.
    filling = tf.cond(tf.reduce_any(covered), plain, lambda: tiled)
    return tf.where(inside, filling, images)


def tile_arrays(images: np.ndarray, masks: np.ndarray, margin: int = 0) -> np.ndarray:
    """Returns what `tile_background` does, for arrays, in a fraction of the time.

    Only boxes are copied, image by image, where operations on tensors go over all pixels.

    Args:
      images: [N, H, W, 3], uint8 or float32 in [0, 255].
      masks: [N, H, W, 1], as there.
      margin: see there.

    Returns:
      [N, H, W, 3], of the dtype of `images`.
    """
    boxes, rows, columns = _plan(tf.convert_to_tensor(masks), margin)
    filled = images.copy()
    planned = zip(np.stack(boxes, axis=1).tolist(), rows.numpy(), columns.numpy(), strict=True)
    for number, ((top, bottom, left, right), down, across) in enumerate(planned):
        if (bottom - top, right - left) == images.shape[1:3]:
            one = slice(number, number + 1)
            filled[one] = tile_background(images[one], masks[one], margin)
        else:
            tiled = np.ix_(down[top:bottom], across[left:right])
            filled[number, top:bottom, left:right] = images[number][tiled]
    return filled


def _within(start: tf.Tensor, stop: tf.Tensor, length: int) -> tf.Tensor:
    """Returns bool [B, length]: which positions lie in [start, stop)."""
    positions = tf.range(length)[None]
    return (positions >= start[:, None]) & (positions < stop[:, None])
