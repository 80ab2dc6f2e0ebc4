"""Fixtures of alerts."""

from pathlib import Path

import pytest

from alerts_harness import House


@pytest.fixture
def house(tmp_path: Path):
    house = House(tmp_path / "home")
    yield house
    house.close()
