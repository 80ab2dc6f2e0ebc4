"""What the file holds, in bytes."""

from collections import defaultdict

from penstock.store.spans.deletion import DiskUse
from penstock.store.spans.duckdb.engine import DuckDbEngine
from penstock.store.spans.expressions import sql

__all__ = ["disk_use"]

DAY = 86_400_000_000
_TABLES = "SELECT table_name FROM duckdb_tables() WHERE NOT temporary"
_BLOCKS = """
    SELECT count(DISTINCT block) FROM (
        SELECT block_id AS block FROM pragma_storage_info($table) WHERE persistent AND block_id >= 0
        UNION ALL
        SELECT unnest(additional_block_ids) FROM pragma_storage_info($table)
    )
"""
_SIZE = "SELECT block_size, used_blocks, free_blocks FROM pragma_database_size()"
_CAME = "SELECT coalesce(sum(spans), 0) FROM segments WHERE ingested_at >= $since"
_PROJECTS = "SELECT project, count(*) AS spans FROM spans GROUP BY project ORDER BY spans DESC, project"
_PARTS = {
    "spans": "spans",
    "payloads": "payloads",
    "scores": "scores",
    "text_words": "text_index",
    "text_blocks": "text_index",
}
"""Of a table; all others are rollups."""


def disk_use(engine: DuckDbEngine, *, now: int) -> DiskUse:
    """What the file holds as of the last checkpoint; tables share blocks, so that parts are within a block or two.

    Args:
        engine: The store.
        now: Microseconds since the epoch.

    Raises:
        Unavailable: the store is down.
    """
    parts: defaultdict[str, int] = defaultdict(int)
    with engine.snapshot() as read:
        ((size, used, free),) = read(sql(_SIZE), {})
        for (table,) in read(sql(_TABLES), {}):
            ((blocks,),) = read(sql(_BLOCKS), {"table": table})
            parts[_PARTS.get(table, "rollups")] += blocks * size
        ((came,),) = read(sql(_CAME), {"since": now - DAY})
        projects = [(project, spans) for project, spans in read(sql(_PROJECTS), {})]
    stored = sum(spans for _, spans in projects)
    return DiskUse(
        spans=parts["spans"],
        payloads=parts["payloads"],
        rollups=parts["rollups"],
        text_index=parts["text_index"],
        scores=parts["scores"],
        free=free * size,
        growth=used * size * int(came) // stored if stored else 0,
        by_project=projects,
    )
