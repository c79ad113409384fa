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
@pytest.mark.parametrize(("held", "short"), [(0, False), (960 * 2**20, True)])
def test_near_a_limit_memory_is_short(held, short):
    program = _PROGRAM.format(limit=2**30, held=held)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout.strip() == str(short), done.stderr


def test_without_a_limit_it_never_is():
    if resource.getrlimit(resource.RLIMIT_AS)[0] == resource.RLIM_INFINITY:
        assert not is_short_of_memory()
