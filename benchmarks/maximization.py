"""Activation maximization: our loop against tf-keras-vis, the bare gradient, and Xplique.

    python benchmarks/maximization.py --networks=small,mobilenet_v2 --rounds=5

prints Markdown tables of milliseconds a step, wall and CPU, and of the seconds that ten steps of a
new object take, which has traced nothing yet, with their ranges over the rounds; with --quality the
seconds until the class logit of tf-keras-vis's final image is reached. All contestants take turns
in one process, so that another program's load falls on all of them; compare the ratios, not the
milliseconds.

Xplique takes part with --xplique=FOLDER, after

    pip install --no-deps --target=FOLDER xplique==2.0.2 tensorflow-probability==0.25.0 \\
        tf-keras==2.21.0 decorator cloudpickle dm-tree

It makes one image after the other, by its own default parametrization and views: see its
milliseconds as those of another method.
"""

import dataclasses
import functools
import os
import pathlib
import platform
import sys
import time
import warnings
from collections.abc import Callable
from typing import Any

from bg_interp import cli
from bg_interp.errors import UserError
from bg_interp.storage.workdir import versions

# name -> side in pixels
NETWORKS = {"small": 64, "mobilenet_v2": 128, "resnet50": 224}
OURS, UPSTREAM, GRADIENT = "ours", "tf-keras-vis", "bare gradient"


@dataclasses.dataclass(frozen=True)
class Config:
    """The flags."""

    networks: str = cli.setting(
        "small,mobilenet_v2",
        "small, mobilenet_v2, resnet50, or what tools/train.py left, or .keras files; with commas",
    )
    batches: str = cli.setting("1,10", "numbers of images at once, with commas")
    steps: int = cli.setting(100, "steps of each timed run", rule=cli.POSITIVE)
    rounds: int = cli.setting(5, "timed runs of each contestant", rule=cli.POSITIVE)
    xla: bool = cli.setting(False, "time our loop and the bare gradient under XLA as well")
    quality: bool = cli.setting(False, "time how long our loop takes to reach upstream's logits")
    prior: bool = cli.setting(False, "time the ascent with a prior on features as well")
    xplique: str | None = cli.setting(None, "folder that holds Xplique, to time it as well")


cli.define_flags(Config)


def small_network(classes: int = 10) -> Any:
    """Returns a plain network of four convolutions for 64 px, untrained."""
    import keras

    values = inputs = keras.Input((64, 64, 3))
    for filters in (32, 64, 128, 128):
        values = keras.layers.Conv2D(filters, 3, padding="same", use_bias=False)(values)
        values = keras.layers.BatchNormalization()(values)
        values = keras.layers.MaxPool2D()(keras.layers.ReLU()(values))
    values = keras.layers.GlobalAveragePooling2D()(values)
    return keras.Model(inputs, keras.layers.Dense(classes)(values))


def network(name: str) -> Any:
    """Returns an untrained network, which is as fast as a trained one, or that of a file."""
    import keras

    if name not in NETWORKS:
        from bg_interp.models import loading, targets

        return targets.logits(loading.load_network(pathlib.Path(name)).network)
    if name == "small":
        return small_network()
    made = {"mobilenet_v2": keras.applications.MobileNetV2, "resnet50": keras.applications.ResNet50}
    side = NETWORKS[name]
    return made[name](
        weights=None, input_shape=(side, side, 3), classes=10, classifier_activation=None
    )


def bare_gradient(
    model: Any, images: Any, classes: Any, jit_compile: bool
) -> Callable[[int], None]:
    """Returns a function that runs forward and input gradient n times."""
    import tensorflow as tf

    @tf.function(jit_compile=jit_compile)
    def gradient(values: Any) -> Any:
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(values)
            outputs = model(values, training=False)
            score = tf.reduce_sum(tf.gather(outputs, classes, axis=1, batch_dims=1))
        return tape.gradient(score, values)

    return lambda steps: [gradient(images) for _ in range(steps)][-1]


Run = Callable[[int], Any]


def contestants(model: Any, batch: int, config: Config) -> dict[str, Callable[[], Run]]:
    """Returns, by name, what makes a new function of a number of steps."""
    import numpy as np
    import tensorflow as tf
    from tf_keras_vis.activation_maximization import ActivationMaximization as Upstream
    from tf_keras_vis.activation_maximization.input_modifiers import Jitter, Rotate2D
    from tf_keras_vis.utils.scores import CategoricalScore

    from bg_interp.visualization import ActivationMaximization

    shape = (batch, *model.inputs[0].shape[1:])
    images = np.random.default_rng(0).uniform(0, 255, shape).astype(np.float32)
    classes = [number % model.output_shape[-1] for number in range(batch)]
    modifiers = {"jitter": [Jitter(4)], "jitter, rotation": [Jitter(4), Rotate2D(1)]}
    score, target = CategoricalScore(classes), tf.constant(classes)

    def maximizing(kind: Callable, chosen: list, **options: Any) -> Run:
        call = functools.partial(kind(model, **options), score, images, input_modifiers=chosen)
        return lambda steps: call(steps=steps)

    found: dict[str, Callable[[], Run]] = {}
    for jit in (False, True) if config.xla else (False,):
        suffix = ", XLA" if jit else ""
        gradient = functools.partial(bare_gradient, model, tf.constant(images), target, jit)
        found[GRADIENT + suffix] = gradient
        for name, chosen in modifiers.items():
            found[f"{OURS}: {name}{suffix}"] = functools.partial(
                maximizing, ActivationMaximization, chosen, jit_compile=jit
            )
    for name, chosen in modifiers.items():
        found[f"{UPSTREAM}: {name}"] = functools.partial(maximizing, Upstream, chosen)
    if config.xplique is not None:
        found["Xplique"] = functools.partial(xplique, model, classes, config.xplique)
    return found


def xplique(model: Any, classes: list[int], folder: str) -> Run:
    """Returns a run of Xplique's optimisation in Fourier space, one logit after the other."""
    sys.path.append(folder)
    try:
        from xplique.features_visualizations import Objective, optimize
    except ImportError as error:
        raise UserError(f"--xplique={folder} cannot be imported: {error}") from error
    objectives = [Objective.neuron(model, -1, number) for number in classes]
    options = {"custom_shape": model.inputs[0].shape[1:3], "values_range": (0, 255)}
    return lambda steps: [optimize(one, nb_steps=steps, **options) for one in objectives]


@dataclasses.dataclass(frozen=True)
class Timing:
    """Milliseconds a step of one contestant in each round, and seconds of its first ten steps."""

    first: list[float] = dataclasses.field(default_factory=list)
    wall: list[float] = dataclasses.field(default_factory=list)
    processor: list[float] = dataclasses.field(default_factory=list)


def timed(makers: dict[str, Callable[[], Run]], steps: int, rounds: int) -> dict[str, Timing]:
    """Lets all contestants take turns; those that go first in one round go last in the next."""
    timings = {name: Timing() for name in makers}
    orders = [list(makers)[:: -1 if number % 2 else 1] for number in range(rounds)]
    # What the process does but once, when it first meets an operation, is nobody's.
    runs = {name: make() for name, make in makers.items()}
    for run in runs.values():
        run(1)
    for order in orders:
        for name in order:
            runs[name] = makers[name]()
            begun = time.perf_counter()
            runs[name](10)
            timings[name].first.append(time.perf_counter() - begun)
    for name, run in runs.items():
        if name.startswith(OURS):
            # Long runs are traced otherwise than short ones.
            run(steps)
    for order in orders:
        for name in order:
            # tf-keras-vis is so much slower that fewer steps tell as much.
            count = max(steps // 5, 1) if name.startswith((UPSTREAM, "Xplique")) else steps
            begun, begun_cpu = time.perf_counter(), time.process_time()
            runs[name](count)
            timings[name].wall.append(1000 * (time.perf_counter() - begun) / count)
            timings[name].processor.append(1000 * (time.process_time() - begun_cpu) / count)
    return timings


def spread(values: list[float], form: str) -> str:
    """Returns the median of `values`, and their smallest and largest."""
    import numpy as np

    low, high = (format(value, form) for value in (min(values), max(values)))
    return f"{np.median(values):{form}} ({low} to {high})"


def ratios(over: list[float], under: list[float]) -> list[float]:
    """Returns the ratio of the times of each round."""
    return [one / other for one, other in zip(over, under, strict=True)]


def speed_table(name: str, batch: int, config: Config) -> str:
    """Returns a Markdown table for one network and one batch size."""
    import numpy as np
    from tabulate import tabulate

    model = network(name)
    found = timed(contestants(model, batch, config), config.steps, config.rounds)
    rows = []
    for contestant, timing in found.items():
        modifiers = contestant.partition(": ")[2].removesuffix(", XLA") or "jitter, rotation"
        rival = found[f"{UPSTREAM}: {modifiers}"]
        rows.append(
            [
                contestant,
                spread(timing.wall, ".1f"),
                np.median(timing.processor),
                spread(ratios(timing.wall, found[GRADIENT].wall), ".2f"),
                spread(ratios(rival.wall, timing.wall), ".1f"),
                spread(timing.first, ".2f"),
                spread(ratios(rival.first, timing.first), ".2f"),
            ]
        )
    header = [
        "",
        "wall ms",
        "CPU ms",
        "x bare gradient",
        "faster than upstream",
        "first 10 steps s",
        "first 10 steps faster than upstream",
    ]
    table = tabulate(rows, header, tablefmt="github", floatfmt=".1f")
    return f"**{name}, {model.input_shape[1]} px, batch {batch}**\n\n{table}\n"


def prior(name: str, batch: int, config: Config) -> str:
    """Tells what a step with a prior on features costs, beside the bare gradient by its outputs.

    Both call the same folded network, whose outputs are the logits and the features that are held.
    """
    import keras
    import numpy as np
    import tensorflow as tf

    from bg_interp.models import graph
    from bg_interp.models.folding import FoldedModel
    from bg_interp.visualization import ActivationMaximization, features
    from bg_interp.visualization.modifiers import Jitter, Mirror
    from bg_interp.visualization.parametrizations import Pyramid
    from bg_interp.visualization.regularizers import FeatureStatistics
    from bg_interp.visualization.scores import Even

    model, random = network(name), np.random.default_rng(0)
    images = random.uniform(0, 255, (batch, *model.inputs[0].shape[1:])).astype(np.float32)
    known = features.measured(model, images)
    held = features.narrow_layers(known, graph.rewire(model).calls)
    folded = FoldedModel(features.tapped(model, held)).model
    target = tf.constant(images)

    @tf.function
    def gradient(values: Any) -> Any:
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(values)
            outputs = folded(values, training=False)
            score = tf.add_n([tf.reduce_mean(output) for output in outputs])
        return tape.gradient(score, values)

    maximization = ActivationMaximization(model)
    classes = [number % model.output_shape[-1] for number in range(batch)]
    options = {
        "seed_input": images,
        "input_modifiers": [Mirror(), Jitter(8)],
        "regularizers": [FeatureStatistics(known, 10.0, first=10.0, each=4.0, held=held)],
        "optimizer": keras.optimizers.Adam(0.025),
        "parametrization": Pyramid(0.025),
    }
    runs: dict[str, Run] = {
        "bare": lambda steps: [gradient(target) for _ in range(steps)],
        "prior": lambda steps: maximization(Even(classes), steps=steps, **options),
    }
    times: dict[str, list[float]] = {key: [] for key in runs}
    for number in range(config.rounds + 1):
        for key in list(runs)[:: -1 if number % 2 else 1]:
            begun = time.process_time()
            runs[key](config.steps)
            # The first round traces.
            if number:
                times[key].append(1000 * (time.process_time() - begun) / config.steps)
    found = spread(ratios(times["prior"], times["bare"]), ".2f")
    return f"{name}, batch {batch}: a step with a prior takes {found} x the bare gradient (CPU)."


def quality(name: str, steps: int = 200) -> str:
    """Tells how many seconds our loop takes to the mean logit of upstream's final images.

    Of untrained networks it says little: their logits hang on next to nothing.
    """
    import numpy as np
    from tf_keras_vis.activation_maximization import ActivationMaximization as Upstream
    from tf_keras_vis.utils.scores import CategoricalScore

    from bg_interp.visualization import ActivationMaximization

    model = network(name)
    images = np.random.default_rng(0).uniform(0, 255, (10, *model.inputs[0].shape[1:]))
    classes = [number % model.output_shape[-1] for number in range(10)]
    images, score = images.astype(np.float32), CategoricalScore(classes)
    begun = time.perf_counter()
    theirs = Upstream(model)(score, seed_input=images, steps=steps)
    their_seconds = time.perf_counter() - begun

    def reached(made: Any) -> float:
        return float(np.mean(model(made, training=False).numpy()[range(10), classes]))

    goal = reached(theirs)
    ours = ActivationMaximization(model)
    ours(score, seed_input=images, steps=1)
    for count in (10, 20, 40, 80, 120, 160, steps, 2 * steps):
        begun = time.perf_counter()
        made = ours(score, seed_input=images, steps=count)
        seconds = time.perf_counter() - begun
        if reached(made) >= goal:
            return (
                f"{name}: mean logit {goal:.3g} of tf-keras-vis after {steps} steps and "
                f"{their_seconds:.1f} s; ours reaches it in {count} steps and {seconds:.1f} s."
            )
    return f"{name}: ours does not reach the mean logit {goal:.3g} in {2 * steps} steps."


def main() -> None:
    """Prints the tables."""
    config = cli.config_from_flags(Config)
    chosen = config.networks.split(",")
    for name in chosen:
        if name not in NETWORKS and not pathlib.Path(name).exists():
            raise UserError(
                f"--networks must be of {', '.join(NETWORKS)}, or files. Received: {name!r}"
            )
    cli.load_tensorflow()
    warnings.filterwarnings("ignore", "The structure of `inputs`")
    print(f"{platform.machine()}, {os.cpu_count()} cores, TensorFlow {versions()['tensorflow']}\n")
    for name in chosen:
        for batch in config.batches.split(","):
            print(speed_table(name, int(batch), config), flush=True)
            if config.prior:
                print(prior(name, int(batch), config) + "\n", flush=True)
        if config.quality:
            print(quality(name) + "\n", flush=True)


if __name__ == "__main__":
    cli.run(main, __doc__)
