"""The light SDK: who is calling, carried in headers."""

import asyncio

import pytest
from opentelemetry import trace
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags, TraceState

import penstock
from penstock.core.errors import InvalidInput
from penstock.wire.headers import decode_tags


def test_without_a_context_there_are_no_headers():
    assert penstock.headers() == {}


def test_a_context_becomes_headers_and_ends_with_its_block():
    with penstock.context(session="chat-42", user="u-7", tags={"team": "search & find", "stadt": "Köln"}):
        sent = penstock.headers()
    assert sent["x-penstock-session"] == "chat-42"
    assert sent["x-penstock-user"] == "u-7"
    assert decode_tags(sent["x-penstock-tags"]) == {"team": "search & find", "stadt": "Köln"}
    assert all(value.isascii() for value in sent.values())
    assert penstock.headers() == {}


def test_an_inner_context_keeps_what_it_does_not_name():
    with penstock.context(session="s", user="u", tags={"a": "1", "b": "1"}):
        with penstock.context(user="v", tags={"b": "2"}):
            inner = penstock.headers()
        outer = penstock.headers()
    assert (inner["x-penstock-session"], inner["x-penstock-user"]) == ("s", "v")
    assert decode_tags(inner["x-penstock-tags"]) == {"a": "1", "b": "2"}
    assert outer["x-penstock-user"] == "u"
    assert decode_tags(outer["x-penstock-tags"]) == {"a": "1", "b": "1"}


def test_a_value_that_cannot_travel_is_refused_on_entering():
    entered = False
    with pytest.raises(InvalidInput, match="user"), penstock.context(user="a\r\nx-evil: 1"):
        entered = True
    with pytest.raises(InvalidInput, match="tag"), penstock.context(tags={"": "x"}):
        entered = True
    assert not entered
    assert penstock.headers() == {}


def test_an_error_inside_ends_the_context_too():
    with pytest.raises(RuntimeError), penstock.context(session="s"):
        raise RuntimeError
    assert penstock.headers() == {}


async def test_concurrent_tasks_do_not_see_each_others_context():
    ready = asyncio.Barrier(2)

    async def work(session: str) -> str:
        with penstock.context(session=session):
            await ready.wait()
            return (await asyncio.to_thread(penstock.headers))["x-penstock-session"]

    assert await asyncio.gather(work("one"), work("two")) == ["one", "two"]


def test_the_current_opentelemetry_span_becomes_the_traceparent():
    span = NonRecordingSpan(
        SpanContext(
            trace_id=0x4BF92F3577B34DA6A3CE929D0E0E4736,
            span_id=0x00F067AA0BA902B7,
            is_remote=False,
            trace_flags=TraceFlags(1),
            trace_state=TraceState([("vendor", "x")]),
        )
    )
    with trace.use_span(span):
        sent = penstock.headers()
    assert sent == {
        "traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "tracestate": "vendor=x",
    }


def test_the_package_names_what_it_has_and_nothing_else():
    assert set(dir(penstock)) == set(penstock.__all__)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = penstock.nothing
