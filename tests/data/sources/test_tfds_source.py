"""TFDS builders as sources: features are found, masks become opacities, errors are one line."""

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_datasets as tfds

from bg_interp.config.data import SourceConfig
from bg_interp.data import sources
from bg_interp.data.sources import tfds_source
from bg_interp.data.sources.tfds_source import find_features
from bg_interp.errors import UserError
from bg_interp.storage import records


@pytest.fixture(autouse=True)
def no_download(monkeypatch):
    def refused(*arguments, **options):
        raise AssertionError("a test must not download")

    monkeypatch.setattr(tfds.download.DownloadManager, "download", refused)
    monkeypatch.setattr(tfds.download.DownloadManager, "download_and_extract", refused)


# Registered, it would stand for the real one.
with tfds.core.registered.skip_registration():

    class Pets(tfds.core.GeneratorBasedBuilder):
        """Shaped like oxford_iiit_pet: a trimap of 1 pet, 2 background, 3 border."""

        name = "oxford_iiit_pet"
        VERSION = tfds.core.Version("4.0.0")

        def _info(self):
            features = {
                "file_name": tfds.features.Text(),
                "image": tfds.features.Image(),
                "label": tfds.features.ClassLabel(names=["cat", "dog", "fox"]),
                "segmentation_mask": tfds.features.Image(
                    shape=(None, None, 1), use_colormap=True, encoding_format="png"
                ),
            }
            return tfds.core.DatasetInfo(
                builder=self, features=tfds.features.FeaturesDict(features)
            )

        def _split_generators(self, manager):
            return {"train": self._generate_examples(7), "test": self._generate_examples(3)}

        def _generate_examples(self, count):
            for number in range(count):
                trimap = np.full((6, 8, 1), 2, np.uint8)
                trimap[1:5, 2:6] = 3
                trimap[2:4, 3:5] = 1
                yield (
                    number,
                    {
                        "file_name": f"{number}.jpg",
                        "image": np.full((6, 8, 3), 10 * number, np.uint8),
                        "label": number % 3,
                        "segmentation_mask": trimap,
                    },
                )

    class UnknownPets(Pets):
        """The same, of which nobody has said what its labels mean."""

        name = "unknown_pets"


@pytest.fixture(scope="module")
def pets(tmp_path_factory):
    builder = Pets(data_dir=tmp_path_factory.mktemp("pets"), file_format="tfrecord")
    builder.download_and_prepare()
    return tfds_source.from_builder(builder, "tfds:oxford_iiit_pet")


def test_a_trimap_becomes_opacity(pets):
    found = pets.splits["train"].load(tf.constant(0, tf.int64))
    expected = np.zeros((6, 8, 1), np.uint8)
    expected[1:5, 2:6] = 128
    expected[2:4, 3:5] = 255
    np.testing.assert_array_equal(found["mask"], expected)
    np.testing.assert_array_equal(next(pets.splits["train"].masks([0])), expected)


def test_a_map_of_labels_that_nobody_knows_is_refused(tmp_path):
    builder = UnknownPets(data_dir=tmp_path, file_format="tfrecord")
    builder.download_and_prepare()
    with pytest.raises(UserError, match=r"unknown_pets \(segmentation_mask\) must be .*1, 2 and 3"):
        tfds_source.from_builder(builder, "tfds:unknown_pets")


def test_classes_and_splits_come_from_the_builder(pets):
    assert pets.class_names == ("cat", "dog", "fox")
    assert {name: len(split) for name, split in pets.splits.items()} == {"train": 7, "test": 3}
    assert pets.has_masks


def test_reading_by_position_equals_reading_in_order(pets):
    split = pets.splits["train"]
    labels = [int(split.load(tf.constant(n, tf.int64))["label"]) for n in range(len(split))]
    assert labels == split.labels.tolist()
    images = [image[0, 0, 0] for image in split.images()]
    assert sorted(images) == [0, 10, 20, 30, 40, 50, 60]
    # The image of number n has the label n % 3.
    assert [image // 10 % 3 for image in images] == labels
    numbers = tf.data.Dataset.from_tensor_slices(np.array([5, 0, 3]))
    chosen = [int(e["image"][0, 0, 0]) for e in numbers.map(split.load)]
    assert chosen == [images[5], images[0], images[3]]


def test_keys_are_stable_and_unique(pets):
    keys = pets.splits["test"].keys
    assert keys == ["test/00000000", "test/00000001", "test/00000002"]


def test_the_features_of_the_dataset_itself_are_found_and_its_trimap_read(tmp_path):
    """The real builder of oxford_iiit_pet, whose features are what TFDS says they are."""

    def as_dataset(builder, split, **options):
        def examples():
            for number in range(4):
                yield {
                    "image": np.zeros((5, 5, 3), np.uint8),
                    "label": number,
                    "species": 0,
                    "file_name": "a.jpg",
                    "head_bbox": np.zeros(4, np.float32),
                    "segmentation_mask": np.full((5, 5, 1), 1 + number % 3, np.uint8),
                }

        spec = builder.info.features.get_tensor_spec()
        wanted = lambda e: {name: e[name] for name in spec}  # noqa: E731
        return tf.data.Dataset.from_generator(
            lambda: map(wanted, examples()), output_signature=spec
        )

    with tfds.testing.mock_data(num_examples=4, as_dataset_fn=as_dataset):
        builder = tfds.builder("oxford_iiit_pet", data_dir=str(tmp_path))
        features = find_features(builder.info.features)
        found = list(builder.as_dataset(split="train"))
    assert (features.image, features.label, features.mask) == (
        "image",
        "label",
        "segmentation_mask",
    )
    assert len(builder.info.features["label"].names) == 37
    split = tfds_source.TfdsSplit(builder, "train", features, records.index([]))
    opacities = [split._opacity(0, e["image"], e["segmentation_mask"]).numpy() for e in found]
    opacities = [opacity[0, 0, 0] for opacity in opacities]
    assert opacities == [255, 0, 128, 255]


class Segments(tfds.core.GeneratorBasedBuilder, skip_registration=True):
    """Photographs of 8 x 6 pixels with a picture of their segments, and a kind of place."""

    VERSION = tfds.core.Version("1.0.0")
    value, channels, transposed = 1, 1, False

    def _info(self):
        features = tfds.features.FeaturesDict(
            {
                "image": tfds.features.Image(shape=(None, None, 3), encoding_format="png"),
                "label": tfds.features.ClassLabel(names=["cat", "dog"]),
                "place": tfds.features.Scalar(np.int64),
                "segmentation": tfds.features.Image(
                    shape=(None, None, self.channels), encoding_format="png"
                ),
            }
        )
        return tfds.core.DatasetInfo(builder=self, features=features)

    def _split_generators(self, dl_manager):
        return {split: self._generate_examples() for split in ("train", "test")}

    def _generate_examples(self):
        for number in range(6):
            mask = np.zeros((6, 8, self.channels), np.uint8)
            mask[1:5, 2:5] = self.value
            yield (
                number,
                {
                    "image": np.full((6, 8, 3), number, np.uint8),
                    "label": number % 2,
                    "place": 10 * (number % 3),
                    "segmentation": mask.transpose(1, 0, 2) if self.transposed else mask,
                },
            )


def segments(folder, **how):
    with tfds.core.registered.skip_registration():
        kind = type("Segments", (Segments,), {**how, "name": "segments"})
    builder = kind(data_dir=folder, file_format="tfrecord")
    builder.download_and_prepare()
    return tfds_source.from_builder(builder, "tfds:segments")


@pytest.mark.parametrize(("value", "channels"), [(1, 1), (255, 1), (255, 3)])
def test_masks_are_found_by_what_they_are(tmp_path, value, channels):
    source = segments(tmp_path, value=value, channels=channels)
    expected = np.zeros((6, 8, 1), np.uint8)
    expected[1:5, 2:5] = 255
    for mask in source.splits["train"].masks():
        np.testing.assert_array_equal(mask, expected)
    assert source.place_names == ("0", "10", "20")
    assert sorted(source.splits["test"].places.tolist()) == [0, 0, 1, 1, 2, 2]


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ({"value": 38}, "values 0 and 38 side by side.*mask_values"),
        ({"value": 255, "transposed": True}, "6 x 8 pixels for an image of 8 x 6"),
    ],
)
def test_masks_that_cannot_be_understood_are_refused(tmp_path, how, said):
    with pytest.raises(UserError, match=rf"\(segmentation\) must .*{said}"):
        segments(tmp_path, **how)


def test_habitats_is_a_source_with_masks_and_an_uncorrelated_split(tiny_habitats):
    assert len(tiny_habitats.class_names) == 8
    assert {n: len(s) for n, s in tiny_habitats.splits.items()} == {
        "train": 32,
        "test": 16,
        "test_uncorrelated": 16,
    }
    assert tiny_habitats.has_masks
    assert len(tiny_habitats.fingerprint) == 64


IMAGE, GREY = tfds.features.Image(shape=(4, 4, 3)), tfds.features.Image(shape=(4, 4, 1))
LABEL = tfds.features.ClassLabel(num_classes=3)


def test_features_are_found_whatever_they_are_called():
    features = {"photo": IMAGE, "kind": LABEL, "bird_mask": GREY, "depth": GREY}
    found = find_features(tfds.features.FeaturesDict(features))
    assert (found.image, found.label, found.mask) == ("photo", "kind", "bird_mask")


def test_image_and_label_are_preferred_among_several():
    features = {"a": IMAGE, "image": IMAGE, "attribute": LABEL, "label": LABEL}
    found = find_features(tfds.features.FeaturesDict(features))
    assert (found.image, found.label, found.mask) == ("image", "label", None)


@pytest.mark.parametrize("features", [{"image": GREY, "label": LABEL}, {"image": IMAGE}])
def test_without_image_or_label_the_features_are_listed(features):
    with pytest.raises(UserError, match="Received: features image"):
        find_features(tfds.features.FeaturesDict(features))


def test_splits_other_than_train_and_test_are_refused(pets, monkeypatch):
    builder = pets.splits["train"].builder
    only = {"train": builder.info.splits["train"]}
    monkeypatch.setattr(type(builder.info), "splits", property(lambda self: only))
    with pytest.raises(UserError, match=r"the splits train and test .* Received: train"):
        tfds_source.from_builder(builder, "tfds:x")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("oxford_iiit_pett", "did you mean 'oxford_iiit_pet'?"),
        ("oxford_iiit_pet:9.9.9", "9.9.9"),
        ("oxford_iiit_pet/nope", "nope"),
        ("foo bar", "foo bar"),
        ("qqqqqqqqq", "not found"),
    ],
)
def test_a_name_that_tfds_does_not_know_is_one_line(name, message, tmp_path):
    with pytest.raises(UserError) as raised:
        sources.open_source(SourceConfig(dataset=f"tfds:{name}", data_dir=str(tmp_path)))
    assert message in str(raised.value)
    assert "\n" not in str(raised.value)
    assert len(str(raised.value)) < 500


def test_a_download_that_fails_is_announced_and_one_line(tmp_path, capsys, monkeypatch):
    def offline(*arguments, **options):
        raise ConnectionError("no\nnetwork")

    monkeypatch.setattr(tfds.core.DatasetBuilder, "download_and_prepare", offline)
    with pytest.raises(UserError) as raised:
        sources.open_source(SourceConfig(dataset="tfds:oxford_iiit_pet", data_dir=str(tmp_path)))
    assert "could not be prepared (ConnectionError: no network)" in str(raised.value)
    assert "data_dir" in str(raised.value)
    assert "it is downloaded first" in capsys.readouterr().err


@pytest.mark.parametrize("spec", ["habitat", "tfds:", "folder:", "folder", "", "http://x"])
def test_what_is_no_source_is_refused(spec):
    with pytest.raises(UserError, match="dataset must be habitats, composites, tfds:NAME"):
        sources.open_source(SourceConfig(dataset=spec))
