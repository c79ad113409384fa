"""See it in two minutes: a network that learns backgrounds, what that costs, and what helps.

    python tools/demo.py

draws pictures of eight classes, trains a network on them unmodified and one with black
backgrounds, audits both, repairs the first, and writes runs/demo/index.html, which tells the
story. It needs no network and no GPU. The same command resumes one that was stopped.
"""

import sys
import time
import webbrowser

try:
    from bg_interp import cli
    from bg_interp.config.demo import DemoConfig
except ModuleNotFoundError as lacking:
    sys.exit(f"error: {sys.executable} lacks {lacking.name}; `make install`, then .venv/bin/python")

cli.define_flags(DemoConfig)


def main() -> None:
    """Runs the demonstration and names its page."""
    started = time.monotonic()
    config = cli.config_from_flags(DemoConfig)
    cli.load_tensorflow()
    from bg_interp.commands import demo

    page = demo.run(config)
    print(f"done in {time.monotonic() - started:.0f} s; open this page in a browser:\n{page}")
    if config.open:
        webbrowser.open(page.absolute().as_uri())


run = cli.program(main, __doc__)

if __name__ == "__main__":
    run()
