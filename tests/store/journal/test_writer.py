"""The journal's writing side, on a real file system."""

import asyncio
import errno
import fcntl
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from penstock.core.clock import ManualClock
from penstock.core.errors import PenstockError, Unavailable
from penstock.core.ids import SequentialIds
from penstock.store.journal import writer as writer_module
from penstock.store.journal.writer import JournalWriter
from penstock.wire.snapshot import JournalSettings
from penstock.wire.span import Span


def span(number: int, *, text: int = 0) -> Span:
    return Span(
        project="p",
        trace_id=f"{number:032x}",
        span_id=f"{number:016x}",
        name="chat m",
        kind="llm",
        call=True,
        started=1_700_000_000_000_000 + number,
        error_message="x" * text or None,
    )


class Journal:
    """A writer on a folder, with its clock."""

    def __init__(self, folder: Path, **settings: object) -> None:
        self.folder = folder
        self.clock = ManualClock()
        self.writer = JournalWriter(
            folder,
            JournalSettings(**{"segment_seconds": 0.5, **settings}),  # type: ignore[arg-type]
            clock=self.clock,
            ids=SequentialIds(),
        )

    def pass_time(self, seconds: float) -> None:
        self.clock.advance(seconds)
        self.writer.tick()

    def settle(self) -> None:
        """Wait for what the writer's own thread still has to do."""
        self.writer._thread.submit(lambda: None).result()

    def files(self, suffix: str) -> list[Path]:
        return sorted(path for path in self.folder.iterdir() if path.suffix == suffix)

    def lines(self, suffix: str) -> list[dict[str, object]]:
        return [json.loads(line) for path in self.files(suffix) for line in path.read_bytes().splitlines()]


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    journal = Journal(tmp_path)
    yield journal
    journal.writer.close()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 1 MiB, really full when it is full."""
    if os.geteuid() != 0:
        pytest.skip("mounting a small file system needs root")
    folder = tmp_path / "disk"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", folder], check=True)
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


def test_a_record_is_in_the_file_when_record_returns(journal: Journal) -> None:
    journal.writer.record([span(1)])
    assert [line["span_id"] for line in journal.lines(".open")] == [f"{1:016x}"]
    assert journal.lines(".open")[0]["record"] == "span"


def test_a_segment_is_sealed_when_it_is_old_enough_and_not_before(journal: Journal) -> None:
    journal.writer.record([span(1)])
    journal.pass_time(0.4)
    journal.settle()
    assert journal.files(".ndjson") == []
    journal.pass_time(0.2)
    journal.settle()
    assert len(journal.files(".ndjson")) == 1
    assert journal.files(".open") == []


def test_a_segment_is_sealed_when_it_is_large_enough(tmp_path: Path) -> None:
    journal = Journal(tmp_path, segment_bytes=1000)
    journal.writer.record([span(1, text=2000)])
    journal.pass_time(0.1)
    journal.writer.record([span(2)])
    journal.writer.close()
    assert [len(path.read_bytes().splitlines()) for path in journal.files(".ndjson")] == [1, 1]


def test_an_idle_writer_makes_no_files(journal: Journal) -> None:
    for _ in range(10):
        journal.pass_time(1.0)
    journal.settle()
    assert journal.files(".open") == journal.files(".ndjson") == []


def test_the_writer_holds_a_lock_on_the_segment_it_writes(journal: Journal) -> None:
    journal.writer.record([span(1)])
    (path,) = journal.files(".open")
    with path.open("rb") as file, pytest.raises(BlockingIOError):
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_segment_names_sort_in_the_order_they_were_written(journal: Journal) -> None:
    for number in range(3):
        journal.writer.record([span(number)])
        journal.pass_time(1.0)
    journal.settle()
    assert [line["started"] for line in journal.lines(".ndjson")] == [1_700_000_000_000_000 + n for n in range(3)]


def test_calls_in_flight_are_carried_into_the_next_segment_until_they_end(journal: Journal) -> None:
    journal.writer.begin(span(1))
    journal.writer.record([span(2)])
    journal.pass_time(1.0)
    journal.settle()
    assert [(line["record"], line["span_id"]) for line in journal.lines(".open")] == [("open", f"{1:016x}")]
    journal.writer.record([span(1)])
    journal.pass_time(1.0)
    journal.settle()
    assert journal.files(".open") == []
    sealed = [(line["record"], line["span_id"]) for line in journal.lines(".ndjson")]
    assert sealed == [
        ("open", f"{1:016x}"),
        ("span", f"{2:016x}"),
        ("open", f"{1:016x}"),
        ("span", f"{1:016x}"),
    ]


def test_a_segment_that_holds_only_carried_calls_is_not_sealed_over_and_over(journal: Journal) -> None:
    journal.writer.begin(span(1))
    journal.writer.record([span(2)])
    for _ in range(5):
        journal.pass_time(1.0)
    journal.settle()
    assert len(journal.files(".ndjson")) == 1
    assert len(journal.files(".open")) == 1


def test_closing_seals_what_was_written_and_leaves_nothing_open(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.writer.start()
    journal.writer.record([span(1)])
    journal.writer.close()
    assert [path.suffix for path in tmp_path.iterdir()] == [".ndjson"]


def test_a_backlog_over_the_limit_refuses_calls_until_it_is_worked_off(tmp_path: Path) -> None:
    """FAILURES G8."""
    journal = Journal(tmp_path, max_bytes=1000)
    journal.writer.record([span(1, text=2000)])
    journal.pass_time(1.5)
    journal.settle()
    journal.pass_time(1.5)
    journal.settle()
    journal.pass_time(1.5)
    with pytest.raises(Unavailable, match="journal has no room") as refused:
        journal.writer.admit()
    assert refused.value.code == "journal_full"
    for path in journal.files(".ndjson"):
        path.unlink()
    for _ in range(2):
        journal.pass_time(1.5)
        journal.settle()
    journal.pass_time(1.5)
    journal.writer.admit()
    journal.writer.close()


def test_a_full_disk_refuses_new_calls_and_keeps_the_records_of_those_in_flight(
    small_disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """FAILURES G8."""
    monkeypatch.setattr(writer_module, "RESERVE_BYTES", 64 * 1024)
    journal = Journal(small_disk)
    journal.writer.start()
    written = 0
    while not journal.writer.full:
        journal.writer.record([span(written, text=20_000)])
        written += 1
    with pytest.raises(Unavailable):
        journal.writer.admit()
    refused = False
    while not refused:
        try:
            journal.writer.record([span(written, text=20_000)])
        except Unavailable:
            refused = True
        else:
            written += 1
    journal.writer.tick()
    assert journal.writer.full
    first = journal.lines(".open")
    assert [line["span_id"] for line in first] == [f"{number:016x}" for number in range(written)]
    subprocess.run(["mount", "-o", "remount,size=4m", small_disk], check=True)
    journal.pass_time(1.5)
    assert not journal.writer.full
    journal.writer.admit()
    journal.settle()
    everything = [line["span_id"] for line in [*journal.lines(".ndjson"), *journal.lines(".open")]]
    assert everything == [f"{number:016x}" for number in range(written + 1)], "the refused record is written too"
    journal.writer.close()


def test_a_read_only_disk_refuses_calls_until_it_can_be_written_again(
    small_disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """FAILURES G8."""
    monkeypatch.setattr(writer_module, "RESERVE_BYTES", 64 * 1024)
    journal = Journal(small_disk)
    journal.writer.start()
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
    with pytest.raises(Unavailable, match="no room"):
        journal.writer.record([span(1)])
    journal.pass_time(1.5)
    with pytest.raises(Unavailable):
        journal.writer.admit()
    subprocess.run(["mount", "-o", "remount,rw", small_disk], check=True)
    journal.pass_time(1.5)
    journal.writer.admit()
    assert [line["span_id"] for line in journal.lines(".open")] == [f"{1:016x}"]
    journal.writer.close()
    assert list(small_disk.glob("reserve-*")) == []


def test_a_backlog_that_cannot_be_measured_once_hinders_nothing(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = writer_module._segment_bytes

    def broken(folder: Path) -> int:
        monkeypatch.setattr(writer_module, "_segment_bytes", real)
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr(writer_module, "_segment_bytes", broken)
    journal.writer.record([span(1)])
    for _ in range(3):
        journal.pass_time(1.5)
        journal.settle()
    assert len(journal.lines(".ndjson")) == 1
    journal.writer.admit()


def test_shedding_serves_on_and_counts_what_it_drops(small_disk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """FAILURES G8."""
    monkeypatch.setattr(writer_module, "RESERVE_BYTES", 64 * 1024)
    journal = Journal(small_disk, on_full="shed")
    journal.writer.start()
    for number in range(100):
        journal.writer.admit()
        journal.writer.record([span(number, text=20_000)])
    assert journal.writer.lost > 0
    assert journal.writer.recorded + journal.writer.lost == 100
    assert len(journal.lines(".open")) == journal.writer.recorded
    journal.writer.close()


def test_a_failed_write_leaves_no_half_line(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    journal.writer.record([span(1)])
    real = os.write

    def short_then_full(fd: int, data: bytes) -> int:
        monkeypatch.setattr(os, "write", full)
        return real(fd, data[:10])

    def full(fd: int, data: bytes) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "write", short_then_full)
    with pytest.raises(Unavailable):
        journal.writer.record([span(2)])
    monkeypatch.setattr(os, "write", real)
    assert [line["span_id"] for line in journal.lines(".open")] == [f"{1:016x}"]
    journal.pass_time(1.5)
    journal.settle()
    assert [line["span_id"] for line in journal.lines(".ndjson")] == [f"{1:016x}", f"{2:016x}"]


def test_a_killed_writer_loses_nothing_that_record_returned_from(tmp_path: Path) -> None:
    script = (
        "import os, signal, sys\n"
        "from pathlib import Path\n"
        "from penstock.core.clock import SystemClock\n"
        "from penstock.core.ids import RandomIds\n"
        "from penstock.store.journal.writer import JournalWriter\n"
        "from penstock.wire.snapshot import JournalSettings\n"
        "from penstock.wire.span import Span\n"
        "w = JournalWriter(Path(sys.argv[1]), JournalSettings(), clock=SystemClock(), ids=RandomIds())\n"
        "for n in range(500):\n"
        "    w.record([Span(project='p', trace_id='t', span_id=str(n), name='n', kind='llm', started=n)])\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    ended = subprocess.run([sys.executable, "-c", script, tmp_path], check=False)
    assert ended.returncode == -9
    lines = [json.loads(line) for path in tmp_path.glob("*.open") for line in path.read_bytes().splitlines()]
    assert [line["span_id"] for line in lines] == [str(number) for number in range(500)]


def test_a_segment_that_cannot_be_sealed_is_tried_again(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.fsync

    def fails(fd: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    journal.writer.record([span(1)])
    monkeypatch.setattr(os, "fsync", fails)
    journal.pass_time(1.0)
    journal.settle()
    assert journal.files(".ndjson") == []
    monkeypatch.setattr(os, "fsync", real)
    journal.pass_time(1.0)
    journal.settle()
    assert [line["span_id"] for line in journal.lines(".ndjson")] == [f"{1:016x}"]


async def test_calls_that_end_in_one_turn_are_written_together_before_any_goes_on(journal: Journal) -> None:
    seen: list[tuple[int, int]] = []

    def then(number: int) -> Callable[[PenstockError | None], None]:
        def written(error: PenstockError | None) -> None:
            assert error is None
            seen.append((number, len(journal.lines(".open"))))

        return written

    for number in range(3):
        journal.writer.record_soon([span(number)], then(number))
    assert seen == []
    assert journal.lines(".open") == []
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert seen == [(0, 3), (1, 3), (2, 3)]
    assert journal.writer.recorded == 3


async def test_a_segment_ends_with_what_its_turn_had_to_write(journal: Journal) -> None:
    written: list[PenstockError | None] = []
    journal.writer.record([span(1)])
    journal.writer.record_soon([span(2)], written.append)
    journal.writer.seal()
    journal.settle()
    assert written == [None]
    assert [line["span_id"] for line in journal.lines(".ndjson")] == [f"{1:016x}", f"{2:016x}"]


def grow(disk: Path) -> None:
    subprocess.run(["mount", "-o", "remount,size=4m", disk], check=True)


async def test_a_full_disk_refuses_each_call_of_a_turn_that_does_not_fit(
    small_disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """FAILURES G8."""
    monkeypatch.setattr(writer_module, "RESERVE_BYTES", 64 * 1024)
    journal = Journal(small_disk)
    journal.writer.start()
    told: list[PenstockError | None] = []
    for number in range(100):
        journal.writer.record_soon([span(number, text=20_000)], told.append)
    journal.writer.flush()
    assert len(told) == 100
    fitted = told.count(None)
    assert 0 < fitted < 100
    assert all(isinstance(error, Unavailable) for error in told[fitted:])
    assert len(journal.lines(".open")) == fitted
    grow(small_disk)
    journal.pass_time(0.1)
    assert len(journal.lines(".open")) == 100
    journal.writer.close()
