"""Runs every command and every Python block of index, tutorial and README, as they stand.

    python .ci/documented.py FOLDER            # needs the network once, for the segmenter
    python .ci/documented.py FOLDER --short    # networks hardly trained: minutes, for a test

FOLDER is where they run; it should be empty. Programs are those of this Python's environment, be
it a clone's or one that the wheel was installed into. Ends with the first block that fails.
"""

import os
import pathlib
import re
import subprocess
import sys
import time
from collections.abc import Iterator

_ROOT = pathlib.Path(__file__).absolute().parents[1]
# In the order in which somebody reads who follows the pages: each uses what those before it left.
PAGES = ("docs/index.md", "docs/tutorial.md", "README.md")
_BLOCK = re.compile(r"^```(sh|python)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
# What makes a command short where that is asked for; flags given last win.
_SHORT = {
    "bg-interp-demo": "--steps=8",
    "bg-interp-train": "--steps=8",
    "bg-interp-study": "--steps=2 --backgrounds=none,black --seeds=2 --image_size=32",
}


def blocks() -> Iterator[tuple[str, str, str]]:
    """Yields (page, language, code) of every block that can be run here."""
    for page in PAGES:
        for language, code in _BLOCK.findall((_ROOT / page).read_text(encoding="utf-8")):
            # Whoever runs this has installed the package.
            if "pip install" not in code:
                yield page, language, code


def shortened(code: str) -> str:
    """Returns shell code whose programs train next to nothing."""
    joined = code.replace("\\\n", " ").splitlines()
    flags = [_SHORT.get(line.split(" ")[0], "") for line in joined]
    return "\n".join(f"{line} {more}" for line, more in zip(joined, flags, strict=True))


def run(folder: pathlib.Path, short: bool) -> None:
    """Runs all blocks one after the other in a folder.

    Raises:
      CalledProcessError: a block failed.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = f"{pathlib.Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    for page, language, code in blocks():
        print(f"== {page}\n{code}", flush=True)
        started = time.monotonic()
        if language == "sh":
            told = shortened(code) if short else code
            # A command of a page may end with the exit code that the page speaks of next.
            command = ["bash", "-c", told if "echo $?" in told else f"set -e\n{told}"]
        else:
            command = [sys.executable, "-c", code]
        subprocess.run(command, cwd=folder, env={**os.environ, "PATH": path}, check=True)  # noqa: S603
        print(f"-- {time.monotonic() - started:.0f} s", flush=True)


if __name__ == "__main__":
    run(pathlib.Path(sys.argv[1]), "--short" in sys.argv[2:])
