"""A zoo of folders and files as people have them: each is read right, doubted, or refused.

The truth is known by construction. Where masks are read, they must lie on the objects, and rigged
classifiers, one that sees objects alone and one that sees places alone, must show which they are.
An entry of the zoo is a kind of folder, drawn by a function, and what shall come of it.
"""

import functools
import re

import folder_kinds
import more_folder_kinds
import numpy as np
import pytest
import scene
from folder_kinds import Made, folders, phone
from scene import grey

from bg_interp.commands import evaluate
from bg_interp.config.data import DataConfig
from bg_interp.config.evaluation import EvaluateConfig
from bg_interp.data.opening import decoded_with_masks
from bg_interp.data.sources import open_source
from bg_interp.errors import UserError

pytestmark = pytest.mark.usefixtures("own_cache")
SIZE = 48
# Few images leave it open how small a reliance is.
NONE_FOUND = "No reliance|not clear"
RIGHT = folder_kinds.RIGHT | more_folder_kinds.RIGHT
DOUBTED = folder_kinds.DOUBTED | more_folder_kinds.DOUBTED
REFUSED = folder_kinds.REFUSED | more_folder_kinds.REFUSED


def read(made: Made, size: int = SIZE):
    """Opens a folder of the zoo as training and evaluation do."""
    settings = dict(made.settings)
    whole = settings.pop("whole", False)
    config = DataConfig(
        dataset=f"folder:{made.dataset}",
        masks=f"folder:{made.masks}" if made.masks else "auto",
        image_size=size,
        **settings,
    )
    source = open_source(config, whole)
    return source, *decoded_with_masks(source, "test", config)


@pytest.mark.parametrize("kind", RIGHT)
def test_it_is_read_right(kind, tmp_path):
    made = RIGHT[kind](tmp_path)
    source, examples, masks = read(made)
    names = ("2", "10") if kind == "numbers" else scene.CLASSES
    assert kind.startswith(("class", "a class")) or source.class_names == names
    assert len(source.class_names) == 2 and not masks.doubts and not source.damaged
    arrays = examples.arrays
    usable = ~arrays["mask"].all((1, 2, 3))
    assert (len(usable), usable.sum()) == (8, made.images)
    images, labels = arrays["image"][usable], arrays["label"][usable]
    found, truth = arrays["mask"][usable, ..., 0] > 127, scene.object_of(images)
    shares = (found & truth).sum((1, 2)) / (found | truth).sum((1, 2))
    # An object of 18 pixels is 9 in a mask of half the size: larger ones lie as well as all others.
    assert shares.min() >= (0.95 if "half" not in kind else 0.85), shares
    assert shares.mean() >= 0.9
    # Objects before the places of the other class, by the masks that were read.
    opacity = arrays["mask"][usable] / 255.0
    other = np.array([np.flatnonzero(labels != label)[0] for label in labels])
    clean = np.where(truth[other][..., None], np.uint8(150), images[other])
    swapped = (images * opacity + clean * (1 - opacity)).round().astype(np.uint8)
    assert (scene.by_object(images) == labels).all()
    assert (scene.by_object(swapped) == labels).all()


@pytest.mark.parametrize("resize", ["smooth", "sharp", "crop"])
def test_masks_of_half_the_size_lie_on_objects_of_larger_photographs(resize, tmp_path):
    def large(pixels):
        return pixels.repeat(4, axis=0).repeat(4, axis=1)

    made = folders(
        tmp_path, look=large, spell=lambda mask: folder_kinds.smaller(large(mask)), resize=resize
    )
    _, examples, masks = read(made, 4 * SIZE)
    found, truth = examples.arrays["mask"][..., 0] > 127, scene.object_of(examples.arrays["image"])
    shares = (found & truth).sum((1, 2)) / (found | truth).sum((1, 2))
    assert len(shares) == 8 and not masks.doubts
    assert shares.min() >= 0.95, shares


@pytest.mark.parametrize("kind", more_folder_kinds.COUNTED)
def test_what_is_damaged_is_left_out_and_named(kind, tmp_path, capsys):
    draw, count = more_folder_kinds.COUNTED[kind]
    source, examples, _ = read(draw(tmp_path))
    assert len(examples) == count and len(source.damaged) == 1
    assert "skipping 1 damaged of" in capsys.readouterr().err


@pytest.mark.parametrize("kind", DOUBTED)
def test_it_is_doubted(kind, tmp_path):
    draw, reason = DOUBTED[kind]
    _, _, masks = read(draw(tmp_path))
    assert any(reason in doubt.reason for doubt in masks.doubts), masks.doubts


@pytest.mark.parametrize("kind", REFUSED)
def test_it_is_refused_in_one_line(kind, tmp_path):
    draw, said = REFUSED[kind]
    with pytest.raises(UserError, match=said) as raised:
        read(draw(tmp_path))
    assert "\n" not in str(raised.value)


def test_somebody_may_say_that_masks_are_right(tmp_path):
    made = folders(tmp_path, spell=lambda mask: grey(~mask), invert_masks=False)
    assert not read(made)[2].doubts


@pytest.mark.parametrize(
    ("draw", "looks_at", "answer"),
    [
        (functools.partial(phone, orientation=6, stored=True), "object", NONE_FOUND),
        (functools.partial(phone, orientation=6, stored=True), "place", "relies on backgrounds"),
        (functools.partial(folders, spell=lambda mask: grey(~mask)), "object", "No verdict"),
        (functools.partial(folders, spell=lambda mask: grey(~mask)), "place", "No verdict"),
        (functools.partial(folders, splits=("test",)), "object", NONE_FOUND),
        (functools.partial(folders, splits=("test",)), "place", "relies on backgrounds"),
    ],
)
def test_rigged_classifiers_get_their_verdict_or_none(draw, looks_at, answer, tmp_path):
    made = draw(tmp_path, each=8, agreeing=True)
    found = evaluate.run(
        EvaluateConfig(
            model=f"scene:{looks_at}_scores",
            dataset=f"folder:{made.dataset}",
            masks=f"folder:{made.masks}",
            image_size=SIZE,
            adversarial_backgrounds=0,
            output=str(tmp_path / "page"),
        )
    )
    assert re.search(answer, found.answer())
    assert len(found.keys) == 16 and (tmp_path / "page" / "results.json").is_file()
