"""Masks of arrays: as they come from a store, with a verdict on each, shown in a notebook."""

import numpy as np
import pytest
from PIL import Image

import bg_interp as bg
from bg_interp.errors import UserError
from bg_interp.masks import store
from bg_interp.masks.in_memory import segment

IMAGES = np.full((3, 96, 96, 3), (40, 120, 40), np.uint8)
IMAGES[:2, 30:70, 25:65] = (230, 60, 40)


def test_objects_are_found_and_judged(object_segmenter):
    masks = segment(IMAGES)
    assert np.asarray(masks).shape == (3, 96, 96, 1)
    assert np.asarray(masks).dtype == np.uint8
    inside = masks.values[0, 35:65, 30:60]
    assert inside.mean() > 200
    assert masks.values[0, :20].mean() < 30
    assert masks.verdicts[0] == "ok"
    assert masks.good.tolist()[:2] == [True, True]
    assert "data:image/png;base64," in masks._repr_html_()
    assert repr(masks).startswith("masks of 3 images: 2 ok")


@pytest.mark.parametrize(
    ("images", "segmenter", "said"),
    [
        (IMAGES, "objct", "segmenter must be one of .*did you mean 'object'"),
        (IMAGES[0], "object", r"images must be RGB.*Received: \[96, 96, 3\]"),
        (IMAGES / 127.5 - 1, "object", "images must lie in 0 to 1 or 0 to 255"),
    ],
)
def test_mistakes_are_named_by_argument(images, segmenter, said):
    with pytest.raises(UserError, match=said) as error:
        segment(images, segmenter)
    assert "--" not in str(error.value)


def test_a_model_that_is_not_there_is_asked_for(own_cache):
    with pytest.raises(UserError, match="not in the cache, or damaged; give fetch=True"):
        segment(IMAGES, "selfie")


def test_a_folder_is_segmented_once_and_shown(object_segmenter, tmp_path, monkeypatch):
    monkeypatch.setattr(store, "default_root", lambda: tmp_path / "masks")
    for number, image in enumerate([*IMAGES, *IMAGES]):
        path = tmp_path / "photos" / f"class{number % 2}" / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(path)
    found = bg.segment(tmp_path / "photos")
    assert sum(found.verdicts.counts.values()) == 6
    mask = found.masks.mask("class0/0.png")
    assert (mask == segment(IMAGES[:1]).values[0, ..., 0]).all()
    assert "data:image/png;base64," in found._repr_html_()
    assert bg.segment(str(tmp_path / "photos")).verdicts.counts == found.verdicts.counts
    with pytest.raises(UserError, match="must name a folder"):
        bg.segment(tmp_path / "nowhere")
