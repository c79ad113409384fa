"""Tiled backgrounds against tiling by hand, eagerly and in graphs."""

import numpy as np
import pytest
import tensorflow as tf

from bg_interp.data.tiling import object_boxes, tile_arrays, tile_background


def _numbered(batch: int = 1, height: int = 6, width: int = 8) -> np.ndarray:
    values = np.arange(batch * height * width * 3) % 251
    return values.reshape(batch, height, width, 3).astype(np.uint8)


def _box_mask(top: int, bottom: int, left: int, right: int, size=(6, 8)) -> np.ndarray:
    mask = np.zeros((1, *size, 1), np.uint8)
    mask[:, top:bottom, left:right] = 255
    return mask


def test_boxes_hold_the_foreground_and_are_empty_without_any():
    masks = np.concatenate([_box_mask(1, 3, 2, 7), _box_mask(0, 0, 0, 0), _box_mask(5, 6, 7, 8)])
    boxes = np.stack(object_boxes(tf.constant(masks)), axis=1)
    np.testing.assert_array_equal(boxes, [[1, 3, 2, 7], [0, 0, 0, 0], [5, 6, 7, 8]])


def test_faint_pixels_belong_to_the_background():
    mask = np.where(_box_mask(1, 3, 2, 7) == 255, 25, 0).astype(np.uint8)
    image = _numbered()
    np.testing.assert_array_equal(tile_background(image, mask), image)


def test_tiles_the_largest_rectangle_as_done_by_hand():
    image, mask = _numbered(), _box_mask(3, 6, 1, 5)
    # Outside the box: above 3x8, right 6x3, left 6x1: the rows 0 to 2 are the largest.
    expected = image.copy()
    expected[0, 3:6, 1:5] = image[0, 0:3, 1:5]
    np.testing.assert_array_equal(tile_background(image, mask), expected)


def test_a_narrow_rectangle_is_repeated():
    image, mask = _numbered(), _box_mask(0, 6, 2, 8)
    expected = np.concatenate([image[:, :, :2]] * 4, axis=2)
    np.testing.assert_array_equal(tile_background(image, mask), expected)


def test_nothing_of_the_box_is_left():
    image, mask = np.full((1, 6, 8, 3), 10, np.uint8), _box_mask(1, 5, 2, 6)
    image[:, 1:5, 2:6] = 200
    np.testing.assert_array_equal(tile_background(image, mask), np.full_like(image, 10))


def test_an_image_without_foreground_stays():
    image = _numbered()
    np.testing.assert_array_equal(tile_background(image, np.zeros((1, 6, 8, 1), np.uint8)), image)


def test_a_box_over_the_whole_image_takes_the_mean_background_colour():
    image, mask = _numbered(), np.zeros((1, 6, 8, 1), np.uint8)
    mask[:, 0, 0] = mask[:, 5, 7] = 255
    mean = image[mask[..., 0] == 0].mean(axis=0).astype(np.uint8)
    np.testing.assert_array_equal(tile_background(image, mask)[0], np.broadcast_to(mean, (6, 8, 3)))
    full = np.full_like(mask, 255)
    np.testing.assert_array_equal(tile_background(image, full), np.zeros_like(image))


@pytest.mark.parametrize("dtype", [tf.uint8, tf.float32])
@pytest.mark.parametrize("compiled", [False, True])
def test_graphs_and_pipelines_give_the_eager_result(dtype, compiled):
    images = tf.cast(_numbered(batch=3), dtype)
    masks = np.concatenate([_box_mask(1, 3, 2, 7), _box_mask(0, 0, 0, 0), _box_mask(2, 6, 0, 4)])
    eager = tile_background(images, masks)
    graph = tf.function(tile_background, jit_compile=compiled)(images, tf.constant(masks))
    dataset = tf.data.Dataset.from_tensor_slices((images, masks)).batch(3).map(tile_background)
    assert eager.dtype == dtype and dataset.element_spec.shape.as_list() == [None, 6, 8, 3]
    np.testing.assert_array_equal(graph, eager)
    np.testing.assert_array_equal(dataset.get_single_element(), eager)


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
@pytest.mark.parametrize("margin", [0, 2])
def test_arrays_give_what_tensors_give(dtype, margin):
    boxes = [(1, 3, 2, 7), (0, 0, 0, 0), (0, 6, 0, 8), (0, 6, 2, 8), (5, 6, 7, 8), (2, 6, 0, 4)]
    masks = np.concatenate([_box_mask(*box) for box in boxes])
    # Not all of the third, whose box is the whole image, is its object.
    masks[2, 2:4] = 0
    images = _numbered(batch=len(boxes)).astype(dtype)
    tiled = tile_arrays(images, masks, margin)
    assert tiled.dtype == dtype
    np.testing.assert_array_equal(tiled, tile_background(images, masks, margin))
    np.testing.assert_array_equal(images, _numbered(batch=len(boxes)))
