"""Long texts of spans, apart from their rows: a list reads rows, and would read these with them."""

import uuid
from collections.abc import Mapping, Sequence

import duckdb

from penstock.store.spans.duckdb.reading import LARGE
from penstock.store.spans.engine import Read
from penstock.store.spans.expressions import sql

__all__ = ["PAYLOADS", "TextKey", "large_texts"]

PAYLOADS = ("input", "output", "attributes")
"""Columns of a span whose text may lie in the table `payloads` (`project, trace_id, span_id, started, field, text`)
when it has more than `LARGE` bytes. The row then holds null in the column and the number of bytes in
`<column>_bytes`, which is null for all others."""
TextKey = tuple[int, str]
"""Span id as a number, and one of `PAYLOADS`."""

_INSERT = """
    INSERT INTO payloads (project, trace_id, span_id, started, field, text)
    SELECT project, trace_id, span_id, started, '{field}', {field} FROM staged
    WHERE strlen(CAST({field} AS VARCHAR)) > {large} AND rowid NOT IN (SELECT place FROM repeated)
"""
_READ = """
    SELECT span_id, field, text FROM payloads
    WHERE project = $project AND trace_id = $trace AND started >= $first AND started <= $last
"""


def stored_text(name: str) -> str:
    """What the row holds of a staged text."""
    return f"CASE WHEN strlen(CAST({name} AS VARCHAR)) > {LARGE} THEN NULL ELSE {name} END"


def stored_size(name: str) -> str:
    """What the row holds of the size of a staged text."""
    return f"CASE WHEN strlen(CAST({name} AS VARCHAR)) > {LARGE} THEN strlen(CAST({name} AS VARCHAR)) END"


def store_large_texts(cursor: duckdb.DuckDBPyConnection) -> None:
    """Store the long texts of the rows in the temporary table `staged`, but of those in `repeated`."""
    for field in PAYLOADS:
        cursor.execute(_INSERT.format(field=field, large=LARGE))


def large_texts(
    read: Read, project: str, trace_id: str, started: Sequence[int], *, spans: Sequence[int] = ()
) -> Mapping[TextKey, str]:
    """The long texts of a trace.

    Args:
        read: The snapshot that the rows were read in.
        project: Whose trace.
        trace_id: 32 hex digits.
        started: Of the spans that have any (`input_bytes`, `output_bytes` or `attributes_bytes` is not null).
        spans: Ids of these spans, when only theirs are wanted.
    """
    if not started:
        return {}
    query = sql(_READ)
    if spans:
        query = query.where("span_id IN (SELECT unnest($spans))", dialect="duckdb")
    rows = read(
        query,
        {
            "project": project,
            "trace": uuid.UUID(hex=trace_id),
            "first": min(started),
            "last": max(started),
            "spans": list(spans),
        },
    )
    return {(span, field): text for span, field, text in rows}
