"""Keeps files, folders and answers as the tools do, and says after each what it has promised."""

import pathlib
import sys

from bg_interp import cli
from bg_interp.errors import UserError
from bg_interp.people.answers.store import Store
from bg_interp.storage import files, locks

VERSIONS = 3
NUMBER = "0" * 24
PUBLIC = {
    "experiment": "power",
    "classes": ["cat", "dog"],
    "lists": [[{"id": f"t{number}", "kind": "naming"} for number in range(VERSIONS)]],
}


def _confirm(what: str) -> None:
    # One call of the system, so that it stands in its place between the others.
    with open(sys.stdout.fileno(), "wb", buffering=0, closefd=False) as out:
        out.write(f"confirmed {what}\n".encode())


def main(folder: pathlib.Path) -> None:
    """Writes everything a few times over."""
    with locks.alone_in(folder):
        store = Store(folder / "answers.sqlite", PUBLIC)
        store.admit(NUMBER, 0)
        for number in range(VERSIONS):
            files.write_sealed(folder / "deep" / "result.json", {"version": number})
            _confirm(f"result {number}")
            with files.partial_folder(folder / "saved_model") as temporary:
                written = temporary / "written"
                (written / "variables").mkdir(parents=True)
                (written / "variables" / "data").write_text(f"version {number}")
                files.replace_folder(written, folder / "saved_model")
            _confirm(f"folder {number}")
            given = {"place": number, "response": 1, "button": 0, "rt": 700}
            store.answer({"participant": NUMBER, "trial": f"t{number}", **given})
            _confirm(f"answer {number}")
        store.close()


if __name__ == "__main__":
    try:
        main(pathlib.Path(sys.argv[1]))
    except Exception as error:
        message = str(error) if isinstance(error, UserError) else cli.explained(error)
        if message is None:
            raise
        sys.exit(f"error: {message}")
