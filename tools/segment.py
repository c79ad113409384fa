"""Make the foreground masks of a folder of photographs or a TFDS dataset, once, and keep them.

    python tools/segment.py --fetch_models
    python tools/segment.py --dataset=folder:photos --gallery
    python tools/segment.py --check --dataset=waterbirds:PATH

The first command downloads the models, checks them, and ends. The second makes a mask of every
image; after a kill, the same command resumes. It prints how many masks look wrong and lists them,
and writes a picture of the least certain ones. Then train, evaluate and repair use these masks with
--masks=object. The third makes none: it prints how a dataset and its masks are understood, and
draws some of them.
"""

import sys

try:
    from bg_interp import cli
    from bg_interp.config.data import COMPOSITES_ALONE
    from bg_interp.config.segmentation import SegmentConfig, check_names
    from bg_interp.masks.segmenters import kinds
except ModuleNotFoundError as lacking:
    sys.exit(f"error: {sys.executable} lacks {lacking.name}; `make install`, then .venv/bin/python")

cli.define_flags(SegmentConfig)


def main() -> None:
    """Fetches models, or makes masks and prints what they are worth."""
    config = cli.config_from_flags(SegmentConfig)
    check_names(config)
    model, category = config.segmenter_model, config.segmenter_category
    if config.dataset:
        kinds.check(config.segmenter, model, category, config.segmenter_backend)
    cli.load_tensorflow()
    from bg_interp.commands import checking, segment

    if config.dataset and config.check:
        print(checking.run(config))
        return
    if config.dataset:
        print(segment.run(config))
        return
    for name, path in segment.fetch_models().items():
        print(f"{name}: {path}")


run = cli.program(
    main,
    __doc__,
    first="dataset check masks segmenter fetch_models gallery export_png mask_store workers",
    last=COMPOSITES_ALONE,
)

if __name__ == "__main__":
    run()
