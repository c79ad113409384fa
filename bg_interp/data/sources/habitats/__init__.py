"""Habitats: eight drawn object classes on the backgrounds they are usually seen on, exact masks."""

import pathlib
import typing

if typing.TYPE_CHECKING:
    from bg_interp.data.sources.habitats.builder import Habitats


def load_or_prepare(
    image_size: int = 64,
    correlation: float = 0.95,
    data_seed: int = 0,
    data_dir: str | pathlib.Path | None = None,
) -> "Habitats":
    """Returns the TFDS builder of a data set that is ready to be read, drawing it first if need be.

    Args:
      image_size: side in pixels, 16 to 512; the object is drawn the same at each size.
      correlation: probability that an image stands on its own class's background; 1/8 is chance.
      data_seed: seed of all drawing, 0 or more.
      data_dir: folder of TFDS data sets; None takes `tfds` in the package's cache folder.

    Raises:
      UserError: a value is out of its range, or the folder cannot be written.
    """
    # The drawing processes import this package and have no use for TensorFlow.
    from bg_interp.data.sources.habitats import builder

    config = builder.HabitatsConfig(
        image_size=image_size, correlation=correlation, data_seed=data_seed
    )
    return builder.prepared(config, data_dir)
