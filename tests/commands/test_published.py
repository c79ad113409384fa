"""ImageNet-9's own variants beside those that are made here."""

import json

import numpy as np
import pytest
from PIL import Image

from bg_interp.commands import evaluate
from bg_interp.config.evaluation import EvaluateConfig


@pytest.fixture
def imagenet9(tmp_path):
    """The published layout: discs before noise; in mixed_rand half have the other colour."""
    inside = np.hypot(*(np.mgrid[:24, :24] - 12)) < 7
    generator = np.random.default_rng(0)
    for number in range(12):
        kind = number % 2
        where = f"val/{kind:02d}_{('apple', 'leaf')[kind]}"
        shown = {
            "original": kind,
            "mixed_same": kind,
            "mixed_rand": kind if number < 6 else 1 - kind,
        }
        for variant, colour in shown.items():
            image = generator.integers(0, 40, (24, 24, 3)).astype(np.uint8)
            image[inside] = ((220, 30, 30), (30, 220, 30))[colour]
            folder = tmp_path / "in9" / variant / where
            folder.mkdir(parents=True, exist_ok=True)
            Image.fromarray(image).save(folder / f"{number:03d}.JPEG", quality=95)
        masks = tmp_path / "in9" / "fg_mask" / where
        masks.mkdir(parents=True, exist_ok=True)
        np.save(masks / f"{number:03d}.npy", inside)
    return tmp_path / "in9"


def test_published_variants_are_measured_beside_ours(
    imagenet9, tmp_path, own_cache, monkeypatch, capsys
):
    (tmp_path / "colours.py").write_text(
        "import numpy as np\n\n\ndef scores(images):\n"
        "    means = np.asarray(images)[..., :2].mean(axis=(1, 2))\n"
        "    return np.stack([means[:, 0] - means[:, 1], means[:, 1] - means[:, 0]], axis=1)\n"
    )
    monkeypatch.chdir(tmp_path)
    config = EvaluateConfig(
        model="colours:scores",
        dataset=f"imagenet9:{imagenet9}",
        image_size=24,
        output=str(tmp_path / "out"),
        adversarial_backgrounds=0,
    )
    found = evaluate.run(config)
    assert found.measures["original"].value == 1
    said = json.loads((tmp_path / "out" / "results.json").read_text())["published"]
    values = {name: one["accuracy"]["value"] for name, one in said.items()}
    assert values == {"mixed_same": 1, "mixed_rand": 0.5}
    ours = found.measures["mixed_random"]
    said = capsys.readouterr().err
    assert "mixed_rand: published 0.50 [" in said and f"made here {ours}" in said
    assert "mixed_rand: published 0.50" in (tmp_path / "out" / "report.html").read_text()
