"""Whether a process is near a limit of memory that somebody set."""

import resource
import subprocess
import sys

import pytest

from bg_interp.processes import is_short_of_memory

_PROGRAM = """
import resource
from bg_interp.processes import is_short_of_memory
resource.setrlimit(resource.RLIMIT_AS, ({limit}, resource.RLIM_INFINITY))
held = bytearray({held})
print(is_short_of_memory())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells the peak")
@pytest.mark.parametrize(
    ("limit", "held", "short"),
    [(1024, 0, False), (1024, 960, True), (128, 0, False), (128, 50, True)],
)
def test_near_a_limit_memory_is_short(limit, held, short):
    """Near is a tenth of it, or what a few threads take."""
    program = _PROGRAM.format(limit=limit * 2**20, held=held * 2**20)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout.strip() == str(short), done.stderr


def test_without_a_limit_it_never_is():
    if resource.getrlimit(resource.RLIMIT_AS)[0] == resource.RLIM_INFINITY:
        assert not is_short_of_memory()
