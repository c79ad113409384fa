"""BUILD, setup.py and the stand-ins of bazel/offline agree with the files and their imports."""

import ast
import pathlib
import re
import shutil
import subprocess
from typing import Any

import pytest
import source_tree

import bg_interp

_DISTRIBUTIONS = {
    "PIL": "pillow",
    "absl": "absl-py",
    "cv2": "opencv-contrib-python",
    "fontTools": "fonttools",
    "pillow_heif": "pillow-heif",
    "skimage": "scikit-image",
    "sklearn": "scikit-learn",
    "tensorflow_datasets": "tensorflow-datasets",
    "tf_keras_vis": "tf-keras-vis",
    "yaml": "pyyaml",
}


def _glob(root: pathlib.Path, patterns, exclude=(), allow_empty=False) -> list[str]:
    """Finds files as Bazel's glob does, and fails as it does when there are none."""

    def matching(pattern: str) -> set[pathlib.Path]:
        files = pattern + "/*" if pattern.endswith("**") else pattern
        return {path for path in root.glob(files) if path.is_file()}

    found = set().union(*map(matching, patterns)) - set().union(*map(matching, exclude))
    assert found or allow_empty, f"glob({patterns}) in BUILD finds no file"
    return sorted(path.relative_to(root).as_posix() for path in found)


def _evaluate(path: pathlib.Path) -> dict[str, dict[str, Any]]:
    """Returns the attributes of each target by its name. Starlark is Python here."""
    targets = {}

    def rule(kind):
        def define(name, **attributes):
            assert name not in targets, f"{path.name} defines {name} twice"
            targets[name] = {"kind": kind, **attributes}

        return define

    names: dict[str, Any] = {kind: rule(kind) for kind in ("py_library", "py_binary", "py_test")}
    names["requirement"] = "@pypi//:{}".format
    names["glob"] = lambda *args, **options: _glob(path.parent, *args, **options)
    for ignored in ("load", "package", "exports_files"):
        names[ignored] = lambda *args, **options: None
    exec(compile(path.read_text(encoding="utf-8"), path, "exec"), names)
    return targets


@pytest.fixture(scope="module")
def targets():
    return _evaluate(source_tree.ROOT / "BUILD")


def _named(targets, kind: str, folder: str) -> dict[str, dict[str, Any]]:
    return {
        name: target
        for name, target in targets.items()
        if target["kind"] == kind and any(file.startswith(folder) for file in target["srcs"])
    }


def _libraries(targets) -> dict[str, dict[str, Any]]:
    with_sources = {name: target for name, target in targets.items() if "srcs" in target}
    return _named(with_sources, "py_library", "bg_interp/")


def _dependencies(files: list[str]) -> set[str]:
    """Returns the labels that the imports of `files` ask for."""
    imports = sum((source_tree.imports_of(source_tree.ROOT / file) for file in files), ())
    own = {
        source_tree.unit_of(found.name)
        for found in imports
        # The face of the package shows type checkers what it loads when it is asked for.
        if source_tree.is_own(found.name) and not found.typing_only
    }
    distributions = {_DISTRIBUTIONS.get(top, top) for top in source_tree.third_party(imports)}
    units = {unit.replace(source_tree.PACKAGE, "root") for unit in own}
    return {f":{unit}" for unit in units} | {f"@pypi//:{name}" for name in distributions}


def _corrections(targets: dict[str, dict[str, Any]]) -> list[str]:
    """Returns what is to be changed in the `deps` of targets, so that they fit the imports."""
    found = []
    for name, target in targets.items():
        # Everything has the package's own __init__.py through another library.
        declared = set(target.get("deps", ())) - {":root"}
        needed = _dependencies(target["srcs"]) - {f":{name}", ":root"}
        if declared != needed:
            add, remove = sorted(needed - declared), sorted(declared - needed)
            found.append(f"deps of {name} in BUILD: add {add}, remove {remove}")
    return found


def test_each_file_of_the_package_is_in_one_library(targets):
    owned = [file for library in _libraries(targets).values() for file in library["srcs"]]
    files = [
        path.relative_to(source_tree.ROOT).as_posix()
        for path in source_tree.source_files(source_tree.PACKAGE)
    ]
    assert sorted(owned) == files


def _others() -> list[pathlib.Path]:
    """Returns the files of the package that are not Python, such as templates."""
    files = (source_tree.ROOT / source_tree.PACKAGE).rglob("*")
    return [path for path in files if path.is_file() and path.suffix not in (".py", ".pyc")]


def test_each_other_file_of_the_package_is_data_of_a_library(targets):
    owned = [file for library in _libraries(targets).values() for file in library.get("data", ())]
    assert sorted(owned) == sorted(
        path.relative_to(source_tree.ROOT).as_posix() for path in _others()
    )


def test_libraries_depend_on_what_they_import(targets):
    corrections = _corrections(_libraries(targets))
    assert not corrections


def test_each_program_is_a_target_with_what_it_imports(targets):
    programs = _named(targets, "py_binary", "tools/")
    files = source_tree.source_files("tools")
    assert set(programs) == {f"tools/{path.stem}" for path in files if path.stem != "__init__"}
    corrections = _corrections(programs)
    assert not corrections


def test_the_whole_package_is_one_target(targets):
    reached, waiting = set(), [":bg_interp"]
    while waiting:
        label = waiting.pop()
        if label.startswith(":") and label not in reached:
            reached.add(label)
            waiting += targets[label[1:]].get("deps", ())
    assert {f":{name}" for name in _libraries(targets)} <= reached


def test_each_test_file_is_a_target_that_pytest_runs(targets):
    tests = _named(targets, "py_test", "tests/")
    files = {path for path in source_tree.source_files("tests") if path.name.startswith("test_")}
    files -= {pathlib.Path(__file__).absolute()}
    assert {f"{name}.py" for name in tests} == {
        path.relative_to(source_tree.ROOT).as_posix() for path in files
    }
    for name, target in tests.items():
        assert target["main"] == "tests/run_pytest.py"
        assert target["args"] == [f"{name}.py"]


def test_no_two_test_files_have_the_same_name():
    # Without __init__.py in their folders they would be the same module.
    names = [path.name for path in source_tree.source_files("tests") if path.name != "conftest.py"]
    assert len(names) == len(set(names))


def test_what_tests_import_is_a_dependency_of_theirs(targets):
    imports = sum(map(source_tree.imports_of, source_tree.source_files("tests")), ())
    folders = ("tests", "tools", "bg_interp_tools")
    helpers = {path.stem for path in source_tree.source_files("tests")}
    needed = source_tree.third_party(imports) - helpers - set(folders)
    declared = {label for target in targets.values() for label in target.get("deps", ())}
    assert {f"@pypi//:{_DISTRIBUTIONS.get(top, top)}" for top in needed} <= declared


def _declared_requirements() -> set[str]:
    """Returns the distributions that setup.py names, for use and for the tests."""
    tree = ast.parse((source_tree.ROOT / "setup.py").read_bytes())
    texts = [node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)]
    named = [text.split(">=")[0] for text in texts if isinstance(text, str) and ">=" in text]
    # An extra of another distribution: ray[train].
    return {name.partition("[")[0] for name in named}


def test_distributions_are_declared_and_have_a_stand_in(targets):
    used = {
        label.removeprefix("@pypi//:")
        for target in targets.values()
        for label in target.get("deps", ())
        if label.startswith("@")
    }
    stand_ins = _evaluate(source_tree.ROOT / "bazel/offline/pypi/BUILD")
    assert used == set(stand_ins)
    assert used <= _declared_requirements()
    locked = (source_tree.ROOT / "requirements-cluster.lock").read_text(encoding="utf-8")
    assert not [name for name in used if f"\n{name}==" not in f"\n{locked}"]


def test_the_lock_with_ray_adds_to_the_other_and_changes_nothing():
    pinned = [
        set(re.findall(r"^[A-Za-z0-9].*==.*$", (source_tree.ROOT / name).read_text(), re.MULTILINE))
        for name in ("requirements.lock", "requirements-cluster.lock")
    ]
    assert pinned[0] < pinned[1]
    assert not any(line.startswith("ray==") for line in pinned[0])


def _setup_argument(name: str) -> Any:
    """Returns what setup.py hands to `setup` under `name`."""
    tree = ast.parse((source_tree.ROOT / "setup.py").read_bytes())
    keywords = [node for node in ast.walk(tree) if isinstance(node, ast.keyword)]
    (value,) = [keyword.value for keyword in keywords if keyword.arg == name]
    return ast.literal_eval(value)


def test_the_wheel_holds_every_file_of_the_package():
    folder = source_tree.ROOT / source_tree.PACKAGE
    packed = _glob(folder, _setup_argument("package_data")[source_tree.PACKAGE], allow_empty=True)
    assert sorted(packed) == sorted(path.relative_to(folder).as_posix() for path in _others())


def test_the_version_stands_in_one_place_and_in_the_changelog():
    found = {
        path.name
        for path in (*source_tree.ROOT.glob("*"), *source_tree.source_files("bg_interp"))
        if path.is_file()
        and path.name not in ("CHANGELOG.md", "requirements.lock", "requirements-cluster.lock")
        and bg_interp.__version__ in path.read_text(encoding="utf-8", errors="replace")
    }
    assert found == {"__init__.py"}
    changelog = (source_tree.ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert f"## [{bg_interp.__version__}]" in changelog


@pytest.mark.skipif(shutil.which("bazel") is None, reason="needs bazel on PATH")
@pytest.mark.slow
def test_bazel_loads_the_targets(targets, tmp_path):
    # A user's own folder of Bazel's would be locked by a build that is running.
    command = ["bazel", f"--output_user_root={tmp_path}", "--batch", "query", "//..."]
    found = subprocess.run(
        command, cwd=source_tree.ROOT, capture_output=True, text=True, check=False
    )
    assert found.returncode == 0, found.stderr
    assert set(found.stdout.split()) == {f"//:{name}" for name in targets}
