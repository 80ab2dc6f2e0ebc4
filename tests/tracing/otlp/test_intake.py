"""A request is answered when its spans are on the disk; memory and what waits are bounded."""

import asyncio
import gzip
import resource
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest

from otlp_harness import as_json, intake_of, request, span, stream
from penstock.core.clock import ManualClock
from penstock.core.errors import InvalidInput, RateLimited, TooLarge, Unavailable
from penstock.core.home import Home
from penstock.core.ids import RandomIds
from penstock.store.journal.writer import JournalWriter
from penstock.store.spans.duckdb.store import open_spans
from penstock.testing.journal import JournalFolder
from penstock.tracing.jobs import IngestJob
from penstock.tracing.otlp import intake as module
from penstock.tracing.otlp import request as mapping
from penstock.tracing.otlp.body import JSON, PROTOBUF
from penstock.tracing.otlp.intake import OtlpIntake, keep_sealing
from penstock.wire.snapshot import JournalSettings

GOOD = request(span({"user.id": "robin"}), span()).SerializeToString()
MIXED = request(span(), span(start=0), span(start=0), span(span_id="00" * 8)).SerializeToString()


async def send(intake: OtlpIntake, *chunks: bytes, media: str = PROTOBUF, packing: str | None = None):
    return await intake.receive(stream(*chunks), project="p1", content_type=media, content_encoding=packing)


async def test_accepted_spans_are_in_the_log_with_their_project(intake, log):
    """FAILURES O4"""
    outcome, encoding = await send(intake, GOOD[:10], GOOD[10:])
    assert (outcome.accepted, outcome.rejected, encoding) == (2, {}, PROTOBUF)
    assert [(one.project, one.source, one.user) for one in log.spans] == [
        ("p1", "otlp", "hash of robin"),
        ("p1", "otlp", None),
    ]
    assert (intake.state.requests, intake.state.accepted, intake.state.in_flight) == (1, 2, 0)


async def test_json_and_packed_bodies_are_taken_alike(intake, log):
    made = request(span({"a": 1}))
    await send(intake, as_json(made), media=JSON)
    await send(intake, gzip.compress(made.SerializeToString()), packing="gzip")
    assert log.lines[0] == log.lines[1]


async def test_each_rejected_span_is_counted_under_its_reason_and_the_others_are_kept(intake, log):
    """FAILURES O4"""
    outcome, _ = await send(intake, MIXED)
    assert outcome.accepted == len(log.spans) == 1
    assert outcome.rejected == {"there is no start time": 2, "the span id is not 8 bytes, or all zero": 1}
    assert intake.state.rejected == 3


async def test_a_defect_costs_the_span_it_strikes_and_no_other(intake, log, monkeypatch, caplog):
    """FAILURES O4"""
    real = mapping.append_line

    def append(lines, span):
        real(lines, span)
        if span.user is not None:
            raise TypeError("nobody foresaw this")

    monkeypatch.setattr(mapping, "append_line", append)
    outcome, _ = await send(intake, GOOD)
    assert (outcome.accepted, len(log.spans)) == (1, 1)
    assert outcome.rejected == {"it could not be read; the console's log has the details": 1}
    assert "nobody foresaw this" in caplog.text


async def test_a_request_is_not_answered_before_its_lines_are_on_the_disk(intake, log):
    """FAILURES O4"""
    written, held = asyncio.Event(), asyncio.Event()

    async def wait() -> None:
        held.set()
        await written.wait()

    log.before = wait
    async with asyncio.TaskGroup() as tasks:
        sending = tasks.create_task(send(intake, GOOD))
        await held.wait()
        assert not sending.done()
        assert intake.state.in_flight > 0
        written.set()
    assert sending.result()[0].accepted == 2


async def test_what_could_not_be_written_is_not_accepted(intake, log):
    """FAILURES O4"""
    log.failure = Unavailable("The disk is full.", code="journal_full")
    with pytest.raises(Unavailable):
        await send(intake, GOOD)
    assert (intake.state.accepted, intake.state.in_flight) == (0, 0)


async def test_an_empty_request_writes_nothing(intake, log):
    log.failure = AssertionError("nothing is to be written")
    outcome, _ = await send(intake)
    assert outcome.accepted == 0


async def test_a_body_that_is_no_request_leaves_nothing_behind(intake, log):
    with pytest.raises(InvalidInput):
        await send(intake, b"\xff\xff")
    assert (log.lines, intake.state.in_flight) == ([], 0)


async def test_a_body_over_the_limit_is_refused_while_it_comes(intake, monkeypatch):
    monkeypatch.setattr(module, "MAX_BODY", 100)
    taken = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal taken
        while True:
            taken += 1
            yield b"x" * 40

    with pytest.raises(TooLarge):
        await intake.receive(endless(), project="p1", content_type=PROTOBUF, content_encoding=None)
    assert (taken, intake.state.in_flight) == (3, 0)


async def test_more_than_memory_is_set_aside_for_is_pushed_back(tmp_path, clock, log):
    """FAILURES O6"""
    intake = intake_of(log, tmp_path, clock, in_flight=len(GOOD) + 10, retry_seconds=7)
    release, held = asyncio.Event(), asyncio.Event()

    async def slow() -> AsyncIterator[bytes]:
        yield GOOD
        held.set()
        await release.wait()

    async with asyncio.TaskGroup() as tasks:
        first = tasks.create_task(intake.receive(slow(), project="p1", content_type=PROTOBUF, content_encoding=None))
        await held.wait()
        with pytest.raises(RateLimited) as caught:
            await send(intake, GOOD)
        assert (caught.value.retry_after, caught.value.code) == (7, "intake_full")
        release.set()
    assert first.result()[0].accepted == 2
    assert intake.state.pushed_back == 1
    # There is room again.
    await send(intake, GOOD)
    intake.close()


async def test_what_the_store_does_not_take_is_bounded_and_senders_are_told_to_come_again(tmp_path, clock, log):
    """FAILURES O6"""
    intake = intake_of(log, tmp_path, clock, waiting=1000)
    (tmp_path / "0-0-0.ndjson").write_bytes(b"x" * 600)
    (tmp_path / "0-0-1.open").write_bytes(b"x" * 600)
    with pytest.raises(RateLimited):
        await send(intake, GOOD)
    # Looked at again a second later: the store has taken one.
    (tmp_path / "0-0-0.ndjson").unlink()
    with pytest.raises(RateLimited):
        await send(intake, GOOD)
    clock.advance(1)
    assert (await send(intake, GOOD))[0].accepted == 2
    # What came since counts at once, before the next look.
    while intake.state.waiting <= 1000:
        await send(intake, GOOD)
    with pytest.raises(RateLimited):
        await send(intake, GOOD)
    intake.close()


async def test_memory_stays_flat_while_the_store_is_down(tmp_path, clock):
    """FAILURES O6: ten times what may wait is sent; it is either on the disk or refused."""
    folder = tmp_path / "intake"
    folder.mkdir()
    writer = JournalWriter(folder, JournalSettings(), clock=clock, ids=RandomIds(clock))
    intake = intake_of(writer, folder, clock, waiting=3_000_000, in_flight=4_000_000)
    body = request(*[span({"text": f"{number}" * 200}) for number in range(500)]).SerializeToString()
    taken = refused = 0
    peak = 0
    for _ in range(100):
        try:
            await send(intake, body)
            taken += 1
        except RateLimited:
            refused += 1
        clock.advance(0.5)
        if taken == 5:
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - peak
    writer.close()
    intake.close()
    assert refused > 50
    assert sum(path.stat().st_size for path in folder.iterdir()) < 3_000_000 + 2 * len(body) * 2
    assert grown < 20_000  # KiB; a hundred bodies would be more


async def test_the_same_request_sent_again_is_stored_once(tmp_path: Path, clock: ManualClock):
    """FAILURES O5"""
    home = Home(tmp_path / "home")
    home.create()
    writer = JournalWriter(home.intake, JournalSettings(), clock=clock, ids=RandomIds(clock))
    store = open_spans(home.spans, clock=clock)
    ingest = IngestJob(store, home.journal, clock=clock, intake=home.intake)
    intake = intake_of(writer, home.intake, clock)
    for _ in range(2):
        await send(intake, GOOD)
    writer.seal()
    await send(intake, GOOD)
    writer.close()
    while await ingest.step():
        pass
    assert store.count_spans() == 2
    intake.close()
    store.close()


async def test_segments_are_sealed_as_they_come_of_age(tmp_path, clock):
    writer = JournalWriter(tmp_path, JournalSettings(segment_seconds=0.5), clock=clock, ids=RandomIds(clock))
    intake = intake_of(writer, tmp_path, clock)
    await send(intake, GOOD)
    ticks = 0

    async def pause(seconds: float) -> None:
        nonlocal ticks
        clock.advance(seconds)
        ticks += 1
        if ticks == 20:
            raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        await keep_sealing(writer, pause=pause)
    writer.close()
    intake.close()
    assert [path.suffix for path in tmp_path.glob("*-*-*")] == [".ndjson"]


@pytest.mark.parametrize("length", [10, 100_000])
async def test_a_call_beside_the_gateways_record_of_it_counts_once(tmp_path: Path, clock: ManualClock, length: int):
    """FAILURES O8: however much the application says of it, in the row or apart from it."""
    home = Home(tmp_path / "home")
    home.create()
    journal = JournalFolder(home.journal)
    writer = JournalWriter(home.intake, JournalSettings(), clock=clock, ids=RandomIds(clock))
    store = open_spans(home.spans, clock=clock)
    ingest = IngestJob(store, home.journal, clock=clock, intake=home.intake)
    intake = intake_of(writer, home.intake, clock)
    called = journal.span(
        project="p1",
        trace_id="ab" * 16,
        parent_id="11" * 8,
        usage_input=10,
        cost=5,
        attributes=msgspec.Raw(msgspec.json.encode({"gen_ai.response.id": "chatcmpl-7", "tools": "x" * length})),
    )
    reported = {
        "gen_ai.operation.name": "chat",
        "gen_ai.response.id": "chatcmpl-7",
        "gen_ai.usage.input_tokens": 10,
        "text": "x" * length,
    }
    body = request(
        span(trace_id="ab" * 16, span_id="11" * 8),
        span(reported, trace_id="ab" * 16, span_id="22" * 8, parent_id="11" * 8),
    )
    await send(intake, body.SerializeToString())
    writer.close()
    journal.write(called)
    while await ingest.step():
        pass
    view = store.trace("p1", "ab" * 16)
    assert view is not None
    assert sum(one.usage_input for one in view.spans) == 10
    assert [one.source for one in view.spans if one.covered] == ["otlp"]
    intake.close()
    store.close()
