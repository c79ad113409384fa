"""What a second node gains when masks are made, and what one writer can take from a cluster.

    python benchmarks/cluster_masks.py [--images=128] [--simulated=1000000]

needs Ray (`make cluster`) and prints two Markdown tables:

- masks a second of the object segmenter, from one node of one core and from two (goal: 1.8 times),
  both on this machine, which must have two idle cores; the time to the first mask is left out;
- a store filled from keys and a segmenter that answers at once: masks a second, the memory of the
  process that writes, and the seconds until a second run knows that nothing is left to do.
"""

import dataclasses
import pathlib
import resource
import tempfile
import time
from collections.abc import Callable, Iterator

import numpy as np
from absl import flags
from tabulate import tabulate

from bg_interp import cli, cluster
from bg_interp.cluster.machines import Cluster
from bg_interp.masks import blocks, precompute, quality
from bg_interp.masks.segmenters.opening import prepare
from bg_interp.masks.segmenters.segmenter import Settings
from bg_interp.masks.shards import Mask
from bg_interp.masks.store import MaskStore

_IMAGES = flags.DEFINE_integer("images", 128, "images for each core; 0 leaves the nodes out", 0)
_SIMULATED = flags.DEFINE_integer("simulated", 1_000_000, "images of the simulated store", 1)
_BYTES = flags.DEFINE_integer("bytes", 6000, "bytes of each simulated mask", 1)


@dataclasses.dataclass(frozen=True)
class Drawn:
    """A split of noise, each image made when it is asked for."""

    keys: list[str]

    @classmethod
    def of(cls, count: int) -> "Drawn":
        return cls([f"train/{number:08d}.jpg" for number in range(count)])

    def images(self, positions) -> Iterator[np.ndarray]:
        for position in positions:
            generator = np.random.default_rng(position)
            yield generator.integers(0, 256, (320, 320, 3), np.uint8)


@dataclasses.dataclass(frozen=True)
class Source:
    """What a store needs to know of the images."""

    name: str = "simulated"
    fingerprint: str = "simulated"


@dataclasses.dataclass(frozen=True)
class AtOnce:
    """A segmenter that knows its masks already."""

    split: Drawn
    mask: bytes

    def __call__(self, block: blocks.Block) -> blocks.Made:
        good = quality.Quality(0.5, 0.9, quality.OK)
        keys = (self.split.keys[position] for position in block.positions)
        return blocks.Made([Mask(key, self.mask, good) for key in keys], [])


def _masks(machines: Cluster, make: Callable, split: Drawn) -> Iterator[Mask]:
    divided = blocks.divided({"train": split}, set(split.keys))
    for made in machines.in_order(make, divided):
        yield from made.masks


def _per_second(nodes: int) -> float:
    """Returns masks a second of nodes of one core each, once all of them work."""
    from ray import cluster_utils

    started = cluster_utils.Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
    for _ in range(nodes - 1):
        started.add_node(num_cpus=1)
    started.wait_for_nodes()
    settings = Settings("object")
    split = Drawn.of(nodes * (_IMAGES.value + blocks.IMAGES))
    make = blocks.BlockMaker({"train": split}, settings, prepare(settings))
    try:
        with cluster.connect(started.address) as machines:
            times = [time.perf_counter() for _ in _masks(machines, make, split)]
    finally:
        started.shutdown()
    # Blocks arrive whole: from the last mask of each node's first block to the very last one.
    first = nodes * blocks.IMAGES - 1
    return (len(times) - 1 - first) / (times[-1] - times[first])


def _simulated() -> list[tuple[str, str]]:
    split, settings = Drawn.of(_SIMULATED.value), Settings("object")
    make = AtOnce(split, bytes(_BYTES.value))
    with tempfile.TemporaryDirectory() as folder, cluster.connect("local") as machines:

        def opened() -> MaskStore:
            return MaskStore(pathlib.Path(folder), Source(), settings)

        start = time.perf_counter()
        count = sum(1 for _ in precompute.keep(opened(), _masks(machines, make, split)))
        filled = time.perf_counter() - start
        start = time.perf_counter()
        left = len(opened().missing(split.keys, retry_failed=True))
        known = time.perf_counter() - start
        start = time.perf_counter()
        opened().remove_damaged()
        checked = time.perf_counter() - start
    if left:
        raise ValueError(f"all masks must be stored. Received: {left} missing")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    return [
        ("masks", f"{count} of {_BYTES.value} bytes"),
        ("masks a second that one process writes", f"{count / filled:.0f}"),
        ("peak memory of that process, GiB", f"{peak:.2f}"),
        ("seconds to know what is left", f"{known:.1f}"),
        ("seconds to check all shards by their sha256", f"{checked:.1f}"),
    ]


def _main() -> None:
    if _IMAGES.value:
        one, two = _per_second(1), _per_second(2)
        rows = [("one node", f"{one:.2f}", ""), ("two nodes", f"{two:.2f}", f"{two / one:.2f}")]
        print(tabulate(rows, ("object", "masks / s", "times one"), tablefmt="github"))
    print(tabulate(_simulated(), ("simulated", ""), tablefmt="github"))


if __name__ == "__main__":
    cli.run(_main, __doc__)
