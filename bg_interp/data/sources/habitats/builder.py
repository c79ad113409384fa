"""The TFDS builder of habitats, and `prepared`, which draws the data set once."""

import contextlib
import dataclasses
import io
import pathlib
import shutil
from collections.abc import Iterable, Iterator
from typing import Any

import filelock
import tensorflow as tf
import tensorflow_datasets as tfds
from tqdm import tqdm

from bg_interp.data.sources.habitats.backgrounds import BACKGROUNDS
from bg_interp.data.sources.habitats.examples import SPLITS, choose_background, label_of
from bg_interp.data.sources.habitats.objects import CLASSES
from bg_interp.data.sources.habitats.workers import Job, draw_all
from bg_interp.errors import UserError
from bg_interp.storage import files, records

_DESCRIPTION = """
Eight drawn object classes (fish, bird, car, tree, mushroom, butterfly, cup, starfish), each mostly
on the background it is usually seen on (water, sky, asphalt, meadow, forest floor, flowers, wood,
sand), with exact soft masks. `correlation` is the probability that an image stands on its own
class's background, 1/8 is chance. `test_uncorrelated` shows the objects of `test` on backgrounds
drawn by chance. Every example is a pure function of the data seed, the split and its index, and
examples are stored in the order of their index.
"""


def _check(accepted: bool, name: str, rule: str, value: float) -> None:
    if not accepted:
        raise UserError(f"habitats: {name} must be {rule}, received {value}")


@dataclasses.dataclass(eq=False, kw_only=True)
class HabitatsConfig(tfds.core.BuilderConfig):
    """One habitats data set; its name follows from its values.

    Attributes:
      image_size: side in pixels, 16 to 512.
      correlation: probability that an image stands on its own class's background, 0 to 1.
      data_seed: seed of all drawing, 0 or more.
      train_per_class: images of each class in `train`.
      test_per_class: images of each class in `test`, and again in `test_uncorrelated`.

    Raises:
      UserError: a value is out of its range.
    """

    name: str = dataclasses.field(init=False)
    image_size: int = 64
    correlation: float = 0.95
    data_seed: int = 0
    train_per_class: int = 300
    test_per_class: int = 50

    def __post_init__(self) -> None:
        _check(16 <= self.image_size <= 512, "image_size", "from 16 to 512", self.image_size)
        _check(0 <= self.correlation <= 1, "correlation", "from 0 to 1", self.correlation)
        _check(self.data_seed >= 0, "data_seed", "0 or more", self.data_seed)
        _check(self.train_per_class >= 1, "train_per_class", "1 or more", self.train_per_class)
        _check(self.test_per_class >= 1, "test_per_class", "1 or more", self.test_per_class)
        # The shortest text that reads back as the same number: no two correlations share a name.
        correlation = repr(float(self.correlation))
        self.name = f"{self.image_size}px-correlation{correlation}-seed{self.data_seed}"
        if (self.train_per_class, self.test_per_class) != (300, 50):
            self.name += f"-{self.train_per_class}x{self.test_per_class}"
        self.description = f"{self.image_size} px, correlation {correlation}"

    def count(self, split: str) -> int:
        """Returns the number of examples of a split."""
        per_class = self.train_per_class if split == "train" else self.test_per_class
        return per_class * len(CLASSES)


class _FixedOrderWriter(tfds.core.ExampleWriter):
    """Writes the features of each record sorted by name.

    Protocol buffers promise no order of a map's entries: without this, each process that prepares
    the same data set would write other bytes.
    """

    def write(self, path: Any, examples: Iterable[tuple[Any, bytes]]) -> Any:
        """Writes one shard of (key, serialized example)."""
        return super().write(path, ((key, self._sorted(record)) for key, record in examples))

    @staticmethod
    def _sorted(record: bytes) -> bytes:
        return tf.train.Example.FromString(record).SerializeToString(deterministic=True)


class Habitats(tfds.core.GeneratorBasedBuilder):
    """Eight object classes on class-typical backgrounds, with exact soft masks."""

    # Raise it whenever the drawing changes: it is part of the folder's name.
    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES = {"1.0.0": "First version."}  # noqa: RUF012 (the name that TFDS reads)
    BUILDER_CONFIGS = [HabitatsConfig(image_size=size) for size in (64, 96, 128)]  # noqa: RUF012

    _progress: tqdm | None = None

    def _info(self) -> tfds.core.DatasetInfo:
        size = self.builder_config.image_size
        features = {
            "image": tfds.features.Image(shape=(size, size, 3), encoding_format="png"),
            "mask": tfds.features.Image(shape=(size, size, 1), encoding_format="png"),
            "label": tfds.features.ClassLabel(names=CLASSES),
            "background": tfds.features.ClassLabel(names=BACKGROUNDS),
        }
        return tfds.core.DatasetInfo(
            builder=self,
            description=_DESCRIPTION,
            features=tfds.features.FeaturesDict(features),
            supervised_keys=("image", "label"),
            homepage="https://arxiv.org/abs/2306.13178",
            # An example's place is its index, and the drawing order is balanced by itself.
            disable_shuffling=True,
        )

    def _example_writer(self) -> tfds.core.ExampleWriter:
        return _FixedOrderWriter(file_format=self.info.file_format)

    def _split_generators(self, dl_manager: tfds.download.DownloadManager) -> dict[str, Any]:
        del dl_manager  # Nothing is downloaded.
        total = sum(self.builder_config.count(split) for split in SPLITS)
        # One bar for all splits; TFDS would show one for each, and more.
        self._progress = tqdm(total=total, desc="drawing habitats", unit="image", mininterval=0.5)
        return {split: self._generate_examples(split, self._progress) for split in SPLITS}

    def _generate_examples(self, split: str, progress: tqdm) -> Iterator[tuple[int, dict]]:
        config = self.builder_config
        count = config.count(split)
        job = Job(config.data_seed, split, config.image_size, config.correlation, count)
        for index, example in enumerate(draw_all(job)):
            kind = choose_background(config.data_seed, split, index, config.correlation)
            yield (
                index,
                {
                    "image": example.image,
                    "mask": example.mask,
                    "label": label_of(index),
                    "background": kind,
                },
            )
            progress.update()
        if progress.n == progress.total:
            progress.close()

    def close_progress(self) -> None:
        """Ends the bar's line, so that an error stands on its own."""
        if self._progress is not None:
            self._progress.close()


def prepared(config: HabitatsConfig, data_dir: str | pathlib.Path | None = None) -> Habitats:
    """Returns the builder of a data set that is ready to be read, drawing it first if need be.

    Any number of processes may ask for the same data set: one draws, the others wait for it. What
    a killed process left half done is removed and drawn again.

    Args:
      config: the data set.
      data_dir: folder of TFDS data sets; None takes `tfds` in the package's cache folder.

    Raises:
      UserError: the folder cannot be written.
    """
    root = pathlib.Path(data_dir) if data_dir is not None else files.cache_folder() / "tfds"
    root = root.expanduser()
    try:
        # TFDS renames a whole folder into place: what exists is complete, and may be read-only.
        if not _folder(config, root).exists():
            _draw_once(config, root)
    except (OSError, RuntimeError) as error:
        raise UserError(
            f"cannot prepare habitats in {root}: {_reason(error)}; free some space there, or "
            "choose another folder with --data_dir"
        ) from error
    return _whole(config, root)


def _whole(config: HabitatsConfig, root: pathlib.Path) -> Habitats:
    """Opens what is drawn, and reads all of it once, which takes a fraction of a second.

    Raises:
      UserError: a file is damaged.
    """
    folder = _folder(config, root)
    try:
        # Opened anew, since a builder reads its sizes when it is made.
        builder = _open(config, root)
        splits = builder.info.splits
        found = {s: records.checked(splits[s].filepaths) for s in SPLITS}
        if any(found[split] != config.count(split) for split in SPLITS):
            raise UserError(f"{folder} holds {found} examples")
    # What a reader of damaged JSON raises depends on the place of the damage.
    except Exception as error:
        reason = " ".join(str(error).split())[:300] or type(error).__name__
        raise UserError(
            f"the data set habitats is damaged: {reason}; delete {folder}, and it is drawn again"
        ) from error
    return builder


def _open(config: HabitatsConfig, root: pathlib.Path) -> Habitats:
    # TFDS takes a listed configuration only as the listed object itself.
    listed = Habitats.builder_configs.get(config.name, config)
    return Habitats(config=listed, data_dir=root)


def _folder(config: HabitatsConfig, root: pathlib.Path) -> pathlib.Path:
    """Returns where TFDS puts a data set, without opening it: what stands there may be damaged."""
    return root / Habitats.name / config.name / str(Habitats.VERSION)


def _draw_once(config: HabitatsConfig, root: pathlib.Path) -> None:
    root.mkdir(parents=True, exist_ok=True)
    with filelock.FileLock(root / f".habitats-{config.name}.lock"):
        folder = _folder(config, root)
        if folder.exists():
            return
        builder = _open(config, root)
        for leftover in folder.parent.glob("incomplete.*"):
            shutil.rmtree(leftover)
        with _quiet_tfds():
            try:
                builder.download_and_prepare(file_format="tfrecord")
            finally:
                builder.close_progress()


def _reason(error: OSError | RuntimeError) -> str:
    """Returns what the system said; raises `error` again when that isn't what stopped us."""
    # TFDS turns TensorFlow's errors, such as a full disk, into RuntimeError.
    cause = error if isinstance(error, OSError) else error.__cause__
    if isinstance(cause, tf.errors.OpError):
        return cause.message
    if isinstance(cause, OSError):
        return cause.strerror or str(cause)
    raise error


@contextlib.contextmanager
def _quiet_tfds() -> Iterator[None]:
    """Keeps TFDS's messages and its several bars away; ours, on stderr, says all of it."""
    bars = tfds.core.utils.tqdm_utils
    active = getattr(bars, "_active", True)
    tfds.disable_progress_bar()
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            yield
    finally:
        tfds.display_progress_bar(active)
