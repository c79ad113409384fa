"""Runs the test files it is given, for Bazel: `python tests/run_pytest.py tests/test_cli.py`."""

import sys

import pytest

if __name__ == "__main__":
    # Bazel's test folders are read-only in places, so pytest keeps no cache there.
    sys.exit(pytest.main(["-p", "no:cacheprovider", *sys.argv[1:]]))
