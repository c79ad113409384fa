"""Ask people what the class images of a study show: an experiment, its server, its numbers.

    python tools/people.py --workdir=runs/study

makes an experiment from a finished study, prints a link, and serves it until it is stopped; the
same command resumes. Whoever opens the link names class images and chooses between natural
pictures for about five minutes; they are identified only by a random number.

    python tools/people.py --preview    # walk through it; nothing is stored
    python tools/people.py --power      # how many people are needed
    python tools/people.py --report     # answers into tables and report.html

--host=0.0.0.0 serves the local network. --export and --import_results use JATOS, which serves the
experiment on the internet.
"""

import sys

try:
    from bg_interp import cli
    from bg_interp.config.people import PeopleConfig, check_flags
except ModuleNotFoundError as lacking:
    sys.exit(f"error: {sys.executable} lacks {lacking.name}; `make install`, then .venv/bin/python")

cli.define_flags(PeopleConfig)


def main() -> None:
    """Does what the flags ask for."""
    config = cli.config_from_flags(PeopleConfig)
    action = check_flags(config)
    from bg_interp.people import actions

    getattr(actions, action)(config)
    if action in ("report", "import_results") and config.visualizations is None:
        cli.load_tensorflow()
        from bg_interp.study import run as studies

        studies.write_again(actions.workdir(config))


run = cli.program(
    main,
    __doc__,
    first="workdir preview power report host port classes naming_trials export import_results "
    "forget",
)

if __name__ == "__main__":
    run()
