"""Write a trained network in a form that others can serve.

    python tools/export.py --model=runs/habitats-small-black-0 --format=litert

writes model.tflite, and --format=saved_model saved_model/, which takes images of any size
(serving_default: uint8 [B, H, W, 3]; serve_bytes: encoded JPEG or PNG [B]) and answers with logits,
probabilities, class_index and class_name; it needs neither this package nor Keras.
"""

import sys

try:
    from bg_interp import cli
    from bg_interp.config.export import ExportConfig, check_names
except ModuleNotFoundError as lacking:
    sys.exit(f"error: {sys.executable} lacks {lacking.name}; `make install`, then .venv/bin/python")

cli.define_flags(ExportConfig)


def main() -> None:
    """Exports one model."""
    config = cli.config_from_flags(ExportConfig)
    check_names(config)
    cli.load_tensorflow()
    from bg_interp.commands import export

    for path in export.run(config):
        print(f"wrote {path}")


run = cli.program(main, __doc__)

if __name__ == "__main__":
    run()
