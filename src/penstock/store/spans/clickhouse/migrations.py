"""Versions of the schema in ClickHouse, forward only. A step, once released, is never edited.

Nothing here is a transaction: each statement may be run again, and a step's number is written after its last one.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from penstock.core.errors import Unavailable
from penstock.store.spans.clickhouse.beside import copied
from penstock.store.spans.clickhouse.rollup_tables import CELLS, Pieced, Replaced, ordered, packed, rollups
from penstock.store.spans.columns import USAGE
from penstock.store.spans.expressions import HOUR, MODEL, TOKENS
from penstock.store.spans.queries.activity import ACTIVITIES, DAY, schema_activity
from penstock.store.spans.queries.cube import FIRST_FAMILIES, SECOND_FAMILIES, THIRD_FAMILIES, schema

__all__ = ["SCHEMA", "migrate"]

WINDOW = 10_000
"""Inserted blocks whose tokens a table remembers."""
MONTH = 30 * 24 * 3600 * 1_000_000
"""Microseconds of a partition."""


class _Result(Protocol):
    result_rows: Sequence[Sequence[Any]]


class _Client(Protocol):
    def query(self, query: str, parameters: Mapping[str, Any] | None = None) -> _Result: ...

    def command(self, cmd: str, parameters: Mapping[str, Any] | None = None) -> Any: ...


# 1: Ordered by project and time, the way the console reads; what is looked for by id has a bloom filter, 8192 rows
# each. Random hex is held as numbers. `rowid` numbers the rows in the order they were stored in.
_SPANS = f"""
CREATE TABLE IF NOT EXISTS spans (
    project LowCardinality(String),
    trace_id UUID,
    span_id UInt64,
    parent_id Nullable(UInt64),
    name LowCardinality(String),
    kind LowCardinality(String),
    call Bool,
    source LowCardinality(String),
    service LowCardinality(Nullable(String)),
    covered Bool,
    summed Bool DEFAULT true,
    started Int64 CODEC(Delta, ZSTD),
    duration Int64 CODEC(T64, ZSTD),
    ttft Nullable(Int64) CODEC(T64, ZSTD),
    status LowCardinality(String),
    error_type LowCardinality(Nullable(String)),
    error_message Nullable(String) CODEC(ZSTD),
    http_status Nullable(Int32),
    operation LowCardinality(String),
    stream Bool,
    route LowCardinality(Nullable(String)),
    variant LowCardinality(Nullable(String)),
    change LowCardinality(Nullable(String)),
    provider LowCardinality(Nullable(String)),
    target_model LowCardinality(Nullable(String)),
    requested_model LowCardinality(Nullable(String)),
    served_model LowCardinality(Nullable(String)),
    prompt_name LowCardinality(Nullable(String)),
    prompt_version LowCardinality(Nullable(String)),
    session Nullable(String) CODEC(ZSTD),
    user Nullable(String) CODEC(ZSTD),
    key LowCardinality(Nullable(String)),
    tags Map(LowCardinality(String), String) CODEC(ZSTD),
    usage_input Int64 CODEC(T64, ZSTD),
    usage_cache_read Int64 CODEC(T64, ZSTD),
    usage_cache_write Int64 CODEC(T64, ZSTD),
    usage_output Int64 CODEC(T64, ZSTD),
    usage_reasoning Int64 CODEC(T64, ZSTD),
    usage_input_audio Int64 CODEC(T64, ZSTD),
    usage_output_audio Int64 CODEC(T64, ZSTD),
    usage_input_image Int64 CODEC(T64, ZSTD),
    usage_output_image Int64 CODEC(T64, ZSTD),
    usage_estimated Bool,
    usage_raw Nullable(String) CODEC(ZSTD(3)),
    cost Nullable(Int64) CODEC(T64, ZSTD),
    price_version LowCardinality(Nullable(String)),
    cache LowCardinality(Nullable(String)),
    saved Nullable(Int64) CODEC(T64, ZSTD),
    fingerprint Nullable(UUID),
    finish_reasons Array(LowCardinality(String)),
    input Nullable(String) CODEC(ZSTD(3)),
    output Nullable(String) CODEC(ZSTD(3)),
    attributes Nullable(String) CODEC(ZSTD(3)),
    input_preview Nullable(String) CODEC(ZSTD),
    output_preview Nullable(String) CODEC(ZSTD),
    input_bytes Nullable(UInt32),
    output_bytes Nullable(UInt32),
    attributes_bytes Nullable(UInt32),
    rowid Int64 CODEC(Delta, ZSTD),
    INDEX by_trace trace_id TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX by_span span_id TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX by_parent parent_id TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX by_session session TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX by_user user TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX by_row rowid TYPE minmax GRANULARITY 1
)
ENGINE = MergeTree
PARTITION BY intDiv(started, {MONTH})
ORDER BY (project, started, span_id)
SETTINGS non_replicated_deduplication_window = {WINDOW}, enable_block_number_column = 1, enable_block_offset_column = 1
"""
_SEGMENTS = """
CREATE TABLE IF NOT EXISTS segments (
    name String,
    spans Int64,
    bytes Int64,
    quarantined Int64,
    ingested_at Int64
)
ENGINE = ReplacingMergeTree
ORDER BY name
"""
# Long texts stay in their rows: a column is read by itself here. The table is there for the queries that look into it.
_PAYLOADS = """
CREATE TABLE IF NOT EXISTS payloads (
    project LowCardinality(String),
    trace_id UUID,
    span_id UInt64,
    started Int64,
    field LowCardinality(String),
    text String CODEC(ZSTD(3))
)
ENGINE = MergeTree
ORDER BY (project, trace_id)
"""
# Sums of the rows of the list that have spans below them; the last of a row counts.
_TOTALS = f"""
CREATE TABLE IF NOT EXISTS totals (
    project LowCardinality(String),
    trace_id UUID,
    span_id UInt64,
    started Int64 CODEC(Delta, ZSTD),
    spans Int64,
    errors Int64,
    {", ".join(f"{name} Int64 CODEC(T64, ZSTD)" for name in USAGE)},
    usage_total Int64 CODEC(T64, ZSTD),
    usage_estimated Bool,
    cost Nullable(Int64),
    known Int64,
    unknown Int64
)
ENGINE = ReplacingMergeTree
ORDER BY (project, started, span_id, trace_id)
"""
# Of one id the newest counts.
_SCORES = f"""
CREATE TABLE IF NOT EXISTS scores (
    id String CODEC(ZSTD),
    project LowCardinality(String),
    name LowCardinality(String),
    type LowCardinality(String),
    number Nullable(Float64),
    label Nullable(String),
    trace_id Nullable(UUID),
    span_id Nullable(UInt64),
    session Nullable(String),
    source LowCardinality(String),
    author LowCardinality(Nullable(String)),
    comment Nullable(String) CODEC(ZSTD(3)),
    created Int64 CODEC(Delta, ZSTD),
    metadata Nullable(String) CODEC(ZSTD(3)),
    INDEX by_trace trace_id TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX by_session session TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX by_time created TYPE minmax GRANULARITY 1
)
ENGINE = ReplacingMergeTree(created)
ORDER BY (project, id)
SETTINGS non_replicated_deduplication_window = {WINDOW}
"""
_DELETIONS = """
CREATE TABLE IF NOT EXISTS deletions (job String, batch Int64, spans Int64, scores Int64)
ENGINE = ReplacingMergeTree
ORDER BY (job, batch)
"""


def _periods(period: str) -> tuple[str, ...]:
    """When each hour, or day, was touched and summed up.

    It is summed up when that was begun after it was last touched. Rows of a rollup carry the number of the attempt
    that made them, and count only when the hour names that attempt: one that was cut short leaves nothing behind.
    """
    return (
        f"""
        CREATE TABLE IF NOT EXISTS touched_{period}s ({period} Int64, version Int64)
        ENGINE = ReplacingMergeTree(version)
        ORDER BY {period}
        """,
        f"""
        CREATE TABLE IF NOT EXISTS rolled_{period}s ({period} Int64, version Int64, attempt Int64)
        ENGINE = ReplacingMergeTree(version)
        ORDER BY {period}
        """,
        f"""
        CREATE OR REPLACE VIEW {period}s AS
        SELECT {period}, max(t) AS touched, max(r) AS rolled, argMax(a, r) AS attempt
        FROM (
            SELECT {period}, version AS t, toInt64(-1) AS r, toInt64(0) AS a FROM touched_{period}s
            UNION ALL
            SELECT {period}, toInt64(-1) AS t, version AS r, attempt AS a FROM rolled_{period}s
        )
        GROUP BY {period}
        """,  # noqa: S608 - constants
        f"CREATE OR REPLACE VIEW pending_{period}s AS SELECT {period} FROM {period}s WHERE touched > rolled",  # noqa: S608 - as above
    )


_V1 = (
    _SPANS, _SEGMENTS, _PAYLOADS, _TOTALS, _SCORES, _DELETIONS,
    *_periods("hour"), *rollups(CELLS + schema(FIRST_FAMILIES)),
    *_periods("day"), *rollups(schema_activity(), "day"),
)  # fmt: skip
# 2: The words of indexed hours, by blocks of neighbouring spans; see `text_index`. An hour is pending when it was
# touched after it was indexed.
_V2 = (
    """
    CREATE TABLE IF NOT EXISTS indexed_hours (hour Int64, version Int64, attempt Int64)
    ENGINE = ReplacingMergeTree(version)
    ORDER BY hour
    """,
    """
    CREATE OR REPLACE VIEW text_hours AS
    SELECT hour, max(t) AS touched, max(r) AS rolled, argMax(a, r) AS attempt
    FROM (
        SELECT hour, version AS t, toInt64(-1) AS r, toInt64(0) AS a FROM touched_hours
        UNION ALL
        SELECT hour, toInt64(-1) AS t, version AS r, attempt AS a FROM indexed_hours
    )
    GROUP BY hour
    """,
    "CREATE OR REPLACE VIEW pending_text AS SELECT hour FROM text_hours WHERE touched > rolled",
    """
    CREATE TABLE IF NOT EXISTS text_blocks_rows (attempt Int64, hour Int64, block Int64, low Int64, high Int64)
    ENGINE = MergeTree
    ORDER BY hour
    """,
    """
    CREATE OR REPLACE VIEW text_blocks AS
    SELECT hour, block, low, high FROM text_blocks_rows
    WHERE (hour, attempt) IN (SELECT hour, attempt FROM text_hours WHERE rolled >= touched)
    """,
    """
    CREATE TABLE IF NOT EXISTS text_words_rows (
        attempt Int64 CODEC(Delta, ZSTD),
        hour Int64 CODEC(Delta, ZSTD),
        word UInt32 CODEC(Delta, ZSTD),
        blocks Array(UInt16) CODEC(ZSTD)
    )
    ENGINE = MergeTree
    ORDER BY (word, hour)
    """,
    f"""
    CREATE OR REPLACE VIEW text_words AS
    SELECT word, hour AS day, intDiv(hour, {HOUR}) * 65536 + arrayJoin(blocks) AS block FROM text_words_rows
    """,  # noqa: S608 - a constant
)
_TOUCHED = tuple(
    f"""
    INSERT INTO touched_{period}s ({period}, version)
    SELECT DISTINCT intDiv(started, {length}) * {length}, (SELECT ifNull(max(version), 0) + 1 FROM touched_{period}s)
    FROM spans
    """  # noqa: S608 - constants
    for period, length in (("hour", HOUR), ("day", DAY))
)
"""Let all that is stored be summed up anew."""
# 3: Pairs of columns, and tags, are summed up too, whatever their number is: `spread` is empty. All that is stored
# waits to be summed up anew.
_V3 = (
    *rollups(schema(family for family in SECOND_FAMILIES if family.period == "hour")),
    *rollups(schema(family for family in SECOND_FAMILIES if family.period == "day"), "day"),
    """
    CREATE TABLE IF NOT EXISTS spread (family LowCardinality(String), start Int64, project String)
    ENGINE = MergeTree
    ORDER BY (family, project, start)
    """,
    *_TOUCHED,
)
_GRANULE = 1024
"""Rows of the smallest piece that is read of a table whose rows are looked for one by one."""
_ENGINES = {
    "spans": f"""
        MergeTree PARTITION BY intDiv(started, {MONTH}) ORDER BY (project, started, span_id)
        SETTINGS non_replicated_deduplication_window = {WINDOW}, enable_block_number_column = 1,
            enable_block_offset_column = 1, index_granularity = {_GRANULE}
    """,
    "totals": f"""
        ReplacingMergeTree ORDER BY (project, started, span_id, trace_id)
        SETTINGS index_granularity = {_GRANULE}, default_compression_codec = 'ZSTD(1)'
    """,
    "scores": f"""
        ReplacingMergeTree(created) ORDER BY (project, id)
        SETTINGS non_replicated_deduplication_window = {WINDOW}, index_granularity = {_GRANULE}
    """,
}


def _refined(table: str) -> tuple[str, ...]:
    """Let a table have small granules, which only a new one can be given: it takes the parts over as they are.

    What a crash leaves of the other table holds nothing that `{table}` does not.
    """
    other = f"{table}_other"
    return (
        f"DROP TABLE IF EXISTS {other} SYNC",
        f"CREATE TABLE {other} AS {table} ENGINE = {_ENGINES[table]}",
        f"ALTER TABLE {other} ATTACH PARTITION ALL FROM {table}",
        f"EXCHANGE TABLES {other} AND {table}",
        f"DROP TABLE {other} SYNC",
    )


# 4: A page of a list reads its rows from all over the window, and a granule is the least that can be read of each:
# small ones make it, and what is found by a bloom filter, several times quicker. The best rows of a window are found by
# the least and the most of granules. Parts that are stored get small granules when they are merged. Rollups are packed
# closer. Changes of rows that wait to be merged in do not come along, so they are merged in first.
_V4 = (
    f"""
    ALTER TABLE spans
        ADD INDEX IF NOT EXISTS by_duration duration TYPE minmax GRANULARITY 1,
        ADD INDEX IF NOT EXISTS by_cost cost TYPE minmax GRANULARITY 1,
        ADD INDEX IF NOT EXISTS by_tokens {TOKENS} TYPE minmax GRANULARITY 1
    """,
    "ALTER TABLE spans APPLY PATCHES SETTINGS mutations_sync = 1",
    *(statement for table in _ENGINES for statement in _refined(table)),
    "ALTER TABLE spans MATERIALIZE INDEX by_duration, MATERIALIZE INDEX by_cost, MATERIALIZE INDEX by_tokens",
    *(
        Replaced(f"ALTER TABLE {table}_rows MODIFY SETTING default_compression_codec = 'ZSTD(1)'")
        for table in (
            "rollup", "rollup_latency", *ACTIVITIES.values(), *(each.table for each in FIRST_FAMILIES + SECOND_FAMILIES)
        )
    ),
)  # fmt: skip
# 5: Pairs of users and models are summed up by the day. All days wait to be summed up anew.
_V5 = (
    *rollups(schema(THIRD_FAMILIES), "day"),
    *(
        Replaced(f"ALTER TABLE {family.table}_rows MODIFY SETTING default_compression_codec = 'ZSTD(1)'")
        for family in THIRD_FAMILIES
    ),
    f"""
    INSERT INTO touched_days (day, version)
    SELECT DISTINCT intDiv(started, {DAY}) * {DAY}, (SELECT ifNull(max(version), 0) + 1 FROM touched_days)
    FROM spans
    """,  # noqa: S608 - constants
)
_PACKED = 1024
"""Bytes of a column that are packed together at least; with so few, a granule is packed by itself."""
# 6: Columns are narrow, and many granules of one were packed together: who wanted a row unpacked 64 KB of each column.
# Granules that are packed one by one take half of the processor's time for a page, and a hundredth more of the disk.
# What is stored is packed anew when it is merged.
_V6 = tuple(f"ALTER TABLE {table} MODIFY SETTING min_compress_block_size = {_PACKED}" for table in _ENGINES)
# 7: What is summed up lies in the order in which it is asked for, and its rows are told by their attempt alone. All
# that is stored waits to be summed up anew; its words stay indexed.
_V7 = (
    """
    INSERT INTO indexed_hours (hour, version, attempt)
    SELECT hour, (SELECT ifNull(max(version), 0) + 1 FROM touched_hours), attempt
    FROM text_hours WHERE rolled >= touched
    """,
    *ordered(MONTH),
    *_TOUCHED,
)
# 8: The least and the most of a granule with an unknown cost reach to infinity: none that held any was passed over.
_V8 = (
    "ALTER TABLE spans ADD INDEX IF NOT EXISTS by_known_cost assumeNotNull(cost) TYPE minmax GRANULARITY 1",
    "ALTER TABLE spans MATERIALIZE INDEX by_known_cost",
)
_QUICK = {
    **dict.fromkeys(
        ("started", "duration", "ttft", "cost", "usage_input", "usage_cache_read", "usage_output", "usage_reasoning"),
        "T64, LZ4",
    ),
    "rowid": "Delta, LZ4",
    "session": "LZ4",
    "finish_reasons": "LZ4",
}
"""How columns are packed that are read for very many rows."""
# 9: What many rows are read of is packed so that it is quickly unpacked: of sorted numbers it is a quarter of the time,
# and no more room. Rows of rollups are in order of all their columns. What is stored of spans is packed anew when it is
# merged.
_V9 = (
    f"ALTER TABLE spans {', '.join(f'MODIFY COLUMN {name} CODEC({codec})' for name, codec in _QUICK.items())}",
    *packed(MONTH),
)
# 10: Beside the sums of a row stands what else is asked of it.
_V10 = tuple(copied(DAY))
# 11: The model of a span is stored: to put it together of four columns took a fifth of what reads it of very many.
# Until it is written it is put together as it was.
_V11 = (
    f"ALTER TABLE spans ADD COLUMN IF NOT EXISTS model LowCardinality(Nullable(String)) DEFAULT {MODEL}",
    "ALTER TABLE spans MATERIALIZE COLUMN model",
)
_STEPS = (_V1, _V2, _V3, _V4, _V5, _V6, _V7, _V8, _V9, _V10, _V11)
SCHEMA = len(_STEPS)
_REMADE = 7
"""The version that makes all rollups anew."""


def migrate(client: _Client) -> None:
    """Bring the database to `SCHEMA`.

    Raises:
        Unavailable: it was made by a newer version (`span_store_newer`).
    """
    client.command("CREATE TABLE IF NOT EXISTS schema_version (version Int64) ENGINE = MergeTree ORDER BY version")
    ((version,),) = client.query("SELECT toInt64(ifNull(max(version), 0)) FROM schema_version").result_rows
    if version > SCHEMA:
        raise Unavailable(
            f"The span store has schema {version}, and this version of Penstock reads up to {SCHEMA}.",
            hint="Start the newer version, or restore a backup made before the upgrade.",
            code="span_store_newer",
        )
    ((made,),) = client.query("EXISTS TABLE rollup_rows").result_rows
    for number, step in enumerate(_STEPS[version:], start=version + 1):
        for statement in step:
            if not made and SCHEMA >= _REMADE and isinstance(statement, Replaced):
                continue
            if isinstance(statement, Pieced):
                for (piece,) in client.query(statement.pieces).result_rows:
                    client.command(statement, {"piece": piece})
            else:
                client.command(statement)
        client.command("INSERT INTO schema_version VALUES ({version:Int64})", {"version": number})
