"""Datasets that this package makes itself: TFDS builders whose examples are written once.

Any number of processes may ask for the same dataset: one makes it, the others wait. Records hold
the same bytes in whichever process they are made.
"""

import contextlib
import io
import pathlib
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, ClassVar, TypeVar

import tensorflow as tf
import tensorflow_datasets as tfds
from tqdm import tqdm

from bg_interp.errors import UserError, one_line
from bg_interp.storage import files, locks, records


class _FixedOrderWriter(tfds.core.ExampleWriter):
    """Writes the features of each record sorted by name.

    Protocol buffers promise no order of a map's entries: without this, each process that prepares
    the same dataset would write other bytes.
    """

    def write(self, path: Any, examples: Iterable[tuple[Any, bytes]]) -> Any:
        """Writes one shard of (key, serialized example)."""
        return super().write(path, ((key, self._sorted(record)) for key, record in examples))

    @staticmethod
    def _sorted(record: bytes) -> bytes:
        return tf.train.Example.FromString(record).SerializeToString(deterministic=True)


class MadeHere(tfds.core.GeneratorBasedBuilder):
    """A builder that downloads nothing; its config counts the examples of each split.

    Subclasses give `_info`, by `described`, and `_examples`.

    Attributes:
      SPLITS: the splits' names.
    """

    SPLITS: ClassVar[Sequence[str]] = ()
    _progress: tqdm | None = None

    @classmethod
    def counts(cls, config: tfds.core.BuilderConfig) -> Mapping[str, int]:
        """Returns the number of examples of each split."""
        return {split: config.count(split) for split in cls.SPLITS}

    def described(
        self, description: str, homepage: str, size: int, **names: Sequence[str]
    ) -> tfds.core.DatasetInfo:
        """Returns the facts of a dataset of square images with masks and labels.

        Args:
          description: for people.
          homepage: where more is told.
          size: of the images' side, in pixels.
          **names: of the classes of each label; `label` is the one to learn.
        """
        images = {
            name: tfds.features.Image(shape=(size, size, channels), encoding_format="png")
            for name, channels in (("image", 3), ("mask", 1))
        }
        labels = {name: tfds.features.ClassLabel(names=each) for name, each in names.items()}
        return tfds.core.DatasetInfo(
            builder=self,
            description=description,
            features=tfds.features.FeaturesDict({**images, **labels}),
            supervised_keys=("image", "label"),
            homepage=homepage,
            # An example's place in its split is its index, and the order is balanced by itself.
            disable_shuffling=True,
        )

    def _examples(self, split: str) -> Iterator[dict[str, Any]]:
        """Yields the examples of a split in the order of their index."""
        raise NotImplementedError

    def _example_writer(self) -> tfds.core.ExampleWriter:
        return _FixedOrderWriter(file_format=self.info.file_format)

    def _split_generators(self, dl_manager: tfds.download.DownloadManager) -> dict[str, Any]:
        del dl_manager  # Nothing is downloaded.
        counts = self.counts(self.builder_config)
        # One bar for all splits; TFDS would show one for each, and more.
        self._progress = tqdm(
            total=sum(counts.values()), desc=f"drawing {self.name}", unit="image", mininterval=0.5
        )
        return {split: self._generate_examples(split, self._progress) for split in counts}

    def _generate_examples(self, split: str, progress: tqdm) -> Iterator[tuple[int, dict]]:
        for index, example in enumerate(self._examples(split)):
            yield index, example
            progress.update()
        if progress.n == progress.total:
            progress.close()

    def close_progress(self) -> None:
        """Ends the bar's line, so that an error stands on its own."""
        if self._progress is not None:
            self._progress.close()


Made = TypeVar("Made", bound=MadeHere)


def prepared(
    kind: type[Made], config: tfds.core.BuilderConfig, data_dir: str | pathlib.Path | None = None
) -> Made:
    """Returns the builder of a dataset that is ready to be read, making it first if need be.

    What a killed process left half done is removed and made again.

    Args:
      kind: the builder.
      config: one of its datasets.
      data_dir: folder of TFDS datasets; None takes `tfds` in the package's cache folder.

    Raises:
      UserError: the folder cannot be written, or what stands there is damaged.
    """
    root = pathlib.Path(data_dir) if data_dir is not None else files.cache_folder() / "tfds"
    root = root.expanduser()
    try:
        # TFDS renames a whole folder into place: what exists is complete, and may be read-only.
        if not _folder(kind, config, root).exists():
            _make_once(kind, config, root)
    except (OSError, RuntimeError) as error:
        raise UserError(
            f"cannot prepare {kind.name} in {root}: {_reason(error)}; free some space there, or "
            "choose another folder with --data_dir"
        ) from error
    return _whole(kind, config, root)


def _whole(kind: type[Made], config: tfds.core.BuilderConfig, root: pathlib.Path) -> Made:
    """Opens what is made, and reads all of it once, which takes a fraction of a second.

    Raises:
      UserError: a file is damaged.
    """
    folder = _folder(kind, config, root)
    try:
        # Opened anew, since a builder reads its sizes when it is made.
        builder = _open(kind, config, root)
        counts = kind.counts(config)
        splits = builder.info.splits
        found = {split: records.checked(splits[split].filepaths) for split in counts}
        if found != dict(counts):
            raise UserError(f"{folder} holds {found} examples")
    # What a reader of damaged JSON raises depends on the place of the damage.
    except Exception as error:
        reason = one_line(error)
        raise UserError(
            f"the dataset {kind.name} is damaged: {reason}; delete {folder}, and it is drawn again"
        ) from error
    return builder


def _open(kind: type[Made], config: tfds.core.BuilderConfig, root: pathlib.Path) -> Made:
    # TFDS takes a listed configuration only as the listed object itself.
    return kind(config=kind.builder_configs.get(config.name, config), data_dir=root)


def _folder(
    kind: type[MadeHere], config: tfds.core.BuilderConfig, root: pathlib.Path
) -> pathlib.Path:
    """Returns where TFDS puts a dataset, without opening it: what stands there may be damaged."""
    return root / kind.name / config.name / str(kind.VERSION)


def _make_once(kind: type[MadeHere], config: tfds.core.BuilderConfig, root: pathlib.Path) -> None:
    with locks.in_turn(root / f".{kind.name}-{config.name}.lock"):
        folder = _folder(kind, config, root)
        if folder.exists():
            return
        builder = _open(kind, config, root)
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
