"""Fixtures that pytest finds by the package's entry point. Importing this module imports nothing heavy."""

from collections.abc import Generator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from penstock.testing.server import PenstockServer
    from penstock.testing.simulator import SimulatorServer


@pytest.fixture(scope="session")
def penstock_simulator_process(
    tmp_path_factory: pytest.TempPathFactory,
) -> Generator["SimulatorServer", None, None]:
    """One simulator for the whole session. Use `penstock_simulator`, which every test finds reset."""
    from penstock.testing.simulator import SimulatorServer  # noqa: PLC0415 - only for tests that ask for it

    with SimulatorServer(tmp_path_factory.mktemp("penstock-simulator")) as simulator:
        yield simulator


@pytest.fixture
def penstock_simulator(penstock_simulator_process: "SimulatorServer") -> "SimulatorServer":
    """A running provider simulator with no faults, no history: `url`, `set_faults()`, `requests()`, `stats()`."""
    penstock_simulator_process.reset()
    return penstock_simulator_process


@pytest.fixture(scope="session")
def penstock_server(tmp_path_factory: pytest.TempPathFactory) -> Generator["PenstockServer", None, None]:
    """A whole Penstock, one for the session: `gateway_url`, `console_url`, `admin_key`. The simulator provides."""
    from penstock.testing.server import PenstockServer  # noqa: PLC0415 - only for tests that ask for it

    with PenstockServer(tmp_path_factory.mktemp("penstock")) as server:
        yield server
