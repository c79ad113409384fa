"""Judges: independent models that say what an image shows, trained once for a data set.

  foreground   a network trained on objects before backgrounds that tell nothing
  shape        gradient histograms and ridge regression, on the same images
  background   a network trained on tiled backgrounds, with a class "none of them"
  development  a foreground judge of another architecture and seed, for choosing recipes; its
               features are also the encoder of the forced choice

They never see an image that a judged network made, and their data is to be drawn with a seed that
no judged network was trained on. A judge is worth what it gets right on natural images held out:
`Judges.accuracies`, which belongs beside every number that a judge gives.
"""

import dataclasses
import functools
import hashlib
import json
import pathlib
from collections.abc import Callable
from typing import Any

import filelock
import keras
import numpy as np

from bg_interp.evaluation import judge_data, judge_networks
from bg_interp.evaluation.arrays import Arrays, compiled, predict, with_usable_masks
from bg_interp.evaluation.judge_accuracy import measure_judges
from bg_interp.evaluation.shape_judge import ShapeJudge, load_shape_judge, train_shape_judge
from bg_interp.storage.files import cache_folder, read_sealed, replacing, write_sealed

Scores = Callable[[np.ndarray], np.ndarray]


@dataclasses.dataclass(frozen=True)
class JudgeSettings:
    """How judges are trained; part of the key under which they are cached.

    Attributes:
      foreground_steps: minibatches for the foreground judge.
      development_steps: minibatches for the development judge.
      background_steps: minibatches for the background judge.
      shape_images: composed images for the shape judge.
      batch_size: images in a minibatch.
      learning_rate: the peak of a cosine with 10 % warm-up.
      version: raised when the code changes what judges learn.
    """

    foreground_steps: int = 400
    development_steps: int = 300
    background_steps: int = 200
    shape_images: int = 4800
    batch_size: int = 64
    learning_rate: float = 3e-3
    version: int = 2


DEFAULT_SETTINGS = JudgeSettings()


@dataclasses.dataclass(frozen=True, eq=False)
class Judges:
    """The judges of one data set. Networks give logits for [B, H, W, 3] in [0, 255].

    Attributes:
      foreground: K classes.
      development: K classes; the layer `features` feeds the forced choice.
      background: K classes and, as the last, "none of them".
      shape: scores of K classes.
      accuracies: {judge: {kind of held-out natural image: share right}}.
    """

    foreground: keras.Model
    development: keras.Model
    background: keras.Model
    shape: ShapeJudge
    accuracies: dict[str, dict[str, float]] = dataclasses.field(default_factory=dict)

    @property
    def classes(self) -> int:
        """K, the number of classes without "none of them"."""
        return self.foreground.output_shape[-1]

    @functools.cached_property
    def scores(self) -> dict[str, Scores]:
        """Each judge as a function from images [N, H, W, 3] in [0, 255] to scores [N, K (+ 1)]."""
        networks = {
            name: functools.partial(predict, compiled(getattr(self, name)))
            for name in ("foreground", "development", "background")
        }
        return {**networks, "shape": self.shape}

    @functools.cached_property
    def encode(self) -> Scores:
        """The development judge's features: images [N, H, W, 3] in [0, 255] to [N, D]."""
        layer = self.development.get_layer(judge_networks.FEATURES)
        return functools.partial(
            predict, compiled(keras.Model(self.development.inputs, layer.output))
        )

    def describe(self) -> str:
        """Returns a table of `accuracies`."""
        from tabulate import tabulate

        rows = [
            (judge, kind, f"{share:.2f}")
            for judge, kinds in self.accuracies.items()
            for kind, share in kinds.items()
        ]
        return tabulate(rows, ("judge", "held-out natural images", "right"))


def _fit(
    model: keras.Model, draw: judge_data.Draw, steps: int, settings: JudgeSettings, seed: int
) -> keras.Model:
    rate = keras.optimizers.schedules.CosineDecay(
        settings.learning_rate / 10,
        decay_steps=max(1, steps - steps // 10),
        warmup_target=settings.learning_rate,
        warmup_steps=steps // 10,
    )
    model.compile(
        optimizer=keras.optimizers.AdamW(rate, weight_decay=1e-4),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    model.fit(judge_data.batches_of(draw, steps, seed), shuffle=False)
    return model


def train_judges(
    train: Arrays, test: Arrays, seed: int, settings: JudgeSettings = DEFAULT_SETTINGS
) -> Judges:
    """Trains all judges and measures them on `test`.

    Args:
      train: natural images that no judged network was trained on.
      test: natural images held out.
      seed: keys initial weights and the order and composition of the data.
      settings: the lengths of training.
    """
    train, test = with_usable_masks(train), with_usable_masks(test)
    classes = int(max(train.labels.max(), test.labels.max())) + 1
    side = train.images.shape[1:3]
    backgrounds = judge_data.tiled_backgrounds(train)
    objects = judge_data.foreground_draw(train, backgrounds, settings.batch_size)
    natural = judge_data.background_draw(train, backgrounds, classes, settings.batch_size)

    print("training the foreground judge")
    foreground = judge_networks.residual_network(side, classes, seed)
    _fit(foreground, objects, settings.foreground_steps, settings, seed)
    print("training the development judge")
    development = judge_networks.plain_network(side, classes, seed + 1)
    _fit(development, objects, settings.development_steps, settings, seed + 1)
    print("training the background judge")
    background = judge_networks.residual_network(side, classes + 1, seed + 2)
    _fit(background, natural, settings.background_steps, settings, seed + 2)
    print("training the shape judge")
    steps = max(1, settings.shape_images // settings.batch_size)
    composed, labels = zip(
        *judge_data.batches_of(objects, steps, seed + 3).as_numpy_iterator(), strict=True
    )
    shape = train_shape_judge(np.concatenate(composed), np.concatenate(labels), classes)

    judges = Judges(foreground, development, background, shape)
    return dataclasses.replace(judges, accuracies=measure_judges(judges.scores, test, seed))


def load_or_train_judges(
    train: Arrays,
    test: Arrays,
    fingerprint: str,
    seed: int = 0,
    settings: JudgeSettings = DEFAULT_SETTINGS,
) -> Judges:
    """Returns the judges of a data set from the cache, or trains and caches them.

    Prints their accuracy on held-out images either way. Several processes may ask at once: one
    trains, the others wait.

    Args:
      train: see `train_judges`.
      test: see `train_judges`.
      fingerprint: names the data of `train` and `test`.
      seed: see `train_judges`.
      settings: see `train_judges`.
    """
    key = [fingerprint, seed, train.images.shape, test.images.shape, dataclasses.asdict(settings)]
    name = hashlib.sha256(json.dumps(key).encode()).hexdigest()[:16]
    folder = cache_folder() / "judges" / name
    folder.mkdir(parents=True, exist_ok=True)
    with filelock.FileLock(folder / "lock"):
        judges = _load(folder) if (folder / "accuracies.json").exists() else None
        if judges is None:
            judges = train_judges(train, test, seed, settings)
            _save(judges, folder)
    print(judges.describe())
    return judges


def _save(judges: Judges, folder: pathlib.Path) -> None:
    for name in ("foreground", "development", "background"):
        with replacing(folder / f"{name}.keras") as temporary:
            getattr(judges, name).save(temporary)
    judges.shape.save(folder / "shape.npz")
    # Written last: where it is, the others are whole.
    write_sealed(folder / "accuracies.json", judges.accuracies)


def _load(folder: pathlib.Path) -> Judges | None:
    """Reads what `_save` wrote; None when it is damaged."""
    try:
        networks: dict[str, Any] = {
            name: keras.models.load_model(folder / f"{name}.keras", compile=False)
            for name in ("foreground", "development", "background")
        }
        accuracies = read_sealed(folder / "accuracies.json")
        shape = load_shape_judge(folder / "shape.npz")
    # Keras, zipfile and NumPy raise all kinds of exceptions, by the place of the damage.
    except Exception as error:
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        print(f"the judges in {folder} are damaged ({reason}); training them again")
        return None
    return Judges(**networks, shape=shape, accuracies=accuracies)
