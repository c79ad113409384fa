"""The package's parts import each other in one direction, and programs start with nothing heavy."""

import graphlib

import pytest
import source_tree

# Each may import those before it and the leaves; those of one line never import each other.
_LAYERS = [
    {"arguments", "decoding", "pixels", "storage", "usage"},
    {"cli", "cluster"},
    {"config", "models", "pictures"},
    {"masks"},
    {"data"},
    {"training", "visualization", "evaluation"},
    {"report", "repairing"},
    {"commands"},
    {"api", "callbacks", "people", "study"},
]
# The package itself holds its version, and loads the public names when they are asked for.
_LEAVES = {"bg_interp", "doubts", "errors", "lazy", "messages", "processes", "programs"}


def _allowed(unit: str) -> set[str]:
    """Returns the parts of the package that `unit` may import."""
    allowed = {unit} | _LEAVES
    for layer in _LAYERS:
        if unit in _LEAVES or unit in layer:
            return allowed
        allowed |= layer
    raise AssertionError(f"say in {__file__} where bg_interp.{unit} stands")


def _modules_at_start(name: str) -> set[str]:
    """Returns what importing a module of ours imports: ours by full name, others by their top."""
    seen: set[str] = set()
    waiting = [name]
    while waiting:
        module = waiting.pop()
        if module in seen:
            continue
        seen.add(module)
        if module in source_tree.modules():
            waiting += _imported_at_start(source_tree.imports_of(source_tree.modules()[module]))
    return seen


def _imported_at_start(imports: tuple[source_tree.Import, ...]) -> set[str]:
    run = tuple(found for found in imports if found.at_start and not found.typing_only)
    own = {module for found in run for module in source_tree.imported_modules(found)}
    return own | source_tree.third_party(run)


@pytest.mark.parametrize("path", source_tree.modules().values(), ids=source_tree.module_of)
def test_a_module_imports_only_what_stands_below_it(path):
    unit = source_tree.unit_of(source_tree.module_of(path))
    wrong = [
        f"{found.place} imports {found.name}"
        for found in source_tree.imports_of(path)
        if source_tree.is_own(found.name)
        and source_tree.unit_of(found.name) not in _allowed(unit)
        and not (unit == source_tree.PACKAGE and found.typing_only)
    ]
    assert not wrong


def test_modules_do_not_import_each_other_in_a_circle():
    graph = {
        name: {
            module
            for found in source_tree.imports_of(path)
            if found.at_start and not found.typing_only and source_tree.is_own(found.name)
            for module in source_tree.imported_modules(found)[-1:]
        }
        - {name}
        for name, path in source_tree.modules().items()
    }
    graphlib.TopologicalSorter(graph).prepare()


@pytest.mark.parametrize(
    "name",
    [
        "cli",
        "config.training",
        "errors",
        "processes",
        "storage.files",
        "storage.workdir",
    ],
)
def test_what_programs_import_first_is_light(name):
    assert not _modules_at_start(f"bg_interp.{name}") & {"keras", "numpy", "tensorflow"}


@pytest.mark.parametrize("path", source_tree.source_files("tools"), ids=lambda path: path.stem)
def test_a_program_imports_nothing_heavy_before_its_flags_are_checked(path):
    started = _imported_at_start(source_tree.imports_of(path))
    for module in list(started):
        started |= _modules_at_start(module)
    others = {name for name in started if not source_tree.is_own(name)}
    assert others <= {"absl"}


@pytest.mark.parametrize("path", source_tree.source_files("tools"), ids=lambda path: path.stem)
def test_programs_do_not_import_each_other(path):
    tops = {found.name.split(".")[0] for found in source_tree.imports_of(path)}
    assert not tops & {"tools", "bg_interp_tools", "benchmarks", "tests"}
