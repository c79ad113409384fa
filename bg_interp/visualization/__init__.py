"""Class images by activation maximization.

`ActivationMaximization` takes the place of tf-keras-vis's class, and makes every image; `Ascent`
calls it by a preset. Names are loaded when they are first asked for, since TensorFlow takes seconds
to import.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bg_interp.visualization.ascent import Ascent
    from bg_interp.visualization.maximization import ActivationMaximization
    from bg_interp.visualization.presets import AscentSettings
    from bg_interp.visualization.results import Visualization
    from bg_interp.visualization.statistics import AscentStatistics

__all__ = [
    "ActivationMaximization",
    "Ascent",
    "AscentSettings",
    "AscentStatistics",
    "Visualization",
]

_HOMES = {
    "ActivationMaximization": "maximization",
    "Ascent": "ascent",
    "AscentSettings": "presets",
    "AscentStatistics": "statistics",
    "Visualization": "results",
}


def __getattr__(name: str) -> Any:
    """Imports the module that holds `name` (PEP 562)."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
