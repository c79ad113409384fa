import numpy as np
from PIL import Image

from bg_interp.masks.quality import Quality
from bg_interp.masks.review import gallery


def shown(height=50, width=80, verdict="ok"):
    mask = np.zeros((height, width), np.uint8)
    mask[:, : width // 2] = 255
    image = np.full((height, width, 3), (200, 30, 30), np.uint8)
    return gallery.Shown("train/cat/a.jpg", image, mask, Quality(0.5, 0.9, verdict))


def test_panels_have_one_size_whatever_the_image():
    shapes = {gallery.panel(shown(*size)).shape for size in ((50, 80), (1, 1), (3, 900), (640, 2))}
    assert shapes == {(176, 480, 3)}


def test_cutout_shows_the_foreground_only():
    pixels = gallery.panel(shown(160, 160))
    cutout = pixels[16:, 320:]
    assert tuple(cutout[80, 40]) == (200, 30, 30)
    assert len(set(cutout[80, 120].tolist())) == 1  # Grey of the checkerboard.


def test_bad_masks_have_a_red_caption():
    captions = [gallery.panel(shown(verdict=v))[:16] for v in ("ok", "empty")]
    red = [bool(((c[..., 0] > 200) & (c[..., 1] < 60)).any()) for c in captions]
    assert red == [False, True]


def test_sheet_is_one_picture(tmp_path):
    panels = [gallery.panel(shown())] * 4
    gallery.write_sheet(tmp_path / "sheet.png", panels)
    assert Image.open(tmp_path / "sheet.png").size == (3 * 486 + 6, 2 * 182 + 6)


def test_events_hold_every_panel_and_the_share(tmp_path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    from tensorboard.util.tensor_util import make_ndarray

    gallery.write_events(tmp_path, [gallery.panel(shown())] * 5, 0.25)
    events = EventAccumulator(str(tmp_path), size_guidance={"tensors": 0})
    events.Reload()
    tensors = {
        tag: make_ndarray(events.Tensors(tag)[0].tensor_proto) for tag in events.Tags()["tensors"]
    }
    # Width, height, then the pictures.
    assert len(tensors["masks/least_certain"]) == 2 + 5
    assert tensors["masks/share_bad"] == 0.25
