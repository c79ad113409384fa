"""Photographs of places: kinds of background, and which kinds are a class's own."""

import dataclasses
import hashlib
import pathlib

import numpy as np

from bg_interp import decoding
from bg_interp.data.sources.composites import parts
from bg_interp.data.sources.composites.cutouts import resized
from bg_interp.errors import UserError

# Shorter side in pixels of what is kept of a photograph: a crop of half of it fills 512 pixels.
_KEPT_SIDE = 1024


@dataclasses.dataclass(frozen=True, eq=False)
class Places:
    """All kinds of places.

    Attributes:
      kinds: their names.
      own: for each class the kinds that are its own, as indices into `kinds`.
      splits: "train" and "test": for each kind its photographs, uint8 [h, w, 3], none in both.
      fingerprint: sha256 of all of it.
    """

    kinds: tuple[str, ...]
    own: list[list[int]]
    splits: dict[str, list[list[np.ndarray]]]
    fingerprint: str

    @property
    def chance(self) -> float:
        """The share of all kinds that is a class's own, of the class with most."""
        return max(len(kinds) for kinds in self.own) / len(self.kinds)


def from_folder(root: pathlib.Path, class_names: tuple[str, ...]) -> Places:
    """Reads PATH/KIND/*.jpg; a fourth of each kind's photographs is held out.

    A kind called like a class, or like a class, a hyphen and more ("fish-sea", "fish-reef"), is
    that class's own. Where no kind is called so, the kinds are dealt out to the classes in turn,
    both in the order of their names.

    Raises:
      UserError: too few kinds or photographs, or photographs that cannot be used.
    """
    found = parts.images_by_folder(root, "--places")
    kinds = tuple(found)
    if len(kinds) < len(class_names):
        raise UserError(
            f"--places must hold a kind of place for each class. Received: {len(kinds)} kinds "
            f"({', '.join(kinds[:8])}) for {len(class_names)} classes"
        )
    own = _own_kinds(kinds, class_names)
    splits: dict[str, list[list[np.ndarray]]] = {"train": [], "test": []}
    digest = hashlib.sha256(repr(own).encode())
    for name, paths in found.items():
        by_key = {f"{name}/{path.relative_to(root / name).as_posix()}": path for path in paths}
        for split, keys in parts.divided(list(by_key)).items():
            splits[split].append([])
            for key in keys:
                data = parts.content(by_key[key])
                digest.update(f"{split}/{key}\0".encode() + data)
                image = parts.decoded(by_key[key], data, decoding.decode)
                splits[split][-1].append(_reduced(image))
    return Places(kinds, own, splits, digest.hexdigest())


def _own_kinds(kinds: tuple[str, ...], class_names: tuple[str, ...]) -> list[list[int]]:
    """Returns the kinds of each class.

    Raises:
      UserError: some kinds are called like classes, and others are not.
    """
    owners = [[name for name in class_names if _is_called(kind, name)] for kind in kinds]
    if not any(owners):
        order = sorted(range(len(class_names)), key=lambda label: class_names[label])
        return [
            [number for number in range(len(kinds)) if order[number % len(order)] == label]
            for label in range(len(class_names))
        ]
    # Of "cat" and "cat-fish", the longer name owns "cat-fish-sea".
    chosen = [max(names, key=len, default=None) for names in owners]
    lacking = [name for name in class_names if name not in chosen]
    if None in chosen or lacking:
        odd = kinds[chosen.index(None)] if None in chosen else lacking[0]
        raise UserError(
            "--places must be called like their classes (CLASS or CLASS-KIND) all of them, or none "
            f"of them. Received: {odd!r} without its other half"
        )
    return [[n for n, owner in enumerate(chosen) if owner == name] for name in class_names]


def _is_called(kind: str, class_name: str) -> bool:
    return kind == class_name or kind.startswith(f"{class_name}-")


def _reduced(image: np.ndarray) -> np.ndarray:
    factor = _KEPT_SIDE / min(image.shape[:2])
    if factor >= 1:
        return image
    return np.round(resized(image.astype(np.float32), factor)).astype(np.uint8)
