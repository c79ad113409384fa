"""Measure how much an image classifier relies on backgrounds, and which images show it.

    python tools/evaluate.py --model=runs/habitats-small-none-0

prints how much accuracy depends on the class of the background (reliance, 0 to 1), the accuracy on
eight variants of the test images (object on black, background alone, object on another background,
...), controls of the method, and the worst group of images, with 95 % intervals; and writes
evaluation/ into the run's folder: report.html, one page to show to others, results.json and
images.csv with all numbers, variants.png, confusion.png.

    python tools/evaluate.py --model=classifier.keras --dataset=folder:photos

audits a classifier that was trained elsewhere, after
`python tools/segment.py --dataset=folder:photos` has made masks of its test images.

    python tools/evaluate.py --model=... --must='reliance<0.1'

is a check for continuous integration. --fail_if ends with exit code 3 when a measure's whole
interval is too bad. --must passes only when the whole interval is good enough; exit code 4 says
that there are too few images to tell, or that something is in doubt.
--must='reliance<baseline+0.02' --baseline=old.keras (or its results.json) compares with an earlier
model, image by image.

    python tools/evaluate.py --leak --dataset=folder:photos

measures how well backgrounds alone predict the label, before anything is trained.
"""

import sys

try:
    from bg_interp import cli
    from bg_interp.config.classifier import NO_FLAGS, check_names
    from bg_interp.config.data import COMPOSITES_ALONE
    from bg_interp.config.evaluation import EvaluateConfig
    from bg_interp.evaluation import gate
except ModuleNotFoundError as lacking:
    sys.exit(f"error: {sys.executable} lacks {lacking.name}; `make install`, then .venv/bin/python")

cli.define_flags(EvaluateConfig, leaving_out=NO_FLAGS)


def main() -> None:
    """Audits one model, prints the tables and writes the output folder."""
    config = cli.config_from_flags(EvaluateConfig, leaving_out=NO_FLAGS)
    check_names(config)
    gate.check_flags(config)
    # TensorFlow takes seconds to import; a mistyped flag is refused before.
    cli.load_tensorflow()
    from bg_interp.commands import evaluate

    found = evaluate.leak(config) if config.model is None else evaluate.run(config)
    print(found)
    if config.model is not None:
        folder = evaluate.output_folder(config)
        written = "report.html, results.json, images.csv, variants.png, confusion.png"
        print(f"written: {folder}/{written}")
    if code := evaluate.exit_code(found, config):
        sys.exit(code)


run = cli.program(
    main,
    __doc__,
    first="model dataset masks class_names class_images leak must fail_if baseline output",
    last=COMPOSITES_ALONE,
)

if __name__ == "__main__":
    run()
