"""`urbancars:PATH`: cars before backgrounds and beside objects (Li et al. 2023, arXiv 2212.04825).

As github.com/facebookresearch/Whac-A-Mole makes it: bg-0.95_co_occur_obj-0.95/train and
bg-0.5_co_occur_obj-0.5/{val,test}, below each obj-CLASS_bg-KIND_co_occur_obj-KIND/NNN.jpg with
NNN_mask.png of the car. The eight groups are class, background and object: a place here is a
background with an object.
"""

import pathlib
import re

from bg_interp.config.data import SourceConfig
from bg_interp.data.sources.tables.masks_of_files import OpacityFile
from bg_interp.data.sources.tables.rows import Notes, Row, split_of
from bg_interp.data.sources.tables.source import Table, openers
from bg_interp.data.sources.walking import image_files
from bg_interp.errors import UserError

_GROUP = re.compile(r"obj-(?P<label>\w+?)_bg-(?P<place>\w+?)_co_occur_obj-(?P<object>\w+)")
CLASSES = ("urban", "country")


def read(path: str, config: SourceConfig) -> Table:
    """Reads `urbancars:PATH`.

    Args:
      path: of the folder that holds the folders of ratios, or one above or below.
      config: not used.

    Raises:
      UserError: no such folders; or two ratios of one split, of which one has to be named.
    """
    del config
    given, notes = pathlib.Path(path).expanduser(), Notes()
    found = sorted(given.rglob("obj-*_bg-*_co_occur_obj-*"))
    groups = [folder for folder in found if folder.is_dir()]
    if not groups:
        raise UserError(
            "--dataset=urbancars:PATH must hold folders such as obj-urban_bg-country_co_occur_obj-"
            f"urban. Received: none in {given}"
        )
    splits: dict[str, pathlib.Path] = {}
    rows: list[Row] = []
    for folder in groups:
        group, split = _GROUP.fullmatch(folder.name), split_of(folder.parent.name)
        if group is None:
            continue
        if splits.setdefault(split, folder.parent) != folder.parent:
            raise UserError(
                f"--dataset=urbancars:PATH must hold each split once. Received: {splits[split]} "
                f"and {folder.parent}; move one away"
            )
        place = f"{group['place']} background, {group['object']} object"
        for image in image_files(folder):
            if image.suffix.lower() == ".jpg":
                rows.append(_row(image, group["label"], split, place, notes))
    return Table(f"urbancars:{given.resolve()}", rows, given, notes, CLASSES)


def _row(image: pathlib.Path, label: str, split: str, place: str, notes: Notes) -> Row:
    mask = image.with_name(f"{image.stem}_mask.png")
    if not mask.is_file():
        notes.add("images have no mask, and count as images with an empty one", image)
    return Row(image, label, split, OpacityFile(mask) if mask.is_file() else None, place)


open_source, open_whole = openers(read)
