"""Class images by activation maximization.

`ActivationMaximization` takes the place of tf-keras-vis's class, and makes every image; `Ascent`
calls it by a preset. Names are loaded when they are first asked for, since TensorFlow takes seconds
to import.
"""

from typing import TYPE_CHECKING

from bg_interp.lazy import lazily

__all__ = [
    "ActivationMaximization",
    "Ascent",
    "AscentSettings",
    "AscentStatistics",
    "Visualization",
]

if TYPE_CHECKING:
    from bg_interp.visualization.ascent import Ascent
    from bg_interp.visualization.maximization import ActivationMaximization
    from bg_interp.visualization.presets import AscentSettings
    from bg_interp.visualization.results import Visualization
    from bg_interp.visualization.statistics import AscentStatistics
else:
    __getattr__, __dir__ = lazily(
        __name__,
        {
            "ActivationMaximization": f"{__name__}.maximization",
            "Ascent": f"{__name__}.ascent",
            "AscentSettings": f"{__name__}.presets",
            "AscentStatistics": f"{__name__}.statistics",
            "Visualization": f"{__name__}.results",
        },
    )
