import json
import uuid

import msgspec
import pytest
from sqlglot import parse_one

from penstock.store.spans.duckdb.payloads import large_texts
from penstock.store.spans.duckdb.reading import LARGE, has_large_line
from penstock.testing.journal import PROJECT, JournalFolder


@pytest.fixture
def store(duckdb_store):
    """ClickHouse reads a column by itself, and keeps long texts in it."""
    return duckdb_store


@pytest.fixture
def intake(tmp_path):
    return JournalFolder(tmp_path / "intake", worker=f"{2:016x}")


def rows(store, sql):
    return store._engine.read(parse_one(sql, dialect="duckdb"))


def message(size, letter="x"):
    text = json.dumps([{"role": "user", "parts": [{"type": "text", "content": letter * size}]}], separators=(",", ":"))
    return msgspec.Raw(text.encode())


def test_a_long_text_lies_apart_and_the_row_keeps_its_size_and_beginning(store, journal):
    span = journal.span(input=message(LARGE), output=message(10))

    store.load([journal.write(span, journal.span())])

    query = "SELECT input IS NULL, input_bytes, left(input_preview, 3), output IS NULL, output_bytes FROM spans"
    assert rows(store, f"{query} ORDER BY started") == [
        (True, len(bytes(span.input)), "xxx", False, None),
        (True, None, None, True, None),
    ]
    assert rows(store, "SELECT project, trace_id, span_id, started, field, strlen(text) FROM payloads") == [
        (PROJECT, uuid.UUID(span.trace_id), int(span.span_id, 16), span.started, "input", len(bytes(span.input)))
    ]


def test_the_long_texts_of_a_trace_are_read_together_or_one_by_one(store, journal):
    trace = f"{9:032x}"
    spans = [
        journal.span(trace_id=trace, input=message(LARGE, "a"), attributes=msgspec.Raw(b'{"k":"%s"}' % (b"b" * LARGE))),
        journal.span(trace_id=trace, output=message(LARGE, "c")),
    ]
    store.load([journal.write(*spans)])
    first, second = (int(span.span_id, 16) for span in spans)
    times = [span.started for span in spans]

    with store._engine.snapshot() as read:
        whole = large_texts(read, PROJECT, trace, times)
        one = large_texts(read, PROJECT, trace, times, spans=[second])
        none = large_texts(read, PROJECT, trace, [])

    assert {key: len(text) for key, text in whole.items()} == {
        (first, "input"): len(bytes(spans[0].input)),
        (first, "attributes"): len(bytes(spans[0].attributes)),
        (second, "output"): len(bytes(spans[1].output)),
    }
    assert one == {(second, "output"): bytes(spans[1].output).decode()}
    assert none == {}


def test_the_long_text_of_a_span_sent_twice_is_stored_once(store, intake):
    """FAILURES O5."""
    span = intake.span(source="otlp", call=False, input=message(LARGE))

    (loaded,) = store.load_intake([intake.write(span, span)])
    store.load_intake([intake.write(intake.span(source="otlp", call=False), span)])

    assert loaded.duplicates == 1
    assert rows(store, "SELECT count(*) FROM payloads") == [(1,)]
    assert store.count_spans() == 2


def test_a_long_line_is_known_without_looking_at_every_byte():
    line = b"x" * (LARGE - 1) + b"\n"

    assert not has_large_line(b"")
    assert not has_large_line(line * 3)
    assert not has_large_line(b"short\n" * 50_000)
    assert has_large_line(line * 3 + b"x" + line)
    assert has_large_line(b"x" * (LARGE + 1))
