"""Two replicas learn what one does."""

import pathlib

import pytest
import tool_server


@pytest.mark.slow
def test_two_replicas_give_the_weights_of_one():
    program = pathlib.Path(__file__).with_name("mirrored_program.py")
    done = tool_server.run([str(program)])
    assert done.returncode == 0, done.stderr
    found = dict(line.split() for line in done.stdout.splitlines())
    assert found["replicas"] == "2"
    assert float(found["difference"]) < 1e-5
