"""Presets and the settings that they are made of."""

import pytest

from bg_interp.config import ascent
from bg_interp.errors import UserError
from bg_interp.visualization import presets


def test_flags_name_all_presets():
    assert tuple(presets.PRESETS) == ascent.PRESETS


def test_presets_are_found_by_name_and_by_layers():
    with pytest.raises(UserError, match="did you mean 'small'"):
        presets.preset("smal")
    found = presets.preset_for_layers(["functional", "mobilenetv2_1.00_160"], 160)
    assert found == presets.PRESETS["pretrained"]
    assert not presets.preset_for_layers(["net"], 64).tried


@pytest.mark.parametrize("wrong", [{"parametrization": "pixle"}, {"objective": "x"}, {"steps": 0}])
def test_wrong_settings_are_refused(wrong):
    with pytest.raises(UserError, match="Received"):
        ascent.AscentSettings(**wrong)
