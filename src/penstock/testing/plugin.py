"""Fixtures that pytest finds by the package's entry point. Importing this module imports nothing heavy."""

from collections.abc import Generator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from penstock.testing.evals import EvalRow
    from penstock.testing.server import PenstockServer
    from penstock.testing.simulator import SimulatorServer


def pytest_configure(config: pytest.Config) -> None:
    """Make the marker known."""
    config.addinivalue_line(
        "markers",
        "penstock_eval(dataset, repeats=1, threshold=None, metric='passed', rules=[], evaluators=[], limit=None, "
        "columns={}): a test for each row of a dataset, and one answer for all of them.",
    )


def pytest_pycollect_makeitem(collector: pytest.Module | pytest.Class, obj: object) -> None:
    """Bring the plugin of evals in with the first test that is marked, and not before: it costs others nothing."""
    marks = getattr(obj, "pytestmark", None)
    if marks and isinstance(marks, list) and any(getattr(mark, "name", "") == "penstock_eval" for mark in marks):  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType] - anything may be called so
        _evals(collector.config)


def pytest_sessionstart(session: pytest.Session) -> None:
    """With xdist the process that sums up collects nothing: it listens whenever workers do."""
    if session.config.pluginmanager.hasplugin("dsession"):
        _evals(session.config)


def _evals(config: pytest.Config) -> None:
    if not config.pluginmanager.hasplugin("penstock-evals"):
        from penstock.testing.evals import Evals  # noqa: PLC0415 - only for sessions that may need it

        config.pluginmanager.register(Evals(), "penstock-evals")


@pytest.fixture
def eval_row(request: pytest.FixtureRequest) -> "EvalRow":
    """One row of the dataset that `@pytest.mark.penstock_eval` names."""
    from penstock.testing.evals import EvalRow  # noqa: PLC0415 - only for tests that ask for it

    return EvalRow(*request.param)


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
