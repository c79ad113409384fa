"""Objects and places: what is kept apart, whose kinds are whose, and one line for bad input."""

import numpy as np
import pytest
from PIL import Image

from bg_interp.data.sources.composites import cutouts, parts, places
from bg_interp.errors import UserError

pytestmark = pytest.mark.usefixtures("speaking_of_flags")


def save_mask(path, low: int, high: int) -> None:
    pixels = np.full((20, 20, 4), 200, np.uint8)
    pixels[..., 3] = low
    pixels[5:15, 5:15, 3] = high
    Image.fromarray(pixels).save(path)


@pytest.fixture
def two_classes(tmp_path, save_object):
    for name in ("disc", "square"):
        for number in range(2):
            save_object(tmp_path / name / f"{number}.png")
    return tmp_path


def test_a_fourth_of_the_images_is_held_out_by_name_and_at_least_one():
    keys = [f"{number}.png" for number in range(8)]
    divided = parts.divided(keys)
    assert sorted(divided["train"] + divided["test"]) == keys
    assert len(divided["test"]) == 2
    assert parts.divided(keys[::-1]) == divided
    assert len(parts.divided(keys[:2])["test"]) == 1


def test_a_cut_out_is_cropped_to_what_its_mask_shows(objects):
    assert objects.class_names == ("disc", "square")
    for split, count in (("train", 3), ("test", 1)):
        assert [len(found) for found in objects.splits[split]] == [count, count]
    one = objects.splits["train"][1][0]
    assert one.pixels.shape == (12, 12, 4) and one.label == 1
    assert (one.pixels[..., 3] == 1).all()
    keys = {cutout.key for part in objects.splits.values() for some in part for cutout in some}
    assert len(keys) == 8


def test_what_a_mask_hides_leaves_no_colour():
    image = np.full((8, 8, 3), 255, np.uint8)
    mask = np.zeros((8, 8, 1), np.uint8)
    image[2:6, 2:6], mask[2:6, 2:6] = 0, 255
    found = cutouts.cut_out("one", 0, image, mask)
    assert found.pixels[..., :3].max() == 0


def test_other_bytes_make_another_fingerprint(two_classes, save_object):
    before = cutouts.from_folder(two_classes).fingerprint
    assert cutouts.from_folder(two_classes).fingerprint == before
    save_object(two_classes / "disc" / "0.png", value=9)
    assert cutouts.from_folder(two_classes).fingerprint != before


def test_kinds_are_dealt_out_in_turn_or_named_like_their_classes(scenery):
    assert scenery.own == [[0, 2], [1, 3]]
    assert scenery.chance == 0.5
    named = ("cat", "cat-fish-sea", "cat-sofa", "cat-fish")
    assert places._own_kinds(named, ("cat", "cat-fish")) == [[0, 2], [1, 3]]
    with pytest.raises(UserError, match="'moor'"):
        places._own_kinds(("cat", "moor"), ("cat", "dog"))


@pytest.mark.parametrize(
    ("low", "high", "message"),
    [
        (0, 0, "is empty"),
        (0, 1, "must run from 0 to 255"),
        (255, 255, "has no mask"),
    ],
)
def test_a_mask_that_cannot_be_used_is_one_line_with_its_name(two_classes, low, high, message):
    save_mask(two_classes / "disc" / "0.png", low, high)
    with pytest.raises(UserError, match=message) as raised:
        cutouts.from_folder(two_classes)
    assert "disc/0.png" in str(raised.value) and "\n" not in str(raised.value)


def test_folders_that_cannot_be_used_are_one_line(two_classes, tmp_path, save_place):
    with pytest.raises(UserError, match="must name a folder"):
        cutouts.from_folder(tmp_path / "nowhere")
    (two_classes / "disc" / "0.png").unlink()
    with pytest.raises(UserError, match=r"two images or more.*disc with 1"):
        cutouts.from_folder(two_classes)
    for kind in ("sea", "moor"):
        for number in range(2):
            save_place(tmp_path / "places" / kind / f"{number}.png")
    with pytest.raises(UserError, match=r"Received: 2 kinds \(moor, sea\) for 3 classes"):
        places.from_folder(tmp_path / "places", ("a", "b", "c"))
    (tmp_path / "places" / "sea" / "0.png").write_bytes(b"no image")
    with pytest.raises(UserError, match=r"sea/0.png cannot be decoded \(it is no image"):
        places.from_folder(tmp_path / "places", ("a", "b"))


def test_objects_of_a_source_need_masks_of_its_own():
    class Folder:
        name, has_masks = "folder:/pictures", False

    with pytest.raises(UserError, match=r"objects must have masks.*folder:/pictures"):
        cutouts.from_source(Folder())


def _opaque(two_classes, tmp_path, scale):
    """Writes the same objects without transparency, and their masks beside."""
    for path in two_classes.rglob("*.png"):
        pixels = np.asarray(Image.open(path))
        for folder, values in (("opaque", pixels[..., :3]), ("masks", pixels[..., 3] // scale)):
            to = tmp_path / folder / path.relative_to(two_classes)
            to.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(values).save(to)
    return tmp_path / "opaque", tmp_path / "masks"


@pytest.mark.parametrize("scale", [1, 255])
def test_masks_beside_opaque_images_cut_out_the_same_objects(two_classes, tmp_path_factory, scale):
    opaque, masks = _opaque(two_classes, tmp_path_factory.mktemp("beside"), scale)
    cut, expected = cutouts.from_folder(opaque, masks), cutouts.from_folder(two_classes)
    for split, by_class in expected.splits.items():
        for some, others in zip(by_class, cut.splits[split], strict=True):
            for one, other in zip(some, others, strict=True):
                np.testing.assert_array_equal(one.pixels, other.pixels)


def test_masks_of_other_images_are_one_line(two_classes, tmp_path_factory):
    opaque, masks = _opaque(two_classes, tmp_path_factory.mktemp("beside"), 1)
    before = cutouts.from_folder(opaque, masks).fingerprint
    Image.fromarray(np.full((20, 20), 255, np.uint8)).save(masks / "disc" / "0.png")
    with pytest.raises(UserError, match="whole image is opaque"):
        cutouts.from_folder(opaque, masks)
    mask = np.zeros((20, 20), np.uint8)
    mask[2:9, 2:9] = 255
    Image.fromarray(mask).save(masks / "disc" / "0.png")
    assert cutouts.from_folder(opaque, masks).fingerprint != before
    Image.fromarray(mask[:10]).save(masks / "disc" / "0.png")
    with pytest.raises(UserError, match="20 x 10 pixels and its image of 20 x 20"):
        cutouts.from_folder(opaque, masks)
    (masks / "disc" / "0.png").unlink()
    with pytest.raises(UserError, match="choose another --object_masks"):
        cutouts.from_folder(opaque, masks)
