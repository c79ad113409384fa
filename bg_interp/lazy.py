"""Names of a package that are imported when they are first asked for (PEP 562)."""

import importlib
import sys
from collections.abc import Callable, Mapping
from typing import Any


def lazily(
    package: str, homes: Mapping[str, str | None]
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """Returns a package's `__getattr__` and `__dir__`, for a package whose imports take seconds.

    Args:
      package: its `__name__`.
      homes: public name -> the module that holds it; None for a module of the package's own.
    """

    def getattr_(name: str) -> Any:
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}", name=name)
        home = homes[name]
        module = importlib.import_module(home or f"{package}.{name}")
        value = module if home is None else getattr(module, name)
        # So that it is not asked for again; a module of the same name may stand there already.
        setattr(sys.modules[package], name, value)
        return value

    def dir_() -> list[str]:
        special = [name for name in vars(sys.modules[package]) if name.startswith("__")]
        return sorted({*special, *homes})

    return getattr_, dir_
