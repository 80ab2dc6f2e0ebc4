"""Fixtures of alerts."""

from pathlib import Path

import pytest

from alerts_harness import House
from metadata_harness import MetadataOpener


@pytest.fixture
def house(tmp_path: Path, metadata_opener: MetadataOpener):
    house = House(tmp_path / "home", opens=metadata_opener.open)
    yield house
    house.close()
