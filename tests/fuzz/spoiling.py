"""Archives of which one member is damaged, or a name leads out of the folder."""

import pathlib
import random
import zipfile

from damaging import damaged


def spoil_archive(path: pathlib.Path, chance: random.Random) -> None:
    """Damages any bytes of a zip file, or one file in an archive that is whole."""
    if chance.random() < 0.5:
        path.write_bytes(damaged(path.read_bytes(), chance))
        return
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    name = chance.choice(sorted(parts))
    parts[name] = damaged(parts[name], chance)
    if chance.random() < 0.2:
        parts["../escaped"] = b"outside"
        parts["../escaped.txt"] = b"outside"
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
