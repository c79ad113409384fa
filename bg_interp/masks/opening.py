"""Masks of files that another tool made, opened: found, understood, and tried on some images."""

import pathlib
import sys
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

import numpy as np

from bg_interp import decoding
from bg_interp.config.mask_rules import MaskRules
from bg_interp.doubts import Doubt
from bg_interp.errors import UserError
from bg_interp.masks import formats, names, raw, shapes
from bg_interp.masks.raw import Raw
from bg_interp.masks.reading import CheckedMasks, read_mask

# So many photographs tell on which pixels masks of all that EXIF turns are drawn.
_TURNED = 16


class Photographs(NamedTuple):
    """What masks are laid on.

    Attributes:
      path: from a position to an image's file.
      turns: int [N], EXIF's orientation of each.
    """

    path: Callable[[int], pathlib.Path]
    turns: np.ndarray


class FileMasks(NamedTuple):
    """Masks of files.

    Attributes:
      masks: what reads them.
      paths: their files, by position.
      doubts: what they leave open.
    """

    masks: CheckedMasks
    paths: list[pathlib.Path]
    doubts: tuple[Doubt, ...] = ()


def folder_masks(
    path: pathlib.Path | str,
    keys: Sequence[str],
    *,
    flag: str = "--masks",
    rules: MaskRules | None = None,
    others: Iterable[str] = (),
    images: Photographs | None = None,
) -> FileMasks:
    """Opens masks that other tools made: `--masks=folder:PATH`.

    Args:
      path: a folder of pictures, called and placed after the images (see `names`), in any format
        (see `formats`).
      keys: the images' keys.
      flag: of the command line that named the folder, for the errors.
      rules: what somebody says of the masks.
      others: keys of the images of other splits.
      images: the images' files; None where they have none.

    Raises:
      UserError: the folder or a mask is missing, they are no opacities, or of other shapes than the
        images; the message names the first one.
    """
    folder = pathlib.Path(path).expanduser()
    if not folder.is_dir():
        raise UserError(f"{flag}=folder:PATH must name a folder of masks. Received: {path}")
    return of_files(names.find(folder, keys, others, flag), f"{flag}=folder:{path}", rules, images)


def of_files(
    paths: list[pathlib.Path],
    what: str,
    rules: MaskRules | None = None,
    images: Photographs | None = None,
) -> FileMasks:
    """Opens masks whose files are known, one for each image; see `folder_masks`."""
    some = range(0, len(paths), max(1, len(paths) // formats.LOOKED_AT))
    chosen = formats.format_of(_readable(paths, some, what), what, rules)
    stored, doubts = False, tuple[Doubt, ...]()
    if images is not None:
        _check_shapes(paths, some, what, images)
        stored, doubts = _drawn_on(paths, chosen, images)
    turns = None if images is None else images.turns
    made = CheckedMasks(
        lambda position: f"the mask {paths[position]}",
        chosen,
        lambda position: read_mask(paths[position]),
        turns,
        stored,
    )
    return FileMasks(made, paths, doubts)


def _readable(paths: Sequence[pathlib.Path], some: Sequence[int], what: str) -> list[Raw]:
    """Reads some masks; those that cannot be read are left to be counted later."""
    found, problems = [], []
    for position in some:
        try:
            found.append(read_mask(paths[position]))
        except formats.OddMask as error:
            problems.append(f"the mask {paths[position]} {error}")
    if len(problems) > formats.ODD_SHARE * len(some):
        raise UserError(
            f"{what} must be pictures. Received: {len(problems)} of {len(some)} looked at that are "
            f"none; {problems[0]}; make them again"
        )
    return found


def _check_shapes(
    paths: Sequence[pathlib.Path], some: Sequence[int], what: str, images: Photographs
) -> None:
    """Checks that masks have their images' shapes.

    Raises:
      UserError: more than a few have not.
    """
    problems = []
    for position in some:
        try:
            mask, image = raw.header(paths[position]), decoding.header(images.path(position))
        except (OSError, decoding.DamagedImage):
            continue  # It is counted when it is read.
        blank = np.broadcast_to(np.uint8(0), (mask.height, mask.width))
        try:
            shapes.laid_on(
                blank, image.shown, own_turn=mask.orientation, image_turn=image.orientation
            )
        except shapes.OtherShape as error:
            problems.append(f"{paths[position]} {error} ({images.path(position)})")
    if len(problems) > formats.ODD_SHARE * len(some):
        raise UserError(
            f"{what} must have the shapes of their images. Received: {len(problems)} of "
            f"{len(some)} looked at that have not; {problems[0]}; make the masks from these images"
        )


def _drawn_on(
    paths: Sequence[pathlib.Path], chosen: formats.Format, images: Photographs
) -> tuple[bool, tuple[Doubt, ...]]:
    """Tells whether masks of photographs that EXIF turns are drawn on their stored pixels.

    Returns:
      Whether they are where their shapes do not tell, and what is left open.
    """
    votes: list[bool] = []
    pairs: list[tuple[np.ndarray, np.ndarray, int]] = []
    unclear = 0
    for position in np.flatnonzero(images.turns != 1).tolist():
        if len(votes) >= _TURNED and len(pairs) >= _TURNED:
            break
        turn = int(images.turns[position])
        try:
            mask = raw.header(paths[position])
            if mask.orientation != 1:
                continue  # It says itself how it is to be shown.
            shown = decoding.header(images.path(position)).shown
            if not shapes.ambiguous(shown, turn):
                votes.append(not shapes.fits((mask.height, mask.width), shown))
                continue
            unclear += 1
            if len(pairs) < _TURNED:
                opacity = chosen.opacity(read_mask(paths[position]))
                pairs.append((decoding.read(images.path(position)), opacity, turn))
        except (OSError, UserError):
            continue  # It is counted when it is read.
    if votes and all(votes):
        stored: bool | None = True
    elif votes and not any(votes):
        stored = False
    else:
        stored = shapes.suits_stored(pairs) if unclear else False
    if stored:
        print(
            "masks of photographs that EXIF turns are drawn on the stored pixels: they are turned "
            "as well",
            file=sys.stderr,
        )
    if stored is None:
        return False, (_undecided(unclear),)
    return stored, ()


def _undecided(count: int) -> Doubt:
    return Doubt(
        "masks",
        f"of {count} photographs that EXIF turns, neither shapes nor edges tell whether their "
        "masks are drawn on the stored pixels or on what is shown",
        "save these photographs upright and make their masks again",
    )
