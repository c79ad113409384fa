"""Sources opened as tools open them, with a cache of the test's own."""

import pytest

from bg_interp.config.data import SourceConfig
from bg_interp.data.sources import open_source


@pytest.fixture
def opened(own_cache, speaking_of_flags):
    """Opens `--dataset=NAME`, with other flags by name."""
    return lambda dataset, whole=False, **flags: open_source(
        SourceConfig(dataset=dataset, **flags), whole
    )
