"""Measuring one finished arm: its class images from three starts, and all measures of them."""

import contextlib
import dataclasses
import pathlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import keras
import numpy as np

from bg_interp.commands.subject import places_of, units_of
from bg_interp.config.training import JUDGES_DATA_SEED, ArmConfig, resolved
from bg_interp.data.opening import decoded_with_masks, open_in_memory
from bg_interp.data.sources import open_source
from bg_interp.evaluation import measuring
from bg_interp.evaluation.arrays import Arrays, plain_list
from bg_interp.evaluation.judges.judge import Judge
from bg_interp.evaluation.judges.training import JUDGES, Judges, load_or_train_judges
from bg_interp.evaluation.recognisability import check_judges, judge_class_images
from bg_interp.models import networks
from bg_interp.models.adapter import adapt
from bg_interp.models.loading import load_network
from bg_interp.storage import files
from bg_interp.storage.workdir import Workdir
from bg_interp.study.starts import NATURAL, STARTS, UNTRAINED
from bg_interp.visualization import statistics
from bg_interp.visualization.ascent import Ascent
from bg_interp.visualization.presets import for_run, preset
from bg_interp.visualization.results import Visualization


def load_judges(config: ArmConfig, kinds: Sequence[Judge] = JUDGES) -> Judges:
    """Trains the judges of a study's dataset, or takes them from the cache.

    On habitats they see data that no arm sees, each object on its own class's background; on
    other datasets they share the training images with the arms.
    """
    apart = dataclasses.replace(resolved(config), data_seed=JUDGES_DATA_SEED, correlation=1.0)
    source = open_source(apart)
    return load_or_train_judges(
        Arrays.of(open_in_memory(source, "train", apart).arrays),
        Arrays.of(open_in_memory(source, "test", apart).arrays),
        source.fingerprint + ("" if apart.resize == "smooth" else f"-{apart.resize}"),
        JUDGES_DATA_SEED,
        kinds,
    )


@contextlib.contextmanager
def untrained(model: keras.Model, config: ArmConfig) -> Iterator[None]:
    """Gives a network the weights that it had before training, within the block."""
    trained = model.get_weights()
    arm = resolved(config)
    fresh = networks.build(
        arm.network,
        image_size=arm.image_size,
        classes=model.output_shape[-1],
        weights=arm.weights,
        seed=arm.seed,
    )
    model.set_weights(fresh.get_weights())
    try:
        yield
    finally:
        model.set_weights(trained)


def make_class_images(
    model: keras.Model,
    config: ArmConfig,
    known: statistics.AscentStatistics,
    classes: Sequence[int] | None = None,
    natural: bool = False,
) -> dict[str, Visualization]:
    """Makes class images from every start, and those of the untrained network from the own start.

    Args:
      model: the trained network.
      config: of its arm.
      known: the statistics that training left for the ascent.
      classes: those to make images of; None for all.
      natural: make those with the prior of natural features as well.
    """
    settled = resolved(config)
    ascent = Ascent(model, for_run(settled.network, settled.recipe))
    made = {
        start.name: ascent(classes, statistics=known, start=start.image, seed=config.seed)
        for start in STARTS
    }
    if natural:
        # One sample: they cost several times as much as the plain ones.
        held = Ascent(model, preset(str(NATURAL.preset)), samples=1)
        made[NATURAL.name] = held.in_parts(
            classes, statistics=known, start=NATURAL.image, seed=config.seed
        )
    with untrained(model, config):
        own = STARTS[0].image
        made[UNTRAINED] = ascent(classes, statistics=known, start=own, seed=config.seed)
    return made


def measure(
    config: ArmConfig, judges: Judges | None, seed: int = 0, natural: bool = False
) -> dict[str, Any]:
    """Takes all measures of one finished arm; what was measured before is read from its folder.

    Args:
      config: of the arm, as planned.
      judges: of its dataset; None leaves class images unjudged.
      seed: of partners, noise and resampling; the same for all arms.
      natural: see `make_class_images`.

    Returns:
      What `Evaluation.to_dict` returns, and `class_images` (see
      `recognisability.judge_class_images`), `judges`: their accuracies, and `logits`: {start: the
      logits reached}, with `natural`: the logit of each class's best training image. It stands in
      measures.json; the images in class_images.npz.
    """
    workdir = Workdir(pathlib.Path(str(config.workdir)))
    done = read(config, natural)
    if done is not None:
        return done
    settled = resolved(config)
    classifier = load_network(workdir.path)
    model, class_names = classifier.network, list(classifier.class_names or ())
    source = open_source(settled)
    examples, masks = decoded_with_masks(source, "test", settled)
    opened = examples.arrays
    if judges is not None:
        check_judges(judges, len(class_names))
    # Of a class without training images the network knows nothing that could be shown.
    learnt = np.unique(source.splits["train"].labels).tolist()
    known = statistics.load(workdir.ascent)
    made = make_class_images(model, config, known, learnt, natural)
    taken = measuring.measure(
        adapt(model),
        Arrays.of(opened),
        class_names,
        places=places_of(source, "test", opened["index"]),
        place_names=source.place_names,
        units=units_of(source, "test", opened["index"]),
        backgrounds=0,
        controls=False,
        seed=seed,
        doubts=masks.doubts,
    )
    results = taken.to_dict()
    images = {name: one.images for name, one in made.items()}
    judged = judges and judge_class_images(images, taken.test, judges, seed, learnt)
    results["class_images"] = judged or {}
    results["judges"] = {} if judges is None else judges.accuracies
    results["logits"] = _logits_of(made, learnt, len(class_names))
    with files.replacing(workdir.class_images) as temporary, open(temporary, "wb") as file:
        np.savez_compressed(file, **_pictures_of(made, learnt, len(class_names)))
    # Written last: where it is, the images are whole.
    files.write_sealed(workdir.measures, results)
    return results


def _logits_of(
    made: Mapping[str, Visualization], shown: Sequence[int], classes: int
) -> dict[str, list[float | None] | None]:
    """Returns what the class images of each start reach, and the best natural images."""
    natural = made[STARTS[0].name].natural
    reached = {name: _of_all(one.activations, shown, classes) for name, one in made.items()}
    return {**reached, "natural": None if natural is None else _of_all(natural, shown, classes)}


def _pictures_of(
    made: Mapping[str, Visualization], shown: Sequence[int], classes: int
) -> dict[str, Any]:
    """Returns the class images of each start, uint8 [K, H, W, 3], black for classes not shown."""
    pictures = {}
    for name, one in made.items():
        pictures[name] = np.zeros((classes, *one.images.shape[1:]), np.uint8)
        pictures[name][shown] = np.clip(np.rint(one.images), 0, 255).astype(np.uint8)
    return pictures


def _of_all(values: np.ndarray, some: Sequence[int], classes: int) -> list[float | None]:
    """Returns values of some classes as values of all: None for the others."""
    every = np.full(classes, np.nan)
    every[some] = values
    return plain_list(every)


def read(config: ArmConfig, natural: bool = False) -> dict[str, Any] | None:
    """Reads what `measure` wrote; None when it isn't there or is damaged, its images included.

    Args:
      config: of the arm.
      natural: whether class images with the prior of natural features must be among them.
    """
    workdir = Workdir(pathlib.Path(str(config.workdir)))
    try:
        made = read_images(config)
        done = files.read_sealed(workdir.measures)
        return None if natural and NATURAL.name not in made else done
    # zipfile and NumPy raise all kinds of exceptions, by the place of the damage.
    except Exception:
        return None


def read_images(config: ArmConfig) -> dict[str, np.ndarray]:
    """Reads an arm's class images, {start: uint8 [K, H, W, 3]}.

    Those of classes without training images are black.
    """
    path = Workdir(pathlib.Path(str(config.workdir))).class_images
    with np.load(path, allow_pickle=False) as file:
        return {name: file[name] for name in file.files}
