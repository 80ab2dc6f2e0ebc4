"""Budgets survive a restart and equal the records: the spend log with a real journal."""

import errno
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.core.clock import ManualClock
from penstock.core.home import Home
from penstock.gateway.limits.claims import Limiter
from penstock.store.counters import spendlog as spendlog_module
from penstock.store.counters.ledger import Ledger
from penstock.store.counters.replay import spend_of
from penstock.store.counters.spendlog import SpendLog
from penstock.wire.limits import Budget, LimitEntry
from penstock.wire.span import Span, encode_span

NOON = 1_699_963_200_000_000
"""2023-11-14T12:00:00Z."""
MIDNIGHT = NOON - 12 * 3600 * 1_000_000
COUNTER = "team/project:p/money/day"

LIMITER = Limiter([LimitEntry(name="team", level="project", budgets=(Budget(window="day", hard=1000),))])


def span(number: int, cost: int | None, **fields: object) -> Span:
    values: dict[str, object] = {
        "project": "p",
        "trace_id": f"{number:032x}",
        "span_id": f"{number:016x}",
        "name": "chat m",
        "kind": "llm",
        "call": True,
        "started": NOON + number,
        "cost": cost,
    }
    return Span(**(values | fields))  # type: ignore[arg-type]


def lines(*spans: Span, record: str = "span") -> bytes:
    return b"".join(b'{"record":"%b",' % record.encode() + encode_span(one)[1:] + b"\n" for one in spans)


class Worker:
    """A gateway worker's journal and log, with the steps of its life in a test's hands."""

    def __init__(self, home: Home, name: str, clock: ManualClock) -> None:
        self.home = home
        self.name = name
        self.ledger = Ledger()
        self.log = SpendLog(home, self.ledger, worker=name, clock=clock)
        self.sequence = 0

    @property
    def segment(self) -> str:
        return f"{NOON + self.sequence:016x}-{self.name}-{self.sequence:08x}"

    def call(self, number: int, cost: int) -> None:
        with (self.home.journal / f"{self.segment}.open").open("ab") as file:
            file.write(lines(span(number, cost)))
        self.ledger.book(COUNTER, MIDNIGHT, cost)

    def name_segment(self) -> None:
        self.log.write(self.segment, self.log.snapshot_changes())

    def seal(self) -> None:
        self.name_segment()
        self.rename()

    def rename(self) -> None:
        path = self.home.journal / f"{self.segment}.open"
        path.rename(path.with_suffix(".ndjson"))
        self.sequence += 1

    def ingest(self) -> None:
        for path in self.home.journal.glob(f"*-{self.name}-*.ndjson"):
            path.unlink()

    def die(self) -> None:
        """As a killed process: its lock is gone, its file stays."""
        assert self.log._fd is not None
        os.close(self.log._fd)
        self.log._fd = None


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOON)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home(tmp_path / "home")
    home.create()
    return home


@pytest.fixture
def worker(home: Home, clock: ManualClock) -> Iterator[Worker]:
    worker = Worker(home, "a" * 16, clock)
    yield worker
    worker.log.close()


def restored(home: Home, clock: ManualClock) -> dict[tuple[str, int], int]:
    log = SpendLog(home, Ledger(), worker="f" * 16, clock=clock)
    try:
        return log.restore(LIMITER.spent)
    finally:
        log.close()


def test_nothing_is_written_while_nothing_was_booked(home: Home, worker: Worker) -> None:
    worker.log.write("x", worker.log.snapshot_changes())
    assert not home.spend.exists()


STAGES = ["open", "named", "sealed", "ingested"]


@pytest.mark.parametrize("stage", STAGES)
def test_a_restart_knows_every_record_once_at_whatever_point_the_worker_died(
    home: Home, worker: Worker, clock: ManualClock, stage: str
) -> None:
    """FAILURES G5."""
    worker.call(1, 100)
    worker.seal()
    worker.ingest()
    worker.call(2, 20)
    if stage == "named":
        worker.name_segment()
    elif stage != "open":
        worker.seal()
        if stage == "ingested":
            worker.ingest()
    worker.die()
    for _ in range(3):
        assert restored(home, clock) == {(COUNTER, MIDNIGHT): 120}
    # What was left open is recovered and ingested by the console in between.
    for path in home.journal.iterdir():
        if path.is_file():
            path.unlink()
    assert restored(home, clock) == {(COUNTER, MIDNIGHT): 120}


def test_a_dead_workers_last_segment_is_counted_by_whoever_recovers_it(
    home: Home, worker: Worker, clock: ManualClock
) -> None:
    worker.call(1, 100)
    worker.seal()
    worker.call(2, 20)
    worker.die()
    path = home.journal / f"{worker.segment}.open"
    console = SpendLog(home, Ledger(), worker="c" * 16, clock=clock)
    for _ in range(2):
        console.fold(worker.segment, path.read_bytes(), LIMITER.spent)
    console.close()
    path.unlink()
    worker.ingest()
    assert restored(home, clock) == {(COUNTER, MIDNIGHT): 120}


def test_the_open_segment_of_a_living_worker_counts_without_being_named(
    home: Home, worker: Worker, clock: ManualClock
) -> None:
    worker.call(1, 7)
    assert restored(home, clock) == {(COUNTER, MIDNIGHT): 7}
    worker.call(2, 3)
    worker.seal()
    worker.ingest()
    assert restored(home, clock) == {(COUNTER, MIDNIGHT): 10}


def test_workers_add_up_and_the_living_can_be_left_out(home: Home, worker: Worker, clock: ManualClock) -> None:
    other = Worker(home, "b" * 16, clock)
    worker.call(1, 5)
    worker.seal()
    other.call(2, 30)
    other.seal()
    other.call(3, 4)
    assert restored(home, clock) == {(COUNTER, MIDNIGHT): 39}
    assert worker.log.gone(LIMITER.spent) == {}
    other.die()
    assert worker.log.gone(LIMITER.spent) == {COUNTER: 34}


def test_windows_that_are_over_are_not_restored(home: Home, worker: Worker, clock: ManualClock) -> None:
    worker.call(1, 5)
    worker.seal()
    clock.advance(86_400)
    assert restored(home, clock) == {}


def test_a_write_that_is_tried_again_after_a_later_one_does_not_set_counters_back(
    home: Home, worker: Worker, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker.call(1, 5)
    first, changes = worker.segment, worker.log.snapshot_changes()

    def full(_fd: int, _data: bytes) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(spendlog_module.os, "write", full)
        with pytest.raises(OSError, match="No space"):
            worker.log.write(first, changes)
    worker.sequence += 1
    worker.call(2, 10)
    worker.name_segment()
    worker.die()
    assert restored(home, clock) == {(COUNTER, MIDNIGHT): 15}, "the segment that is not named is counted for itself"
    revived = SpendLog(home, Ledger(), worker="a" * 16, clock=clock)
    revived.write(first, changes)
    revived.close()
    assert restored(home, clock) == {(COUNTER, MIDNIGHT): 15}


@pytest.mark.parametrize("cut", [1, 20, 60])
def test_a_torn_last_line_is_counted_from_its_segment_and_swallows_no_other(
    home: Home, worker: Worker, clock: ManualClock, cut: int
) -> None:
    worker.call(1, 100)
    worker.seal()
    worker.ingest()
    worker.call(2, 20)
    worker.name_segment()
    os.truncate(home.spend, home.spend.stat().st_size - cut)
    worker.die()
    assert restored(home, clock) == {(COUNTER, MIDNIGHT): 120}
    other = Worker(home, "b" * 16, clock)
    other.call(3, 3)
    other.seal()
    other.ingest()
    other.log.close()
    assert restored(home, clock) == {(COUNTER, MIDNIGHT): 123}


def test_a_short_write_is_completed(
    home: Home, worker: Worker, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = os.write
    monkeypatch.setattr(spendlog_module.os, "write", lambda fd, data: write(fd, data[:10]))
    worker.call(1, 100)
    worker.name_segment()
    assert json.loads(home.spend.read_bytes())["values"] == [[COUNTER, MIDNIGHT, 100]]


def test_a_long_log_is_written_anew_and_says_the_same(
    home: Home, worker: Worker, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """FAILURES G9."""
    gone = Worker(home, "b" * 16, clock)
    gone.call(1, 7)
    gone.seal()
    gone.ingest()
    gone.die()
    dead = Worker(home, "d" * 16, clock)
    dead.call(2, 11)
    dead.die()
    assert restored(home, clock) == {(COUNTER, MIDNIGHT): 18}
    monkeypatch.setattr(spendlog_module, "COMPACT_BYTES", 4000)
    for number in range(300):
        worker.call(10 + number, 1)
        worker.seal()
        worker.ingest()
        if number % 100 == 0:
            assert restored(home, clock) == {(COUNTER, MIDNIGHT): 19 + number}
    worker.call(999, 1)
    worker.rename()
    assert home.spend.stat().st_size < 5000
    assert restored(home, clock) == {(COUNTER, MIDNIGHT): 319}
    assert not (home.run / f"spend-{gone.name}").exists()
    monkeypatch.setattr(spendlog_module, "COMPACT_BYTES", 1)
    assert restored(home, clock) == {(COUNTER, MIDNIGHT): 319}
    assert restored(home, clock) == {(COUNTER, MIDNIGHT): 319}


def test_a_worker_that_is_killed_is_not_living_any_more(home: Home, worker: Worker, clock: ManualClock) -> None:
    program = (
        "import sys; from pathlib import Path; from penstock.core.home import Home; from penstock.core.clock import *\n"
        "from penstock.store.counters.ledger import Ledger; from penstock.store.counters.spendlog import SpendLog\n"
        "ledger = Ledger(); log = SpendLog(Home(Path(sys.argv[1])), ledger, worker='e' * 16, clock=SystemClock())\n"
        f"ledger.book({COUNTER!r}, {MIDNIGHT}, 42)\n"
        "log.write('1-' + 'e' * 16 + '-00000000', log.snapshot_changes()); print('ready', flush=True); input()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, str(home.path)], stdout=subprocess.PIPE, stdin=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        assert worker.log.gone(LIMITER.spent) == {}
        process.kill()
        process.wait()
        assert worker.log.gone(LIMITER.spent) == {COUNTER: 42}


def test_a_segment_that_is_sealed_while_it_is_looked_for_is_found(home: Home, worker: Worker) -> None:
    worker.call(1, 5)
    path = home.journal / f"{worker.segment}.open"
    worker.rename()
    assert spendlog_module._read(path) == path.with_suffix(".ndjson").read_bytes()


def test_the_cost_of_a_call_is_the_sum_of_its_rows_in_the_window_in_which_it_started() -> None:
    late = MIDNIGHT - 1
    segment = lines(
        span(1, 0, kind="gateway", started=late),
        span(2, 30, call=False, parent_id=f"{1:016x}", started=late),
        span(3, 4, call=False, parent_id=f"{1:016x}", started=MIDNIGHT),
        span(4, 500, call=False, parent_id="elsewhere", started=MIDNIGHT),
        span(5, None),
    )
    open_lines = lines(span(6, 7), record="open")
    torn = lines(span(7, 9))[:-5]
    found = spend_of(segment + open_lines + b"{broken\n" + torn, LIMITER.spent)
    assert found == {(COUNTER, MIDNIGHT - 86_400_000_000): 34, (COUNTER, MIDNIGHT): 500}


def test_tokens_of_a_day_are_the_sum_of_all_buckets() -> None:
    limiter = Limiter([LimitEntry(name="t", level="key", tokens_per_day=10, tokens_per_minute=5)])
    buckets = [
        name for name in Span.__struct_fields__ if name.startswith("usage_") and name[6:] not in ("estimated", "raw")
    ]
    one = span(1, None, key="k", **{name: 2**index for index, name in enumerate(buckets)})
    assert spend_of(lines(one), limiter.spent) == {("t/key:k/tokens/day", MIDNIGHT): 2 ** len(buckets) - 1}


@given(
    steps=st.lists(
        st.one_of(st.integers(1, 50), st.sampled_from(["seal", "ingest", "die", "die after naming"])), max_size=30
    )
)
def test_whatever_happens_the_sum_is_that_of_the_records(
    tmp_path_factory: pytest.TempPathFactory, steps: list[int | str]
) -> None:
    """FAILURES G5."""
    home = Home(tmp_path_factory.mktemp("home"))
    home.create()
    clock = ManualClock(NOON)
    worker, total, lives = Worker(home, f"{0:016x}", clock), 0, 0
    for number, step in enumerate(steps):
        written = (home.journal / f"{worker.segment}.open").exists()
        if isinstance(step, int):
            worker.call(number, step)
            total += step
        elif step == "seal" and written:
            worker.seal()
        elif step == "ingest":
            worker.ingest()
        elif step.startswith("die"):
            if step != "die" and written:
                worker.name_segment()
            worker.die()
            lives += 1
            worker = Worker(home, f"{lives:016x}", clock)
            assert sum(worker.log.restore(LIMITER.spent).values()) == total
    worker.die()
    assert sum(restored(home, clock).values()) == total
