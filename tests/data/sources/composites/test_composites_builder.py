"""The builder stores what `make_example` makes, with places that evaluation can read."""

import numpy as np
import pytest

from bg_interp.data.sources import preparing, tfds_source
from bg_interp.data.sources.composites import examples
from bg_interp.data.sources.composites.builder import Composites, CompositesConfig
from bg_interp.data.sources.composites.examples import SPLITS, Look, make_example
from bg_interp.errors import UserError

LOOK = Look(image_size=32, correlation=0.9, object_scale=0.8, colour_matching=0.25)
SMALL = {"train_per_class": 3, "test_per_class": 2}


@pytest.fixture(scope="module")
def source(objects, scenery, tmp_path_factory):
    config = CompositesConfig(cutouts=objects, places=scenery, look=LOOK, data_seed=5, **SMALL)
    builder = preparing.prepared(Composites, config, tmp_path_factory.mktemp("tfds"))
    return tfds_source.from_builder(builder, "composites")


@pytest.mark.parametrize("split", SPLITS)
def test_read_back_equals_made(source, objects, scenery, split):
    found = source.splits[split]
    assert len(found) == (6 if split == "train" else 4)
    images, masks = list(found.images()), list(found.masks())
    for index in range(len(found)):
        made = make_example(objects, scenery, 5, split, index, LOOK)
        np.testing.assert_array_equal(images[index], made.image)
        np.testing.assert_array_equal(masks[index], made.mask)
        assert (found.labels[index], found.places[index]) == (made.label, made.place)


@pytest.mark.parametrize("split", SPLITS)
def test_it_is_told_which_object_and_which_photograph_each_is_made_of(
    objects, scenery, split, monkeypatch
):
    picked, pick = [], examples._pick

    def noted(among, generator):
        picked.append(pick(among, generator))
        return picked[-1]

    monkeypatch.setattr(examples, "_pick", noted)
    materials = "train" if split == "train" else "test"
    for index in range(8):
        picked.clear()
        make_example(objects, scenery, 5, split, index, LOOK)
        cutout, photograph = picked
        told = examples.materials_of(objects, scenery, 5, split, index, LOOK.correlation)
        (label, first), (kind, second) = told
        assert objects.splits[materials][label][first] is cutout
        assert scenery.splits[materials][kind][second] is photograph


def test_a_source_names_its_places(source):
    assert source.place_names == ("dark", "grey", "light", "pale")
    assert source.splits["train"].places.dtype == np.int32


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"correlation": 0.3}, "correlation must be from chance to 1.*Received: 0.3"),
        ({"correlation": 1.1}, "correlation must be from chance to 1.*Received: 1.1"),
    ],
)
def test_bad_values_are_one_line(objects, scenery, changed, message):
    look = Look(**{**LOOK.__dict__, **changed})
    with pytest.raises(UserError, match=message):
        CompositesConfig(cutouts=objects, places=scenery, look=look)


def test_another_look_is_another_data_set(objects, scenery):
    def name(**changed):
        look = Look(**{**LOOK.__dict__, **changed})
        return CompositesConfig(cutouts=objects, places=scenery, look=look).name

    names = {name(), name(correlation=0.95), name(object_scale=0.7), name(colour_matching=0)}
    assert len(names) == 4
    # Chance may be typed rounded.
    assert name(correlation=0.496).startswith("32px-correlation0.496-seed0-")
