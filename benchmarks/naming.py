"""How many class images an independent network names: ours, others', and real photographs.

    python benchmarks/naming.py --model=mobilenet_v2.keras --judge=mobilenet_v1.keras \\
        --photographs=FOLDER --output=naming

draws classes by a seed, makes an image of each with every contestant, asks a second network of
another architecture what it sees, and prints a Markdown table: the share that it names at its
first guess and within five, the share that the network itself names, and seconds an image. Images
are kept in the output folder as they come: the same command resumes where it was stopped, and
--contestants adds others to the same table. With --first=N only the first N of the classes drawn
are made; what earlier commands made of more stays. The contestant `alone` is natural, asked for one
class at a time.

Settings of ours were chosen on classes of seed 0, with the same second network as judge: of other
classes it is no judge that anything was fitted to, of its own taste in pictures it may be.

Both networks must have the same classes in the same order, and take pixels in --input_range. The
photographs are files whose sorted names follow the order of the classes, one of each.

Xplique takes part with --xplique_python=PYTHON, the interpreter of an environment that has it:

    pip install tensorflow==2.20.0 deprecated einops matplotlib opencv-python-headless \\
        "scikit-image<=0.25.2" "scikit-learn<=1.7.2" "scipy<=1.15.3"
    pip install --no-deps xplique==2.0.2 tensorflow-probability==0.25.0 tf-keras==2.20.1 \\
        decorator cloudpickle dm-tree

Its default images are 512 px wide, whatever the network takes.
"""

import dataclasses
import json
import pathlib
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from bg_interp import cli, pictures
from bg_interp.errors import UserError
from bg_interp.storage import files

CONTESTANTS = (
    "photographs",
    "natural",
    "alone",
    "fourier",
    "maco",
    "tf-keras-vis",
    "xplique",
)
# Each contestant's images at once; as many as natural makes together, and less.
_TOGETHER = {"natural": 12, "alone": 1}
_FEW = 10


@dataclasses.dataclass(frozen=True)
class Config:
    """The flags."""

    model: str | None = cli.setting(None, "the network whose classes are drawn, a .keras file")
    judge: str | None = cli.setting(None, "the network of another kind that names, a .keras file")
    input_range: str = cli.setting(
        "-1:1", "the pixel range that both expect", choices=tuple(cli.INPUT_RANGES)
    )
    first_class: int = cli.setting(
        0, "outputs before the first class, 1 where one stands for background"
    )
    photographs: str | None = cli.setting(None, "folder of real ones, one of each class")
    count: int = cli.setting(100, "classes drawn", rule=cli.POSITIVE)
    first: int | None = cli.setting(
        None, "only so many of the classes drawn, the first ones", rule=cli.POSITIVE
    )
    seed: int = cli.setting(1, "of the draw of classes, and of all images", rule=cli.SEED)
    tuned: int = cli.setting(
        30, "so many classes of seed 0, which settings were tuned on, are left out"
    )
    without: str = cli.setting("", "more classes to leave out, numbers of outputs with commas")
    contestants: str = cli.setting(
        "photographs,natural,fourier,maco,tf-keras-vis", f"some of {', '.join(CONTESTANTS)}"
    )
    xplique_python: str | None = cli.setting(None, "interpreter of an environment with Xplique")
    names: str | None = cli.setting(None, "file with the outputs' names, one a line, for sheets")
    output: str = cli.setting("naming", "folder for images, sheets and naming.json")


cli.define_flags(Config)


def drawn_classes(config: Config, outputs: int) -> list[int]:
    """Draws classes; those of seed 0, on which settings were tuned, are no part of other draws."""
    without = {int(number) for number in config.without.split(",") if number}
    pool = [one for one in range(config.first_class, outputs) if one not in without]
    if config.seed == 0:
        return _drawn(0, pool, config.count)[: config.first]
    tuned = set(_drawn(0, pool, config.tuned))
    pool = [one for one in pool if one not in tuned]
    return _drawn(config.seed, pool, config.count)[: config.first]


def _drawn(seed: int, pool: Sequence[int], count: int) -> list[int]:
    return np.random.default_rng(seed).choice(pool, count, replace=False).tolist()


@dataclasses.dataclass(frozen=True, eq=False)
class Networks:
    """The drawn network and the judge, both of images in [0, 255]."""

    drawn: Any
    judge: Any


def opened(config: Config) -> Networks:
    """Opens both networks."""
    from bg_interp import pixels
    from bg_interp.models import loading, opening

    taken = pixels.named(config.input_range, "--input_range")
    found = [loading.load_network(str(path)) for path in (config.model, config.judge)]
    return Networks(*(opening.of_bytes(one, taken) for one in found))


Make = Callable[[Sequence[int]], np.ndarray]


def photographs(config: Config, networks: Networks) -> Make:
    """Returns what reads the classes' photographs."""
    from PIL import Image

    side = networks.drawn.inputs[0].shape[1]
    files_there = sorted(pathlib.Path(str(config.photographs)).iterdir())
    found = [path for path in files_there if path.suffix.lower() in (".jpg", ".jpeg", ".png")]

    def read(classes: Sequence[int]) -> np.ndarray:
        chosen = [found[one - config.first_class] for one in classes]
        images = [Image.open(path).convert("RGB").resize((side, side)) for path in chosen]
        return np.stack([np.asarray(image, np.float32) for image in images])

    return read


def by_preset(preset: str, config: Config, networks: Networks) -> Make:
    """Returns what makes images by one of our presets, one sample of each class."""
    from bg_interp.visualization import presets
    from bg_interp.visualization.ascent import Ascent

    ascent = Ascent(networks.drawn, presets.preset(preset), samples=1)
    return lambda classes: ascent(classes, seed=config.seed).images


def by_tf_keras_vis(config: Config, networks: Networks) -> Make:
    """Returns what makes images by tf-keras-vis, at its defaults."""
    from tf_keras_vis.activation_maximization import ActivationMaximization
    from tf_keras_vis.utils.scores import CategoricalScore

    upstream = ActivationMaximization(networks.drawn)
    shape = networks.drawn.inputs[0].shape[1:]

    def make(classes: Sequence[int]) -> np.ndarray:
        start = np.random.default_rng(config.seed).uniform(0, 255, (len(classes), *shape))
        made = upstream(CategoricalScore(list(classes)), seed_input=start.astype(np.float32))
        return np.asarray(made, np.float32)

    return make


_XPLIQUE = """
import json, sys
import numpy as np, tensorflow as tf
from xplique.features_visualizations import Objective, optimize
model, classes, low, high, output = json.loads(sys.argv[1])
network = tf.keras.models.load_model(model)
made = []
for number in classes:
    objective = Objective.neuron(network, -1, number)
    images, _ = optimize(objective, values_range=(low, high))
    last = np.asarray(images[-1] if isinstance(images, list) else images)
    last = last.reshape(-1, *last.shape[-3:])[-1]
    made.append((last - low) * (255 / (high - low)))
np.save(output, np.stack(made).astype(np.float32))
"""


def by_xplique(config: Config, networks: Networks) -> Make:
    """Returns what makes images by Xplique, at its defaults, in its own environment."""
    span = cli.INPUT_RANGES[config.input_range]
    part = pathlib.Path(config.output) / "xplique-part.npy"

    def make(classes: Sequence[int]) -> np.ndarray:
        asked = json.dumps([config.model, list(map(int, classes)), *span, str(part)])
        command = [str(config.xplique_python), "-c", _XPLIQUE, asked]
        subprocess.run(command, check=True)
        return np.load(part)

    return make


def contestant(name: str, config: Config, networks: Networks) -> Make:
    """Returns what makes a contestant's images of some classes."""
    ours = {"natural": "natural", "alone": "natural"}
    ours |= {"fourier": "mobilenet_v2", "maco": "pretrained"}
    if name in ours:
        return by_preset(ours[name], config, networks)
    others = {"photographs": photographs, "tf-keras-vis": by_tf_keras_vis, "xplique": by_xplique}
    return others[name](config, networks)


def images_of(name: str, classes: list[int], config: Config, networks: Networks) -> tuple:
    """Returns a contestant's images [N,H,W,3] and seconds; those of an earlier run as they are."""
    together = _TOGETHER.get(name, _FEW)
    make: Make | None = None
    images, seconds = [], 0.0
    for first in range(0, len(classes), together):
        part = classes[first : first + together]
        path = pathlib.Path(config.output) / f"{name}-{config.seed}-{first:03d}-{len(part)}.npz"
        if not path.is_file():
            make = contestant(name, config, networks) if make is None else make
            begun = time.perf_counter()
            made = make(part)
            with files.replacing(path) as temporary, open(temporary, "wb") as file:
                taken = time.perf_counter() - begun
                np.savez_compressed(
                    file,
                    images=np.uint8(np.clip(np.rint(made), 0, 255)),
                    classes=part,
                    seconds=taken,
                )
        with np.load(path) as file:
            if file["classes"].tolist() != part:
                raise UserError(f"{path} holds other classes; choose another --output")
            images.append(file["images"].astype(np.float32))
            seconds += float(file["seconds"])
        print(f"{name}: {first + len(part)} of {len(classes)}", file=sys.stderr, flush=True)
    return np.concatenate(images), seconds


def places_of(network: Any, images: np.ndarray, classes: Sequence[int]) -> np.ndarray:
    """Returns how many classes a network finds likelier than the image's own, int [N]."""
    import tensorflow as tf

    size = network.inputs[0].shape[1:3]
    places = []
    for image, own in zip(images, classes, strict=True):
        logits = np.asarray(network(tf.image.resize(image[None], size), training=False))[0]
        places.append(int((logits > logits[own]).sum()))
    return np.array(places)


def main() -> None:
    """Prints the table."""
    config = cli.config_from_flags(Config)
    chosen = config.contestants.split(",")
    for name in chosen:
        if name not in CONTESTANTS:
            raise UserError(f"--contestants must be of {', '.join(CONTESTANTS)}. Received: {name}")
    needed = {"photographs": "photographs", "xplique": "xplique_python"}
    for flag in ["model", "judge", *(needed[name] for name in chosen if name in needed)]:
        if getattr(config, flag) is None:
            raise UserError(f"--{flag} must be given")
    cli.load_tensorflow()
    networks, rows, found = opened(config), [], {}
    classes = drawn_classes(config, networks.drawn.output_shape[-1])
    names = None
    if config.names is not None:
        lines = pathlib.Path(config.names).read_text(encoding="utf-8").splitlines()
        names = [lines[one].partition(",")[0] for one in classes]
    for name in chosen:
        images, seconds = images_of(name, classes, config, networks)
        judged = places_of(networks.judge, images, classes)
        own = places_of(networks.drawn, images, classes)
        shares = [_share(judged < 1), _share(judged < 5), np.mean(own < 1)]
        rows.append([name, len(classes), *shares, seconds / len(classes)])
        found[name] = {"classes": classes, "judge": judged.tolist(), "network": own.tolist()}
        shown = names or [str(one) for one in classes]
        for first in range(0, len(classes), 24):
            page = slice(first, first + 24)
            sheet = pictures.grid(images[page][None], shown[page])
            pictures.save_png(pathlib.Path(config.output) / f"{name}-{first:03d}.png", sheet)
        files.write_json(pathlib.Path(config.output) / "naming.json", found)
    print(table(rows, config))


def _share(named: np.ndarray) -> str:
    """Returns a share and its 95 % interval."""
    from bg_interp.evaluation import intervals

    low, high = intervals.share(int(named.sum()), len(named))
    return f"{named.mean():.2f} [{low:.2f}, {high:.2f}]"


def table(rows: list, config: Config) -> str:
    """Returns the table as Markdown."""
    from tabulate import tabulate

    header = ["", "classes", "first guess", "within five", "the network itself", "seconds an image"]
    drawn = f"{config.count} classes drawn by seed {config.seed}, named by another network\n\n"
    return drawn + tabulate(rows, header, tablefmt="github", floatfmt=".2f")


if __name__ == "__main__":
    cli.run(main, __doc__)
