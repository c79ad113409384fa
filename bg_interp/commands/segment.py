"""Masks of a dataset, made once and kept; what they are worth, shown and counted.

`tools/segment.py` is its command line.
"""

import dataclasses
import html
import os
import pathlib
import sys
from collections.abc import Generator, Iterator

import numpy as np
import tqdm
from PIL import Image

from bg_interp import cluster, pictures, programs
from bg_interp.config.segmentation import SegmentConfig, check_names
from bg_interp.data.sources import Source, open_each_once
from bg_interp.errors import UserError
from bg_interp.masks import blocks, precompute, store
from bg_interp.masks.review import gallery, scores, summary
from bg_interp.masks.review.scores import Scores
from bg_interp.masks.segmenters import kinds, opening
from bg_interp.masks.segmenters.segmenter import Settings
from bg_interp.masks.shards import Mask
from bg_interp.storage import files

_LISTED = 10  # Bad masks that are printed; the others stand in the list's file.
_GALLERY = 48


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Segmented:
    """The masks of a dataset.

    Attributes:
      masks: where they stand.
      verdicts: how many have each verdict, and a line on each bad one.
      least_certain: the classes of the lowest mean self-IoU with it, the lowest first.
      bad_masks: a text file that lists all bad masks.
      pngs: the folder that they were exported to, if any.
      gallery: a picture of the least certain ones, if any.
      scores: how they compare with the dataset's own masks, if asked.
    """

    masks: store.MaskStore
    verdicts: summary.Summary
    least_certain: list[tuple[str, float]]
    bad_masks: pathlib.Path
    pngs: pathlib.Path | None = None
    gallery: pathlib.Path | None = None
    scores: Scores | None = None

    def __str__(self) -> str:
        counts, bad = self.verdicts.counts, self.verdicts.bad
        lines = [f"{sum(counts.values())} masks in {self.masks.folder}"]
        lines.append(", ".join(f"{count} {verdict}" for verdict, count in counts.items()))
        lines += bad[:_LISTED]
        if bad:
            lines.append(f"all {len(bad)} are listed in {self.bad_masks}")
        classes = ", ".join(f"{name} {value:.2f}" for name, value in self.least_certain)
        lines.append(f"least certain classes (self-IoU): {classes}")
        if self.pngs:
            lines.append(f"PNGs: {self.pngs}")
        if self.gallery:
            events = self.gallery.parent / "events"
            board = programs.found("tensorboard")
            lines.append(f"gallery: {self.gallery}; {board} --logdir={events}")
        if self.scores:
            lines.append(str(self.scores))
        return "\n".join(lines)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        """Shows the least certain masks, where a picture of them was asked for."""
        if self.gallery is None:
            return f"<pre>{html.escape(str(self))}</pre>"
        with Image.open(self.gallery) as sheet:
            return pictures.html_image(np.asarray(sheet.convert("RGB")), str(self))


def fetch_models() -> dict[str, pathlib.Path]:
    """Downloads the model of every segmenter that has one; returns where each stands.

    Raises:
      UserError: a model can be had from nowhere.
    """
    registered = [name for name, kind in kinds.KINDS.items() if kind.model]
    return {name: opening.prepare(Settings(name), fetch=True) for name in registered}


def run(config: SegmentConfig) -> Segmented:
    """Makes the masks that are missing, and does what else is asked for.

    Raises:
      UserError: images, segmenter or files that cannot be used.
    """
    check_names(config)
    settings = Settings(
        name=config.segmenter,
        model=_expanded(config.segmenter_model),
        category=config.segmenter_category,
        backend=config.segmenter_backend,
    )
    settings.check()
    if config.on_cluster:
        cluster.check(config.cluster)
    source = open_each_once(config)
    if config.score and not source.has_masks:
        raise UserError(f"--score needs a dataset with masks. Received: --dataset={config.dataset}")
    root = pathlib.Path(_expanded(config.mask_store) or store.default_root())
    masks = store.MaskStore(root, source, settings, config.flags())
    keys = [key for split in source.splits.values() for key in split.keys]
    _fill(config, source, masks, keys)
    found = _summed_up(source, masks)
    if folder := _expanded(config.export_png):
        masks.export_png(keys, pathlib.Path(folder))
        found = dataclasses.replace(found, pngs=pathlib.Path(folder))
    if config.gallery:
        shown = _show_least_certain(source, masks, found.verdicts.share_bad)
        found = dataclasses.replace(found, gallery=shown)
    if config.score:
        found = dataclasses.replace(found, scores=_compared(source, masks))
    return found


def _expanded(path: str | None) -> str | None:
    """Returns a path with its `~` replaced, which shells leave alone behind an equals sign."""
    return os.path.expanduser(path) if path else None


def _images(
    source: Source, wanted: set[str], problems: list[str]
) -> Iterator[tuple[str, np.ndarray]]:
    """Yields keys and images; what can no longer be read is noted in `problems`."""
    for split in source.splits.values():
        positions = [place for place, key in enumerate(split.keys) if key in wanted]
        yield from blocks.readable(split, positions, problems)


def _on_cluster(
    config: SegmentConfig,
    source: Source,
    masks: store.MaskStore,
    path: pathlib.Path,
    missing: set[str],
    problems: list[str],
) -> Generator[Mask, None, None]:
    """Makes masks on all machines of a cluster; they come in the order of the images."""
    make = blocks.BlockMaker(source.splits, masks.settings, path)
    with cluster.connect(config.cluster, config.workers) as machines:
        # A segmenter that runs in batches fills a GPU where there are any.
        on_gpu = masks.settings.backend == "keras" and machines.places(0, 1) > 0
        divided = blocks.divided(source.splits, missing)
        for made in machines.in_order(make, divided, gpus=float(on_gpu)):
            problems += made.problems
            yield from made.masks


def _fill(config: SegmentConfig, source: Source, masks: store.MaskStore, keys: list[str]) -> None:
    for line in masks.remove_damaged():
        print(line, file=sys.stderr)
    missing = {keys[position] for position in masks.missing(keys, retry_failed=True)}
    if not missing:
        return
    path = opening.prepare(masks.settings, config.fetch_models)
    problems: list[str] = []
    if config.on_cluster:
        made = _on_cluster(config, source, masks, path, missing, problems)
        stored = precompute.keep(masks, made)
    else:
        workers = min(config.workers or os.cpu_count() or 1, len(missing))
        images = _images(source, missing, problems)
        stored = precompute.fill(masks, images, path, workers)
    with tqdm.tqdm(
        total=len(keys), initial=len(keys) - len(missing), unit="image", desc="masks"
    ) as bar:
        for _ in stored:
            bar.update()
    for problem in problems:
        print(f"no mask of {problem}", file=sys.stderr)


def _summed_up(source: Source, masks: store.MaskStore) -> Segmented:
    """Sums up the verdicts, and lists the bad masks in a file."""
    class_of = {
        key: source.class_names[label]
        for split in source.splits.values()
        for key, label in zip(split.keys, split.labels, strict=True)
    }
    entries = {key: entry for key, entry in masks.entries().items() if key in class_of}
    verdicts = summary.summarise(entries)
    listed = masks.folder / "bad_masks.txt"
    files.write_text(listed, "".join(line + "\n" for line in verdicts.bad))
    return Segmented(masks, verdicts, summary.least_certain_classes(entries, class_of), listed)


def _show_least_certain(source: Source, masks: store.MaskStore, share_bad: float) -> pathlib.Path:
    entries = masks.entries()
    least_certain = sorted(entries, key=lambda key: entries[key].quality.self_iou)[:_GALLERY]
    panels = {
        key: gallery.panel(gallery.Shown(key, image, masks.mask(key), entries[key].quality))
        for key, image in _images(source, set(least_certain), [])
    }
    ordered = [panels[key] for key in least_certain if key in panels]
    if not ordered:
        raise UserError(f"--gallery needs at least one mask. Received: none in {masks.folder}")
    folder = masks.folder / "gallery"
    gallery.write_sheet(folder / "gallery.png", ordered)
    gallery.write_events(folder / "events", ordered, share_bad)
    return folder / "gallery.png"


def _compared(source: Source, masks: store.MaskStore) -> Scores:
    """Compares masks with those of the dataset itself."""
    entries, ious, errors = masks.entries(), [], []
    for split in source.splits.values():
        positions = [place for place, key in enumerate(split.keys) if key in entries]
        truths = split.masks(positions)  # type: ignore[attr-defined]  # The source has masks.
        for position, truth in zip(positions, truths, strict=True):
            mask = masks.mask(split.keys[position])
            ious.append(scores.iou(mask, truth[..., 0]))
            errors.append(scores.boundary_error(mask, truth[..., 0]))
    return scores.summarise(ious, errors)
