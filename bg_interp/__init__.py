"""Does your image classifier know the fish, or the water? Measure it, see it, and repair it.

    import bg_interp as bg

    masks = bg.segment(images)                     # what is object, and what background
    bg.evaluate(model, images, labels, masks)      # how much accuracy depends on backgrounds
    bg.class_images(model)                         # what each class looks like to the network
    bg.repair(model, images, labels, masks)        # its last layer learns to do without them
    data.apply(bg.Treatment("mix"))                # training data with backgrounds removed

Names are loaded when they are asked for: importing the package loads neither TensorFlow nor NumPy.
"""

from typing import TYPE_CHECKING

from bg_interp.lazy import lazily

__version__ = "0.1.0"

__all__ = [
    "ActivationMaximization",
    "Treatment",
    "UserError",
    "callbacks",
    "class_images",
    "evaluate",
    "leak",
    "open",
    "repair",
    "segment",
]

if TYPE_CHECKING:
    from bg_interp import callbacks
    from bg_interp.api.evaluate import evaluate, leak
    from bg_interp.api.opened import open
    from bg_interp.api.repair import repair
    from bg_interp.api.segment import segment
    from bg_interp.commands.class_images import class_images
    from bg_interp.data.datasets import Treatment
    from bg_interp.errors import UserError
    from bg_interp.visualization import ActivationMaximization
else:
    __getattr__, __dir__ = lazily(
        __name__,
        {
            "ActivationMaximization": "bg_interp.visualization.maximization",
            "Treatment": "bg_interp.data.datasets",
            "UserError": "bg_interp.errors",
            "callbacks": None,
            "class_images": "bg_interp.commands.class_images",
            "evaluate": "bg_interp.api.evaluate",
            "leak": "bg_interp.api.evaluate",
            "open": "bg_interp.api.opened",
            "repair": "bg_interp.api.repair",
            "segment": "bg_interp.api.segment",
        },
    )
