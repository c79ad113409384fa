"""Presets, the one choice among them, and the settings that they are made of."""

import pytest

from bg_interp.config import ascent
from bg_interp.errors import UserError
from bg_interp.visualization import presets
from bg_interp.visualization.presets import PRESETS


def test_flags_name_all_presets():
    assert (presets.PLAIN, *PRESETS) == ascent.PRESETS


def test_presets_are_found_by_name():
    with pytest.raises(UserError, match="did you mean 'small'"):
        presets.preset("smal")
    with pytest.raises(UserError, match="did you mean 'natural'"):
        presets.suited("naturel", ["net"], 64, natural=True)


@pytest.mark.parametrize(
    ("chosen", "names", "side", "natural", "run", "found"),
    [
        (None, ["mobilenetv2_1.00_224"], 224, True, False, "natural"),
        (None, ["net"], 128, True, False, "natural"),
        # Without anything that says what is natural, and where nobody wants it.
        (None, ["mobilenetv2_1.00_224"], 224, False, False, "pretrained"),
        ("plain", ["net"], 224, True, False, "pretrained"),
        # Small networks keep the ascent of the drawings.
        (None, ["net"], 64, True, False, "small"),
        (None, ["small"], 64, True, True, "small"),
        ("natural", ["small"], 64, True, True, "natural"),
        # Runs are trained adversarially.
        (None, ["MobileNetV2"], 96, False, True, "mobilenet_v2"),
        (None, ["MobileNetV2"], 96, True, True, "natural"),
        ("plain", ["ResNet50"], 224, True, True, "mobilenet_v2"),
    ],
)
def test_one_rule_chooses(chosen, names, side, natural, run, found):
    assert presets.suited(chosen, names, side, natural=natural, run=run) is PRESETS[found]


@pytest.mark.parametrize("wrong", [{"parametrization": "pixle"}, {"objective": "x"}, {"steps": 0}])
def test_wrong_settings_are_refused(wrong):
    with pytest.raises(UserError, match="Received"):
        ascent.AscentSettings(**wrong)
