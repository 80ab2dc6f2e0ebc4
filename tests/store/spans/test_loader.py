import json

import msgspec
import pytest
from sqlglot import parse_one

from penstock.store.spans.columns import COLUMNS
from penstock.store.spans.duckdb import loader
from penstock.store.spans.duckdb.store import DuckDbSpanStore
from penstock.testing.journal import JournalFolder


def rows(store, sql):
    return store._engine.read(parse_one(sql, dialect="duckdb"))


def count(store):
    return rows(store, "SELECT count(*) FROM spans")[0][0]


def quarantined(journal, path):
    lines = (journal.quarantine / path.name).read_bytes().splitlines()
    return [json.loads(line) for line in lines]


def test_the_table_has_the_fields_of_a_span_and_its_previews(duckdb_store):
    names = rows(
        duckdb_store, "SELECT column_name FROM duckdb_columns() WHERE table_name = 'spans' ORDER BY column_index"
    )

    assert {name for (name,) in names} == {
        *(column.name for column in COLUMNS),
        *("input_preview", "output_preview"),
        *("input_bytes", "output_bytes", "attributes_bytes", "summed"),
    }


def test_a_segment_is_stored_with_defaults_filled_in(store, journal):
    path = journal.write(journal.span(), journal.span(tags={"team": "care"}, finish_reasons=["stop"], cost=5))

    (loaded,) = store.load([path])

    assert (loaded.spans, loaded.quarantined, loaded.repeated) == (2, 0, False)
    stored = rows(store, "SELECT status, usage_input, stream, cost, tags, finish_reasons FROM spans ORDER BY started")
    assert [(*row[:-2], row[-2] or None, row[-1] or None) for row in stored] == [
        ("ok", 0, False, None, None, None),
        ("ok", 0, False, 5, {"team": "care"}, ["stop"]),
    ]


def test_a_segment_met_again_is_stored_once(store, journal):
    """FAILURES O5."""
    path = journal.write(journal.span())
    store.load([path])

    (again,) = store.load([path])

    assert again.repeated
    assert again.spans == 0
    assert count(store) == 1


def test_a_new_and_a_known_segment_in_one_batch(store, journal):
    first, second = journal.write(journal.span()), journal.write(journal.span(), journal.span())
    store.load([first])

    loaded = store.load([first, second])

    assert [(one.spans, one.repeated) for one in loaded] == [(0, True), (2, False)]
    assert count(store) == 3


def test_lines_of_calls_in_flight_are_no_spans(store, journal):
    span = journal.span()
    path = journal.seal(journal.line(span, record="open"), journal.line(span), journal.line(record="open"))

    assert store.load([path])[0].spans == 1
    assert count(store) == 1


def test_an_empty_segment_is_stored_as_nothing(store, journal):
    assert store.load([journal.seal()])[0].spans == 0


def test_a_segment_that_is_gone_is_passed_over(store, journal):
    path = journal.write(journal.span())

    loaded = store.load([journal.folder / "gone.ndjson", path])

    assert [one.path for one in loaded] == [path]


def test_a_folder_whose_name_is_a_pattern_is_read_literally(tmp_path, clock):
    journal = JournalFolder(tmp_path / "a[1]*?")
    store = DuckDbSpanStore(tmp_path / "db", journal=journal.folder, quarantine=journal.quarantine, clock=clock)

    assert store.load([journal.write(journal.span())])[0].spans == 1
    store.close()


BAD_LINES = {
    "torn": b'{"record":"span","project":"p","trace_',
    "no json": b"hello",
    "null": b"null",
    "a list": b"[1]",
    "zeros": b"\0" * 64,
    "no record": b'{"project":"p"}',
    "unknown record": b'{"record":"note"}',
    "no project": b'{"record":"span","trace_id":"1"}',
    "deep": b'{"record":"span","input":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
}


@pytest.mark.parametrize("bad", BAD_LINES.values(), ids=BAD_LINES)
def test_a_malformed_line_is_set_aside_and_the_others_are_stored(store, journal, bad):
    """FAILURES O4."""
    path = journal.seal(journal.line(), bad + b"\n", journal.line())

    (loaded,) = store.load([path])

    assert (loaded.spans, loaded.quarantined) == (2, 1)
    assert count(store) == 2
    (line,) = quarantined(journal, path)
    assert line["line"] == 2
    assert line["segment"] == path.stem
    assert line["text"] == bad.decode()
    assert line["reason"]


BAD_FIELDS = {
    "status": "good",
    "kind": "model",
    "trace_id": "xyz",
    "span_id": "12",
    "parent_id": "g" * 16,
    "started": 2**63,
    "http_status": 2**40,
    "tags": [],
    "call": "perhaps",
}


@pytest.mark.parametrize(("field", "value"), BAD_FIELDS.items(), ids=BAD_FIELDS)
def test_a_field_out_of_its_range_is_a_malformed_line(store, journal, field, value):
    fields = json.loads(journal.line())
    path = journal.seal(journal.line(), msgspec.json.encode(fields | {field: value}) + b"\n")

    (loaded,) = store.load([path])

    assert (loaded.spans, loaded.quarantined) == (1, 1)
    assert quarantined(journal, path)[0]["line"] == 2


def test_text_that_is_no_unicode_is_kept_with_a_replacement(store, journal):
    fields = json.loads(journal.line())
    lines = [
        json.dumps(fields | {"output": [{"text": "a\ud800b"}]}).encode(),
        json.dumps(fields | {"error_message": "c\udfffd"}).encode(),
        json.dumps(fields | {"error_message": "XX"}).encode().replace(b"XX", b"\xff"),
    ]
    path = journal.seal(*(line + b"\n" for line in lines))

    (loaded,) = store.load([path])

    assert (loaded.spans, loaded.quarantined) == (3, 0)
    stored = rows(store, "SELECT output, error_message FROM spans ORDER BY rowid")
    assert [(output and json.loads(output), message) for output, message in stored] == [
        ([{"text": "a\ufffdb"}], None),
        (None, "c\ufffdd"),
        (None, "\ufffd"),
    ]


def test_one_bad_segment_does_not_hold_up_its_batch(store, journal):
    good, bad, other = (
        journal.write(journal.span()),
        journal.seal(b"x\n", journal.line()),
        journal.write(journal.span()),
    )

    loaded = store.load([good, bad, other])

    assert [(one.path, one.spans, one.quarantined) for one in loaded] == [(good, 1, 0), (bad, 1, 1), (other, 1, 0)]
    assert count(store) == 3
    assert rows(store, "SELECT spans, quarantined FROM segments ORDER BY name") == [(1, 0), (1, 1), (1, 0)]


def test_blank_lines_and_a_missing_last_newline_are_harmless(store, journal):
    path = journal.seal(b"\n", journal.line(), b"\r\n\n", journal.line()[:-1])

    assert store.load([path])[0].spans == 2
    assert count(store) == 2


def test_nothing_is_left_beside_the_quarantine_file(store, journal):
    path = journal.seal(b"x\n", journal.line())
    store.load([path])

    assert [file.name for file in journal.quarantine.iterdir()] == [path.name]


def test_text_comes_back_as_it_went_in(store, journal):
    text = 'naïve \u0000 "quoted" \\ 漢字 😀 </script>\n\ttab'
    value = [{"role": "user", "parts": [{"type": "text", "content": text, "n": 12345678901234567890}]}]
    store.load([journal.write(journal.span(input=msgspec.Raw(msgspec.json.encode(value)), session=text))])

    ((stored, session),) = rows(store, "SELECT input, session FROM spans")

    assert json.loads(stored) == value
    assert session == text


@pytest.mark.parametrize(("length", "transactions"), [(10, 1), (40_000, 3)])
def test_long_texts_are_stored_in_smaller_transactions(duckdb_store, journal, monkeypatch, length, transactions):
    """FAILURES O6: they go by way of memory."""
    paths = [journal.write(journal.span(input=msgspec.Raw(b'"' + b"x" * length + b'"'))) for _ in range(3)]
    monkeypatch.setattr(loader, "STAGED_BYTES", 50_000)
    whole, begun = duckdb_store._engine.write, []
    monkeypatch.setattr(duckdb_store._engine, "write", lambda **given: (begun.append(given), whole(**given))[1])

    loaded = duckdb_store.load(paths)

    assert [(one.path, one.spans) for one in loaded] == [(path, 1) for path in paths]
    assert len(begun) == transactions
    assert count(duckdb_store) == 3
