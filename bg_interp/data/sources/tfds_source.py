"""Images, labels and masks of a TensorFlow Datasets builder, whatever its features are called."""

import dataclasses
import functools
import hashlib
import json
import sys
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import tensorflow as tf
import tensorflow_datasets as tfds

from bg_interp.config.data import DataConfig, SourceConfig
from bg_interp.config.mask_rules import MaskRules
from bg_interp.data.sources.preparing import MadeHere
from bg_interp.errors import UserError, nearest, one_line
from bg_interp.masks import formats
from bg_interp.masks.raw import Raw, of_array
from bg_interp.masks.reading import CheckedMasks
from bg_interp.masks.shapes import fits
from bg_interp.storage import records

# oxford_iiit_pet: 1 pet, 2 background, 3 the border between them, which is half of each.
_TRIMAP = np.zeros(256, np.uint8)
_TRIMAP[[1, 3]] = 255, 128
_MASK_VALUES = {"oxford_iiit_pet": _TRIMAP}
# What a label that tells the kind of background is called.
_PLACES = ("place", "background")
# Words in the names of pictures that are masks.
_MASK_WORDS = "mask seg trimap matte alpha silhouette foreground saliency".split()


@dataclasses.dataclass(frozen=True)
class Features:
    """The names of the features that hold image, label and, where there are such, mask and place.

    A place is the kind of background that an image's object stands before.
    """

    image: str
    label: str
    mask: str | None
    place: str | None = None


def find_features(features: tfds.features.FeaturesDict) -> Features:
    """Finds image, class label, mask and place among a builder's features by kind and shape.

    Raises:
      UserError: no RGB image, or no class label; the message says what the features are.
    """
    pictures = {n: f for n, f in features.items() if isinstance(f, tfds.features.Image)}
    masks = [name for name in pictures if _is_mask(name, pictures[name])]
    colour = [n for n, f in pictures.items() if f.shape[-1] == 3 and n not in masks]
    labels = [n for n, f in features.items() if isinstance(f, tfds.features.ClassLabel)]
    if not colour or not labels:
        described = ", ".join(_described(name, feature) for name, feature in features.items())
        raise UserError(
            "--dataset=tfds:NAME must have an image of 3 channels (RGB) and a class label. "
            f"Received: features {described}"
        )
    numbers = [n for n, f in features.items() if f.shape == () and _is_whole(f)]
    preferred = lambda names, name: name if name in names else names[0]  # noqa: E731
    label = preferred(labels, "label")
    return Features(
        preferred(colour, "image"),
        label,
        masks[0] if masks else None,
        next((name for name in _PLACES if name in numbers and name != label), None),
    )


def _is_mask(name: str, feature: tfds.features.Image) -> bool:
    labelled = isinstance(feature, tfds.features.LabeledImage)
    return labelled or any(word in name.lower() for word in _MASK_WORDS)


def _is_whole(feature: tfds.features.FeatureConnector) -> bool:
    return np.issubdtype(feature.np_dtype, np.integer)


def _described(name: str, feature: tfds.features.FeatureConnector) -> str:
    if isinstance(feature, tfds.features.ClassLabel):
        return f"{name} (a class label)"
    if isinstance(feature, tfds.features.Image):
        return f"{name} (an image of {feature.shape[-1]} channels)"
    return f"{name} ({type(feature).__name__})"


@dataclasses.dataclass(frozen=True, eq=False)
class TfdsSplit:
    """One split of a prepared TFDS builder, read by position (attributes as `FolderSplit`)."""

    builder: tfds.core.DatasetBuilder
    name: str
    features: Features
    index: records.RecordIndex
    checked: CheckedMasks | None = None
    units: Mapping[str, np.ndarray] = dataclasses.field(default_factory=dict)

    @property
    def odd_masks(self) -> dict[int, str]:
        """Returns the masks that cannot be used, {position: why}, of those that were read."""
        return {} if self.checked is None else self.checked.odd

    def __len__(self) -> int:
        return len(self.index)

    @functools.cached_property
    def keys(self) -> list[str]:
        """Names that stay the same as long as the dataset's version does."""
        return [f"{self.name}/{position:08d}" for position in range(len(self))]

    @functools.cached_property
    def labels(self) -> np.ndarray:
        """The class of each example, int32 [N]."""
        return self._every(self.features.label)

    @functools.cached_property
    def places(self) -> np.ndarray | None:
        """The kind of background of each example, int32 [N], where the dataset tells it."""
        if self.features.place is None:
            return None
        found = self._every(self.features.place)
        kinds = self.place_kinds
        return found if kinds is None else np.searchsorted(kinds, found).astype(np.int32)

    @functools.cached_property
    def place_kinds(self) -> np.ndarray | None:
        """The numbers that stand for places, sorted, of all splits; None where they have names."""
        place = self.features.place
        if place is None or isinstance(self.builder.info.features[place], tfds.features.ClassLabel):
            return None
        splits = [dataclasses.replace(self, name=name) for name in self.builder.info.splits]
        return np.unique(np.concatenate([split._every(place) for split in splits]))

    def _every(self, label: str) -> np.ndarray:
        """Returns one class label of all examples, int32 [N]."""
        skip = tfds.decode.PartialDecoding({label: True})
        examples = self.builder.as_dataset(
            split=self.name, decoders=skip, shuffle_files=False, read_config=_IN_ORDER
        )
        with records.damage_named(self.index.paths):
            return np.array([example[label] for example in tfds.as_numpy(examples)], np.int32)

    def load(self, position: tf.Tensor) -> dict[str, tf.Tensor]:
        """Returns `image`, uint8 [h, w, 3], `label` and, where there is one, `mask` of one example.

        The mask is uint8 [h, w, 1] with 255 = foreground.
        """
        example = self.builder.info.features.deserialize_example(self.index.read(position))
        found = {
            "image": tf.ensure_shape(example[self.features.image], [None, None, 3]),
            "label": tf.cast(example[self.features.label], tf.int32),
        }
        if self.features.mask is not None:
            found["mask"] = self._opacity(position, found["image"], example[self.features.mask])
        return found

    def some_masks(self) -> Iterator[tuple[Raw, tuple[int, int]]]:
        """Yields some masks as they stand in the dataset, each with the size of its image."""
        with records.damage_named(self.index.paths):
            for position in range(0, len(self), max(1, len(self) // formats.LOOKED_AT)):
                record = self.index.read(tf.constant(position, tf.int64))
                example = self.builder.info.features.deserialize_example(record)
                image = example[self.features.image].shape
                yield of_array(example[self.features.mask].numpy()), (image[0], image[1])

    def _opacity(self, position: tf.Tensor, image: tf.Tensor, mask: tf.Tensor) -> tf.Tensor:
        """Returns the dataset's mask as opacity in 0..255."""
        values = _MASK_VALUES.get(self.builder.name)
        if values is not None:
            return tf.gather(values, tf.cast(tf.ensure_shape(mask, [None, None, 1]), tf.int32))
        if self.checked is not None:
            return self.checked.in_graph(position, image, mask)
        return tf.ensure_shape(mask, [None, None, 1])

    def _each(self, key: str, positions: Sequence[int] | None) -> Iterator[np.ndarray]:
        read = tf.function(lambda position: self.load(position)[key], autograph=False)
        with records.damage_named(self.index.paths):
            for position in range(len(self)) if positions is None else positions:
                yield read(tf.constant(position, tf.int64)).numpy()

    def images(self, positions: Sequence[int] | None = None) -> Iterator[np.ndarray]:
        """Yields the images at `positions` (default: all) as uint8 [height, width, 3]."""
        return self._each("image", positions)

    def masks(self, positions: Sequence[int] | None = None) -> Iterator[np.ndarray]:
        """Yields the dataset's own masks at `positions` as uint8 [height, width, 1]."""
        return self._each("mask", positions)


# Keys and labels are matched by position, so files are read one after the other.
_IN_ORDER = tfds.ReadConfig(interleave_cycle_length=1)


@dataclasses.dataclass(frozen=True, eq=False)
class TfdsSource:
    """A prepared TFDS builder as a source (attributes as `FolderSource`)."""

    name: str
    class_names: tuple[str, ...]
    splits: dict[str, TfdsSplit]
    fingerprint: str
    has_masks: bool
    damaged: tuple[tuple[str, str], ...] = ()
    place_names: tuple[str, ...] = ()
    divided: bool = False


def _fingerprint(builder: tfds.core.DatasetBuilder) -> str:
    """Returns a sha256 of the dataset's name, configuration, version and sizes."""
    splits = {
        name: [list(split.shard_lengths), split.num_bytes]
        for name, split in sorted(builder.info.splits.items())
    }
    identity = [builder.info.full_name, splits]
    return hashlib.sha256(json.dumps(identity).encode()).hexdigest()


def from_builder(
    builder: tfds.core.DatasetBuilder,
    name: str,
    rules: MaskRules | None = None,
    whole: bool = False,
) -> TfdsSource:
    """Makes a source of a prepared builder.

    Args:
      builder: a builder whose data stand on disk as TFRecord files.
      name: the source's name, as in `--dataset`.
      rules: what somebody says of its masks.
      whole: where there is one split alone, take it for both.

    Raises:
      UserError: features or splits that cannot be used, or damaged files.
    """
    features = find_features(builder.info.features)
    available = builder.info.splits
    test = next((n for n in ("test", "validation") if n in available), None)
    train = "train" if "train" in available else None
    alone = (test or train) if whole else None
    first, last = train or alone, test or alone
    if first is None or last is None:
        raise UserError(
            f"--dataset={name} must have the splits train and test (or validation). "
            f"Received: {', '.join(available)}"
        )
    chosen = {"train": first, "test": last}
    chosen |= {n: n for n in available if n.startswith("test_")}
    splits = {
        ours: TfdsSplit(builder, theirs, features, records.index(available[theirs].filepaths))
        for ours, theirs in chosen.items()
    }
    if features.mask is not None and not _known_masks(builder):
        written = _format_of(splits["train"], name, rules)
        splits = {ours: _checked(split, name, written) for ours, split in splits.items()}
    return TfdsSource(
        name=name,
        class_names=tuple(builder.info.features[features.label].names),
        splits=splits,
        fingerprint=_fingerprint(builder),
        has_masks=features.mask is not None,
        place_names=_place_names(splits["train"]),
        divided=not (train and test),
    )


def _known_masks(builder: tfds.core.DatasetBuilder) -> bool:
    """Tells whether masks need no looking at: they are made here, or known by name."""
    return builder.name in _MASK_VALUES or isinstance(builder, MadeHere)


def _format_of(split: TfdsSplit, name: str, rules: MaskRules | None) -> formats.Format:
    """Tells how a dataset's masks are written, and that they lie on their images.

    Raises:
      UserError: no rule makes opacities of them, or they are of other shapes.
    """
    what = f"the masks of --dataset={name} ({split.features.mask})"
    some = list(split.some_masks())
    chosen = formats.format_of([mask for mask, _ in some], what, rules)
    odd = [(mask.shape, image) for mask, image in some if not fits(mask.shape, image)]
    if len(odd) > formats.ODD_SHARE * len(some):
        (height, width), image = odd[0]
        raise UserError(
            f"{what} must have the shapes of their images. Received: {width} x {height} pixels for "
            f"an image of {image[1]} x {image[0]}; give other masks with --masks"
        )
    return chosen


def _checked(split: TfdsSplit, name: str, chosen: formats.Format) -> TfdsSplit:
    checked = CheckedMasks(lambda position: f"the mask of {name} {split.keys[position]}", chosen)
    return dataclasses.replace(split, checked=checked)


def _place_names(split: TfdsSplit) -> tuple[str, ...]:
    if split.features.place is None:
        return ()
    kinds = split.place_kinds
    if kinds is None:
        return tuple(split.builder.info.features[split.features.place].names)
    return tuple(str(kind) for kind in kinds.tolist())


def _hint(name: str, error: Exception) -> str:
    """Returns the dataset's nearest name, or else what TFDS says."""
    dataset = name.partition("/")[0].partition(":")[0]
    known = tfds.list_builders(with_community_datasets=False)
    close = "" if dataset in known else nearest(dataset, known)
    return close or f" ({one_line(error)})"


def open_whole(name: str, config: SourceConfig) -> TfdsSource:
    """Opens `tfds:NAME` to test a finished classifier on; see `open_source`."""
    return open_source(name, config, whole=True)


def open_source(name: str, config: SourceConfig, whole: bool = False) -> TfdsSource:
    """Opens `tfds:NAME`; downloads and prepares it when it isn't there yet, and says so.

    Args:
      name: a dataset's name, with its config where it has several ("caltech_birds2011").
      config: its `data_dir` is TFDS's folder; None takes TFDS's own default.
      whole: where there is one split alone, take it for both.

    Raises:
      UserError: no such dataset, no network, or features that cannot be used.
    """
    try:
        builder = tfds.builder(name, data_dir=config.data_dir, file_format="tfrecord")
    # A wrong version is an AssertionError; some datasets import packages that may be missing.
    except (ValueError, AssertionError, ImportError) as error:
        raise UserError(
            f"--dataset=tfds:NAME must name a dataset of TensorFlow Datasets. "
            f"Received: {name!r}{_hint(name, error)}"
        ) from error
    if not builder.data_path.exists():
        print(
            f"preparing tfds:{name} in {builder.data_path}; it is downloaded first "
            f"({builder.info.download_size or 'of unknown size'}), and without a network this "
            "fails after some minutes",
            file=sys.stderr,
        )
        try:
            builder.download_and_prepare()
        # Downloads fail with the exceptions of requests, urllib, TFDS and the datasets themselves.
        except Exception as error:
            raise UserError(
                f"tfds:{name} could not be prepared ({type(error).__name__}: "
                f"{one_line(error)}); prepare it where there is a network, and "
                "name its folder with --data_dir"
            ) from error
    rules = config.mask_rules() if isinstance(config, DataConfig) else None
    return from_builder(builder, f"tfds:{name}", rules, whole)
