"""Makes the foreground masks of a folder of photographs or a TFDS dataset, once, and keeps them.

    python tools/segment.py --fetch_models
    python tools/segment.py --dataset=folder:photos --segmenter=object --gallery

The first command downloads the models, checks them, and ends. The second makes a mask of every
image; killed and started again it goes on where it was. It prints how many masks look wrong and
lists them, and writes a picture of the least certain ones. Afterwards
`python tools/train.py --dataset=folder:photos --masks=object` trains with these masks.
"""

import os
import pathlib
import sys
from collections.abc import Generator, Iterator
from typing import TYPE_CHECKING

from bg_interp import cli
from bg_interp.config.segmentation import SegmentConfig, check_names
from bg_interp.errors import UserError

if TYPE_CHECKING:
    import numpy as np

    from bg_interp.data.sources import Source
    from bg_interp.masks.segmenters.segmenter import Settings
    from bg_interp.masks.shards import Mask
    from bg_interp.masks.store import MaskStore

_LISTED = 10  # Bad masks that are printed; the others stand in the list's file.
_GALLERY = 48

cli.define_flags(SegmentConfig)


def _expanded(path: str | None) -> str | None:
    """Returns a path with its `~` replaced, which shells leave alone behind an equals sign."""
    return os.path.expanduser(path) if path else None


def _settings(config: SegmentConfig) -> "Settings":
    from bg_interp.masks.segmenters.segmenter import Settings

    settings = Settings(
        name=config.segmenter,
        model=_expanded(config.segmenter_model),
        category=config.segmenter_category,
        backend=config.segmenter_backend,
    )
    settings.check()
    return settings


def _fetch_all() -> None:
    from bg_interp.masks.segmenters.kinds import KINDS
    from bg_interp.masks.segmenters.opening import prepare
    from bg_interp.masks.segmenters.segmenter import Settings

    for name in (name for name, kind in KINDS.items() if kind.model):
        print(f"{name}: {prepare(Settings(name), fetch=True)}")


def _images(
    source: "Source", wanted: set[str], problems: list[str]
) -> "Iterator[tuple[str, np.ndarray]]":
    """Yields keys and images; what can no longer be read is noted in `problems`."""
    from bg_interp.masks import blocks

    for split in source.splits.values():
        positions = [place for place, key in enumerate(split.keys) if key in wanted]
        yield from blocks.readable(split, positions, problems)


def _on_cluster(
    config: SegmentConfig,
    source: "Source",
    store: "MaskStore",
    path: pathlib.Path,
    missing: set[str],
    problems: list[str],
) -> "Generator[Mask, None, None]":
    """Makes masks on all machines of a cluster; they come in the order of the images."""
    from bg_interp import cluster
    from bg_interp.masks import blocks

    make = blocks.BlockMaker(source.splits, store.settings, path)
    with cluster.connect(config.cluster, config.workers) as machines:
        # A segmenter that runs in batches fills a GPU where there are any.
        on_gpu = store.settings.backend == "keras" and machines.places(0, 1) > 0
        divided = blocks.divided(source.splits, missing)
        for made in machines.in_order(make, divided, gpus=float(on_gpu)):
            problems += made.problems
            yield from made.masks


def _fill(config: SegmentConfig, source: "Source", store: "MaskStore", keys: list[str]) -> None:
    import tqdm

    from bg_interp.masks import precompute
    from bg_interp.masks.segmenters.opening import prepare

    for line in store.remove_damaged():
        print(line, file=sys.stderr)
    missing = {keys[position] for position in store.missing(keys, retry_failed=True)}
    if not missing:
        return
    path = prepare(store.settings, config.fetch_models)
    problems: list[str] = []
    if config.on_cluster:
        made = _on_cluster(config, source, store, path, missing, problems)
        masks = precompute.keep(store, made)
    else:
        workers = min(config.workers or os.cpu_count() or 1, len(missing))
        masks = precompute.fill(store, _images(source, missing, problems), path, workers)
    with tqdm.tqdm(
        total=len(keys), initial=len(keys) - len(missing), unit="image", desc="masks"
    ) as bar:
        for _ in masks:
            bar.update()
    for problem in problems:
        print(f"no mask of {problem}", file=sys.stderr)


def _report(source: "Source", store: "MaskStore") -> float:
    """Prints the verdicts and lists the bad masks; returns their share."""
    from bg_interp.masks.summary import least_certain_classes, summarise
    from bg_interp.storage import files

    class_of = {
        key: source.class_names[label]
        for split in source.splits.values()
        for key, label in zip(split.keys, split.labels, strict=True)
    }
    entries = {key: entry for key, entry in store.entries().items() if key in class_of}
    found = summarise(entries)
    print(f"{sum(found.counts.values())} masks in {store.folder}")
    print(", ".join(f"{count} {verdict}" for verdict, count in found.counts.items()))
    for line in found.bad[:_LISTED]:
        print(line)
    listed = store.folder / "bad_masks.txt"
    files.write_text(listed, "".join(line + "\n" for line in found.bad))
    if found.bad:
        print(f"all {len(found.bad)} are listed in {listed}")
    worst = least_certain_classes(entries, class_of)
    print("least certain classes (self-IoU): " + ", ".join(f"{n} {v:.2f}" for n, v in worst))
    return found.share_bad


def _gallery(source: "Source", store: "MaskStore", share_bad: float) -> None:
    from bg_interp.masks import gallery

    entries = store.entries()
    least_certain = sorted(entries, key=lambda key: entries[key].quality.self_iou)[:_GALLERY]
    panels = {
        key: gallery.panel(gallery.Shown(key, image, store.mask(key), entries[key].quality))
        for key, image in _images(source, set(least_certain), [])
    }
    ordered = [panels[key] for key in least_certain if key in panels]
    if not ordered:
        raise UserError(f"--gallery needs at least one mask. Received: none in {store.folder}")
    folder = store.folder / "gallery"
    gallery.write_sheet(folder / "gallery.png", ordered)
    gallery.write_events(folder / "events", ordered, share_bad)
    print(f"gallery: {folder / 'gallery.png'}; tensorboard --logdir={folder / 'events'}")


def _score(source: "Source", store: "MaskStore") -> None:
    from bg_interp.masks import scores

    entries, ious, errors = store.entries(), [], []
    for split in source.splits.values():
        positions = [place for place, key in enumerate(split.keys) if key in entries]
        truths = split.masks(positions)  # type: ignore[attr-defined]
        for position, truth in zip(positions, truths, strict=True):
            mask = store.mask(split.keys[position])
            ious.append(scores.iou(mask, truth[..., 0]))
            errors.append(scores.boundary_error(mask, truth[..., 0]))
    found = scores.summarise(ious, errors)
    print(
        f"against the dataset's own masks, {found.count} images: mean IoU {found.mean_iou:.3f}, "
        f"median {found.median_iou:.3f}, below 0.5 {found.share_below_half:.1%}, boundary error "
        f"{found.boundary_error:.2%} of the diagonal"
    )


def main() -> None:
    """Fetches models, makes masks, and does what else the flags ask for."""
    config = cli.config_from_flags(SegmentConfig)
    check_names(config)
    if not config.dataset:
        _fetch_all()
        return
    settings = _settings(config)
    cli.load_tensorflow()

    from bg_interp.data import sources
    from bg_interp.masks import store as stores

    source = sources.open_source(config)
    if config.score and not source.has_masks:
        raise UserError(f"--score needs a dataset with masks. Received: --dataset={config.dataset}")
    chosen = _expanded(config.mask_store)
    root = pathlib.Path(chosen) if chosen else stores.default_root()
    store = stores.MaskStore(root, source, settings, config.dataset)
    keys = [key for split in source.splits.values() for key in split.keys]
    _fill(config, source, store, keys)
    share_bad = _report(source, store)
    if folder := _expanded(config.export_png):
        store.export_png(keys, pathlib.Path(folder))
        print(f"PNGs: {folder}")
    if config.gallery:
        _gallery(source, store, share_bad)
    if config.score:
        _score(source, store)


def run() -> None:
    """Runs the tool; the console script."""
    cli.run(main, __doc__)


if __name__ == "__main__":
    run()
