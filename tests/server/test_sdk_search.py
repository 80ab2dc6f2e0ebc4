"""`penstock.traces`, `penstock.spans` and `penstock.get_trace` against a whole console."""

import asyncio
from datetime import datetime

import msgspec
import pytest

import penstock
from console_serving import serving
from penstock.core.clock import to_datetime
from penstock.core.errors import InvalidInput, NotFound, PermissionDenied, Unauthenticated, Unavailable
from penstock.core.ids import RandomIds
from penstock.sdk import records
from penstock.store.spans import types
from penstock.testing.journal import JournalFolder

TEXT = '[{"role":"user","parts":[{"type":"text","content":"Where is my refund?"}]}]'


@pytest.fixture(autouse=True)
def surroundings(monkeypatch):
    for name in ("PENSTOCK_CONSOLE_URL", "PENSTOCK_API_KEY"):
        monkeypatch.delenv(name, raising=False)


async def stored(console, number: int, *, trace_id: str | None = None, **columns) -> str:
    ids = RandomIds()
    folder = JournalFolder(console.journal, worker=ids.trace_id()[:16])
    now = console.clock.now()
    for index in range(number):
        folder.write(
            folder.span(
                project=console.made.project,
                key=console.made.key,
                started=now + index,
                trace_id=trace_id or ids.trace_id(),
                span_id=ids.span_id(),
                **columns,
            )
        )
    await console.ingest.step()
    return trace_id or ""


async def test_a_search_pages_as_its_rows_are_taken(console):
    await stored(console, 450, status="ok")
    await stored(console, 3, status="error")
    async with serving(console) as url:
        where = {"endpoint": url, "api_key": console.made.secret}

        def found(*args, **options):
            return asyncio.to_thread(lambda: list(penstock.traces(*args, **where, **options)))

        assert len(await found()) == 453
        rows = await found("status:error")
        assert [row.status for row in rows] == ["error"] * 3
        assert isinstance(rows[0], records.TraceRow)
        assert len(await found(limit=201)) == 201
        assert await found(limit=0) == []
        started = [row.started for row in await found(sort="started", limit=2)]
        assert started == [console.clock.now()] * 2 or started == sorted(started)
        now = to_datetime(console.clock.now())
        assert len(await found("status:ok", from_=console.clock.now(), to=to_datetime(console.clock.now() + 10))) == 10
        assert await found(to=now) == []
        again = penstock.spans("status:error", **where)
        assert [row.span_id async for row in again] == [row.span_id async for row in again]
        assert len([row async for row in penstock.spans(limit=250, **where)]) == 250


async def test_a_trace_comes_with_everything_that_was_recorded_of_it(console):
    trace_id = await stored(console, 230, trace_id="ab" * 16, input=msgspec.Raw(TEXT.encode()))
    small = await stored(console, 1, trace_id="cd" * 16, input=msgspec.Raw(TEXT.encode()))
    async with serving(console) as url:
        where = {"endpoint": url, "api_key": console.made.secret}
        for each, number in ((trace_id, 230), (small, 1)):
            trace = await asyncio.to_thread(lambda each=each: penstock.get_trace(each, **where))
            assert trace.complete
            assert [span.input[0]["parts"][0]["content"] for span in trace.spans] == ["Where is my refund?"] * number
            assert trace.totals.usage.total == sum(
                span.usage_input + span.usage_cache_read + span.usage_cache_write + span.usage_output
                for span in trace.spans
            )
        with pytest.raises(NotFound):
            await asyncio.to_thread(lambda: penstock.get_trace("ef" * 16, **where))


async def test_what_the_console_refuses_is_raised_in_its_own_words(console):
    poor = console.key("gateway:call").secret
    async with serving(console) as url:

        def first(q=None, key=console.made.secret):
            return asyncio.to_thread(lambda: next(iter(penstock.traces(q, endpoint=url, api_key=key)), None))

        with pytest.raises(InvalidInput, match="Did you mean 'status'") as caught:
            await first("statsu:error")
        assert caught.value.code == "invalid_query"
        with pytest.raises(PermissionDenied):
            await first(key=poor)
        with pytest.raises(Unauthenticated):
            await first(key="psk_wrong")
        with pytest.raises(Unauthenticated):
            await first(key="")


async def test_the_console_of_init_or_of_the_environment_is_asked(console, monkeypatch):
    await stored(console, 2)
    async with serving(console) as url:
        monkeypatch.setenv("PENSTOCK_CONSOLE_URL", url)
        monkeypatch.setenv("PENSTOCK_API_KEY", console.made.secret)
        assert len(await asyncio.to_thread(lambda: list(penstock.traces()))) == 2
        monkeypatch.setenv("PENSTOCK_CONSOLE_URL", "http://127.0.0.1:1")
        with pytest.raises(Unavailable, match="name another with endpoint"):
            await asyncio.to_thread(lambda: list(penstock.traces()))
        await asyncio.to_thread(lambda: penstock.init(endpoint=url, api_key=console.made.secret))
        try:
            assert len(await asyncio.to_thread(lambda: list(penstock.spans()))) == 2
        finally:
            await asyncio.to_thread(penstock.shutdown)


def test_what_cannot_be_asked_is_refused_at_once():
    for options, field in (
        ({}, "endpoint"),
        ({"endpoint": "localhost"}, "endpoint"),
        ({"endpoint": "http://h", "limit": -1}, "limit"),
        ({"endpoint": "http://h", "from_": datetime(2026, 1, 1)}, "from_"),  # noqa: DTZ001 - what is refused
    ):
        with pytest.raises(InvalidInput) as caught:
            penstock.traces(**options)
        assert caught.value.field == field


@pytest.mark.parametrize("name", records.__all__)
def test_records_have_the_fields_that_the_console_sends(name):
    sent = {field.name: field for field in msgspec.structs.fields(getattr(types, name))}
    known = {field.name: field for field in msgspec.structs.fields(getattr(records, name))}
    # The outline of a large trace is sent only to those who ask for it.
    assert sent.keys() - {"outline"} == known.keys()
    assert {n for n, field in known.items() if field.required} <= {n for n, field in sent.items() if field.required}
