"""Makes the picture at the top of the README: what a known network says of objects elsewhere.

    apt-get download tuxpaint-stamps-default mate-backgrounds   # and unpack them with dpkg -x
    python benchmarks/readme_picture.py --model=mobilenet_v2.keras --labels=labels.txt \\
        --page=page.png --output=docs/pictures/first.jpg

--model is a MobileNetV2 with ImageNet's weights that takes 224 px in -1 to 1, --labels names its
outputs, a line each, and --page is a picture of an audit's page. The objects are Tux Paint's stamps
(GPL-2), the backgrounds photographs of MATE's (GPL-2+). Both were chosen from 110 stamps on seven
backgrounds, since they show what an audit looks for; the network's answers are computed here.
"""

import pathlib

import keras
import numpy as np
import scipy.special
from absl import flags
from PIL import Image, ImageDraw

from bg_interp import cli, pictures

_ROOT = flags.DEFINE_string("root", "/", "where the two packages are installed or unpacked")
_MODEL = flags.DEFINE_string("model", None, "the network", required=True)
_LABELS = flags.DEFINE_string("labels", None, "text file, a name a line", required=True)
_PAGE = flags.DEFINE_string("page", None, "picture of a page", required=True)
_OUTPUT = flags.DEFINE_string("output", "first.jpg", "file to write")

_STAMPS = "usr/share/tuxpaint/stamps"
_PHOTOS = "usr/share/backgrounds/mate/nature"
# (what it is, stamp, its background, another one)
_PAIRS = (
    ("wombat", "animals/marsupials/wombat", "Dune", "Aqua"),
    ("banana", "food/fruit/banana", "Storm", "Wood"),
)
_SIDE, _GAP, _LINE = 448, 16, 64
_RIGHT, _WRONG, _INK = (64, 112, 63), (163, 52, 31), (28, 32, 36)


def composite(stamp: str, background: str) -> Image.Image:
    """Pastes a stamp into the middle of the largest square of a photograph."""
    root = pathlib.Path(_ROOT.value)
    photo = Image.open(root / _PHOTOS / f"{background}.jpg").convert("RGB")
    side = min(photo.size)
    left, top = (photo.width - side) // 2, (photo.height - side) // 2
    photo = photo.crop((left, top, left + side, top + side)).resize((_SIDE, _SIDE), _LANCZOS)
    found = Image.open(root / _STAMPS / f"{stamp}.png").convert("RGBA")
    found = found.crop(found.getbbox())
    scale = 0.72 * _SIDE / max(found.size)
    found = found.resize([max(1, int(length * scale)) for length in found.size], _LANCZOS)
    photo.paste(found, ((_SIDE - found.width) // 2, (_SIDE - found.height) // 2 + 20), found)
    return photo


_LANCZOS = Image.Resampling.LANCZOS


def answers(images: list[Image.Image]) -> list[tuple[str, float]]:
    """Returns the network's first name for each image, and its probability."""
    model = keras.models.load_model(_MODEL.value, compile=False)
    names = pathlib.Path(_LABELS.value).read_text(encoding="utf-8").splitlines()
    small = np.stack([np.asarray(image.resize((224, 224), _LANCZOS)) for image in images])
    shares = scipy.special.softmax(model.predict(small / 127.5 - 1, verbose=0), axis=1)
    return [(names[row.argmax()].partition(",")[0], float(row.max())) for row in shares]


def captioned(image: Image.Image, truth: str, said: str, share: float) -> np.ndarray:
    """Puts what the network says below an image."""
    panel = Image.new("RGB", (_SIDE, _SIDE + _LINE), "white")
    panel.paste(image, (0, 0))
    right = truth == said
    text = f"{'✓' if right else '✗'} {said}, {share:.0%}"
    ImageDraw.Draw(panel).text(
        (_SIDE / 2, _SIDE + _LINE / 2),
        text,
        fill=_RIGHT if right else _WRONG,
        font=pictures.font(text, 34),
        anchor="mm",
    )
    return np.asarray(panel)


def main() -> None:
    images = [composite(stamp, place) for _, stamp, *places in _PAIRS for place in places]
    truths = [truth for truth, *_ in _PAIRS for _ in range(2)]
    panels = [
        captioned(image, truth, *said)
        for image, truth, said in zip(images, truths, answers(images), strict=True)
    ]
    left = pictures.sheet(panels, columns=2, gap=_GAP)
    page = Image.open(_PAGE.value).convert("RGB")
    page = page.resize((round(page.width * left.shape[0] / page.height), left.shape[0]), _LANCZOS)
    frame = ImageDraw.Draw(page)
    frame.rectangle((0, 0, page.width - 1, page.height - 1), outline=(200, 204, 210), width=3)
    whole = np.concatenate([left, np.full((left.shape[0], _GAP, 3), 255, np.uint8), page], axis=1)
    Image.fromarray(whole).save(_OUTPUT.value, quality=86, optimize=True)


if __name__ == "__main__":
    cli.run(main, __doc__)
