"""What stands beside the sums of a row: narrow columns of the row itself.

Conditions on sums are mostly asked together with others, and few rows have sums: what is told of both by one small
table need not be looked for among all spans.
"""

from collections.abc import Iterator, Mapping

from penstock.store.spans.clickhouse.rollup_tables import Pieced
from penstock.store.spans.columns import USAGE

__all__ = ["COPIED", "FIELDS", "SUMS", "copied"]

_NAME = "LowCardinality(Nullable(String))"
COPIED: Mapping[str, str] = {
    "parent_id": "Nullable(UInt64) CODEC(LZ4)",
    "name": "LowCardinality(String)",
    "kind": "LowCardinality(String)",
    "source": "LowCardinality(String)",
    "service": _NAME,
    "duration": "Int64 CODEC(T64, LZ4)",
    "status": "LowCardinality(String)",
    "error_type": _NAME,
    "http_status": "Nullable(Int32)",
    "route": _NAME,
    "variant": _NAME,
    "provider": _NAME,
    "target_model": _NAME,
    "requested_model": _NAME,
    "served_model": _NAME,
    "prompt_name": _NAME,
    "session": "Nullable(String)",
    "user": "Nullable(String)",
    "key": _NAME,
    "tags": "Map(LowCardinality(String), String)",
}
"""Columns of spans, by name, and their types beside the sums. None changes once a span is stored."""
FIELDS = frozenset((*COPIED, "model", "trace_id", "span_id", "started", "score"))
"""What can be asked of these, and of the names of the row."""
SUMS = ("spans", "errors", *USAGE, "usage_total", "usage_estimated", "cost", "known", "unknown")
_ROW = ("project", "started", "span_id", "trace_id")


def copied(length: int) -> Iterator[str]:
    """Statements that let `totals` have these columns, and fill them: `copied` says where that is done.

    What is done again replaces what was there by the same.

    Args:
        length: Microseconds of the time that is filled at once.
    """
    columns = {**COPIED, "copied": "Bool DEFAULT false"}
    added = ", ".join(f"ADD COLUMN IF NOT EXISTS {name} {kind}" for name, kind in columns.items())
    yield f"ALTER TABLE totals {added}"
    row, sums, own = ", ".join(_ROW), ", ".join(SUMS), ", ".join(COPIED)
    time = f"started >= {{piece:Int64}} * {length} AND started < ({{piece:Int64}} + 1) * {length}"
    yield Pieced(
        f"""
        INSERT INTO totals ({row}, {sums}, {own}, copied)
        SELECT {row}, {", ".join(f"sums.{name}" for name in SUMS)}, {", ".join(f"own.{name}" for name in COPIED)}, true
        FROM (SELECT {row}, {own} FROM spans WHERE {time} AND (call OR parent_id IS NULL)) AS own
        INNER JOIN (SELECT {row}, {sums} FROM totals WHERE {time} AND NOT copied) AS sums USING ({row})
        """,  # noqa: S608 - constants; the piece is bound
        f"SELECT DISTINCT intDiv(started, {length}) FROM totals WHERE NOT copied ORDER BY 1",  # noqa: S608 - as above
    )
