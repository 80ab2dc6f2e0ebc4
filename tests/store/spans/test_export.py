"""Exports read few spans at a time, and write them as they were recorded."""

import csv
import io

import msgspec
import pytest

from penstock.store.spans.queries import export as exports
from penstock.store.spans.queries.window import Window
from penstock.testing.journal import FIRST, PROJECT

SECOND = 1_000_000
WINDOW = Window(project=PROJECT)


def test_a_slice_holds_about_as_many_spans_as_it_should_however_dense_they_are(store, journal, monkeypatch):
    """FAILURES O2."""
    dense = [journal.span(started=FIRST + number * SECOND) for number in range(200)]
    sparse = [journal.span(started=FIRST + number * 60 * SECOND) for number in range(10, 70)]
    store.load([journal.write(*dense, *sparse)])
    monkeypatch.setattr(exports, "SLICE_ROWS", 20)
    slices = []
    read = exports._rows

    def watched(*given):
        rows = read(*given)
        slices.append(len(rows))
        return rows

    monkeypatch.setattr(exports, "_rows", watched)

    lines = [msgspec.json.decode(line) for line in b"".join(store.export(WINDOW)).splitlines()]

    assert [line["span_id"] for line in lines] == [span.span_id for span in (*dense, *sparse)]
    assert max(slices) <= 40
    # From the second on each is as wide as the one before it makes likely, and no more than twice as wide.
    assert all(18 <= size <= 22 for size in slices[1:9])
    assert len(slices) <= 18


@pytest.mark.parametrize("columns", [exports.EXPORTED, ("fingerprint", "trace_id", "parent_id")])
def test_ids_and_digests_are_written_as_they_were_recorded(store, journal, columns):
    parquet = pytest.importorskip("pyarrow.parquet")
    spans = [journal.span(fingerprint=digest) for digest in (None, "0" * 31 + "a", "f" * 32)]
    store.load([journal.write(*spans)])
    expected = [(span.trace_id, span.fingerprint) for span in spans]

    lines = [msgspec.json.decode(line) for line in b"".join(store.export(WINDOW, columns=columns)).splitlines()]
    assert [(line["trace_id"], line["fingerprint"]) for line in lines] == expected
    assert all(list(line) == list(columns) for line in lines)
    text = b"".join(store.export(WINDOW, columns=columns, format_="csv")).decode()
    assert [(row["trace_id"], row["fingerprint"] or None) for row in csv.DictReader(io.StringIO(text))] == expected
    table = parquet.read_table(io.BytesIO(b"".join(store.export(WINDOW, columns=columns, format_="parquet"))))
    assert list(zip(*(table.column(name).to_pylist() for name in ("trace_id", "fingerprint")), strict=True)) == expected
