"""Measuring one finished arm: its class images from three starts, and all measures of them."""

import dataclasses
import pathlib
from typing import Any

import keras
import numpy as np

from bg_interp.config.training import JUDGES_DATA_SEED, ArmConfig, resolved
from bg_interp.data.opening import open_in_memory
from bg_interp.data.sources import open_source
from bg_interp.evaluation.arrays import Arrays
from bg_interp.evaluation.judges.training import Judges, load_or_train_judges
from bg_interp.evaluation.model_evaluation import evaluate_model
from bg_interp.models import networks
from bg_interp.models.loading import load_network
from bg_interp.storage import files
from bg_interp.storage.workdir import Workdir
from bg_interp.visualization import statistics
from bg_interp.visualization.ascent import Ascent
from bg_interp.visualization.presets import preset_for
from bg_interp.visualization.results import Visualization

# Each arm's own mean image, and two starts that all arms share.
STARTS = {"own": "mean", "black": "black", "grey": "grey"}
UNTRAINED = "untrained"


def load_judges(config: ArmConfig) -> Judges:
    """Trains the judges of a study's data set, or takes them from the cache.

    On habitats they see data that no arm sees, each object on its own class's background; on
    other data sets they share the training images with the arms.
    """
    apart = dataclasses.replace(resolved(config), data_seed=JUDGES_DATA_SEED, correlation=1.0)
    source = open_source(apart)
    return load_or_train_judges(
        Arrays.of(open_in_memory(source, "train", apart).arrays),
        Arrays.of(open_in_memory(source, "test", apart).arrays),
        source.fingerprint,
        JUDGES_DATA_SEED,
    )


def _untrained(model: keras.Model, config: ArmConfig) -> None:
    """Gives a network the weights that it had before training."""
    arm = resolved(config)
    fresh = networks.build(
        arm.network,
        image_size=arm.image_size,
        classes=model.output_shape[-1],
        weights=arm.weights,
        seed=arm.seed,
    )
    model.set_weights(fresh.get_weights())


def make_class_images(
    model: keras.Model, config: ArmConfig, found: statistics.AscentStatistics
) -> dict[str, Visualization]:
    """Makes class images from every start, and those of the untrained network from the own start.

    The network is left untrained.
    """
    ascent = Ascent(model, preset_for(resolved(config).network))
    made = {
        name: ascent(statistics=found, start=start, seed=config.seed)
        for name, start in STARTS.items()
    }
    _untrained(model, config)
    made[UNTRAINED] = ascent(statistics=found, start=STARTS["own"], seed=config.seed)
    return made


def measure(config: ArmConfig, judges: Judges, seed: int = 0) -> dict[str, Any]:
    """Takes all measures of one finished arm; what was measured before is read from its folder.

    Args:
      config: of the arm, as planned.
      judges: of its data set.
      seed: of partners, noise and resampling; the same for all arms.

    Returns:
      What `evaluate_model` returns, and `logits`: {start: the logits reached}, and `natural`: the
      logit of each class's best training image. It stands in measures.json; the images in
      class_images.npz.
    """
    workdir = Workdir(pathlib.Path(str(config.workdir)))
    done = read(config)
    if done is not None:
        return done
    settled = resolved(config)
    found = load_network(workdir.path)
    model, class_names = found.network, list(found.class_names or ())
    test = Arrays.of(open_in_memory(open_source(settled), "test", settled).arrays)
    trained_weights = model.get_weights()
    made = make_class_images(model, config, statistics.load(workdir.ascent))
    model.set_weights(trained_weights)
    results = evaluate_model(
        model,
        test,
        class_names,
        judges=judges,
        class_images={name: one.images for name, one in made.items()},
        seed=seed,
    )
    results["logits"] = {name: one.activations.tolist() for name, one in made.items()}
    natural = made["own"].natural
    results["logits"]["natural"] = None if natural is None else natural.tolist()
    pictures = {
        name: np.clip(np.rint(one.images), 0, 255).astype(np.uint8) for name, one in made.items()
    }
    with files.replacing(workdir.class_images) as temporary, open(temporary, "wb") as file:
        np.savez_compressed(file, **pictures)
    # Written last: where it is, the images are whole.
    files.write_sealed(workdir.measures, results)
    return results


def read(config: ArmConfig) -> dict[str, Any] | None:
    """Reads what `measure` wrote; None when it isn't there or is damaged, its images included."""
    workdir = Workdir(pathlib.Path(str(config.workdir)))
    try:
        read_images(config)
        return files.read_sealed(workdir.measures)
    # zipfile and NumPy raise all kinds of exceptions, by the place of the damage.
    except Exception:
        return None


def read_images(config: ArmConfig) -> dict[str, np.ndarray]:
    """Reads an arm's class images, {start: uint8 [K, H, W, 3]}."""
    path = Workdir(pathlib.Path(str(config.workdir))).class_images
    with np.load(path, allow_pickle=False) as file:
        return {name: file[name] for name in file.files}
