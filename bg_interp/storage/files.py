"""Files that are never half written, and their checksums."""

import contextlib
import errno
import fcntl
import functools
import hashlib
import json
import os
import pathlib
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from typing import Any

from bg_interp.errors import UserError

_PARTIAL = ".partial-"
_SEAL = "sha256"
# What file systems answer that have nothing to sync.
_NOT_SYNCED = (errno.EINVAL, errno.ENOTSUP)


@contextlib.contextmanager
def replacing(path: pathlib.Path) -> Iterator[pathlib.Path]:
    """Yields a temporary path beside `path` that is renamed to `path` when the block succeeds.

    A reader sees the old file or the new one, never a part, and once the block has ended a loss of
    power takes neither the file nor its name away. The temporary file keeps the suffix of `path`,
    since some writers choose their format by it.

    Raises:
      UserError: the folder cannot be written, or the disk is full.
    """
    temporary = None
    try:
        make_folder(path.parent)
        _remove_strays_once(path.parent)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=_PARTIAL, suffix=path.suffix)
        temporary = pathlib.Path(name)
        with _held(handle):
            # mkstemp makes private files; give the one that stays the usual permissions.
            umask = os.umask(0)
            os.umask(umask)
            os.fchmod(handle, 0o666 & ~umask)
            yield temporary
            sync(temporary)
            temporary.replace(path)
            # Without this a loss of power may leave the old name, though the new file is there.
            sync(path.parent)
    except OSError as error:
        raise UserError(
            f"cannot write {path}: {error.strerror or error}; free some space there, or choose "
            "another folder"
        ) from error
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)


@contextlib.contextmanager
def partial_folder(beside: pathlib.Path) -> Iterator[pathlib.Path]:
    """Yields a temporary folder beside `beside`, deleted at the end of the block.

    Raises:
      OSError: the folder cannot be made.
    """
    make_folder(beside.parent)
    _remove_strays_once(beside.parent)
    with (
        tempfile.TemporaryDirectory(dir=beside.parent, prefix=_PARTIAL) as name,
        _held(os.open(name, os.O_RDONLY)),
    ):
        yield pathlib.Path(name)


def sync(path: pathlib.Path) -> None:
    """Waits until a file, or the names in a folder, stand on the disk.

    Raises:
      OSError: they cannot be written. File systems that sync no folders are left at that.
    """
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno not in _NOT_SYNCED:
            raise
    finally:
        os.close(handle)


def make_folder(folder: pathlib.Path) -> None:
    """Makes a folder and those above it, whose names then stand on the disk.

    Raises:
      OSError: it cannot be made.
    """
    missing = [one for one in (folder, *folder.parents) if not one.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    for one in missing:
        sync(one.parent)


def replace_folder(written: pathlib.Path, folder: pathlib.Path) -> None:
    """Puts a finished folder in the place of another one, or where there was none.

    All its files are on the disk before it gets its name, and the old one is moved as a whole: so
    the name never stands for half a folder.

    Args:
      written: stands in a `partial_folder`, which the old one goes to.
      folder: the name that it gets.

    Raises:
      OSError: the disk is full, or the place cannot be written.
    """
    for path in (*written.rglob("*"), written):
        sync(path)
    if folder.exists():
        folder.rename(written.with_name("replaced"))
    written.rename(folder)
    sync(folder.parent)


@contextlib.contextmanager
def _held(handle: int) -> Iterator[None]:
    """Marks an open temporary file as somebody's; the system frees it when the process ends."""
    try:
        # File systems without locks are left with what killed processes leave there.
        with contextlib.suppress(OSError):
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(handle)


def remove_strays(folder: pathlib.Path) -> None:
    """Deletes the temporary files that killed processes left in a folder, not those in use."""
    for stray in folder.glob(f"{_PARTIAL}*"):
        # Another process may delete it first, or it may be another user's.
        with contextlib.suppress(OSError):
            handle = os.open(stray, os.O_RDONLY)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(stray) if stray.is_dir() else stray.unlink()
            finally:
                os.close(handle)


# A folder may get a hundred thousand files, and listing it for each would take hours.
_remove_strays_once = functools.cache(remove_strays)


def write_text(path: pathlib.Path, text: str) -> None:
    """Writes `text` as UTF-8, whole or not at all (see `replacing`)."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: pathlib.Path, value: Any) -> None:
    """Writes `value` as indented JSON, whole or not at all (see `replacing`)."""
    text = json.dumps(value, indent=2, ensure_ascii=False) + "\n"
    # Names of files may hold bytes that are no characters.
    readable = text.isascii() or not any("\ud800" <= character <= "\udfff" for character in text)
    write_text(path, text if readable else json.dumps(value, indent=2) + "\n")


def write_sealed(path: pathlib.Path, value: Mapping[str, Any]) -> None:
    """Writes `value` as `write_json` does, with a sha256 of what it says.

    Args:
      path: the file.
      value: without the key "sha256".
    """
    write_json(path, {**value, _SEAL: _seal(dict(value))})


def read_sealed(path: pathlib.Path) -> dict[str, Any]:
    """Reads what `write_sealed` wrote.

    A file without the sha256 is taken as it is: so a person may change a file, and take it out.

    Raises:
      OSError: the file cannot be read.
      ValueError: it is no JSON of this form, or does not say what was written.
    """
    value = parsed(path.read_bytes())
    if not isinstance(value, dict):
        raise ValueError(f"it must hold an object, not {type(value).__name__}")
    sealed = value.pop(_SEAL, None)
    if sealed not in (None, _seal(value)):
        raise ValueError(f'it does not say what was written; remove "{_SEAL}" if you changed it')
    return value


def parsed(text: str | bytes) -> Any:
    """Returns what JSON says.

    Raises:
      ValueError: it is none, or is nested deeper than anything that is written by a program.
    """
    try:
        return json.loads(text)
    except RecursionError as error:
        raise ValueError("it is nested too deep") from error


def _seal(value: dict[str, Any]) -> str:
    # By way of the text, which knows neither tuples nor keys that are numbers.
    plain = json.loads(json.dumps(value))
    return hashlib.sha256(json.dumps(plain, sort_keys=True).encode()).hexdigest()


def json_line(value: Any) -> str:
    """Returns `value` as one line of JSON, with its line end."""
    return json.dumps(value, ensure_ascii=False) + "\n"


def sha256(path: pathlib.Path) -> str:
    """Returns the sha256 of a file's bytes, in hexadecimal."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def cache_folder() -> pathlib.Path:
    """Returns the folder of cached models, data and masks.

    `BG_INTERP_CACHE` when it is set, else the user's cache folder. It need not exist yet.
    """
    chosen = os.environ.get("BG_INTERP_CACHE")
    if chosen:
        return pathlib.Path(chosen).expanduser()
    import platformdirs

    return pathlib.Path(platformdirs.user_cache_dir("bg_interp"))


def keras_models() -> pathlib.Path:
    """Returns the folder where Keras keeps what it has downloaded. It need not exist yet."""
    home = os.environ.get("KERAS_HOME")
    return (pathlib.Path(home) if home else pathlib.Path.home() / ".keras") / "models"


def walked(folder: pathlib.Path) -> Iterator[tuple[str, list[str], list[str]]]:
    """Walks through a folder as os.walk does, with links followed and each folder seen once.

    A link that leads back to where we have been, or to what holds the folder, is left out: two of
    them that lead to one another would have more paths than anybody can walk.

    Args:
      folder: where to begin.

    Yields:
      A folder, the names of its folders, which the caller may shorten, and of its files.
    """
    top = pathlib.Path(os.path.realpath(folder))
    seen = {str(path) for path in top.parents}
    for where, folders, names in os.walk(folder, followlinks=True):
        real = os.path.realpath(where)
        if real in seen:
            folders.clear()
            continue
        seen.add(real)
        yield where, folders, names
