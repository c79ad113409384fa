"""Makes what docs/photographs.md shows: objects and places from Debian's packages, and a study.

    apt-get install tuxpaint-stamps-default ufoai-textures
    python benchmarks/photographs.py --folder=photographs

writes `photographs/objects/CLASS/*.png` (with transparency) and `photographs/places/KIND/*.jpg`:
seven classes, each with one kind of place of its own, and `photographs/composites.png`, some of the
images that they make. The objects are Tux Paint's stamps (GPL-2), the places textures of UFO: Alien
Invasion (GPL-2+, some under Creative Commons licences, which the package's `copyright` lists file
by file). Nothing is downloaded. With

    --weights=FILE --seeds=5,6,7 --correlations=0.95

the page's study runs as well, from a .keras or .h5 file of a MobileNetV2, into
`photographs/study`; allow five minutes for each of its arms on two idle cores. The same command
goes on where a killed one stopped.
"""

import io
import pathlib
import subprocess
import sys
import zipfile

import numpy as np
from absl import flags
from PIL import Image

from bg_interp import cli
from bg_interp.errors import UserError

_FOLDER = flags.DEFINE_string("folder", "photographs", "gets objects/ and places/")
_ROOT = flags.DEFINE_string("root", "/", "where the two packages are installed or unpacked")

_WEIGHTS = flags.DEFINE_string("weights", None, "runs the study from these weights")
_SEEDS = flags.DEFINE_string("seeds", "5,6,7", "of the study")
_CORRELATIONS = flags.DEFINE_string("correlations", "0.95", "of the study")

_SHEET_ROWS = 4
_STAMPS = "usr/share/tuxpaint/stamps"
_TEXTURES = "usr/share/games/ufoai/base/0textures.pk3"

# For each class the stamps: a folder, all of it, or the names that are photographs of the class.
_OBJECTS = {
    "bird": ("animals/birds", "!albino_peahen"),
    "car": (
        "vehicles",
        "auto/beetle auto/sedan auto/sportscar2 auto/truck race/indycar emergency/firetruck "
        "garbagetruck masstransit/green_korean_bus",
    ),
    "fish": (
        "animals/fish",
        "bluegroper butterflyfish clownfish coraltrout dolphinfish lionfish moonwrasse stripedfish",
    ),
    "flower": ("plants/flowers", "!appooppanthady"),
    "fruit": ("food/fruit", ""),
    "guitar": ("hobbies/music/string", ""),
    "hoofed": ("animals/mammals", "bovines/* equines/* deer/* giraffe camel/*"),
}
# For each class its kind of place, and the textures that show it.
_PLACES = {
    "bird-rock": "nature: rock004 rock005 rock006 rock007 rock008 rock009 rock010 rock011 rock012 "
    "rock013 rock014 rock015 rock016",
    "car-road": "streets: street001 base base_blend | terrain: wasted | nature: railway | "
    "buildings: concrete002 concrete003 concrete004 concrete005 concrete008 concrete022 wall013",
    "fish-snow": "nature: snow001 snow002 snow003 snowey ice001 ice002 ice003 icefloor | "
    "terrain: arctic cold",
    "flower-grass": "nature: grass001 grass003 grass004 grass_lush grass_mowed_green_a "
    "grass_mowed_green_b grass_tall_green_a grass_tall_green_b grass_tall_green_c hedge001 | "
    "terrain: grass tropical",
    "fruit-wood": "material: wood002 wood003 wood004 wood005 wood006 wood007 wood008 wood009 "
    "wood010 wood011 wood012 wood013 wood014 wood015",
    "guitar-carpet": "buildings: carpet001 carpet004 carpet005 carpet007 carpet010 carpet011 "
    "carpet013 carpet014 carpet018 carpet019 carpet025 carpet026",
    "hoofed-desert": "nature: desert001 desert002 desert003 desert004 desert005 desert006 "
    "desert007 desert008 desert009 sand | terrain: desert",
}
_SUFFIXES = (".png", ".jpg", ".tga")


def _stamps(root: pathlib.Path, folder: str, names: str) -> list[pathlib.Path]:
    """Returns the stamps of one class; cartoons and mirrored copies have other names."""
    base = root / _STAMPS / folder
    left_out = names[1:].split() if names.startswith("!") else []
    patterns = ["*"] if not names or left_out else names.split()
    found = [path for pattern in patterns for path in sorted(base.glob(f"{pattern}.png"))]
    found = [p for p in found if p.stem not in left_out and not p.stem.endswith("_mirror")]
    if not found:
        raise UserError(f"{base} holds no stamps: apt-get install tuxpaint-stamps-default")
    return found


def _write_objects(root: pathlib.Path, folder: pathlib.Path) -> None:
    for name, (where, which) in _OBJECTS.items():
        (folder / name).mkdir(parents=True, exist_ok=True)
        for path in _stamps(root, where, which):
            with Image.open(path) as image:
                image.convert("RGBA").save(folder / name / path.name)


def _write_places(root: pathlib.Path, folder: pathlib.Path) -> None:
    path = root / _TEXTURES
    if not path.is_file():
        raise UserError(f"{path} is missing: apt-get install ufoai-textures")
    with zipfile.ZipFile(path) as archive:
        members = set(archive.namelist())
        for kind, groups in _PLACES.items():
            (folder / kind).mkdir(parents=True, exist_ok=True)
            for group in groups.split(" | "):
                where, _, names = group.partition(": ")
                for name in names.split():
                    stem = f"textures/tex_{where}/{name}"
                    member = next(stem + end for end in _SUFFIXES if stem + end in members)
                    with Image.open(io.BytesIO(archive.read(member))) as image:
                        target = folder / kind / f"{name}.jpg"
                        image.convert("RGB").save(target, quality=95)


def _write_sheet(folder: pathlib.Path) -> None:
    """Draws some composites of each class, with the defaults of the command line."""
    from bg_interp.config.data import SourceConfig
    from bg_interp.data.sources import open_source

    source = open_source(
        SourceConfig(
            dataset="composites",
            objects=f"folder:{folder / 'objects'}",
            places=f"folder:{folder / 'places'}",
        )
    )
    classes = len(source.class_names)
    images = np.stack(list(source.splits["train"].images(range(_SHEET_ROWS * classes))))
    rows = [np.concatenate(list(images[n::classes][:_SHEET_ROWS])) for n in range(classes)]
    Image.fromarray(np.concatenate(rows, axis=1)).save(folder / "composites.png")


def _run_study(folder: pathlib.Path, weights: str) -> None:
    tool = pathlib.Path(__file__).resolve().parent.parent / "tools" / "study.py"
    command = [
        *(sys.executable, str(tool), "--dataset=composites"),
        f"--objects=folder:{folder / 'objects'}",
        f"--places=folder:{folder / 'places'}",
        *("--backgrounds=none,black", f"--seeds={_SEEDS.value}"),
        *(f"--correlations={_CORRELATIONS.value}", f"--weights={weights}"),
        *("--judge_network=MobileNetV2", f"--judge_weights={weights}"),
        f"--workdir={folder / 'study'}",
    ]
    subprocess.run(command, check=True)


def main() -> None:
    """Writes both folders and the sheet, and runs the study when there are weights."""
    folder, root = pathlib.Path(_FOLDER.value), pathlib.Path(_ROOT.value)
    _write_objects(root, folder / "objects")
    _write_places(root, folder / "places")
    for part in ("objects", "places"):
        counts = {
            path.name: len(list(path.iterdir())) for path in sorted((folder / part).iterdir())
        }
        print(part, *(f"{name} {count}" for name, count in counts.items()))
    _write_sheet(folder)
    if _WEIGHTS.value:
        _run_study(folder, _WEIGHTS.value)


if __name__ == "__main__":
    cli.run(main, __doc__)
