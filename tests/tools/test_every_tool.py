"""Every tool answers `--help` and a wrong value at once: before TensorFlow, in one line."""

import json
import subprocess
import sys

import pytest
import source_tree

# Runs a program; then says which of the heavy packages it imported, and its processor time, which
# other programs on the machine hardly change.
_PROBE = """
import json, runpy, sys, time
sys.argv = sys.argv[1:]
try:
    runpy.run_path(sys.argv[0], run_name="__main__")
except SystemExit as end:
    code = end.code
heavy = {"cv2", "keras", "matplotlib", "mediapipe", "numpy", "scipy", "tensorflow"}
print(json.dumps([sorted(heavy & set(sys.modules)), time.process_time()]), file=sys.stderr)
sys.exit(code)
"""
_TOOLS = [path for path in source_tree.source_files("tools") if path.stem != "__init__"]
_WRONG = {
    "demo": [(["--steps=0"], "--steps must be above 0")],
    "evaluate": [
        (["--model=.", "--dataset=foo"], "--dataset must be"),
        (["--model=.", "--dataset=habitat"], "did you mean 'habitats'"),
        (["--model=.", "--masks=objct"], "did you mean 'object'"),
        (["--model=.", "--masks=none"], "--masks=none"),
    ],
    "export": [(["--model=.", "--format=litrt"], "did you mean 'litert'")],
    "people": [(["--start=blck"], "did you mean 'black'")],
    "repair": [(["--model=.", "--dataset=foo"], "--dataset must be")],
    "segment": [
        ([], "--dataset"),
        (["--dataset=foo"], "--dataset must be"),
        (["--dataset=folder:/nowhere"], "/nowhere"),
        (["--dataset=habitats", "--segmenter=objct"], "did you mean 'object'"),
        (["--dataset=habitats", "--segmenter=deeplab"], "--segmenter_model"),
        (["--dataset=habitats", "--workers=0"], "--workers must be above 0"),
    ],
    "study": [
        (["--dataset=foo"], "--dataset must be"),
        (["--masks=objct"], "did you mean 'object'"),
        (["--backgrounds=blck"], "did you mean 'black'"),
    ],
    "train": [
        (["--dataset=foo"], "--dataset must be"),
        (["--masks=objct"], "did you mean 'object'"),
        (["--background=blck"], "did you mean 'black'"),
    ],
    "visualize": [(["--preset=smal"], "did you mean 'small'")],
}


def _run(program, arguments):
    """Returns exit code, standard output, lines of standard error, heavy packages, seconds."""
    command = [sys.executable, "-c", _PROBE, str(program), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    *errors, last = done.stderr.splitlines()
    return done.returncode, done.stdout, errors, *json.loads(last)


@pytest.mark.parametrize("program", _TOOLS, ids=lambda path: path.stem)
def test_help_is_there_at_once(program):
    code, output, errors, heavy, seconds = _run(program, ["--help"])
    assert (code, errors, heavy) == (0, [], [])
    assert "Flags:" in output
    assert seconds < 0.3


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [(name, *case) for name, cases in _WRONG.items() for case in cases],
)
def test_a_wrong_value_is_refused_at_once(name, arguments, message):
    program = source_tree.ROOT / "tools" / f"{name}.py"
    code, output, errors, heavy, seconds = _run(program, arguments)
    assert (code, output, heavy) == (1, "", [])
    (line,) = errors
    assert line.startswith("error: ")
    assert message in line
    assert seconds < 0.5


def test_every_tool_is_asked_for_a_wrong_value():
    assert set(_WRONG) == {path.stem for path in _TOOLS}
