"""Whether one GPU with XLA gives what the CPU gives, and how much sooner.

    python benchmarks/gpu_check.py [--rounds=5]

prints a Markdown table: each part of the work on the GPU, the training step and the ascent by XLA,
against the CPU without; the largest difference, what is tolerated, and both times. It ends with
exit code 1 when a difference is larger. On a machine without a GPU the same work runs on the CPU by
XLA: this checks the program and XLA alone, and the last lines say what it could not see.

Tolerances: a GPU adds up in another order and its exponentials are other ones, so that float32
differs in the sixth digit; training amplifies this from step to step, and the ascent more so.
TF32, which rounds factors to ten bits, is off for the comparison and on for the times.
"""

import dataclasses
import sys
import time
from collections.abc import Callable

from absl import flags

from bg_interp import cli

_ROUNDS = flags.DEFINE_integer("rounds", 5, "how often each time is taken; the median counts", 1)
_SIZE, _CLASSES, _BATCH, _STEPS = 64, 8, 64, 4


@dataclasses.dataclass(frozen=True)
class Part:
    """One part of the work.

    Attributes:
      name: what the table calls it.
      tolerance: the largest difference between GPU and CPU.
      measure: what is compared, from (device, jit_compile) to an array.
    """

    name: str
    tolerance: float
    measure: Callable


def _batch():
    import numpy as np

    generator = np.random.default_rng(0)
    shape = (_BATCH, _SIZE, _SIZE)
    return {
        "image": generator.integers(0, 256, (*shape, 3)).astype(np.uint8),
        "mask": (255 * generator.integers(0, 2, (*shape, 1))).astype(np.uint8),
        "label": np.arange(_BATCH, dtype=np.int32) % _CLASSES,
    }


def _training(mixed_precision: str = "none") -> Callable:
    """Returns a function that trains for a few steps and gives the losses."""

    def measure(device: str, jit_compile: bool):
        import keras
        import numpy as np
        import tensorflow as tf

        from bg_interp.models import networks
        from bg_interp.training.updates import Updater, UpdateSettings

        batch = _batch()
        settings = UpdateSettings(steps=_STEPS, adversarial_epsilon=1.0, adversarial_replays=2)
        with tf.device(device):
            model = networks.build(
                "small", image_size=_SIZE, classes=_CLASSES, mixed_precision=mixed_precision
            )
            model.get_layer("dropout").rate = 0.0
            optimizer = keras.optimizers.SGD(0.01)
            if mixed_precision == "float16":
                optimizer = keras.optimizers.LossScaleOptimizer(optimizer)
            updater = Updater(model, optimizer, settings, jit_compile=jit_compile)
            placed = {
                "image": tf.constant(batch["image"], tf.float32),
                "label": tf.constant(batch["label"]),
            }

        def train():
            with tf.device(device):
                return np.array([float(updater.step(placed, n)[0]) for n in range(_STEPS)])

        return train

    return measure


def _treatment(name: str) -> Callable:
    def measure(device: str, jit_compile: bool):
        del jit_compile
        import tensorflow as tf

        from bg_interp.data import treatments

        batch = _batch()
        # Without XLA, as everywhere: blur reduces by area, which XLA does not know, and those that
        # draw partners or shares would draw others.
        treat = tf.function(treatments.make(name))
        with tf.device(device):
            placed = [tf.constant(batch[key]) for key in ("image", "mask", "label")]
            key = tf.constant([0, 1])

        def treated():
            with tf.device(device):
                return tf.cast(treat(*placed, key), tf.float32).numpy()

        return treated

    return measure


def _ascent(device: str, jit_compile: bool):
    import tensorflow as tf

    from bg_interp.models import networks
    from bg_interp.visualization import presets
    from bg_interp.visualization.ascent import Ascent

    with tf.device(device):
        model = networks.build("small", image_size=_SIZE, classes=_CLASSES)
        settings = dataclasses.replace(presets.SMALL, steps=8)
        ascent = Ascent(model, settings, jit_compile=jit_compile)

    def ascend():
        with tf.device(device):
            return ascent().activations

    return ascend


def _segmenter(device: str, jit_compile: bool):
    import numpy as np
    import tensorflow as tf

    from bg_interp.masks.segmenters.opening import open_segmenter
    from bg_interp.masks.segmenters.segmenter import Settings

    images = list(_batch()["image"][:4])
    with tf.device(device):
        segmenter = open_segmenter(Settings("object", backend="keras"))

    def segment():
        with tf.device(device):
            return np.stack(segmenter.opacities(images))

    return segment


def _parts() -> list[Part]:
    treatments = ("black", "noise", "mix", "blur", "mean", "swap", "random_mask")
    return [
        Part("training step, float32: losses", 1e-3, _training()),
        Part("training step, bfloat16: losses", 5e-2, _training("bfloat16")),
        Part("training step, float16: losses", 2e-2, _training("float16")),
        *(Part(f"treatment {name}: pixels", 1.0, _treatment(name)) for name in treatments),
        Part("ascent, 8 steps: logits", 5e-2, _ascent),
        Part("Keras segmenter: opacities", 1e-2, _segmenter),
    ]


def _timed(call: Callable) -> float:
    import numpy as np

    times = []
    for _ in range(_ROUNDS.value):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return 1e3 * float(np.median(times))


def _row(part: Part, device: str) -> tuple[str, float, float, float, float] | str:
    """Returns a row of the table, or why the part could not be run."""
    import numpy as np
    import tensorflow as tf

    from bg_interp.errors import UserError

    tf.config.experimental.enable_tensor_float_32_execution(False)
    try:
        there, here = part.measure(device, True), part.measure("/CPU:0", False)
        # The first call of each starts from the same weights: later ones have trained on.
        difference = float(np.abs(there() - here()).max())
    except (UserError, tf.errors.OpError) as error:
        return f"{part.name}: not run, {' '.join(str(error).split())[:200]}"
    tf.config.experimental.enable_tensor_float_32_execution(True)
    return part.name, difference, part.tolerance, _timed(there), _timed(here)


def _main() -> None:
    import tensorflow as tf
    from tabulate import tabulate

    found = tf.config.list_physical_devices("GPU")
    for gpu in found:
        # Otherwise TensorFlow takes all memory at once, and its peak would tell nothing.
        tf.config.experimental.set_memory_growth(gpu, True)
    device = "/GPU:0" if found else "/CPU:0"
    rows = [_row(part, device) for part in _parts()]
    measured = [row for row in rows if not isinstance(row, str)]
    where = "GPU" if found else "CPU by XLA"
    table = [(*row, f"{row[4] / row[3]:.2f}") for row in measured]
    heads = ("", "difference", "tolerated", f"{where}, ms", "CPU, ms", "times as fast")
    print(tabulate(table, heads, tablefmt="github", floatfmt=".2g"))
    for line in (row for row in rows if isinstance(row, str)):
        print(line)
    if found:
        peak = tf.config.experimental.get_memory_info("GPU:0")["peak"] / 2**20
        print(f"peak memory of the GPU, which grew as it was needed: {peak:.0f} MiB")
    else:
        print(
            "no GPU here: what was compared is XLA against the plain graph, both on the CPU. Not "
            "seen: a GPU's arithmetic, cuDNN, TF32, memory growth, and any gain of time"
        )
    wrong = [row[0] for row in measured if not row[1] <= row[2]]
    wrong += [row for row in rows if isinstance(row, str) and "tools/segment.py" not in row]
    if wrong:
        sys.exit(f"not as it should be: {', '.join(wrong)}")


if __name__ == "__main__":
    cli.run(_main, __doc__)
