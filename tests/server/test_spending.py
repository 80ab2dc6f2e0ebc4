"""Counters in memory take over what a worker that is being replaced books to its end (FAILURES G5)."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest

from penstock.core.clock import ManualClock
from penstock.core.home import Home
from penstock.core.ids import RandomIds
from penstock.gateway.limits.claims import Limiter
from penstock.server.gateway_state import Spending
from penstock.store.counters.ledger import Ledger
from penstock.store.counters.spendlog import SpendLog
from penstock.testing.journal import JournalFolder
from penstock.wire.limits import Budget, LimitEntry

COUNTER = "company/organisation/money/day"
LIMITER = Limiter([LimitEntry(name="company", level="organisation", budgets=(Budget(window="day", hard=1000),))])
NEW, OLD = "a" * 16, "b" * 16


class Predecessor:
    """A worker that drains: it books, and writes segments with their line in the log."""

    def __init__(self, home, clock, name=OLD):
        self.ledger = Ledger()
        self.log = SpendLog(home, self.ledger, worker=name, clock=clock)
        self.journal = JournalFolder(home.journal, worker=name)
        self.clock = clock

    def spend(self, cost, *, named=True):
        path = self.journal.write(self.journal.span(started=self.clock.now(), cost=cost))
        if named:
            day = self.clock.now() // 86_400_000_000 * 86_400_000_000
            self.ledger.book(COUNTER, day, cost)
            self.log.write(path.stem, self.log.snapshot_changes())


@pytest.fixture
def home(tmp_path):
    home = Home(tmp_path / "home")
    home.create()
    return home


@pytest.fixture
def clock():
    return ManualClock()


@pytest.fixture
def spending(home, clock):
    journal = SimpleNamespace(worker=NEW, companion=None)
    publication = SimpleNamespace(ready=True, catalog=SimpleNamespace(limiter=LIMITER))
    spending = Spending(home, journal, publication, clock=clock, ids=RandomIds(clock))
    yield spending
    spending.close()


async def ticked(spending, clock):
    """Ticks for two seconds; what it reads in the one thread is read before this returns."""
    loop = asyncio.get_running_loop()
    with ThreadPoolExecutor(1) as thread:
        loop.set_default_executor(thread)
        for _ in range(2):
            clock.advance(1)
            spending.tick()
            await loop.run_in_executor(None, lambda: None)
            await asyncio.sleep(0)


async def test_what_a_replaced_worker_books_to_its_end_is_taken_over_once(home, clock, spending):
    """FAILURES G5."""
    old = Predecessor(home, clock)
    old.spend(100)
    async with asyncio.TaskGroup() as tasks:
        counters = spending.open(None, tasks)
    assert await counters.read([COUNTER]) == {COUNTER: 100}
    old.spend(20)
    await ticked(spending, clock)
    assert await counters.read([COUNTER]) == {COUNTER: 100}, "it lives, and its calls are its own"
    old.spend(3, named=False)  # killed before the line of its last segment was written
    old.log.close()
    await ticked(spending, clock)
    assert await counters.read([COUNTER]) == {COUNTER: 123}
    await ticked(spending, clock)
    assert await counters.read([COUNTER]) == {COUNTER: 123}


async def test_what_this_worker_booked_itself_is_not_counted_again(home, clock, spending):
    old = Predecessor(home, clock)
    async with asyncio.TaskGroup() as tasks:
        counters = spending.open(None, tasks)
    claims = LIMITER.claims("p", "k", money=7)
    await counters.borrow("t", claims, lease=60)
    counters.give_back("t", [7])
    old.log.close()
    await ticked(spending, clock)
    assert await counters.read([COUNTER]) == {COUNTER: 7}


async def test_a_log_that_cannot_be_read_is_tried_again(home, clock, spending, caplog):
    old = Predecessor(home, clock)
    async with asyncio.TaskGroup() as tasks:
        counters = spending.open(None, tasks)
    old.spend(5)
    old.log.close()
    hidden = home.spend.rename(home.path / "hidden")
    home.spend.mkdir()
    await ticked(spending, clock)
    assert "cannot be read yet" in caplog.text
    home.spend.rmdir()
    hidden.rename(home.spend)
    await ticked(spending, clock)
    assert await counters.read([COUNTER]) == {COUNTER: 5}
