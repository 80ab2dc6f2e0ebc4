"""Requests as exporters make them, and an intake that writes to a folder."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from otlp_harness import Log, intake_of
from penstock.core.clock import ManualClock
from penstock.tracing.otlp.intake import OtlpIntake


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def log() -> Log:
    return Log()


@pytest.fixture
def intake(tmp_path: Path, clock: ManualClock, log: Log) -> Iterator[OtlpIntake]:
    made = intake_of(log, tmp_path, clock)
    yield made
    made.close()
