"""What holds for every test of the repository."""

import gc
import logging
import os
import signal
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

import coverage
import pytest
from hypothesis import settings

from metadata_harness import MetadataOpener

# The machines that run this are shared: a slow example is no finding. CI searches the same examples every time.
settings.register_profile("local", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "local")

# Of each request one line: of a test that fails after hundreds they would hide what it has to say.
logging.getLogger("httpx").setLevel(logging.WARNING)

HERE = Path(__file__).parent
MEASURED = tuple(HERE / name for name in ("cli", "sdk", "server", "simulator", "testing"))
"""Folders of the tests whose child processes are measured by coverage too: there is code that only those run."""
UNMEASURED = (HERE / "e2e", HERE / "store" / "spans" / "test_server_kills.py")
"""Tests that coverage does not look at: nearly all that they run, they run in processes that are not measured."""
MEASURED_SECONDS = 2.0
"""Of the time that this process computes in a test. Coverage makes it a third slower, and what a test runs later than
that it has run before: the same for another example, another size or another window. A line that only runs later counts
as one that no test runs.
"""
CHILDREN = "COVERAGE_PROCESS_CONFIG"
"""By this variable coverage begins in a child."""
LONGEST = (
    "store/spans/test_metrics.py",
    "repository/test_packaging.py",
    "e2e/test_console_observability.py",
    "store/spans/test_server_kills.py",
    "e2e/test_change_without_a_drop.py",
    "store/spans/test_people.py",
    "e2e/test_console_watching.py",
    "store/spans/test_sorted_lists.py",
    "e2e/test_console_annotation.py",
    "server/test_routes.py",
    "e2e/test_operations.py",
    "store/spans/test_clickhouse.py",
    "e2e/test_traffic.py",
    "store/spans/test_texts.py",
    "e2e/test_console_traffic.py",
    "store/spans/test_filters.py",
    "e2e/test_console_prompts.py",
    "store/spans/test_traces.py",
    "e2e/test_console.py",
    "store/spans/test_search.py",
    "e2e/test_emitters.py",
    "store/spans/test_newest.py",
    "e2e/test_recovery.py",
    "store/spans/test_spend.py",
    "cli/test_up.py",
    "store/spans/test_overview.py",
    "cli/test_sync.py",
    "store/spans/test_intake.py",
    "e2e/test_prompts.py",
    "store/spans/test_deletion.py",
    "e2e/test_frameworks.py",
)
"""Files of tests that take longest, the longest first and those that wait much beside those that do not."""


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_collection() -> Generator[None, object, object]:
    """Keeps the tests, which live as long as the process, from the collector of cyclic garbage: to go through ten
    thousand of them takes half a second each time.
    """
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Begins with the longest files where workers share them out, so that no worker is left with one at the end."""
    if hasattr(config, "workerinput"):
        place = {HERE / name: number for number, name in enumerate(LONGEST)}
        items.sort(key=lambda item: place.get(item.path, len(place)))


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, bool | None, bool | None]:
    """Measures no child processes but those of `MEASURED`: to be measured takes a process two thirds longer, and what
    the others run is measured inside of the tests' own process; of that, the first `MEASURED_SECONDS`.
    """
    given = None
    if not any(item.path.is_relative_to(folder) for folder in MEASURED):
        given = os.environ.pop(CHILDREN, None)
    unmeasured = any(item.path.is_relative_to(one) for one in UNMEASURED)
    try:
        with measured(0.0 if unmeasured else MEASURED_SECONDS):
            return (yield)
    finally:
        if given is not None:
            os.environ[CHILDREN] = given


@contextmanager
def measured(seconds: float) -> Iterator[None]:
    """Coverage, where it runs, looks at so many seconds of this process's computing at most, until the end of this."""
    running = coverage.Coverage.current()
    if running is None:
        yield
        return
    stopped = False

    def stop(*_: object) -> None:
        nonlocal stopped
        if not stopped:
            stopped = True
            running.stop()

    before = signal.signal(signal.SIGVTALRM, stop)
    # What waits for the system in another thread goes on waiting.
    signal.siginterrupt(signal.SIGVTALRM, False)
    try:
        if seconds:
            signal.setitimer(signal.ITIMER_VIRTUAL, seconds)
        else:
            stop()
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)
        if stopped:
            running.start()


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Bytes are named by their argument: what a compressor or a clock put into them differs between two processes, and
    tests that are spread over processes must have the same names in each.
    """
    return argname if isinstance(val, bytes) and len(val) > 16 else None


@pytest.fixture(scope="session")
def metadata_opener(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MetadataOpener]:
    """Opens an empty metadata store quickly; each test has one of its own."""
    opener = MetadataOpener(tmp_path_factory.mktemp("tables"))
    yield opener
    opener.close()
