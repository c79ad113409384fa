"""What MediaPipe costs beside the network itself, and what a second worker process gains.

    python benchmarks/segmentation.py

Prints Markdown tables. The selfie model runs on a 256 px image, so that nothing is resized:

- "bare LiteRT invoke": a ready float tensor copied in, invoke, the mask copied out;
- "LiteRT from the image": the same with the uint8 image scaled to [0, 1] by NumPy first, which is
  what a user without MediaPipe would write;
- "MediaPipe adapter": `Segmenter.opacities`, checks included.

The alternatives run in turn, in one process; medians over the rounds. Of the adapter's surplus
about 0.7 ms depend on the size of the input, 0.35 ms on that of the output, and the rest is fixed:
a model of one 1x1 convolution shows the same. Neither MediaPipe's video mode, nor an input of
uint8, nor other allocator settings change that by more than 0.2 ms.
"""

import time
from collections.abc import Callable, Iterator

import numpy as np
from absl import flags
from tabulate import tabulate

from bg_interp import cli

FLAGS = flags.FLAGS
flags.DEFINE_integer("rounds", 20, "rounds of the comparison with LiteRT")
flags.DEFINE_integer("images", 24, "images for each worker; the selfie model takes ten times more")

_CALLS = 10  # In each round.


def medians(alternatives: dict[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """Returns the median milliseconds of a call, the alternatives run in turn."""
    for call in alternatives.values():
        call()
    times: dict[str, list[float]] = {name: [] for name in alternatives}
    for _ in range(rounds):
        for name, call in alternatives.items():
            started = time.perf_counter()
            for _ in range(_CALLS):
                call()
            times[name].append((time.perf_counter() - started) / _CALLS * 1e3)
    return {name: np.median(values) for name, values in times.items()}


def overhead(rounds: int) -> dict[str, float]:
    import tensorflow as tf
    from PIL import Image
    from skimage import data

    from bg_interp.masks.segmenters.opening import open_segmenter, prepare
    from bg_interp.masks.segmenters.segmenter import Settings

    settings = Settings("selfie")
    path = prepare(settings)
    image = np.asarray(Image.fromarray(data.astronaut()).resize((256, 256)))
    ready = image[None].astype(np.float32) / 255
    interpreter = tf.lite.Interpreter(str(path), num_threads=1)
    interpreter.allocate_tensors()
    given = interpreter.get_input_details()[0]["index"]
    wanted = interpreter.get_output_details()[0]["index"]

    def invoke(tensor: np.ndarray) -> np.ndarray:
        interpreter.set_tensor(given, tensor)
        interpreter.invoke()
        return interpreter.get_tensor(wanted)

    with open_segmenter(settings, path) as segmenter:
        difference = np.abs(segmenter.opacities([image])[0] - invoke(ready)[0, ..., 0]).max()
        if difference > 0.01:
            raise ValueError(f"MediaPipe and LiteRT must agree. Received: {difference=}")
        return medians(
            {
                "bare LiteRT invoke": lambda: invoke(ready),
                "LiteRT from the image": lambda: invoke(
                    np.multiply(image, np.float32(1 / 255), dtype=np.float32)[None]
                ),
                "MediaPipe adapter": lambda: segmenter.opacities([image]),
            },
            rounds,
        )


def images_per_second(name: str, workers: int, count: int) -> float:
    """Returns the rate once every worker has started: from the first answers to the last."""
    from skimage import data

    from bg_interp.masks import workers as processes
    from bg_interp.masks.segmenters.opening import prepare
    from bg_interp.masks.segmenters.segmenter import Settings

    settings = Settings(name)
    photograph = data.astronaut()[:400, :400]

    def keyed() -> Iterator[tuple[str, np.ndarray]]:
        return ((str(number), photograph) for number in range(count))

    started, warm = 0.0, 2 * workers
    masks = processes.make_masks(keyed(), settings, prepare(settings), workers)
    for number, _ in enumerate(masks):
        if number == warm:
            started = time.perf_counter()
    return (count - 1 - warm) / (time.perf_counter() - started)


def main() -> None:
    times = overhead(FLAGS.rounds)
    bare = times["bare LiteRT invoke"]
    rows = [[name, value, value / bare] for name, value in times.items()]
    header = ["selfie model, 256 px", "ms an image", "against bare"]
    print(tabulate(rows, header, tablefmt="github", floatfmt=".2f"), "\n")

    rows = []
    for name, count in (("object", FLAGS.images), ("selfie", 10 * FLAGS.images)):
        # One, two, one: a machine that is busy for a while shows as two unequal ends.
        rates = [images_per_second(name, workers, workers * count) for workers in (1, 2, 1)]
        rows.append([name, rates[0], rates[2], rates[1], 2 * rates[1] / (rates[0] + rates[2])])
    header = ["masks a second, 400 px", "one worker", "again", "two workers", "gain"]
    print(tabulate(rows, header, tablefmt="github", floatfmt=".2f"))


if __name__ == "__main__":
    cli.run(main, __doc__)
