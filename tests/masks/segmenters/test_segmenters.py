import importlib
import os
import pickle

import numpy as np
import pytest
from skimage import data

from bg_interp.config.data import SEGMENTERS
from bg_interp.config.segmentation import BACKENDS
from bg_interp.errors import UserError
from bg_interp.masks.segmenters.cleaning import Cleaning
from bg_interp.masks.segmenters.kinds import KINDS
from bg_interp.masks.segmenters.opening import open_segmenter
from bg_interp.masks.segmenters.segmenter import Segmenter, Settings, enlarge, reduce


@pytest.fixture(scope="module")
def red(red_is_foreground):
    with open_segmenter(Settings("object", model=str(red_is_foreground))) as segmenter:
        yield segmenter


@pytest.fixture(scope="module")
def astronaut():
    return data.astronaut()


def test_selfie_covers_the_astronaut_and_not_the_rocket(selfie, astronaut):
    mask = selfie(astronaut)
    face, suit, rocket = mask[60:180, 180:260], mask[300:420, 160:300], mask[20:200, 390:440]
    assert face.mean() > 0.95
    assert suit.mean() > 0.95
    assert rocket.mean() < 0.05


def test_object_covers_the_cat(object_segmenter):
    mask = object_segmenter(data.chelsea())
    assert mask[60:280, 130:330].mean() > 0.95
    assert mask[:60, 400:].mean() < 0.3


def test_object_covers_cup_and_saucer_and_not_the_table(object_segmenter):
    mask = object_segmenter(data.coffee())
    assert mask[120:300, 200:350].mean() > 0.95
    assert mask[:80, 480:].mean() < 0.05


@pytest.mark.parametrize("shape", [(300, 451), (1, 1), (3, 500), (700, 2), (97, 64)])
def test_mask_has_the_images_size_and_range(red, shape):
    image = np.random.default_rng(0).integers(0, 256, (*shape, 3), dtype=np.uint8)
    mask = red(image)
    assert mask.shape == shape
    assert mask.dtype == np.float32
    assert mask.min() >= 0
    assert mask.max() <= 1


def test_one_is_foreground_at_the_right_place(red, half_red):
    mask = red(half_red)
    assert mask[:, :40].min() > 0.99
    assert mask[:, 56:].max() < 0.01


def test_huge_photograph_gets_a_mask_of_its_size(red, half_red):
    huge = np.repeat(np.repeat(half_red, 60, axis=0), 60, axis=1)
    mask = red(huge)
    assert mask.shape == (3840, 5760)
    assert mask[:, :2600].min() > 0.99


@pytest.mark.parametrize(
    "view",
    [
        lambda image: image[:, ::-1][:, ::-1],
        np.asfortranarray,
        lambda image: np.repeat(image, 2, axis=1)[:, ::2],
    ],
    ids=["negative strides", "Fortran order", "every second column"],
)
def test_memory_layout_does_not_change_the_mask(selfie, astronaut, view):
    small = np.ascontiguousarray(astronaut[::2, ::2])  # 256 px: nothing is resized on the way.
    np.testing.assert_array_equal(selfie(view(small)), selfie(small))


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((8, 8), np.uint8),
        np.zeros((8, 8, 1), np.uint8),
        np.zeros((8, 8, 4), np.uint8),
        np.zeros((8, 8, 3), np.float32),
        np.zeros((8, 8, 3), np.uint16),
        np.zeros((0, 8, 3), np.uint8),
        [[1, 2, 3]],
    ],
    ids=["grey", "one channel", "RGBA", "float", "16 bits", "empty", "list"],
)
def test_other_arrays_are_refused_and_do_no_harm(red, half_red, image):
    before = red(half_red)
    with pytest.raises(ValueError, match="uint8 RGB"):
        red(image)
    np.testing.assert_array_equal(red(half_red), before)


def test_earlier_masks_stay_when_later_ones_are_made(red, half_red):
    first = red.opacities([half_red])[0]
    kept = first.copy()
    for _ in range(20):
        red(np.ascontiguousarray(half_red[:, ::-1]))
    np.testing.assert_array_equal(first, kept)


def test_poisoned_graph_is_replaced(red_is_foreground, half_red):
    import mediapipe as mp

    with open_segmenter(Settings("object", model=str(red_is_foreground))) as segmenter:
        before = segmenter(half_red)
        grey = mp.Image(image_format=mp.ImageFormat.GRAY8, data=half_red[..., 0].copy())
        with pytest.raises((RuntimeError, ValueError)):
            segmenter._task.segment(grey)
        np.testing.assert_array_equal(segmenter(half_red), before)


def test_use_after_close_is_an_error(red_is_foreground, half_red):
    segmenter = open_segmenter(Settings("object", model=str(red_is_foreground)))
    segmenter.close()
    segmenter.close()
    with pytest.raises(RuntimeError, match="closed"):
        segmenter(half_red)


def test_use_in_another_process_is_an_error(red, half_red, monkeypatch):
    monkeypatch.setattr(os, "getpid", lambda: -1)
    with pytest.raises(RuntimeError, match="each process"):
        red(half_red)


def test_pickling_says_what_to_do(red):
    with pytest.raises(TypeError, match="settings"):
        pickle.dumps(red)


def test_opening_and_segmenting_are_silent(red_is_foreground, half_red, capfd):
    with open_segmenter(Settings("object", model=str(red_is_foreground))) as segmenter:
        segmenter(half_red)
    assert capfd.readouterr() == ("", "")


def test_categories_count_together_or_alone(green_cat_blue_dog):
    image = np.zeros((64, 64, 3), np.uint8)
    image[:32, :32] = (255, 255, 0)  # A cat: not background, green.
    image[32:, 32:] = (255, 0, 255)  # A dog: not background, blue.
    path = str(green_cat_blue_dog)
    with open_segmenter(Settings("deeplab", model=path)) as everything:
        mask = everything(image)
    with open_segmenter(Settings("deeplab", model=path, category="dog")) as dogs:
        dog = dogs(image)
    assert mask[5, 5] > 0.99
    assert mask[60, 60] > 0.99
    assert mask[5, 60] < 0.01
    assert dog[60, 60] > 0.99
    assert dog[5, 5] < 0.01


def test_unknown_category_names_the_known_ones(green_cat_blue_dog):
    settings = Settings("deeplab", model=str(green_cat_blue_dog), category="dgo")
    with pytest.raises(UserError, match=r"cat, dog.*did you mean 'dog'"):
        open_segmenter(settings)


@pytest.mark.parametrize("x", [0.25, 0.75])
def test_interactive_segments_at_the_key_point(under_the_point, x):
    settings = Settings("interactive", model=str(under_the_point), keypoint=(x, 0.5))
    with open_segmenter(settings) as segmenter:
        mask = segmenter(np.zeros((64, 64, 3), np.uint8))
    left, right = mask[:, :32].sum(), mask[:, 32:].sum()
    assert max(left, right) > 1
    assert (left > right) == (x < 0.5)


def test_model_of_the_wrong_kind_is_a_user_error(green_cat_blue_dog, half_red):
    with (
        open_segmenter(Settings("object", model=str(green_cat_blue_dog))) as segmenter,
        pytest.raises(UserError, match="one output channel"),
    ):
        segmenter(half_red)


def test_missing_system_library_names_the_packages(red_is_foreground, monkeypatch):
    from bg_interp.masks.segmenters import mediapipe_segmenters

    def missing(_):
        raise OSError("libEGL.so.1: cannot open shared object file")

    monkeypatch.setattr(mediapipe_segmenters, "_image_segmenter", missing)
    with pytest.raises(UserError, match=r"libEGL.*apt-get install libegl1"):
        open_segmenter(Settings("object", model=str(red_is_foreground)))


def test_file_that_is_no_model_is_a_user_error(tmp_path):
    path = tmp_path / "broken.tflite"
    path.write_bytes(b"not a model")
    with pytest.raises(UserError, match=r"broken\.tflite must be a LiteRT"):
        open_segmenter(Settings("object", model=str(path)))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (Settings("objct"), "did you mean 'object'"),
        (Settings("deeplab"), "segmenter_model"),
        (Settings("interactive"), "segmenter_model"),
        (Settings("object", model="/nowhere.tflite"), "nowhere"),
        (Settings("object", category="dog"), "deeplab"),
        (Settings("selfie", backend="keras"), "segmenter='object'"),
    ],
)
def test_settings_that_do_not_fit_are_refused(settings, message):
    with pytest.raises(UserError, match=message):
        settings.check()


def test_id_changes_with_model_and_settings(red_is_foreground, green_cat_blue_dog):
    settings = [
        Settings("object"),
        Settings("selfie"),
        Settings("object", backend="keras"),
        Settings("object", cleaning=Cleaning(soft=False)),
        Settings("object", model=str(red_is_foreground)),
        Settings("object", model=str(green_cat_blue_dog)),
        Settings("deeplab", model=str(green_cat_blue_dog)),
        Settings("deeplab", model=str(green_cat_blue_dog), category="dog"),
    ]
    assert len({some.id for some in settings}) == len(settings)
    assert Settings("object").id == Settings("object").id
    assert Settings("object").id.startswith("object-309c8469258d-")


def test_id_does_not_depend_on_where_the_model_stands(red_is_foreground, tmp_path):
    copy = tmp_path / "copy.tflite"
    copy.write_bytes(red_is_foreground.read_bytes())
    ids = {Settings("object", model=str(path)).id for path in (red_is_foreground, copy)}
    assert len(ids) == 1


def test_reducing_keeps_shape_and_smooths():
    stripes = np.zeros((64, 4096, 3), np.uint8)
    stripes[:, ::2] = 255
    reduced = reduce(stripes, None)
    assert reduced.shape == (16, 1024, 3)
    assert np.abs(reduced[:, 2:-2].astype(int) - 127).max() < 3
    assert reduce(stripes, 256).shape == (256, 256, 3)


def test_enlarging_keeps_range_and_place():
    mask = np.array([[0, 1], [0, 1]], np.float32)
    large = enlarge(mask, (4, 8))
    assert large.shape == (4, 8)
    assert large[:, 0].max() == 0
    assert large[:, -1].min() == 1


def test_every_name_that_flags_know_is_a_segmenter_and_every_adapter_exists():
    assert set(KINDS) == set(SEGMENTERS)
    for kind in KINDS.values():
        assert set(kind.adapters) <= set(BACKENDS)
        for adapter in kind.adapters.values():
            module, _, name = adapter.partition(".")
            package = importlib.import_module(f"bg_interp.masks.segmenters.{module}")
            assert issubclass(getattr(package, name), Segmenter)
        assert kind.model or kind.address.startswith("https://")
