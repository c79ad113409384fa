"""Which file is the mask of which image, in a folder that another tool wrote."""

import itertools
import pathlib
import re
import sys
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence

from bg_interp.errors import UserError
from bg_interp.masks import raw
from bg_interp.masks.shards import png_name
from bg_interp.storage.files import walked

# How other tools call the mask of NAME, in lower case; the first that all images have is taken.
_STEMS: tuple[str, ...] = (
    "{name}",
    "{name}_mask",
    "{name}-mask",
    "{name}.mask",
    "{name}mask",
    "{name} mask",
    "mask_{name}",
    "{name}_masks",
    "{name}_seg",
    "{name}_segmentation",
    "{name}_segmentation_mask",
    "{name}_matte",
    "{name}_alpha",
    "{name}_gt",
    "{name}_label",
    "{name}_labels",
    "{name}_annotation",
    "{name}_object",
    "{name}_fg",
)
Place = Callable[[Sequence[str]], str]
# Where it stands, for the image A/B/NAME.
_PLACES: dict[str, Place] = {
    "the images' folders": lambda folders: "/".join([*folders, ""]),
    "the images' folders without the first": lambda folders: "/".join([*folders[1:], ""]),
    "the images' folders without the last": lambda folders: "/".join([*folders[:-1], ""]),
    "one folder": lambda folders: "",
    "one folder, after the class": lambda folders: "".join(f"{one}_" for one in folders[-1:]),
    "one folder, after the class and -": lambda folders: "".join(f"{one}-" for one in folders[-1:]),
    "one folder, after all folders": lambda folders: "".join(f"{one}_" for one in folders),
}
# So many other names that the first image's mask may have are tried on all.
_MOST_NAMES = 8
# Where a mask may be a PNG and a JPEG, the former says more.
_FIRST = (".png", ".bmp", ".tif", ".tiff", ".webp", ".gif", ".npy")


def find(
    folder: pathlib.Path, keys: Sequence[str], others: Iterable[str] = (), flag: str = "--masks"
) -> list[pathlib.Path]:
    """Finds the masks of images in a folder.

    Args:
      folder: of masks in any format that is read, called and placed after the images.
      keys: the images' keys, such as "train/cat/a.jpg" for the mask "train/cat/a.png".
      others: keys of images of other splits, which must not be taken to have the same masks.
      flag: of the command line that named the folder, for the errors.

    Returns:
      A path for each key; one that does not exist where only its mask is missing.

    Raises:
      UserError: no mask is there, or several readings of the names are possible.
    """
    usual = [folder / png_name(key) for key in keys]
    # NAME.jpg and NAME.png cannot both have NAME.png for their mask.
    if len(set(usual)) == len(usual) and all(path.is_file() for path in usual):
        return usual
    there = _index(folder)
    readings: dict[tuple[str, ...], str] = {}
    best: tuple[str, ...] = ()
    for where, place in _PLACES.items():
        for stem in _stems(there, keys[0], place):
            names = _names(there, keys, place, stem)
            found = sum(map(bool, names))
            if stem in _STEMS and found > sum(map(bool, best)):
                best = names
            if found == len(keys) and len(set(names)) == len(names):
                readings.setdefault(names, f"{stem.format(name='NAME')} in {where}")
                taken = set(_names(there, list(others), place, stem)) & set(names)
                if taken:
                    raise UserError(
                        f"{folder} must hold a mask for each image. Received: {min(taken)}, which "
                        "would be that of two images of different splits; put the masks into the "
                        "images' folders"
                    )
    if len(readings) > 1:
        one, other = [f"{names[0]} ({how})" for names, how in list(readings.items())[:2]]
        raise UserError(
            f"{flag}=folder:{folder} must hold one mask of each image. Received: {one} as well as "
            f"{other} for {keys[0]!r}; give the folder of those that are meant"
        )
    if readings:
        (names, how), *_ = readings.items()
        _check_alone(folder, there, names, how, flag)
        print(f"masks in {folder}: {how}, such as {names[0]} for {keys[0]!r}", file=sys.stderr)
        return [folder / name for name in names]
    missing = [number for number in range(len(keys)) if not (best and best[number])]
    if not best:
        raise UserError(
            f"{len(keys)} of {len(keys)} masks are missing in {folder}; the first: {usual[0]}"
            f"{_what_lies_there(there)}; name them like the images, or choose another {flag}"
        )
    if not missing:
        shared = next(name for name in best if best.count(name) > 1)
        raise UserError(
            f"{folder} must hold a mask for each image. Received: {shared}, which would be that of "
            f"{best.count(shared)} images; put the masks into the images' folders"
        )
    first = usual[missing[0]]
    raise UserError(
        f"{len(missing)} of {len(keys)} masks are missing in {folder}; the first: {first}"
        f"{_what_lies_there(there)}; add them, or choose another {flag}"
    )


def _stems(there: Mapping[str, Sequence[str]], key: str, place: Place) -> Iterable[str]:
    """Returns how masks may be called after their images: as usual, or as the first one is."""
    yield from _STEMS
    *folders, name = comparable(key).split("/")
    start, name = place(folders), pathlib.PurePosixPath(name).stem
    # A digit beside the name would be a part of it: 11 for the image 1.
    called = re.compile(re.escape(start) + rf"([^/\d]*){re.escape(name)}([^/\d][^/]*)?")
    matches = (called.fullmatch(known) for known in there if name in known)
    for match in itertools.islice(filter(None, matches), _MOST_NAMES):
        before, after = (part.replace("{", "{{").replace("}", "}}") for part in match.groups(""))
        if (stem := f"{before}{{name}}{after}") not in _STEMS:
            yield stem


def _check_alone(
    folder: pathlib.Path,
    there: Mapping[str, Sequence[str]],
    names: Sequence[str],
    how: str,
    flag: str,
) -> None:
    """Checks that masks with a name of their own are the only pictures of their images.

    Raises:
      UserError: a folder holds NAME_part_0 and NAME_part_1, or outlines beside masks.
    """
    if how.partition(" in ")[0] in {stem.format(name="NAME") for stem in _STEMS}:
        return
    taken = set(names)
    beside = {one.rpartition("/")[0] for one in names}
    others = [one for some in there.values() for one in some if one not in taken]
    others = [one for one in others if one.rpartition("/")[0] in beside]
    if len(others) > len(names) / 2:
        raise UserError(
            f"{flag}=folder:{folder} must hold one mask of each image. Received: {names[0]} as "
            f"well as {min(others)}; give a folder of those that are meant, each with all that is "
            "object in its image"
        )


def comparable(name: str) -> str:
    """Returns a name as names are compared: NFC, in lower case."""
    return unicodedata.normalize("NFC", name).lower()


def _index(folder: pathlib.Path) -> dict[str, list[str]]:
    """Returns the files of masks by their relative path without suffix, comparable."""
    there: dict[str, list[str]] = {}
    for where, folders, names in walked(folder):
        # What programs leave there are copies.
        folders[:] = [name for name in folders if not name.startswith((".", "__MACOSX", "@eaDir"))]
        below = pathlib.PurePath(where).relative_to(folder)
        for name in sorted(names):
            path = below / name
            if path.suffix.lower() in raw.SUFFIXES and not name.startswith("."):
                known = comparable(path.with_suffix("").as_posix())
                there.setdefault(known, []).append(path.as_posix())
    return there


def _names(
    there: dict[str, list[str]],
    keys: Sequence[str],
    place: Place,
    stem: str,
) -> tuple[str, ...]:
    """Returns the mask of each key by one reading of the names; "" where there is none."""
    found = []
    for key in keys:
        *folders, name = comparable(key).split("/")
        start = place(folders)
        # NAME.jpg.png beside NAME.png.
        options = (pathlib.PurePosixPath(name).stem, name)
        called = [start + stem.format(name=option) for option in options]
        files = [one for name in called for one in there.get(name, ())]
        files.sort(key=lambda one: pathlib.PurePath(one).suffix.lower() not in _FIRST)
        found.append(files[0] if files else "")
    return tuple(found)


def _what_lies_there(there: dict[str, list[str]]) -> str:
    names = [one for some in there.values() for one in some]
    if not names:
        return "; it holds no picture or .npy file at all"
    return f"; it holds {len(names)} pictures, such as {', '.join(sorted(names)[:2])}"
