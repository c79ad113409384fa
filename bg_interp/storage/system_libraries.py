"""The shared libraries that OpenCV and MediaPipe want of the system, which pip cannot bring.

    python3 -m bg_interp.storage.system_libraries

looks for them before anything is installed, so it needs nothing but Python: where it may (as root
on Debian, Ubuntu or the like) it installs what is missing, else it says what to install.
"""

import ctypes
import importlib.util
import os
import shutil
import subprocess
import sys

# Each library, and the package of Debian and Ubuntu that holds it.
_PACKAGES = {
    "libEGL.so.1": "libegl1",
    "libGL.so.1": "libgl1",
    "libGLESv2.so.2": "libgles2",
    "libglib-2.0.so.0": "libglib2.0-0",
}


def missing() -> dict[str, str]:
    """Returns the libraries that the system lacks, each with Debian's package; {} off Linux."""
    return {name: package for name, package in _PACKAGES.items() if not _loads(name)}


def _loads(name: str) -> bool:
    if not sys.platform.startswith("linux"):
        return True
    try:
        ctypes.CDLL(name)
    except OSError:
        return False
    return True


def way_out(lacking: dict[str, str]) -> str:
    """Says in one line what the system lacks, and the command that fixes it."""
    return (
        f"OpenCV and MediaPipe need system libraries that are missing here: {', '.join(lacking)}; "
        f"on Debian or Ubuntu: sudo apt-get install {' '.join(sorted(set(lacking.values())))}"
    )


def _may_install() -> bool:
    return hasattr(os, "geteuid") and os.geteuid() == 0 and shutil.which("apt-get") is not None


def _install(packages: list[str]) -> None:
    print(f"installing the system's {', '.join(packages)}", file=sys.stderr)
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (
        ["apt-get", "update", "-qq"],
        ["apt-get", "install", "-qq", "--yes", "--no-install-recommends", *packages],
    ):
        # What apt-get says on standard error is all that tells why it failed.
        subprocess.run(command, env=quiet, stdout=subprocess.DEVNULL, check=False)  # noqa: S603


def main() -> int:
    """Makes sure of the libraries and of Python's own venv; returns the exit code."""
    lacking = missing()
    if importlib.util.find_spec("ensurepip") is None:
        # Debian packs the half of venv that brings pip apart.
        lacking["Python's venv"] = "python3-venv"
    if lacking and _may_install():
        _install(sorted(set(lacking.values())))
        importlib.invalidate_caches()
        lacking = missing()
    if lacking:
        print(f"error: {way_out(lacking)}", file=sys.stderr)
    return bool(lacking)


if __name__ == "__main__":
    sys.exit(main())
