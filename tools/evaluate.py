"""Measure how much an image classifier relies on backgrounds, and which images show it.

    python tools/evaluate.py --model=runs/habitats-small-none-0

prints the accuracy on eight variants of the test images (object on black, background alone, object
on another background, ...) with 95 % intervals, BG-Gap (Xiao et al. 2020), and the worst group of
images; and writes evaluation/ into the run's folder: report.html, one page to show to others,
results.json and images.csv with all numbers, variants.png, confusion.png.

    python tools/evaluate.py --model=classifier.keras --dataset=folder:photos

audits a classifier that was trained elsewhere, after
`python tools/segment.py --dataset=folder:photos` has made masks of its test images.

    python tools/evaluate.py --model=... --fail_if='bg_gap>0.1,worst_group<0.6'

ends with exit code 3 when a measure is too bad, for continuous integration, and with 4 when
something is in doubt, so that nothing can be judged.

    python tools/evaluate.py --leak --dataset=folder:photos

measures how well backgrounds alone predict the label, before anything is trained.
"""

import sys

try:
    from bg_interp import cli
    from bg_interp.config.data import COMPOSITES_ALONE
    from bg_interp.config.evaluation import NO_FLAGS, EvaluateConfig, check_names
except ModuleNotFoundError as lacking:
    sys.exit(f"error: {sys.executable} lacks {lacking.name}; `make install`, then .venv/bin/python")

cli.define_flags(EvaluateConfig, leaving_out=NO_FLAGS)


def main() -> None:
    """Audits one model, prints the tables and writes the output folder."""
    config = cli.config_from_flags(EvaluateConfig, leaving_out=NO_FLAGS)
    check_names(config)
    # TensorFlow takes seconds to import; a mistyped flag is refused before.
    cli.load_tensorflow()
    from bg_interp.commands import evaluate

    if config.model is None:
        leak = evaluate.leak(config)
        print(leak)
        code = evaluate.exit_code({"leak": leak.accuracy}, config)
    else:
        found, folder = evaluate.run(config), evaluate.output_folder(config)
        print(found)
        written = "report.html, results.json, images.csv, variants.png, confusion.png"
        print(f"written: {folder}/{written}")
        code = evaluate.exit_code(found.measures, config, found.doubts)
    if code:
        sys.exit(code)


run = cli.program(
    main,
    __doc__,
    first="model dataset masks class_names input_range output_kind class_images leak fail_if "
    "junit seed output",
    last=COMPOSITES_ALONE,
)

if __name__ == "__main__":
    run()
