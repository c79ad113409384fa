"""Hours of it: masks under kills, on one machine and on a cluster of two nodes, and a long `fit`.

    make soak                                     an hour or more; as much as there is time
    make soak ARGS="--minutes=6 --images=2000"    a look
    make soak ARGS=--parts=large                  100,000 images: memory and seconds to start

Each part writes what it has seen so far in a line; the program fails when a part did not go well.
"""

import argparse
import os
import pathlib
import shutil
import sys
import tempfile
from collections.abc import Iterator

from tabulate import tabulate

sys.path.append(str(pathlib.Path(__file__).parents[1]))
sys.path.append(str(pathlib.Path(__file__).parents[1] / "cluster"))

import soak_fit
import soak_kills
import soak_large

from bg_interp.masks.segmenters import model_files
from bg_interp.masks.segmenters.kinds import SELFIE

_PARTS = ("segment", "cluster", "fit", "large")
Row = tuple[str, str, bool]


def _kills(name: str, folder: pathlib.Path, environment: dict, how: argparse.Namespace):
    each = soak_kills.lost if name == "cluster" else soak_kills.killed
    filling = soak_kills.prepare(folder, environment, how.images)
    # A third of the time each; the epochs take what they take.
    for figures in each(filling, folder, how.minutes * 20, how.kill_every):
        yield name, figures, soak_kills.is_well(filling)


def rows_of(part: str, folder: pathlib.Path, how: argparse.Namespace) -> Iterator[Row]:
    """Does a part; yields its name, what it has seen so far, and whether that is well."""
    environment = {**os.environ, "BG_INTERP_CACHE": str(folder / "cache")}
    if part == "fit":
        for figures, well in soak_fit.soak(folder, environment, how.epochs):
            yield part, figures, well
    elif part == "large":
        yield from soak_large.soak(folder, environment, how.large)
    else:
        yield from _kills(part, folder, environment, how)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--parts", default="segment,cluster,fit", help=f"of {', '.join(_PARTS)}")
    parser.add_argument("--minutes", type=float, default=60.0, help="of segment, cluster and fit")
    parser.add_argument("--images", type=int, default=20_000, help="for segment and cluster")
    parser.add_argument("--kill_every", type=float, default=60.0, help="seconds")
    parser.add_argument("--epochs", type=int, default=200, help="of fit")
    parser.add_argument("--large", type=int, default=100_000, help="images of that part")
    parser.add_argument("--folder", help="where to work; default: the system's temporary folder")
    found = parser.parse_args()
    found.parts = found.parts.split(",")
    if unknown := set(found.parts) - set(_PARTS):
        parser.error(f"--parts are of {', '.join(_PARTS)}. Received: {', '.join(sorted(unknown))}")
    return found


def main() -> None:
    """Does the parts, and prints the table."""
    how, model = _arguments(), model_files.locate(SELFIE)
    rows: dict[str, Row] = {}
    with tempfile.TemporaryDirectory(dir=how.folder, prefix="soak-") as name:
        folder = pathlib.Path(name)
        (folder / "cache" / "models").mkdir(parents=True)
        shutil.copy(model, folder / "cache" / "models")
        for part in how.parts:
            for row in rows_of(part, folder, how):
                print(*row[:2], "" if row[2] else "(not yet well)", flush=True)
                rows[row[0]] = row
    broken = [row[0] for row in rows.values() if not row[2]]
    print(tabulate([(*row[:2], "yes" if row[2] else "NO") for row in rows.values()]))
    sys.exit(f"broken: {', '.join(broken)}" if broken else 0)


if __name__ == "__main__":
    main()
