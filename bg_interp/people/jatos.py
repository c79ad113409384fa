"""By way of JATOS (www.jatos.org), which serves experiments on the internet: out and back in.

A .jzip is a ZIP of NAME.jas, which describes the study in JSON, and of the folder of its files;
results come as a ZIP with study_result_*/comp-result_*/data.txt. Both are described in JATOS's
reference, github.com/JATOS/JATOS_docs, docs/Reference.
"""

import dataclasses
import json
import pathlib
import uuid
import zipfile
import zlib
from collections.abc import Iterator
from typing import Any

from bg_interp.errors import UserError
from bg_interp.people.answers.records import Refused
from bg_interp.people.answers.store import Store
from bg_interp.people.experiment.folder import Folder, pictures_of
from bg_interp.people.server import PAGE, PAGE_FILES
from bg_interp.storage import files

_SCRIPT = '<script src="host.js" defer></script>'
# ZIP knows no earlier day; the same experiment is to give the same bytes.
_NO_TIME = (1980, 1, 1, 0, 0, 0)
# A line of an answer has 200 bytes; this is far more than 5,000 people give.
_LARGEST_RESULTS = 500_000_000


@dataclasses.dataclass(frozen=True)
class Counts:
    """What became of the answers in a file of results."""

    taken: int
    known: int
    refused: int


def _description(experiment: str, title: str) -> dict[str, Any]:
    """Returns what NAME.jas says; fixed identities let a second import update the first."""

    def fixed(part: str) -> str:
        return str(uuid.uuid5(uuid.NAMESPACE_URL, f"bg_interp:{experiment}:{part}"))

    component = {
        "uuid": fixed("component"),
        "title": title,
        "htmlFilePath": "index.html",
        "reloadable": True,
        "active": True,
        "comments": "",
        "jsonData": None,
    }
    batch = {
        "uuid": fixed("batch"),
        "title": "Default",
        "active": True,
        "maxActiveMembers": None,
        "maxTotalMembers": None,
        "maxTotalWorkers": None,
        "allowedWorkerTypes": ["PersonalSingle", "GeneralSingle", "Jatos"],
        "comments": None,
        "jsonData": None,
    }
    study = {
        "uuid": fixed("study"),
        "title": title,
        "description": "",
        "groupStudy": False,
        "linearStudy": False,
        "allowPreview": False,
        "dirName": _name(experiment),
        "comments": "",
        "jsonData": None,
        "endRedirectUrl": "",
        "studyEntryMsg": None,
        "componentList": [component],
        "batchList": [batch],
    }
    return {"version": "3", "data": study}


def _name(experiment: str) -> str:
    return f"class_images_{experiment}"


def export(folder: Folder, target: str) -> pathlib.Path:
    """Packs an experiment, without its key, for JATOS.

    Args:
      folder: of the experiment.
      target: the .jzip file.

    Raises:
      UserError: it can't be written.
    """
    public = folder.read_public()
    name, path = _name(public["experiment"]), pathlib.Path(target).expanduser()
    page = (PAGE / "index.html").read_text(encoding="utf-8")
    contents: dict[str, str | bytes] = {
        f"{name}.jas": json.dumps(_description(public["experiment"], public["title"]), indent=2),
        f"{name}/experiment.json": folder.public.read_bytes(),
        f"{name}/host.js": (PAGE / "host-jatos.js").read_bytes(),
        # jatos.js is JATOS's own and served by it.
        f"{name}/index.html": page.replace(_SCRIPT, f'<script src="jatos.js"></script>\n{_SCRIPT}'),
    }
    for file in PAGE_FILES:
        contents.setdefault(f"{name}/{file}", (PAGE / file).read_bytes())
    for picture in sorted(pictures_of(public)):
        contents[f"{name}/images/{picture}.png"] = (folder.images / f"{picture}.png").read_bytes()
    with files.replacing(path) as temporary, zipfile.ZipFile(temporary, "w") as pack:
        for where, content in contents.items():
            pack.writestr(zipfile.ZipInfo(where, _NO_TIME), content, zipfile.ZIP_DEFLATED)
    return path


def import_results(store: Store, source: str) -> Counts:
    """Stores the answers that JATOS has collected; those that are stored already stay.

    Args:
      store: where they go.
      source: what JATOS exported: a .jrzip or .zip file, or the text of the answers.

    Raises:
      UserError: the file can't be read.
    """
    taken = known = refused = 0
    for line in _lines(source):
        try:
            sent = files.parsed(line)
            if not isinstance(sent, dict):
                raise Refused("an answer is an object")
            store.admit(sent.get("participant"), sent.get("list"), sent.get("simulated", False))
            is_new = store.answer(sent)["new"]
            taken, known = taken + is_new, known + (not is_new)
        except (ValueError, Refused):
            refused += 1
    return Counts(taken, known, refused)


def _lines(source: str) -> Iterator[str]:
    path = pathlib.Path(source).expanduser()
    try:
        if not zipfile.is_zipfile(path):
            _check_size(path.stat().st_size)
            yield from _not_empty(path.read_text(encoding="utf-8"))
            return
        with zipfile.ZipFile(path) as pack:
            texts = [one for one in pack.infolist() if one.filename.endswith(".txt")]
            _check_size(sum(one.file_size for one in texts))
            for one in texts:
                yield from _not_empty(pack.read(one).decode(errors="replace"))
    # RuntimeError: encrypted, or compressed in a way that Python does not know.
    except (OSError, ValueError, EOFError, RuntimeError, zlib.error, zipfile.BadZipFile) as error:
        raise UserError(
            f"--import_results must name results that JATOS exported. Received: {source} ({error})"
        ) from error


def _check_size(size: int) -> None:
    if size > _LARGEST_RESULTS:
        raise ValueError(f"more than {_LARGEST_RESULTS} bytes")


def _not_empty(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.strip()]
