"""Spans sent on: nothing is lost while a backend is down, nothing holds up ingestion, nothing goes round."""

import asyncio
import gzip
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from otlp_harness import NOW, price
from penstock.core.errors import InvalidInput
from penstock.testing.journal import JournalFolder
from penstock.tracing.otlp.body import PROTOBUF
from penstock.tracing.otlp.decode import decode
from penstock.tracing.otlp.export import sender as module
from penstock.tracing.otlp.export.matching import matcher
from penstock.tracing.otlp.export.record import EXPORTED, export_request
from penstock.tracing.otlp.export.sender import Sender, Sent
from penstock.tracing.otlp.export.spool import Spool
from penstock.tracing.otlp.export.transport import HttpTransport
from penstock.tracing.otlp.mapping.span import SpanMapper
from penstock.tracing.query.parser import parse
from penstock.wire.span import Span

TEXT = msgspec.Raw(b'[{"role":"user","parts":[{"type":"text","content":"Refund me, please"}]}]')
ANSWER = msgspec.Raw(b'[{"role":"assistant","parts":[{"type":"text","content":"Done"}],"finish_reason":"stop"}]')


def call(**fields: Any) -> Span:
    given: dict[str, Any] = {
        "project": "p1",
        "trace_id": "ab" * 16,
        "span_id": "cd" * 8,
        "parent_id": "ef" * 8,
        "name": "chat gpt-4o",
        "kind": "llm",
        "call": True,
        "started": NOW,
        "duration": 1500,
        "ttft": 700,
        "stream": True,
        "provider": "openai",
        "target_model": "gpt-4o",
        "requested_model": "gpt-4o",
        "served_model": "gpt-4o-1",
        "session": "s1",
        "user": "hash",
        "tags": {"env": "prod"},
        "usage_input": 10,
        "usage_cache_read": 90,
        "usage_output": 5,
        "usage_reasoning": 20,
        "cost": 1_500_000,
        "finish_reasons": ["stop"],
        "input": TEXT,
        "output": ANSWER,
        "attributes": msgspec.Raw(
            msgspec.json.encode(
                {
                    "gen_ai.request.temperature": 0.5,
                    "gen_ai.request.stop_sequences": ["x"],
                    "otel.events": [{"name": "e", "time": 7, "attributes": {"a": [1, None, {"b": True}]}}],
                    "otel.links": [{"trace_id": "12" * 16, "span_id": "34" * 8, "attributes": {}}],
                    "otel.resource": {"host.name": "h"},
                }
            )
        ),
    }
    return Span(**(given | fields))


def received_again(span: Span, *, content: bool = True) -> Span:
    """What another Penstock makes of an exported span."""
    data = export_request([span], content=content).SerializeToString()
    ((origin, one),) = decode(data, PROTOBUF)
    mapped = SpanMapper("p2", now=NOW, pricing=price, hide=str).map(origin, one)
    assert isinstance(mapped, Span)
    return mapped


def test_a_span_goes_out_by_the_conventions_and_comes_back_as_it_was():
    sent = call()
    back = received_again(sent)
    same = (
        "trace_id",
        "span_id",
        "parent_id",
        "name",
        "kind",
        "started",
        "duration",
        "ttft",
        "stream",
        "provider",
        "session",
        "requested_model",
        "served_model",
        "usage_input",
        "usage_cache_read",
        "usage_output",
        "usage_reasoning",
        "cost",
        "finish_reasons",
        "status",
        "user",
    )
    assert {name: getattr(back, name) for name in same} == {name: getattr(sent, name) for name in same}
    assert (back.input, back.output) == (TEXT, ANSWER)
    assert back.tags == {"env": "prod"}
    rest = msgspec.json.decode(back.attributes or b"{}")
    assert rest["gen_ai.request.temperature"] == 0.5
    assert rest["otel.events"][0]["attributes"] == {"a": [1, None, {"b": True}]}
    assert rest["otel.links"][0]["span_id"] == "34" * 8
    assert rest["otel.resource"] == {EXPORTED: True}


def test_without_content_no_text_goes_out():
    data = export_request(
        [call(status="error", error_type="refused", error_message="Refund: no", name="chat gpt-4o")], content=False
    ).SerializeToString()
    assert b"efund" not in data
    back = received_again(call(), content=False)
    assert (back.input, back.usage_input) == (None, 10)
    assert "gen_ai.request.stop_sequences" not in msgspec.json.decode(back.attributes or b"{}")


def test_a_plain_span_and_an_error_go_out_as_they_are():
    back = received_again(
        Span(
            project="p",
            trace_id="ab" * 16,
            span_id="cd" * 8,
            name="GET",
            kind="span",
            started=NOW,
            status="interrupted",
            error_type="gone", error_message="The caller left.", attributes=msgspec.Raw(b'{"otel.kind":"server"}'),
        )
    )  # fmt: skip
    assert (back.kind, back.status, back.error_type, back.error_message) == (
        "span",
        "error",
        "gone",
        "The caller left.",
    )
    assert msgspec.json.decode(back.attributes or b"{}")["otel.kind"] == "server"


@pytest.mark.parametrize(
    ("search", "fits"),
    [
        ("", True),
        ("model:gpt*", True),
        ("provider:openai kind:llm", True),
        ("provider:anthropic or cost>0.001", True),
        ("cost>0.01", False),
        ("-provider:openai", False),
        ("tag.env:prod", True),
        ("tag.env:staging", False),
        ("has:tag.env", True),
        ("missing:route", True),
        ("has:route", False),
        ("tokens>100", True),
        ("tokens<=100", False),
        ("status:error", False),
        ('"refund me"', True),
        ("input:refun*", True),
        ("output:refund", False),
        ("session:s1 user:hash", True),
        ("attributes.gen_ai.request.temperature:0.5", True),
        ("latency<1s", True),
    ],
)
def test_a_search_says_of_a_span_what_it_says_of_a_stored_one(search, fits):
    """FAILURES O12"""
    assert matcher(parse(search))(call()) is fits


def test_a_search_for_scores_cannot_be_asked_of_a_span_alone():
    with pytest.raises(InvalidInput):
        matcher(parse("score.helpful<3"))


class Backend:
    """A transport that answers what it is told to, then 200; and remembers what came."""

    def __init__(self, *answers: Sent) -> None:
        self.answers = list(answers)
        self.spans: list[str] = []
        self.headers: list[Mapping[str, str]] = []

    async def __call__(self, url: str, headers: Mapping[str, str], body: bytes) -> Sent:
        self.headers.append(headers)
        if self.answers:
            return self.answers.pop(0)
        request = ExportTraceServiceRequest.FromString(gzip.decompress(body))
        self.spans += [
            one.span_id.hex() for group in request.resource_spans for part in group.scope_spans for one in part.spans
        ]
        return Sent(status=200)


async def drained(sender: Sender, *, pauses: list[float] | None = None) -> None:
    """Runs until nothing is left."""

    async def pause(seconds: float) -> None:
        if sender.spool.oldest() is None:
            raise asyncio.CancelledError
        if pauses is not None:
            pauses.append(seconds)

    sender._pause = pause
    with pytest.raises(asyncio.CancelledError):
        await sender.run()


@pytest.fixture
def journal(tmp_path: Path) -> JournalFolder:
    return JournalFolder(tmp_path / "journal")


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    return Spool(tmp_path / "export" / "one", max_bytes=1_000_000)


def sender_of(spool: Spool, backend: Backend, search: str = "") -> Sender:
    return Sender(
        spool,
        "http://backend/v1/traces",
        headers=lambda: {"authorization": "Bearer x"},
        matches=matcher(parse(search)),
        content=True,
        transport=backend,
    )


def segment(journal: JournalFolder, spool: Spool, *spans: Span) -> Path:
    path = journal.seal(*(journal.line(span) for span in spans))
    spool.keep(path)
    path.unlink()
    return path


async def test_segments_are_sent_in_order_and_removed(journal, spool, monkeypatch):
    monkeypatch.setattr(module, "BATCH_SPANS", 2)
    ids = [f"{number:016x}" for number in range(1, 7)]
    for three in (ids[:3], ids[3:]):
        segment(journal, spool, *(call(span_id=each) for each in three))
    backend = Backend()
    sender = sender_of(spool, backend)
    await drained(sender)
    assert backend.spans == ids
    assert (sender.state.sent, spool.waiting_bytes, spool.oldest()) == (6, 0, None)
    assert backend.headers[0]["authorization"] == "Bearer x"


async def test_what_a_backend_does_not_take_now_is_sent_again_with_growing_pauses(journal, spool):
    segment(journal, spool, call())
    backend = Backend(
        Sent(status=0, reason="connection refused"),
        Sent(status=503),
        Sent(status=429, retry_after=17.0),
        Sent(status=401, reason="key expired"),
    )
    sender, pauses = sender_of(spool, backend), []
    await drained(sender, pauses=pauses)
    assert backend.spans == ["cd" * 8]
    assert pauses == [1.0, 2.0, 17.0, 8.0]
    assert (sender.state.sent, sender.state.failing) == (1, None)


async def test_what_a_backend_refuses_for_good_is_counted_and_the_next_goes_on(journal, spool):
    segment(journal, spool, call())
    segment(journal, spool, call(span_id="ee" * 8))
    backend = Backend(Sent(status=400, reason="malformed"))
    sender = sender_of(spool, backend)
    await drained(sender)
    assert (sender.state.rejected, sender.state.sent, backend.spans) == (1, 1, ["ee" * 8])


async def test_only_spans_that_fit_the_search_and_were_not_exported_before_go_out(journal, spool):
    """Two Penstocks that export to each other send nothing round."""
    exported = msgspec.Raw(b'{"otel.resource":{"penstock.exported":true}}')
    path = journal.seal(
        journal.line(call(span_id="11" * 8)),
        journal.line(call(span_id="22" * 8, provider="anthropic")),
        journal.line(call(span_id="33" * 8, attributes=exported)),
        journal.line(call(), record="open"),
        b'{"record":"span","broken\n',
    )
    spool.keep(path)
    backend = Backend()
    sender = sender_of(spool, backend, "provider:openai")
    await drained(sender)
    assert (backend.spans, sender.state.filtered) == (["11" * 8], 1)


async def test_a_segment_that_is_given_up_while_it_is_tried_is_let_go(journal, spool):
    segment(journal, spool, call())
    backend = Backend(Sent(status=503))
    sender = sender_of(spool, backend)

    async def pause(_seconds: float) -> None:
        oldest = spool.oldest()
        if oldest is None:
            raise asyncio.CancelledError
        spool.remove(oldest)

    sender._pause = pause
    with pytest.raises(asyncio.CancelledError):
        await sender.run()
    assert sender.state.sent == 0


def test_a_full_spool_gives_up_the_oldest_and_counts_them(tmp_path, journal):
    spool = Spool(tmp_path / "spool", max_bytes=2500)
    names = [segment(journal, spool, call()).name for _ in range(5)]
    left = sorted(path.name for path in (tmp_path / "spool").iterdir())
    assert left == names[-len(left) :]
    assert spool.dropped == 5 - len(left) > 0
    assert spool.waiting_bytes <= 2500
    # What waits is known again after a restart.
    assert Spool(tmp_path / "spool", max_bytes=2500).waiting_bytes == spool.waiting_bytes


def test_a_segment_that_cannot_be_kept_does_not_hold_up_ingestion(tmp_path, journal, spool):
    path = journal.seal(journal.line(call()))
    spool.keep(path)
    spool.keep(path)  # met again after a crash
    assert spool.dropped == 0
    spool.keep(tmp_path / "gone.ndjson")
    assert spool.dropped == 1
    spool.remove(tmp_path / "gone.ndjson")


async def test_over_http_answers_and_failures_are_told():
    seen: list[tuple[str, bytes]] = []

    async def take(request: web.Request) -> web.Response:
        seen.append((request.headers["x-key"], await request.read()))
        if len(seen) == 1:
            return web.Response(status=200)
        return web.Response(status=429, text="slow down", headers={"retry-after": "9"})

    app = web.Application()
    app.router.add_post("/v1/traces", take)
    async with TestServer(app) as server, HttpTransport() as transport:
        url = str(server.make_url("/v1/traces"))
        assert await transport(url, {"x-key": "k"}, b"body") == Sent(status=200)
        assert await transport(url, {"x-key": "k"}, b"") == Sent(status=429, reason="slow down", retry_after=9.0)
    assert seen[0] == ("k", b"body")
    async with HttpTransport() as transport:
        answer = await transport("http://127.0.0.1:9/v1/traces", {}, b"")
    assert (answer.status, bool(answer.reason)) == (0, True)
