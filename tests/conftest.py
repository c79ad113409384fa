"""What many tests share: tiny data, one trained run, and TensorFlow without its notes."""

import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import types
from collections.abc import Callable

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
# Several processes share the cores: threads of numpy's algebra would wait for each other, spinning.
os.environ.setdefault("OMP_NUM_THREADS", "1")
# Programs are called by their names in messages where PATH leads to their environment.
os.environ["PATH"] = f"{pathlib.Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"

import numpy as np
import pytest
import tool_server
from PIL import Image

from bg_interp.errors import UserError
from bg_interp.storage import locks

ROOT = pathlib.Path(__file__).parents[1]
SHAPES = ("disc", "square")


def draw_shapes(folder: pathlib.Path, count: int = 10) -> None:
    """Draws `count` discs and squares of 40 px before noise, as PNGs, and their masks beside."""
    generator = np.random.default_rng(0)
    rows, columns = np.mgrid[:40, :40] - 20
    inside = {"disc": rows**2 + columns**2 < 120, "square": (abs(rows) < 9) & (abs(columns) < 9)}
    for kind in SHAPES:
        for number in range(count):
            image = generator.integers(0, 120, (40, 40, 3)).astype(np.uint8)
            image[inside[kind]] = [200, 60 if kind == "disc" else 160, 30]
            mask = (255 * inside[kind]).astype(np.uint8)
            for part, values in (("images", image), ("masks", mask)):
                (folder / part / kind).mkdir(parents=True, exist_ok=True)
                Image.fromarray(values).save(folder / part / kind / f"{number:02d}.png")


@pytest.fixture(scope="session")
def made_once(tmp_path_factory):
    """Makes a folder of a name once for all processes that share the test files; returns it."""
    root = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        root = root.parent

    def made(name: str, make: Callable[[pathlib.Path], object]) -> pathlib.Path:
        folder, whole = root / f"once-{name}", root / f"once-{name}.whole"
        with locks.in_turn(root / f"once-{name}.lock"):
            if not whole.exists():
                shutil.rmtree(folder, ignore_errors=True)
                folder.mkdir()
                make(folder)
                whole.touch()
        return folder

    return made


@pytest.fixture(scope="session")
def shape_folder(made_once) -> types.SimpleNamespace:
    """A folder of images, two classes, and one of their masks."""
    folder = made_once("shapes", draw_shapes)
    return types.SimpleNamespace(images=folder / "images", masks=folder / "masks")


@pytest.fixture
def speaking_of_flags(monkeypatch):
    """Errors as tools print them, for what a test calls without its tool."""
    monkeypatch.setattr(UserError, "speaks_of_flags", True)


@pytest.fixture
def browser_sees(tmp_path):
    """Opens a page in a window of a phone's width; returns what a script of the test found.

    The script leaves it, as JSON, in the title of the document.
    """

    def opened(page: str, script: str) -> dict:
        probed = tmp_path / "probed.html"
        probed.write_text(page.replace("</body>", f"<script>{script}</script></body>"))
        command = [
            "chromium",
            "--headless",
            "--disable-gpu",
            "--disable-background-networking",
            "--no-first-run",
            "--enable-logging=stderr",
            "--window-size=400,900",
            f"--user-data-dir={tmp_path / 'profile'}",
            "--dump-dom",
            probed.as_uri(),
        ]
        if os.geteuid() == 0:
            command.insert(1, "--no-sandbox")
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
        assert "CONSOLE" not in done.stderr
        return json.loads(re.search(r"<title>(.*?)</title>", done.stdout).group(1))

    return opened


@pytest.fixture
def own_cache(tmp_path, monkeypatch) -> pathlib.Path:
    """An empty cache folder for one test."""
    monkeypatch.setenv("BG_INTERP_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture(scope="session")
def session_cache(tmp_path_factory) -> pathlib.Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="session")
def shape_settings(shape_folder) -> dict[str, object]:
    """Flags of the shortest run that goes through everything."""
    return {
        "dataset": f"folder:{shape_folder.images}",
        "recipe": "drawings",
        "masks": f"folder:{shape_folder.masks}",
        "background": "mix",
        "image_size": 32,
        "batch_size": 6,
        "steps": 4,
        "checkpoint_every": 2,
        "adversarial_epsilon": 1.0,
        "adversarial_replays": 2,
        "scale": 0.1,
        "flip": True,
    }


@pytest.fixture(scope="session")
def trained_workdir(shape_settings, session_cache, made_once, tmp_path_factory) -> pathlib.Path:
    """The folder of a finished run of `shape_settings`."""
    from bg_interp.commands import train
    from bg_interp.config.training import ArmConfig

    def make(folder: pathlib.Path) -> None:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("BG_INTERP_CACHE", str(session_cache))
            train.run(ArmConfig(**shape_settings, workdir=str(folder)))

    # A copy for each process: tools write beside what a run has left, and lock its folder.
    copy = tmp_path_factory.mktemp("runs") / "shapes"
    return pathlib.Path(shutil.copytree(made_once("run", make), copy))


def pytest_generate_tests(metafunc):
    """Kills something once, or at ten different moments in `make faults`."""
    if "pause" in metafunc.fixturenames:
        generator = np.random.default_rng(int(os.environ.get("BG_INTERP_FAULT_SEED", "0")))
        later = generator.uniform(0, 4, 9).round(2).tolist()
        more = later if "BG_INTERP_KILLS" in os.environ else []
        metafunc.parametrize("pause", [0.0, *more])


def flags_of(settings: dict[str, object]) -> list[str]:
    """Returns settings as command line flags."""
    return [f"--{name}={value}" for name, value in settings.items()]


@pytest.fixture(scope="session")
def run_tool(session_cache):
    """Runs tools/NAME.py with settings as flags in a process of its own.

    It is forked from one that has imported TensorFlow, unless `anew` asks for a start from nothing.
    """

    def run(
        name: str, settings: dict[str, object], *, anew: bool = False, cwd: str | None = None
    ) -> subprocess.CompletedProcess:
        command = [str(ROOT / "tools" / f"{name}.py"), *flags_of(settings)]
        environment = {**os.environ, "BG_INTERP_CACHE": str(session_cache)}
        if not anew:
            return tool_server.run(command, environment, cwd)
        return subprocess.run(
            [sys.executable, *command], capture_output=True, text=True, env=environment, cwd=cwd
        )

    return run


def weights_of(model_file: pathlib.Path) -> list[bytes]:
    """Returns the bytes of all weights of a .keras file."""
    import keras

    return [w.tobytes() for w in keras.models.load_model(model_file, compile=False).get_weights()]


@pytest.fixture(scope="session")
def saved_weights():
    """Reads the bytes of all weights of a .keras file."""
    return weights_of


@pytest.fixture(scope="session")
def tiny_habitats(tmp_path_factory):
    """Habitats of 32 px: four images a class to train on, two to test on."""
    from bg_interp.data.sources import tfds_source
    from bg_interp.data.sources.habitats.builder import HabitatsConfig, prepared

    config = HabitatsConfig(image_size=32, train_per_class=4, test_per_class=2, correlation=0.5)
    return tfds_source.from_builder(prepared(config, tmp_path_factory.mktemp("tfds")), "habitats")


@pytest.fixture(scope="session")
def photographs(tmp_path_factory):
    """600 tiny photographs, more than two shards of masks."""
    root = tmp_path_factory.mktemp("photographs")
    generator = np.random.default_rng(0)
    for number in range(600):
        pixels = generator.integers(0, 100, (24, 20, 3)).astype(np.uint8)
        pixels[6:18, 4 : 9 + number % 8] = (250, 0, 0)
        path = root / ("cat" if number % 2 else "dog") / f"{number:03d}.png"
        path.parent.mkdir(exist_ok=True)
        Image.fromarray(pixels).save(path)
    return root


@pytest.fixture(scope="session")
def red_is_foreground(tmp_path_factory):
    """A one-channel model: the foreground's opacity is the red channel."""
    from pointwise import pointwise_model

    path = tmp_path_factory.mktemp("models") / "red.tflite"
    path.write_bytes(pointwise_model([[1], [0], [0]], [0], ("foreground",)))
    return path


@pytest.fixture(scope="session")
def make_network():
    """Makes a classifier of images with BatchNorm, of random weights that make a difference."""
    import keras

    def make(size=16, channels=3, classes=4, seed=0, dtype="float32"):
        policy = dtype if dtype == "float32" else keras.DTypePolicy(dtype)
        inputs = keras.Input((size, size, channels))
        values = keras.layers.Rescaling(1 / 64, -2)(inputs)
        values = keras.layers.Conv2D(
            8, 3, strides=2, use_bias=False, dtype=policy, name="convolution"
        )(values)
        values = keras.layers.BatchNormalization(dtype=policy)(values)
        values = keras.layers.Activation("swish", dtype=policy)(values)
        values = keras.layers.Flatten()(values)
        model = keras.Model(inputs, keras.layers.Dense(classes, dtype=policy)(values))
        draws = np.random.default_rng(seed)
        for variable in model.variables:
            low = 0.5 if "variance" in variable.path else -0.5
            variable.assign(draws.uniform(low, 0.6, variable.shape).astype(np.float32))
        return model

    return make
