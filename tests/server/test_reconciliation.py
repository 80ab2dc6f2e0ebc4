"""Budgets' counters against the records (FAILURES G5): in a worker's memory, in Redis, and while nothing runs."""

import asyncio
from collections.abc import Callable

import msgspec
import pytest

from counters_harness import fresh_prefix
from penstock.core.clock import ManualClock
from penstock.core.errors import Unavailable
from penstock.core.home import Home
from penstock.core.ids import RandomIds
from penstock.gateway.limits.claims import Limiter
from penstock.server.gateway_state import SpentFile
from penstock.server.reconciliation import BudgetReconciler, user_hash
from penstock.store.counters.ledger import Ledger
from penstock.store.counters.memory import MemoryCounters
from penstock.store.counters.redis import RedisCounters
from penstock.store.counters.spendlog import SpendLog
from penstock.store.spans.duckdb.store import open_spans
from penstock.testing.journal import PROJECT, JournalFolder
from penstock.wire.limits import Budget, Claim, LimitEntry, RedisSettings
from penstock.wire.snapshot import ProjectEntry, Snapshot
from penstock.wire.status import Correction, WorkerReport
from redis_harness import SERVER, RedisServer

OTHER = "01990000-0000-7000-8000-000000000002"
DAY = 86_400_000_000
LIMITS = (
    LimitEntry(name="company", level="organisation", budgets=(Budget(window="day", hard=10_000),)),
    LimitEntry(name="each-key", level="key", budgets=(Budget(window="hour", hard=900), Budget(window="month", soft=9))),
    LimitEntry(name="ann", level="user", match="ann", budgets=(Budget(window="day", hard=500),)),
    LimitEntry(name="job", level="tag", match="job", budgets=(Budget(window="day", hard=500),)),
    LimitEntry(name="rate", level="key", requests_per_minute=5),
)


class Worker:
    """A gateway worker, as far as its counters and files go."""

    def __init__(self, place: "Place", name: str) -> None:
        self.place = place
        self.name = name
        self.counters = MemoryCounters(place.clock)
        self.file = SpentFile(place.home, name, self.counters, clock=place.clock)
        self.state = "serving"
        self.log = SpendLog(place.home, Ledger(), worker=name, clock=place.clock)
        place.workers.append(self)
        place.everyone.append(self)

    def spend(self, *spans, missing: int = 0) -> None:
        """Book what spans cost, all but `missing` nano-dollars of it."""
        limiter = Limiter(self.place.snapshot.limits, salt=bytes.fromhex(self.place.snapshot.user_salt))
        for span in spans:
            for claim in limiter.claims(span.project, span.key, user=span.user, tags=span.tags, money=span.cost or 0):
                self.book(claim, claim.amount - missing)

    def book(self, claim: Claim, amount: int) -> None:
        asyncio.run(self._book(claim, amount))

    async def _book(self, claim: Claim, amount: int) -> None:
        await self.counters.borrow("t", [claim], lease=60)
        self.counters.give_back("t", [amount])

    def tick(self) -> None:
        clock = self.place.clock
        report = WorkerReport(
            worker=self.name, pid=1, program="1", started=1, at=clock.now(), snapshot=1, state=self.state
        )
        (self.place.home.workers / f"{self.name}.json").write_bytes(msgspec.json.encode(report))
        self.file.tick()


class Place:
    """A home with a store, a journal, workers, and the reconciler over them."""

    def __init__(self, folder) -> None:
        self.home = Home(folder / "home")
        self.home.create()
        self.clock = ManualClock()
        self.ids = RandomIds(self.clock)
        self.journal = JournalFolder(self.home.journal)
        self.spans = open_spans(self.home.spans, clock=self.clock)
        projects = {PROJECT: ProjectEntry(id=PROJECT, name="mine")}
        self.snapshot = Snapshot(version=1, created=1, projects=projects, limits=LIMITS, user_salt="00ff")
        self.workers: list[Worker] = []
        """Those that go on reporting."""
        self.everyone: list[Worker] = []
        self.meanwhile: list[Callable[[], None]] = []
        """Each is called in one pause."""
        self.reconciler = BudgetReconciler(
            self.home,
            self.spans,
            snapshot=lambda: self.snapshot,
            key_names=lambda project: {"k": "laptop"},
            clock=self.clock,
            ids=self.ids,
            pause=self.pause,
        )

    def pause(self, seconds: float) -> None:
        self.clock.advance(seconds)
        if self.meanwhile:
            self.meanwhile.pop(0)()
        for worker in self.workers:
            worker.tick()

    def calls(self, *costs, **fields):
        given = {"started": self.clock.now(), "key": "k"} | fields
        return [self.journal.span(cost=cost, **given) for cost in costs]

    def store(self, *spans) -> None:
        path = self.journal.write(*spans)
        self.spans.load([path])
        path.unlink()

    def look(self, *, fix: bool = False):
        for worker in self.workers:
            worker.tick()
        return self.reconciler.reconcile(fix=fix)


@pytest.fixture
def place(tmp_path):
    place = Place(tmp_path)
    yield place
    place.spans.close()
    for worker in place.everyone:
        worker.log.close()


def told(found):
    return {item.counter: (item.counted, item.recorded, item.state) for item in found.items}


def test_counters_in_a_workers_memory_equal_the_stored_and_the_waiting_records(place):
    """FAILURES G5."""
    worker = Worker(place, "a" * 16)
    ann = user_hash(place.snapshot, "ann")
    stored = place.calls(100, None, 7, user=ann)
    sealed = place.calls(20, tags={"job": "night"})
    open_ = place.calls(3, key="k2")
    place.store(*stored)
    place.journal.write(*sealed)
    place.journal.path(".open").write_bytes(b"".join(place.journal.line(span) for span in open_) + b'{"torn')
    worker.spend(*stored, *sealed, *open_)
    found = place.look()
    assert (found.source, found.equal, found.settled, found.truncated) == ("worker", True, True, False)
    assert told(found) == {
        "company/organisation/money/day": (130, 130, "equal"),
        "each-key/key:k/money/hour": (127, 127, "equal"),
        "each-key/key:k/money/month": (127, 127, "equal"),
        "each-key/key:k2/money/hour": (3, 3, "equal"),
        "each-key/key:k2/money/month": (3, 3, "equal"),
        f"ann/user:{ann}/money/day": (107, 107, "equal"),
        "job/tag:job=night/money/day": (20, 20, "equal"),
    }
    names = {item.who.id: (item.limit, item.who.name) for item in found.items}
    assert names["k"] == ("each-key", "laptop")
    assert names["job=night"][0] == "job"


def test_a_difference_that_stays_is_told_to_the_nano_dollar_and_put_right(place):
    worker = Worker(place, "a" * 16)
    spans = place.calls(100, 50)
    place.store(*spans)
    worker.spend(*spans, missing=1)
    found = place.look()
    assert (found.equal, found.settled, found.fixed) == (False, True, 0)
    assert {item.difference for item in found.items} == {-2}
    assert told(found)["company/organisation/money/day"] == (148, 150, "differs")

    fixed = place.look(fix=True)
    assert (fixed.equal, fixed.fixed, fixed.unfixable) == (True, 3, None)
    assert not list(place.home.workers.glob("*.correct"))
    assert place.look().equal


def test_what_was_counted_without_a_record_is_told_too(place):
    """FAILURES G5: a budget must not be exceeded at half the real spend."""
    worker = Worker(place, "a" * 16)
    worker.spend(*place.calls(100))
    found = place.look(fix=True)
    assert (found.equal, found.fixed) == (True, 3)
    assert told(found) == {}


def test_a_correction_adds_to_what_calls_booked_meanwhile(place):
    worker = Worker(place, "a" * 16)
    spans = place.calls(100)
    place.store(*spans)

    def another():
        more = place.calls(11)
        worker.spend(*more)
        place.store(*more)

    # The first pause is between the looks, the second while the worker takes the correction.
    place.meanwhile = [lambda: None, another]
    found = place.look(fix=True)
    assert told(found)["company/organisation/money/day"] == (111, 111, "equal")


def test_counters_that_move_while_they_are_looked_at_are_no_difference(place):
    worker = Worker(place, "a" * 16)

    def busy():
        worker.spend(*place.calls(5))

    place.meanwhile = [busy] * 20
    worker.spend(*place.calls(5))
    found = place.look(fix=True)
    assert (found.equal, found.settled, found.fixed) == (False, False, 0)
    assert {item.state for item in found.items} == {"moving"}


def test_a_call_that_ends_between_two_looks_settles(place):
    worker = Worker(place, "a" * 16)
    spans = place.calls(5)
    worker.spend(*spans)
    place.meanwhile = [lambda: place.store(*spans)]
    assert place.look().equal


def test_segments_that_are_stored_during_a_look_count_once(place, monkeypatch):
    """FAILURES O5."""
    worker = Worker(place, "a" * 16)
    spans = place.calls(100)
    path = place.journal.write(*spans)
    worker.spend(*spans)
    recorded = place.spans.recorded

    def ingested_first(areas, *, segments):
        place.spans.load([path])
        path.unlink(missing_ok=True)
        return recorded(areas, segments=segments)

    monkeypatch.setattr(place.spans, "recorded", ingested_first)
    found = place.look()
    assert (found.equal, told(found)["company/organisation/money/day"][0]) == (True, 100)


def test_a_worker_with_more_counters_than_it_reports_is_compared_by_its_largest(place, monkeypatch):
    monkeypatch.setattr("penstock.server.gateway_state.MOST_SPENT", 2)
    worker = Worker(place, "a" * 16)
    spans = [*place.calls(100), *place.calls(5, key="k2")]
    place.store(*spans)
    worker.spend(*spans)
    found = place.look()
    assert (found.truncated, found.equal, len(found.items)) == (True, True, 2)


def test_a_worker_that_takes_no_correction_up_is_told_and_the_correction_withdrawn(place):
    worker = Worker(place, "a" * 16)
    place.store(*place.calls(100))
    worker.tick()
    place.workers.clear()
    report = place.home.workers / f"{worker.name}.json"
    alive = msgspec.json.decode(report.read_bytes(), type=WorkerReport)

    def still_there(_seconds):
        report.write_bytes(msgspec.json.encode(msgspec.structs.replace(alive, at=place.clock.now())))

    place.reconciler._pause = still_there
    found = place.reconciler.reconcile(fix=True)
    assert (found.equal, found.fixed) == (False, 0)
    assert "did not take" in (found.unfixable or "")
    assert not list(place.home.workers.glob("*.correct"))


def test_several_workers_without_a_shared_store_cannot_be_put_right(place):
    for name in ("a" * 16, "b" * 16):
        Worker(place, name)
    place.store(*place.calls(100))
    found = place.look(fix=True)
    assert (found.source, found.equal, found.fixed) == ("log", False, 0)
    assert "2 workers count each" in (found.unfixable or "")


@pytest.mark.parametrize("gone", ["stale", "draining", "killed"])
def test_a_worker_that_is_gone_or_going_is_not_asked(place, gone):
    worker = Worker(place, "a" * 16)
    worker.state = "draining" if gone == "draining" else "serving"
    worker.tick()
    place.workers.clear()
    if gone == "stale":
        place.clock.advance(60)
    if gone == "killed":
        worker.log.close()
    assert place.look().source == "log"


def test_while_nothing_runs_the_log_is_compared_and_put_right_for_the_next_start(place):
    spans = place.calls(100)
    place.store(*spans)  # as if the limits were new: no log was written
    found = place.look()
    assert (found.source, found.equal) == ("log", False)
    fixed = place.look(fix=True)
    assert (fixed.equal, fixed.fixed, fixed.unfixable) == (True, 3, None)
    counters = MemoryCounters(place.clock)
    log = SpendLog(place.home, Ledger(), worker="c" * 16, clock=place.clock)
    counters.load(log.restore(Limiter(LIMITS, salt=bytes.fromhex("00ff")).spent))
    log.close()
    assert {counter: spent for counter, _, spent in counters.spent(10)[0]} == {
        counter: recorded for counter, (_, recorded, _) in told(found).items()
    }


def test_counters_of_a_limit_that_is_no_more_are_left_alone(place):
    worker = Worker(place, "a" * 16)
    worker.book(Claim("gone/organisation/money/day", "money", "day", 0, None), 50)
    worker.book(Claim("ann/user:someone-else/money/day", "money", "day", 0, None), 50)
    assert place.look().items == []


def test_attempts_after_midnight_belong_to_the_day_in_which_their_call_began(place):
    place.clock = ManualClock(place.clock.now() // DAY * DAY)
    place.reconciler._clock = place.clock
    worker = Worker(place, "a" * 16)
    midnight = place.clock.now()
    root = place.journal.span(kind="gateway", started=midnight - 10, duration=20, cost=0)
    attempt = place.journal.span(
        trace_id=root.trace_id, parent_id=root.span_id, call=False, started=midnight + 1, cost=100
    )
    place.store(root, attempt)
    new = place.calls(7)
    place.store(*new)
    worker.spend(*new)
    found = place.look()
    assert told(found)["company/organisation/money/day"] == (7, 7, "equal")


def test_a_journal_that_cannot_be_read_is_unavailable(place):
    place.home.spend.mkdir()
    with pytest.raises(Unavailable):
        place.look()


@pytest.mark.parametrize(
    "data",
    [
        b"{",
        b'{"id": "x", "entries": [["no-measure", 0, 1]]}',
        msgspec.json.encode(Correction(id="x", entries=(("l/key:k/tokens/day", 0, 5),))),
    ],
)
def test_a_correction_that_makes_no_sense_is_refused_by_the_worker(place, data, caplog):
    worker = Worker(place, "a" * 16)
    (place.home.workers / f"{worker.name}.correct").write_bytes(data)
    worker.tick()
    assert "not taken up" in caplog.text
    assert worker.counters.spent(10) == ([], False)


def test_a_correction_of_a_window_that_is_over_adds_nothing(place):
    worker = Worker(place, "a" * 16)
    entry = ("company/organisation/money/day", place.clock.now() // DAY * DAY - DAY, 5)
    assert worker.counters.correct([entry]) == 0
    assert worker.counters.spent(10) == ([], False)


def test_a_worker_that_is_gone_takes_its_files_along(place):
    worker = Worker(place, "a" * 16)
    worker.tick()
    assert list(place.home.workers.glob("*.spent"))
    worker.file.close()
    assert not list(place.home.workers.glob("*.spent"))


# ---- Redis ----


@pytest.fixture
def redis():
    if SERVER is None:
        pytest.skip("redis-server is not installed")
    server = RedisServer()
    server.start()
    yield server
    server.remove()


async def spend_in_redis(place, settings, spans):
    ledger = Ledger()

    async def nothing():
        return {}

    async with asyncio.TaskGroup() as tasks:
        counters = RedisCounters(
            settings,
            clock=place.clock,
            ids=place.ids,
            ledger=ledger,
            worker=place.ids.span_id(),
            tasks=tasks,
            on_fresh=nothing,
        )
        await counters.ready()
        limiter = Limiter(place.snapshot.limits, salt=bytes.fromhex("00ff"))
        for span in spans:
            claims = limiter.claims(span.project, span.key, money=span.cost or 0)
            await counters.borrow(span.span_id, claims, lease=60)
            counters.give_back(span.span_id, [span.cost or 0 for _ in claims])
        await counters.close()


def test_counters_in_redis_are_compared_and_put_right(place, redis):
    """FAILURES G5."""
    settings = RedisSettings(url=redis.url, prefix=fresh_prefix())
    place.snapshot = msgspec.structs.replace(place.snapshot, redis=settings)
    spans = place.calls(100, 50)
    place.store(*spans)
    asyncio.run(spend_in_redis(place, settings, spans))
    found = place.look()
    assert (found.source, found.equal) == ("redis", True)
    assert told(found)["company/organisation/money/day"] == (150, 150, "equal")

    place.store(*place.calls(11))  # a record that Redis was not told of
    assert {item.difference for item in place.look().items} == {-11}
    fixed = place.look(fix=True)
    assert (fixed.equal, fixed.fixed) == (True, 3)
    assert place.look().equal


def test_a_redis_that_does_not_answer_could_not_be_asked(place, redis, monkeypatch):
    monkeypatch.setattr("penstock.server.reconciliation.REDIS_SECONDS", 0.2)
    settings = RedisSettings(url=redis.url, prefix=fresh_prefix())
    redis.kill()
    place.snapshot = msgspec.structs.replace(place.snapshot, redis=settings)
    with pytest.raises(Unavailable) as failed:
        place.look()
    assert failed.value.code == "limits_unavailable"
