"""What people are asked, and how they are reached: the flags of tools/people.py."""

import dataclasses
import re

from bg_interp.cli import FOLDER, POSITIVE, SEED, setting
from bg_interp.errors import UserError

# More buttons than this are no longer chosen from at a glance.
MOST_CLASSES = 24
LOOPBACK = ("127.0.0.1", "localhost", "::1")
# What the tool does instead of serving; one at a time.
_ACTIONS = ("export", "import_results", "forget", "preview", "power", "report")


@dataclasses.dataclass(frozen=True)
class PeopleConfig:
    """The settings of an experiment with people."""

    workdir: str = setting(
        "runs/study",
        "folder of a finished study; the experiment goes into its people/",
        rule=FOLDER,
    )
    visualizations: str | None = setting(
        None,
        "instead of a study's class images: output folders of tools/visualize.py, separated by "
        "commas, of networks that tools/train.py trained; the experiment goes into --workdir's "
        "people/ all the same",
    )
    correlation: float | None = setting(
        None, "which arms of a study with several correlations; default: the only one"
    )
    adversarial_epsilon: float | None = setting(
        None, "which arms of a study with several adversarial epsilons; default: the only one"
    )
    start: str = setting(
        "own",
        "start of the ascent whose class images are shown: each treatment's own mean image, or "
        "one that all share",
        choices=("own", "black", "grey"),
    )
    classes: str | None = setting(
        None,
        f"classes to ask about, separated by commas; default: all; at most {MOST_CLASSES}, "
        "since each is a button",
    )
    naming_trials: int = setting(
        40,
        "class images that each person names; as many as fit for every class equally often, and "
        "no pair of class and seed twice",
        rule=POSITIVE,
    )
    choosing_trials: int = setting(
        16, "trials of each person for each of the two choices between two pictures", rule=POSITIVE
    )
    seed: int = setting(0, "of lists, partners and natural pictures", rule=SEED)
    consent: str | None = setting(
        None,
        "text file that is shown first, in place of the consent text of docs/people.md; an empty "
        "line begins a paragraph",
    )
    host: str = setting(
        "127.0.0.1",
        "address to serve on; any other than the loopback's puts a secret into the link",
    )
    port: int = setting(
        8642, "port to serve on", rule=(lambda value: 1 <= value <= 65535, "must be 1 to 65535")
    )
    export: str | None = setting(None, "write a .jzip file for JATOS instead of serving")
    import_results: str | None = setting(
        None, "read the .jrzip file of results that JATOS exported"
    )
    forget: str | None = setting(
        None, "delete the answers of the person with this number, which their last page showed"
    )
    preview: bool = setting(False, "serve, and store nothing")
    power: bool = setting(
        False,
        "simulate how large a difference a given number of people would detect in this study, "
        "and print it",
    )
    report: bool = setting(False, "put the answers so far into tables and report.html")


def check_flags(config: PeopleConfig) -> str:
    """Checks what needs neither the study nor TensorFlow.

    Returns:
      What is asked for: "serve", or the name of the flag that asks for something else.

    Raises:
      UserError: flags that exclude each other, or a value of the wrong form.
    """
    asked = [name for name in _ACTIONS if getattr(config, name)]
    if len(asked) > 1:
        raise UserError(f"--{asked[0]} and --{asked[1]} exclude each other: give one of them")
    if config.export and not config.export.endswith(".jzip"):
        raise UserError(f"--export must name a .jzip file. Received: {config.export!r}")
    if config.forget and not re.fullmatch("[0-9a-f]{24}", config.forget):
        raise UserError(
            "--forget must be a person's number, 24 digits and letters a to f. "
            f"Received: {config.forget!r}"
        )
    return asked[0] if asked and asked[0] != "preview" else "serve"


def names(text: str | None) -> list[str]:
    """Returns the parts of a text that commas separate."""
    return [part.strip() for part in (text or "").split(",") if part.strip()]
