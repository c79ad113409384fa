"""Does your image classifier know the fish, or the water? Measure it, see it, and mend it.

    import bg_interp as bg

    masks = bg.segment(images)                     # what is object, and what background
    bg.evaluate(model, images, labels, masks)      # how much accuracy depends on backgrounds
    bg.class_images(model)                         # what each class looks like to the network
    bg.repair(model, images, labels, masks)        # its last layer learns to do without them
    data.apply(bg.Treatment("mix"))                # training data with backgrounds removed

Names are loaded when they are asked for: importing the package loads neither TensorFlow nor NumPy.
"""

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from bg_interp import callbacks
    from bg_interp.commands.class_images import class_images
    from bg_interp.commands.evaluate_arrays import evaluate, leak
    from bg_interp.commands.repair_arrays import repair
    from bg_interp.data.datasets import Treatment
    from bg_interp.errors import UserError
    from bg_interp.masks.in_memory import segment
    from bg_interp.visualization import ActivationMaximization

__all__ = [
    "ActivationMaximization",
    "Treatment",
    "UserError",
    "callbacks",
    "class_images",
    "evaluate",
    "leak",
    "repair",
    "segment",
]

# The module that holds each name; `callbacks` is one itself.
_HOMES = {
    "ActivationMaximization": "bg_interp.visualization",
    "Treatment": "bg_interp.data.datasets",
    "UserError": "bg_interp.errors",
    "class_images": "bg_interp.commands.class_images",
    "evaluate": "bg_interp.commands.evaluate_arrays",
    "leak": "bg_interp.commands.evaluate_arrays",
    "repair": "bg_interp.commands.repair_arrays",
    "segment": "bg_interp.masks.in_memory",
}


def __getattr__(name: str) -> Any:
    """Imports the module that holds `name` (PEP 562)."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    if name in _HOMES:
        value = getattr(importlib.import_module(_HOMES[name]), name)
    else:
        value = importlib.import_module(f"{__name__}.{name}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
