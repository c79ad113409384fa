"""tools/segment.py as a user runs it: in a process of its own, on a folder of photographs."""

import json
import pathlib
import time

import numpy as np
import pytest
import tool_server
from PIL import Image

TOOL = pathlib.Path(__file__).parents[2] / "tools" / "segment.py"


def start(*arguments):
    return tool_server.start([str(TOOL), *arguments])


def run(*arguments):
    """Returns exit code, standard output and standard error."""
    process = start(*arguments)
    output, errors = process.communicate(timeout=300)
    return process.returncode, output, errors


@pytest.fixture
def photographs(tmp_path):
    """Sixteen red squares on green, and one file that is no image."""
    root = tmp_path / "photos"
    for number in range(16):
        pixels = np.zeros((60, 90, 3), np.uint8)
        pixels[..., 1] = 200
        pixels[20:40, 20 + number : 50 + number] = (250, 0, 0)
        path = root / ("cat" if number % 2 else "dog") / f"{number:02d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(path)
    (root / "cat" / "broken.jpg").write_bytes(b"no image")
    return root


@pytest.fixture
def arguments(photographs, red_is_foreground, tmp_path):
    return [
        f"--dataset=folder:{photographs}",
        f"--segmenter_model={red_is_foreground}",
        f"--mask_store={tmp_path / 'store'}",
        "--workers=1",
    ]


@pytest.mark.slow
def test_folder_gets_masks_list_gallery_and_pngs(arguments, tmp_path):
    code, output, errors = run(*arguments, "--gallery", f"--export_png={tmp_path / 'png'}")
    assert code == 0, errors
    assert "16 masks in" in output
    assert "16 ok, 0 empty, 0 full, 0 unsure, 0 failed" in output
    assert "broken.jpg" in errors
    mask = np.asarray(Image.open(tmp_path / "png" / "dog" / "04.png"))
    assert mask.shape == (60, 90)
    assert mask[30, 39] > 240
    assert mask[5, 5] == 0
    assert len(list((tmp_path / "store").rglob("gallery.png"))) == 1
    assert list((tmp_path / "store").rglob("events.out.tfevents*"))


@pytest.mark.slow
def test_killed_and_started_again_it_goes_on(arguments, photographs, tmp_path):
    for number in range(400):
        image = Image.new("RGB", (20, 20), (number % 256, 0, 0))
        image.save(photographs / "cat" / f"more-{number}.png")
    process = start(*arguments)
    deadline = time.monotonic() + 120
    while not (indices := list((tmp_path / "store").rglob("masks-*.json"))):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    process.kill()
    process.communicate()
    done = sum(len(json.loads(index.read_text())["masks"]) for index in indices)
    times = {index: index.stat().st_mtime_ns for index in indices}

    code, output, errors = run(*arguments)
    assert code == 0, errors
    assert 0 < done < 416
    assert f"{done}/416" in errors  # The progress bar starts where the first run ended.
    assert "416 masks" in output
    assert {index: index.stat().st_mtime_ns for index in indices} == times


@pytest.mark.slow
def test_scores_need_a_dataset_with_masks(arguments):
    code, _, errors = run(*arguments, "--score")
    assert code == 1
    assert "--score needs a dataset with masks" in errors
