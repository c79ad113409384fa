"""What the source files import, read from their text; nothing of them is run."""

import ast
import dataclasses
import functools
import pathlib
import sys
from collections.abc import Iterator

ROOT = pathlib.Path(__file__).absolute().parent.parent
PACKAGE = "bg_interp"


@dataclasses.dataclass(frozen=True)
class Import:
    """One imported module or name.

    Attributes:
      name: dotted, with the imported name at its end: `bg_interp.data.pipeline`.
      at_start: whether it is imported as soon as its file is, so not inside a function.
      typing_only: whether only type checkers see it.
      place: file and line, for messages.
    """

    name: str
    at_start: bool
    typing_only: bool
    place: str


def source_files(folder: str) -> list[pathlib.Path]:
    """Returns the Python files below a folder of the repository, sorted."""
    return sorted((ROOT / folder).rglob("*.py"))


def module_of(path: pathlib.Path) -> str:
    """Returns the dotted name of a file: `bg_interp.data` for bg_interp/data/__init__.py."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _asks_type_checking(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)


def _walk(node: ast.AST, at_start: bool, typing_only: bool) -> Iterator[tuple[ast.AST, bool, bool]]:
    for child in ast.iter_child_nodes(node):
        inside = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        state = at_start and not inside, typing_only or _asks_type_checking(child)
        yield child, *state
        yield from _walk(child, *state)


@functools.cache
def imports_of(path: pathlib.Path) -> tuple[Import, ...]:
    """Returns everything that a file imports, wherever it does."""
    found = []
    for node, at_start, typing_only in _walk(ast.parse(path.read_bytes()), True, False):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            package = module_of(path if path.name == "__init__.py" else path.parent / "__init__.py")
            parts = package.split(".")[: len(package.split(".")) - node.level + 1]
            base = ".".join([*parts, node.module or ""]).strip(".") if node.level else node.module
            names = [f"{base}.{alias.name}" for alias in node.names]
        else:
            continue
        place = f"{path.relative_to(ROOT)}:{node.lineno}"
        found += [Import(name, at_start, typing_only, place) for name in names]
    return tuple(found)


def is_own(name: str) -> bool:
    """Tells whether a dotted name belongs to the package."""
    return name.split(".")[0] == PACKAGE


def third_party(imports: tuple[Import, ...]) -> set[str]:
    """Returns the top-level names of imported modules that are neither ours nor Python's."""
    tops = {found.name.split(".")[0] for found in imports}
    return {top for top in tops if top not in sys.stdlib_module_names and top != PACKAGE}


def unit_of(name: str) -> str:
    """Returns the sub-package or top-level module that a dotted name of ours belongs to.

    `bg_interp.data.sources.folder` -> `data`, `bg_interp.errors.UserError` -> `errors`, and
    `bg_interp.__version__` -> `bg_interp` itself.
    """
    parts = name.split(".")
    if len(parts) == 1:
        return PACKAGE
    folder = ROOT / PACKAGE / parts[1]
    return parts[1] if folder.is_dir() or folder.with_suffix(".py").exists() else PACKAGE


@functools.cache
def modules() -> dict[str, pathlib.Path]:
    """Returns the package's modules by their dotted names."""
    return {module_of(path): path for path in source_files(PACKAGE)}


def imported_modules(found: Import) -> list[str]:
    """Returns the modules of ours that an import runs, the packages above it included."""
    parts = found.name.split(".")
    prefixes = [".".join(parts[:length]) for length in range(1, len(parts) + 1)]
    return [prefix for prefix in prefixes if prefix in modules()]
