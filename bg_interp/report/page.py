"""The shell of every page: one HTML file, light and dark, wide and narrow, without the network.

Everything that comes from data, class names above all, is escaped by the template engine.
"""

import dataclasses
import pathlib
import shlex
from collections.abc import Mapping, Sequence
from typing import Any

import jinja2
import markupsafe

from bg_interp import programs
from bg_interp.config.annotations import READERS
from bg_interp.messages import as_html
from bg_interp.storage import files

# Settings that name places on somebody's machine.
PRIVATE = (
    "workdir",
    "data_dir",
    "mask_store",
    "model",
    "output",
    "weights",
    "judge_weights",
    "questions",
    "class_names",
)


def render(package: str, template: str, context: Mapping[str, Any]) -> str:
    """Fills a template that extends page.html.j2.

    Args:
      package: the package beside whose modules the template stands.
      template: its file name.
      context: everything that it shows; a name that it lacks is an error.
    """
    environment = jinja2.Environment(
        loader=jinja2.ChoiceLoader(
            [jinja2.PackageLoader(name, ".") for name in (package, "bg_interp.report")]
        ),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["share"] = share
    environment.filters["interval"] = interval
    environment.filters["message"] = message
    return environment.get_template(template).render(context)


def write(path: pathlib.Path, package: str, template: str, context: Mapping[str, Any]) -> None:
    """Writes a page, whole or not at all; see `render`.

    Raises:
      UserError: the file cannot be written.
    """
    files.write_text(path, render(package, template, context))


def drawn(svg: str) -> markupsafe.Markup:
    """Marks an <svg> element of `figures` as one that is not to be escaped."""
    return markupsafe.Markup(svg)  # noqa: S704 (drawn here, with its texts escaped)


def message(text: object) -> markupsafe.Markup:
    """Writes a message, which may hold names of classes, and `commands` as such."""
    return markupsafe.Markup(as_html(text))  # noqa: S704 (escaped there)


def share(value: float | None, sign: bool = False) -> str:
    """Writes 0.31, +0.31 where a sign is asked for, and a dash for what is unknown."""
    if value is None:
        return "\u2013"
    return f"{round(value, 2) + 0.0:{'+' if sign else ''}.2f}"


def interval(bounds: Any) -> str:
    """Writes [0.18, 0.43]; nothing for what is unknown."""
    return "" if bounds is None else f"[{share(bounds[0])}, {share(bounds[1])}]"


def without_places(name: str, value: Any) -> str:
    """Returns a setting as a page may show it: of a folder or file only its own name."""
    if value is None:
        return "default"
    kind, colon, rest = str(value).partition(":")
    if colon and (kind == "folder" or kind in READERS):
        return f"{kind}:{pathlib.Path(rest).name}"
    if name in PRIVATE:
        return pathlib.Path(str(value)).name
    return str(value)


def given_flags(config: Any, leaving_out: Sequence[str]) -> dict[str, str]:
    """Returns the flags of a tool that are off their defaults, with folders by their own names.

    Args:
      config: the tool's settings, a dataclass.
      leaving_out: settings that the page does not depend on.
    """
    defaults = type(config)()
    return {
        field.name: without_places(field.name, getattr(config, field.name))
        for field in dataclasses.fields(config)
        if getattr(config, field.name) != getattr(defaults, field.name)
        and field.name not in leaving_out
    }


def command(tool: str, flags: Mapping[str, Any]) -> str:
    """Returns the command line that a page was made by."""
    return " ".join([programs.called(tool), *(_flag(*one) for one in flags.items())])


def _flag(name: str, value: Any) -> str:
    switched = {"True": f"--{name}", "False": f"--no{name}"}.get(str(value))
    return switched or f"--{name}={shlex.quote(str(value))}"
