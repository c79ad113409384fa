"""Files that are never half written, and their checksums."""

import contextlib
import hashlib
import json
import os
import pathlib
import tempfile
from collections.abc import Iterator
from typing import Any

from bg_interp.errors import UserError


@contextlib.contextmanager
def replacing(path: pathlib.Path) -> Iterator[pathlib.Path]:
    """Yields a temporary path beside `path` that is renamed to `path` when the block succeeds.

    A reader sees the old file or the new one, never a part. The temporary file keeps the suffix
    of `path`, since some writers choose their format by it.

    Raises:
      UserError: the folder cannot be written, or the disk is full.
    """
    temporary = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=".partial-", suffix=path.suffix)
        os.close(handle)
        temporary = pathlib.Path(name)
        # mkstemp makes private files; give the one that stays the usual permissions.
        umask = os.umask(0)
        os.umask(umask)
        temporary.chmod(0o666 & ~umask)
        yield temporary
        with open(temporary, "rb") as written:
            os.fsync(written.fileno())
        temporary.replace(path)
    except OSError as error:
        raise UserError(
            f"cannot write {path}: {error.strerror or error}; free some space there, or choose "
            "another folder"
        ) from error
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)


def write_text(path: pathlib.Path, text: str) -> None:
    """Writes `text` as UTF-8, whole or not at all (see `replacing`)."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: pathlib.Path, value: Any) -> None:
    """Writes `value` as indented JSON, whole or not at all (see `replacing`)."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False) + "\n")


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
