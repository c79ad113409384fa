"""What an evaluation costs beside the forward passes that it needs, and what its page costs.

    python benchmarks/evaluate.py [--rounds=5]

prints a Markdown table for untrained networks on the 400 test images of habitats: seconds of
`measure` (attribution aside, graphs traced anew), of bare forward passes of the same images, and
their ratio, medians over rounds that take turns; then the seconds that the page takes and its
size. Seconds are of CPU, so that other work on the machine tells little. Goals: a ratio of at most
1.5, a page in at most 10 s and of at most 3 MB.
"""

import os
import pathlib
import platform
import tempfile
import time
from collections.abc import Callable
from typing import Any
from unittest import mock

from absl import flags

from bg_interp import cli

_ROUNDS = flags.DEFINE_integer("rounds", 5, "how often each takes its turn", 1)
# (network, side of its images, backgrounds of the adversarial measure)
_CASES = (("small", 64, 0), ("small", 64, 8), ("MobileNetV2", 96, 8))


def _timed(work: Callable[[], Any]) -> tuple[float, Any]:
    start = time.process_time()
    result = work()
    return time.process_time() - start, result


def _asked(work: Callable[[], Any]) -> list:
    """Returns all arrays of images that a model is asked about in `work`."""
    from bg_interp.evaluation import arrays

    asked = []

    def predict(model: Any, images: Any) -> Any:
        asked.append(images)
        return arrays.predict(model, images)

    with (
        mock.patch("bg_interp.evaluation.reliance.variants.predict", predict),
        mock.patch("bg_interp.evaluation.reliance.adversarial.predict", predict),
        mock.patch("bg_interp.evaluation.reliance.controls.predict", predict),
    ):
        work()
    return asked


def _case(network: str, side: int, backgrounds: int, rounds: int) -> tuple[list, Any]:
    import numpy as np

    from bg_interp.commands import subject
    from bg_interp.config.evaluation import EvaluateConfig
    from bg_interp.data.opening import open_in_memory
    from bg_interp.evaluation import measuring
    from bg_interp.evaluation.arrays import Arrays, compiled, predict
    from bg_interp.models import networks
    from bg_interp.models.adapter import AdaptedModel

    config = EvaluateConfig(
        dataset="habitats", masks="auto", image_size=side, resize="smooth", leak=True
    )
    source = subject.open_images(config)
    test = Arrays.of(open_in_memory(source, "test", config).arrays)
    names = source.class_names
    model = AdaptedModel(networks.build(network, image_size=side, classes=len(names)))

    def measure() -> Any:
        return measuring.measure(model, test, names, backgrounds=backgrounds, explains=False)

    images = _asked(measure)

    def bare() -> None:
        graph = compiled(model)
        for some in images:
            predict(graph, some)

    seconds = {"bare": [], "measure": []}
    for _ in range(rounds):
        seconds["bare"].append(_timed(bare)[0])
        spent, found = _timed(measure)
        seconds["measure"].append(spent)
    ratios = np.array(seconds["measure"]) / seconds["bare"]
    row = [network, side, backgrounds, sum(map(len, images))]
    row += [f"{np.median(seconds[name]):.2f}" for name in ("measure", "bare")]
    return [*row, f"{np.median(ratios):.2f} ({ratios.min():.2f} to {ratios.max():.2f})"], found


def _page(found: Any) -> None:
    from bg_interp.report import evaluation as page

    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder, "report.html")
        spent, _ = _timed(lambda: page.writer("", [])(path, found))
        size = path.stat().st_size
    count = len(found.test.labels)
    print(f"\npage of {count} images: {spent:.1f} s of CPU, {size / 1e6:.2f} MB")


def main() -> None:
    """Measures and prints."""
    import tensorflow as tf
    from tabulate import tabulate

    print(f"{platform.machine()}, {os.cpu_count()} cores, TensorFlow {tf.__version__}\n")
    rows = []
    for case in _CASES:
        row, found = _case(*case, _ROUNDS.value)
        rows.append(row)
    heads = (
        "network",
        "side",
        "backgrounds",
        "forward passes",
        "measure, CPU s",
        "bare, CPU s",
        "ratio",
    )
    print(tabulate(rows, heads, tablefmt="github", disable_numparse=True))
    _page(found)


if __name__ == "__main__":
    cli.run(main, __doc__)
