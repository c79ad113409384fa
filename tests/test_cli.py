"""Flags come from a dataclass, are checked before TensorFlow is imported, and fail in one line."""

import dataclasses
import errno
import math
import pathlib
import resource
import subprocess
import sys

import pytest

from bg_interp import cli
from bg_interp.cli import setting
from bg_interp.config.ascent import VisualizeConfig
from bg_interp.config.demo import DemoConfig
from bg_interp.config.evaluation import EvaluateConfig
from bg_interp.config.export import ExportConfig
from bg_interp.config.people import PeopleConfig
from bg_interp.config.repair import RepairConfig
from bg_interp.config.segmentation import SegmentConfig
from bg_interp.config.training import ArmConfig
from bg_interp.errors import UserError, nearest
from bg_interp.study.plan import StudyConfig

TRAIN = pathlib.Path(__file__).parents[1] / "tools" / "train.py"
# The flags that DESIGN promises to others.
PROMISED = (
    "background background_in_mix mix_fraction noise_mean noise_stddev dataset correlation "
    "data_seed data_dir masks mask_store on_bad_mask max_bad_fraction image_size network weights "
    "steps epochs batch_size learning_rate adversarial_epsilon adversarial_replays seed "
    "deterministic jit_compile mixed_precision strategy cache_gb checkpoint_every visualize_every "
    "workdir overwrite"
).split()


def run_without_tensorflow(*arguments):
    """Runs tools/train.py in a process in which importing anything heavy is an error."""
    heavy = ("tensorflow", "keras", "mediapipe", "tensorflow_datasets", "tf_keras_vis", "numpy")
    code = (
        "import runpy, sys\n"
        f"sys.modules.update(dict.fromkeys({heavy!r}))\n"
        f"sys.argv = {[str(TRAIN), *arguments]!r}\n"
        f"runpy.run_path({str(TRAIN)!r}, run_name='__main__')"
    )
    return subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)


def test_help_needs_nothing_heavy_and_lists_every_promised_flag():
    done = run_without_tensorflow("--helpfull")
    assert done.returncode == 0, done.stderr
    for name in PROMISED:
        assert f"--{name}" in done.stdout or f"--[no]{name}" in done.stdout
    assert "python tools/train.py --background=black" in done.stdout
    assert "logtostderr" not in done.stdout


def test_importing_the_tool_loads_few_modules():
    code = "import sys, tools.train; print(len(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", code],
        check=False,
        capture_output=True,
        text=True,
        cwd=TRAIN.parents[1],
    )
    assert int(done.stdout) < 400  # TensorFlow alone is more than 3000.


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--backgroud=black"], "there is no flag --backgroud; did you mean '--background'?"),
        (["--nooverwrit"], "did you mean '--nooverwrite'?"),
        (["--nooverwrite=1"], "--nooverwrite=1 does not take an argument"),
        (["--seed=1.5"], "--seed must be a whole number. Received: '1.5'"),
        (["--overwrite=maybe"], "--overwrite must be true or false. Received: 'maybe'"),
        (["--background=blak"], "did you mean 'black'?"),
        (["--network=MobilNetV2"], "did you mean 'MobileNetV2'?"),
        (["--steps=many"], "--steps must be a whole number. Received: 'many'"),
        (["--steps"], "Missing value for flag --steps"),
        (["--steps=0"], "--steps must be above 0"),
        (["black"], "must be flags of the form --name=value. Received: 'black'"),
        (["--dataset=flickr"], "must be habitats, composites, tfds:NAME, folder:PATH, "),
        (["--dataset=folder:/nowhere"], "must name a folder that is there. Received: /nowhere"),
        (["--dataset=composites"], "needs --objects=folder:PATH or tfds:NAME. Received: None"),
        (["--dataset=composites", "--objects=folder:/"], "needs --places=folder:PATH"),
        (["--dataset=composites", "--objects=folder:/nowhere"], "Received: /nowhere"),
        (["--object_scale=1.2"], "a larger object does not fit into the image"),
        (["--weights=/nowhere.keras"], "does not exist: /nowhere.keras"),
    ],
)
def test_a_wrong_flag_is_one_line_before_anything_heavy_is_imported(arguments, expected):
    done = run_without_tensorflow(*arguments)
    assert done.returncode == 1
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 1, done.stderr
    assert done.stderr.startswith("error: ")
    assert expected in done.stderr


@pytest.mark.parametrize("value", [math.nan, math.inf, -1, 0])
def test_positive_takes_finite_numbers_above_0_only(value):
    assert not cli.POSITIVE[0](value)


@pytest.mark.parametrize("rule", [cli.FINITE, cli.POSITIVE, cli.NOT_NEGATIVE, cli.SHARE, cli.SEED])
def test_no_rule_takes_what_is_not_a_number(rule):
    assert not rule[0](math.nan)
    assert rule[0](1)


def test_seeds_that_would_repeat_smaller_ones_are_refused():
    assert cli.SEED[0](2**31 - 1)
    assert not cli.SEED[0](2**31)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"noise_mean": math.nan}, "noise_mean must be a finite number. Received: nan"),
        ({"mix_fraction": 1.5}, "mix_fraction must be from 0 to 1. Received: 1.5"),
        ({"seed": -1}, "seed must be from 0 to 2147483647. Received: -1"),
        ({"scale": 1.0}, "scale must be at least 0 and below 1. Received: 1.0"),
        ({"background_in_mix": "mix"}, "background_in_mix must be one of black, noise"),
    ],
)
def test_a_value_that_breaks_its_rule_names_flag_rule_and_value(change, message):
    with pytest.raises(UserError) as raised:
        cli.check(ArmConfig(**change))
    assert message in str(raised.value)
    assert "\n" not in str(raised.value)


def test_defaults_keep_their_rules():
    cli.check(ArmConfig())


def test_settings_without_a_default_are_not_checked():
    @dataclasses.dataclass(frozen=True)
    class Config:
        count: int | None = setting(None, "how many", rule=cli.POSITIVE)

    cli.check(Config())
    with pytest.raises(UserError, match="count must be above 0"):
        cli.check(Config(count=0))


def test_nearest_is_empty_for_names_like_none():
    assert nearest("blak", ["black", "noise"]) == "; did you mean 'black'?"
    assert nearest("xyz", ["black", "noise"]) == ""


TOOL = """
import os, signal, sys
# Programs started in the background inherit that Ctrl-C is ignored; this one is in front.
signal.signal(signal.SIGINT, signal.default_int_handler)
from bg_interp import cli
from bg_interp.errors import UserError
def main():
    {body}
cli.run(main, "A tool.")
"""


@pytest.mark.parametrize(
    ("body", "code", "line"),
    [
        ("raise UserError('the cup must be full')", 1, "error: the cup must be full"),
        ("os.kill(os.getpid(), signal.SIGINT)", 130, "interrupted; the same command resumes"),
        ("os.kill(os.getpid(), signal.SIGTERM)", 143, "terminated; the same command resumes"),
    ],
)
def test_exit_codes_tell_what_ended_a_tool(body, code, line):
    done = subprocess.run(
        [sys.executable, "-c", TOOL.format(body=body)], check=False, capture_output=True, text=True
    )
    assert done.returncode == code
    assert done.stderr.startswith(line)
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("error", "is_short", "told"),
    [
        (OSError(errno.ENOMEM, "Cannot allocate memory"), False, "memory ran out"),
        (MemoryError(), False, "memory ran out"),
        (ImportError("a.so: failed to map segment from shared object"), False, "memory ran out"),
        (ValueError("no input"), True, "memory ran out"),
        # Near the limit no library can be loaded, which does not mean that there is none.
        (ImportError("libGL.so.1: failed to map segment"), True, "memory ran out"),
        (ImportError("libGL.so.1: cannot open"), False, "apt-get install libgl1"),
        (RuntimeError("can't start new thread"), False, "the system allows no more threads"),
        (RuntimeError("anything else"), False, None),
        (OSError(errno.ENOENT, "No such file"), False, None),
    ],
)
def test_what_the_system_lacks_is_told(monkeypatch, error, is_short, told):
    monkeypatch.setattr(cli, "is_short_of_memory", lambda: is_short)
    monkeypatch.setattr(cli.system_libraries, "missing", lambda: {"libGL.so.1": "libgl1"})
    message = cli.explained(error)
    assert message is None if told is None else told in message


def test_memory_may_run_out_while_an_error_is_explained(monkeypatch, capfd):
    def main():
        raise ValueError("no input")

    def explained(error):
        raise MemoryError

    monkeypatch.setattr(cli, "explained", explained)
    monkeypatch.setattr(cli.app, "run", lambda guarded, flags_parser: guarded([]))
    monkeypatch.setattr(cli.signal, "signal", lambda *args: None)
    with pytest.raises(SystemExit) as end:
        cli.run(main, "")
    assert end.value.code == 1
    (line,) = capfd.readouterr().err.splitlines()
    assert line.startswith("error: memory ran out; free some")


def test_defects_keep_their_trace():
    done = subprocess.run(
        [sys.executable, "-c", TOOL.format(body="1 / 0")],
        check=False,
        capture_output=True,
        text=True,
    )
    assert "ZeroDivisionError" in done.stderr
    assert done.returncode != 0


@pytest.mark.parametrize(
    "made",
    [ArmConfig, DemoConfig, EvaluateConfig, ExportConfig, PeopleConfig, RepairConfig]
    + [SegmentConfig, StudyConfig, VisualizeConfig],
)
def test_a_folder_without_a_name_is_not_taken_for_this_one(made, speaking_of_flags):
    """As of `--workdir=$RUN` where RUN is not set."""
    fields = {field.name for field in dataclasses.fields(made)}
    written = fields & {"workdir", "output", "mask_store", "export_png", "photos"}
    assert written
    for name in written:
        with pytest.raises(UserError, match=rf"--{name} must name a folder.*Received: ''"):
            cli.check(made(**{name: ""}))


@pytest.mark.parametrize("megabytes", [150, 250, 400, 700])
def test_too_little_memory_for_the_libraries_is_one_line(megabytes, tmp_path):
    """SciPy's OpenBLAS would ask for it for ever, and TensorFlow's loader ends in a stack trace."""
    size = megabytes * 2**20
    done = subprocess.run(
        [sys.executable, "tools/train.py", f"--workdir={tmp_path / 'run'}"],
        capture_output=True,
        text=True,
        timeout=120,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (size, size)),
        cwd=pathlib.Path(__file__).parents[1],
    )
    assert done.returncode == 1
    assert done.stderr.startswith("error: memory ran out"), done.stderr[-500:]
