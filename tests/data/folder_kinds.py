"""Folders and files as people have them: each is drawn by a function, its truth known."""

import dataclasses
import functools
import io
import pathlib
import unicodedata
from collections.abc import Callable

import numpy as np
import scene
from PIL import Image
from scene import grey, photographs, save


@dataclasses.dataclass(frozen=True)
class Made:
    """A folder of the zoo: the settings that open it."""

    dataset: pathlib.Path
    masks: pathlib.Path | None = None
    settings: dict = dataclasses.field(default_factory=dict)
    images: int = 8


def folders(
    root,
    *,
    image="photos/{s}/{c}/{n}.png",
    mask="masks/{s}/{c}/{n}.png",
    spell=grey,
    look=lambda image: image,
    splits=("train", "test"),
    how=None,
    mask_how=None,
    each=4,
    agreeing=False,
    **settings,
) -> Made:
    """Draws photographs and masks under the names that are asked for."""
    for split, name, number, pixels, truth in photographs(splits, each, agreeing):
        names = {"s": split, "c": name, "n": f"{number:03d}"}
        save(look(pixels), root / image.format(**names), **(how or {}))
        if mask:
            save(spell(truth), root / mask.format(**names), **(mask_how or {}))
    top = root / image.split("{")[0].rstrip("/")
    masks = root / mask.split("{")[0].rstrip("/") if mask and mask.startswith("masks/") else None
    return Made(top, masks, settings)


def turned(image: np.ndarray, orientation: int) -> np.ndarray:
    """Returns the pixels that a camera stores so that EXIF's orientation shows `image`."""
    undo = {
        1: lambda v: v,
        2: lambda v: v[:, ::-1],
        3: lambda v: v[::-1, ::-1],
        4: lambda v: v[::-1],
        5: lambda v: v.swapaxes(0, 1),
        6: np.rot90,
        7: lambda v: v[::-1, ::-1].swapaxes(0, 1),
        8: lambda v: np.rot90(v, -1),
    }
    return np.ascontiguousarray(undo[orientation](image))


def exif(orientation: int) -> Image.Exif:
    found = Image.Exif()
    found[0x0112] = orientation
    return found


def phone(root, orientation, stored, **more) -> Made:
    """JPEGs that EXIF turns, with masks of what is shown, or of the stored pixels."""
    return folders(
        root,
        image="photos/{s}/{c}/{n}.jpg",
        look=lambda image: turned(image, orientation),
        spell=lambda mask: grey(turned(mask, orientation) if stored else mask),
        how={"quality": 95, "subsampling": 0, "exif": exif(orientation)},
        **more,
    )


def palette(mask, colours, dtype=np.uint8):
    image = Image.fromarray(mask.astype(dtype), "P")
    image.putpalette([*colours, *([0] * (768 - len(colours)))])
    return image


def coloured(*colour):
    return lambda mask: Image.fromarray(
        mask[..., None].astype(np.uint8) * np.array(colour, "uint8")
    )


def level(value):
    return lambda mask: Image.fromarray(mask.astype(np.uint8) * np.uint8(value))


def border(mask):
    """VOC's 255 around an object of label 15."""
    near = np.roll(mask, 1, 0) | np.roll(mask, -1, 0) | np.roll(mask, 1, 1) | np.roll(mask, -1, 1)
    return Image.fromarray(np.where(mask, 15, np.where(near, 255, 0)).astype(np.uint8))


def cut_out(mask):
    image = Image.new("RGBA", mask.shape[::-1], (90, 20, 60, 255))
    image.putalpha(grey(mask))
    return image


def halves(mask):
    """Two instances with a number each."""
    left = np.arange(mask.shape[1]) < 14
    return Image.fromarray(np.where(mask, np.where(left, 40, 80), 0).astype(np.uint8))


def wide(value):
    return lambda mask: Image.fromarray(mask.astype(np.uint16) * np.uint16(value))


def smaller(mask):
    return grey(mask).resize((mask.shape[1] // 2, mask.shape[0] // 2), Image.Resampling.BOX)


def quantized(mask):
    return grey(mask).convert("RGB").quantize(2)


def deeper(root, base, **how) -> Made:
    """The images in a folder below the one that is named."""
    made = folders(root, image="photos/" + base + "/{s}/{c}/{n}.png", **how)
    return dataclasses.replace(made, dataset=root / "photos")


def with_junk(root) -> Made:
    made = folders(root)
    for junk in (".ipynb_checkpoints", "__MACOSX", "@eaDir"):
        for split, name, number, pixels, _ in photographs():
            save(pixels, root / "photos" / split / name / junk / f"{number:03d}.png")
    return made


def linked(root) -> Made:
    made = folders(root)
    (root / "elsewhere").mkdir()
    for split in ("train", "test"):
        for name in scene.CLASSES:
            here = root / "photos" / split / name
            here.rename(root / "elsewhere" / f"{split}-{name}")
            here.symlink_to(root / "elsewhere" / f"{split}-{name}")
    return made


def spoiled(root, spoil) -> Made:
    """One mask of sixteen is not as the others are."""
    made = folders(root)
    path = root / "masks" / "test" / "cat" / "001.png"
    data = spoil(path.read_bytes())
    path.write_bytes(data)
    return dataclasses.replace(made, images=7)


def as_png(values) -> bytes:
    file = io.BytesIO()
    Image.fromarray(values).save(file, "PNG")
    return file.getvalue()


def rearranged(change):
    """Makes a PNG anew with other values."""
    return lambda data: as_png(change(np.asarray(Image.open(io.BytesIO(data)))))


def one_split(root, name) -> Made:
    made = folders(root, splits=(name,))
    return dataclasses.replace(made, settings={"whole": True})


def no_splits(root) -> Made:
    made = folders(root, image="photos/{c}/{n}.png", mask="masks/{c}/{n}.png", splits=("whatever",))
    return dataclasses.replace(made, settings={"whole": True})


def accents(root) -> Made:
    made = folders(root)
    for kind, form in (("photos", "NFD"), ("masks", "NFC")):
        for path in sorted((root / kind).rglob("*.png")):
            path.rename(path.with_name(unicodedata.normalize(form, f"caf\u00e9{path.name}")))
    return made


def other_format(root, suffix, kind, **how) -> Made:
    return folders(root, image="photos/{s}/{c}/{n}" + suffix, how={"format": kind, **how})


def floats(root, scale) -> Made:
    return folders(
        root,
        image="photos/{s}/{c}/{n}.png",
        mask="masks/{s}/{c}/{n}.tiff",
        spell=lambda mask: Image.fromarray(mask.astype(np.float32) * np.float32(scale)),
    )


def numbered(root) -> Made:
    made = folders(root)
    for kind in ("photos", "masks"):
        for split in ("train", "test"):
            for old, new in zip(scene.CLASSES, ("2", "10"), strict=True):
                (root / kind / split / old).rename(root / kind / split / new)
    return made


def with_loops(root) -> Made:
    """Two links that lead back to where they stand have more paths than can be walked."""
    made = folders(root, mask="masks/{s}/{c}/{n}_mask.png")
    for kind in ("photos", "masks"):
        for name in scene.CLASSES:
            (root / kind / "train" / name / "loop").symlink_to(root / kind)
    return made


def several_frames(root, suffix, kind, **how) -> Made:
    """Animations and files of several pages, of which the first is the photograph."""
    made = folders(root)
    for path in sorted((root / "photos").rglob("*.png")):
        first = Image.open(path)
        other = Image.fromarray(255 - np.asarray(first))
        save(
            first,
            path.with_suffix(suffix),
            format=kind,
            save_all=True,
            append_images=[other],
            **how,
        )
        path.unlink()
    return made


def heic(root, orientation=1) -> Made:
    """Photographs of a phone in its own format, turned by EXIF."""
    import pillow_heif

    made = folders(root)
    for path in sorted((root / "photos").rglob("*.png")):
        pixels = Image.fromarray(turned(np.asarray(Image.open(path)), orientation))
        photograph = pillow_heif.from_pillow(pixels)
        how = {"quality": -1, "chroma": 444, "exif": exif(orientation).tobytes()}
        photograph.save(path.with_suffix(".HEIC"), **how)
        path.unlink()
    return made


def flat(root, name) -> Made:
    return folders(root, mask=f"masks/{name}")


Draw = Callable[[pathlib.Path], Made]
JPEG = {"quality": 95, "subsampling": 0}

RIGHT: dict[str, Draw] = {
    "PNG": folders,
    "JPEG": functools.partial(folders, image="photos/{s}/{c}/{n}.jpg", how=JPEG),
    **{
        f"EXIF {turn}, masks as {'stored' if stored else 'shown'}": functools.partial(
            phone, orientation=turn, stored=stored
        )
        for turn in range(1, 9)
        for stored in (False, True)
    },
    "sharp": functools.partial(folders, resize="sharp"),
    "crop": functools.partial(folders, resize="crop"),
    "half-size masks": functools.partial(folders, spell=smaller),
    "half-size masks, crop": functools.partial(folders, spell=smaller, resize="crop"),
    "masks of 0 and 1": functools.partial(folders, spell=level(1)),
    "1 bit": functools.partial(folders, spell=lambda mask: grey(mask).convert("1")),
    "RGB masks": functools.partial(folders, spell=lambda mask: grey(mask).convert("RGB")),
    "JPEG masks": functools.partial(
        folders, mask="masks/{s}/{c}/{n}.jpg", mask_how={"quality": 90}
    ),
    "RGBA cut-outs": functools.partial(folders, spell=cut_out),
    "16 bits": functools.partial(folders, spell=wide(65535)),
    "0 and 255 in 16 bits": functools.partial(folders, spell=wide(255)),
    "0 and 1 in 16 bits": functools.partial(folders, spell=wide(1)),
    "quantized": functools.partial(folders, spell=quantized),
    "white before black in the palette": functools.partial(
        folders, spell=lambda mask: palette(~mask, [255, 255, 255, 0, 0, 0])
    ),
    "VOC's palette, one class": functools.partial(
        folders, spell=lambda mask: palette(mask, [0, 0, 0, 128, 0, 0])
    ),
    "floats in 0 to 1": functools.partial(floats, scale=1),
    "floats in 0 to 255": functools.partial(floats, scale=255),
    "inverted and said": functools.partial(
        folders, spell=lambda mask: grey(~mask), invert_masks=True
    ),
    "label 38, said": functools.partial(folders, spell=level(38), mask_values="38"),
    "instances, said": functools.partial(folders, spell=halves, mask_values="1:100"),
    "VOC's border, said": functools.partial(folders, spell=border, mask_values="15"),
    "maroon, said": functools.partial(folders, spell=coloured(128, 0, 0), mask_values="#800000"),
    "two colours, said": functools.partial(
        folders, spell=coloured(255, 0, 0), mask_values="#00ff00,#ff0000"
    ),
    "labels of a palette, said": functools.partial(
        folders,
        spell=lambda mask: palette(np.where(mask, 2, 1), [0, 0, 0, 9, 9, 9, 200, 0, 0]),
        mask_values="2",
    ),
    "training and validation": functools.partial(folders, splits=("training", "validation")),
    "Train and Test": functools.partial(folders, splits=("Train", "Test")),
    "seg_train and seg_test": functools.partial(folders, splits=("seg_train", "seg_test")),
    "train and dev": functools.partial(folders, splits=("train", "dev")),
    "01_train and 02_test": functools.partial(folders, splits=("01_train", "02_test")),
    "train2017 and val2017": functools.partial(folders, splits=("train2017", "val2017")),
    "splits in the classes": functools.partial(
        folders, image="photos/{c}/{s}/{n}.png", mask="masks/{c}/{s}/{n}.png"
    ),
    "a folder around it": functools.partial(deeper, base="pets", mask="masks/{s}/{c}/{n}.png"),
    "only test": functools.partial(one_split, name="test"),
    "only val": functools.partial(one_split, name="val"),
    "no splits": no_splits,
    "junk": with_junk,
    "linked classes": linked,
    "links that lead back": with_loops,
    "accents": accents,
    "numbers": numbered,
    ".avif": functools.partial(
        other_format, suffix=".avif", kind="AVIF", quality=100, subsampling="4:4:4"
    ),
    ".jfif": functools.partial(other_format, suffix=".jfif", kind="JPEG", **JPEG),
    ".HEIC by name": functools.partial(other_format, suffix=".HEIC", kind="JPEG", **JPEG),
    "HEIC": heic,
    "HEIC, turned": functools.partial(heic, orientation=6),
    "animated WebP": functools.partial(
        several_frames, suffix=".webp", kind="WEBP", lossless=True, duration=50
    ),
    "TIFF of several pages": functools.partial(several_frames, suffix=".tiff", kind="TIFF"),
    "CMYK": functools.partial(
        folders,
        image="photos/{s}/{c}/{n}.jpg",
        look=lambda image: Image.fromarray(image).convert("CMYK"),
        how=JPEG,
    ),
    ".jp2": functools.partial(other_format, suffix=".jp2", kind="JPEG2000"),
    ".tga": functools.partial(other_format, suffix=".tga", kind="TGA"),
    ".ppm": functools.partial(other_format, suffix=".ppm", kind="PPM"),
    "16 bits TIFF": functools.partial(other_format, suffix=".tif", kind="TIFF"),
    "NAME_mask.png": functools.partial(flat, name="{s}/{c}/{n}_mask.png"),
    "NAME.PNG": functools.partial(flat, name="{s}/{c}/{n}.PNG"),
    "NAME.png.png": functools.partial(flat, name="{s}/{c}/{n}.png.png"),
    "one folder of masks": functools.partial(flat, name="{s}_{c}_{n}.png"),
    "masks beside": functools.partial(folders, mask="photos/{s}/{c}/{n}_mask.png"),
    "masks of one name": functools.partial(
        folders, image="photos/{s}/{c}/{n}.jpg", mask="photos/{s}/{c}/{n}.png", how=JPEG
    ),
    "masks in the class": functools.partial(folders, mask="photos/{s}/{c}/masks/{n}.png"),
    "images and masks": functools.partial(
        lambda root: dataclasses.replace(
            folders(root, image="all/images/{s}/{c}/{n}.png", mask="all/masks/{s}/{c}/{n}.png"),
            dataset=root / "all",
        )
    ),
    "a mask cut off": functools.partial(spoiled, spoil=lambda data: data[:60]),
    "a mask of no bytes": functools.partial(spoiled, spoil=lambda data: b""),
    "a mask of 0 and 1": functools.partial(spoiled, spoil=rearranged(lambda v: v // 255)),
    "a mask of labels": functools.partial(spoiled, spoil=rearranged(lambda v: v // 255 * 15)),
    "a mask of another shape": functools.partial(spoiled, spoil=rearranged(lambda v: v[:, :20])),
}
DOUBTED: dict[str, tuple[Draw, str]] = {
    "inverted": (functools.partial(folders, spell=lambda mask: grey(~mask)), "look inverted"),
    "maps of depth": (
        functools.partial(
            folders,
            spell=lambda mask: Image.fromarray(
                np.broadcast_to(np.linspace(0, 255, mask.shape[1]), mask.shape).astype(np.uint8)
            ),
        ),
        "half transparent",
    ),
    "all empty but one": (
        functools.partial(folders, spell=lambda mask: grey(mask & (mask.sum() > 219))),
        "are empty",
    ),
}
REFUSED: dict[str, tuple[Draw, str]] = {
    "red": (functools.partial(folders, spell=coloured(255, 0, 0)), "in colours.*#ff0000"),
    "maroon": (functools.partial(folders, spell=coloured(128, 0, 0)), "in colours.*#800000"),
    "label 38": (functools.partial(folders, spell=level(38)), "0 and 38.*mask_values"),
    "label 128": (functools.partial(folders, spell=level(128)), "0 and 128.*mask_values"),
    "instances": (functools.partial(folders, spell=halves), "0, 40 and 80.*mask_values"),
    "VOC's border": (functools.partial(folders, spell=border), "0, 15 and 255.*mask_values"),
    "ids in 16 bits": (functools.partial(folders, spell=wide(1200)), "0 and 1200.*mask_values"),
    "transposed": (
        functools.partial(folders, spell=lambda mask: grey(np.ascontiguousarray(mask.T))),
        "36 x 48 pixels and its image of 48 x 36",
    ),
    "square masks": (
        functools.partial(folders, spell=lambda mask: grey(mask).resize((64, 64)), resize="crop"),
        "64 x 64 pixels and its image of 48 x 36",
    ),
    "a folder for both splits": (functools.partial(flat, name="{c}_{n}.png"), "of two images"),
    "no masks": (
        functools.partial(flat, name="other/{s}{c}{n}x.png"),
        "masks are missing.*such as",
    ),
    "one mask of two images": (
        lambda root: _twice(folders(root)),
        "would be that of 2 images",
    ),
    "splits without classes": (
        functools.partial(folders, image="photos/{s}/{c}{n}.png"),
        "splits by their names",
    ),
    "images and masks without classes": (
        lambda root: dataclasses.replace(
            folders(root, image="images/{s}{c}{n}.png", mask="masks/{s}{c}{n}.png"), dataset=root
        ),
        "nothing tells their classes",
    ),
    "a split and a class": (
        lambda root: dataclasses.replace(
            folders(root, splits=("train",)), dataset=_beside(root / "photos")
        ),
        "train beside fox",
    ),
}


def _twice(made):
    first = made.dataset / "test" / "cat" / "000.png"
    Image.open(first).save(first.with_suffix(".jpg"))
    return made


def _beside(root):
    save(np.zeros((8, 8, 3), np.uint8), root / "fox" / "0.png")
    return root
