"""The ledger of faults, printed when the tests end."""

import os

import harness
import pytest

_LEDGER = pytest.StashKey[harness.Ledger]()


def pytest_configure(config):
    config.stash[_LEDGER] = harness.Ledger()


def pytest_terminal_summary(terminalreporter, config):
    ledger = config.stash[_LEDGER]
    if ledger.tried:
        terminalreporter.section("faults")
        terminalreporter.write_line(ledger.table())


@pytest.fixture(scope="session")
def ledger(request) -> harness.Ledger:
    """Where tests note what they tried."""
    return request.config.stash[_LEDGER]


@pytest.fixture(scope="session")
def environment(session_cache) -> dict[str, str]:
    """The environment of the programs: a cache of their own."""
    return {**os.environ, "BG_INTERP_CACHE": str(session_cache)}
