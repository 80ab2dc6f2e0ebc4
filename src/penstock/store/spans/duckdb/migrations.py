"""Versions of the span store's schema, forward only. A step, once released, is never edited."""

import duckdb

from penstock.core.errors import Unavailable
from penstock.store.spans.expressions import HOUR, MODEL
from penstock.store.spans.queries.activity import ACTIVITIES, DAY, schema_activity
from penstock.store.spans.queries.cube import FIRST_FAMILIES, SECOND_FAMILIES, THIRD_FAMILIES, schema

__all__ = ["SCHEMA", "migrate"]

# 1: Random hex (trace_id, span_id, parent_id, fingerprint) is held as numbers, half the size of its text.
# Long text is compressed with zstd, which the engine by itself would use only for much longer strings.
# The previews are the beginnings of what was asked last and answered: a list shows them, and reading one row of
# the long text means unpacking that of two thousand.
# The rollups hold what `queries.cells` computes, by hour, for all hours but the pending ones.
_V1 = """
CREATE TABLE spans (
    project VARCHAR NOT NULL,
    trace_id UUID NOT NULL,
    span_id UBIGINT NOT NULL,
    parent_id UBIGINT,
    name VARCHAR NOT NULL,
    kind VARCHAR NOT NULL,
    call BOOLEAN NOT NULL,
    started BIGINT NOT NULL,
    duration BIGINT NOT NULL,
    ttft BIGINT,
    status VARCHAR NOT NULL,
    error_type VARCHAR,
    error_message VARCHAR,
    http_status INTEGER,
    operation VARCHAR NOT NULL,
    stream BOOLEAN NOT NULL,
    route VARCHAR,
    variant VARCHAR,
    change VARCHAR,
    provider VARCHAR,
    target_model VARCHAR,
    requested_model VARCHAR,
    served_model VARCHAR,
    prompt_name VARCHAR,
    prompt_version VARCHAR,
    session VARCHAR,
    "user" VARCHAR,
    key VARCHAR,
    tags MAP(VARCHAR, VARCHAR),
    usage_input BIGINT NOT NULL,
    usage_cache_read BIGINT NOT NULL,
    usage_cache_write BIGINT NOT NULL,
    usage_output BIGINT NOT NULL,
    usage_reasoning BIGINT NOT NULL,
    usage_input_audio BIGINT NOT NULL,
    usage_output_audio BIGINT NOT NULL,
    usage_input_image BIGINT NOT NULL,
    usage_output_image BIGINT NOT NULL,
    usage_estimated BOOLEAN NOT NULL,
    usage_raw VARCHAR USING COMPRESSION zstd,
    cost BIGINT,
    price_version VARCHAR,
    cache VARCHAR,
    saved BIGINT,
    fingerprint UUID,
    finish_reasons VARCHAR[],
    input VARCHAR USING COMPRESSION zstd,
    output VARCHAR USING COMPRESSION zstd,
    attributes VARCHAR USING COMPRESSION zstd,
    input_preview VARCHAR USING COMPRESSION zstd,
    output_preview VARCHAR USING COMPRESSION zstd
);
CREATE TABLE segments (
    name VARCHAR PRIMARY KEY,
    spans BIGINT NOT NULL,
    bytes BIGINT NOT NULL,
    quarantined BIGINT NOT NULL,
    ingested_at BIGINT NOT NULL
);
CREATE TABLE pending_hours (
    hour BIGINT NOT NULL
);
CREATE TABLE rollup (
    hour BIGINT NOT NULL,
    project VARCHAR NOT NULL,
    dimension VARCHAR NOT NULL,
    label VARCHAR,
    calls BIGINT NOT NULL,
    errors BIGINT NOT NULL,
    input BIGINT NOT NULL,
    cache_read BIGINT NOT NULL,
    cache_write BIGINT NOT NULL,
    output BIGINT NOT NULL,
    reasoning BIGINT NOT NULL,
    tokens BIGINT NOT NULL,
    estimated BOOLEAN NOT NULL,
    cost BIGINT NOT NULL,
    known BIGINT NOT NULL,
    unknown BIGINT NOT NULL
);
CREATE TABLE rollup_latency (
    hour BIGINT NOT NULL,
    project VARCHAR NOT NULL,
    dimension VARCHAR NOT NULL,
    label VARCHAR,
    measure VARCHAR NOT NULL,
    bucket SMALLINT NOT NULL,
    calls BIGINT NOT NULL
);
CREATE TABLE rollup_providers (
    hour BIGINT NOT NULL,
    project VARCHAR NOT NULL,
    label VARCHAR NOT NULL,
    calls BIGINT NOT NULL,
    errors BIGINT NOT NULL,
    last_success BIGINT,
    last_error BIGINT,
    last_error_message VARCHAR
);
"""
# 2: Spans that applications send lie beside those of the gateway.
_V2 = """
ALTER TABLE spans ADD COLUMN source VARCHAR DEFAULT 'gateway';
ALTER TABLE spans ADD COLUMN service VARCHAR;
ALTER TABLE spans ADD COLUMN covered BOOLEAN DEFAULT false;
"""
# 3: The texts of a recorded message in lower case, for searches; of what is no message, all of it.
_V3 = """
CREATE MACRO message_text(message) AS lower(
    CASE WHEN json_extract(message, '$[0].parts') IS NULL THEN message ELSE concat_ws(chr(10),
    array_to_string(json_extract_string(message, '$[*].parts[*].content'), chr(10)),
    array_to_string(json_extract_string(message, '$[*].parts[*].arguments'), chr(10)),
    array_to_string(json_extract_string(message, '$[*].parts[*].response'), chr(10)),
    array_to_string(json_extract_string(message, '$[*].parts[*].result'), chr(10)),
    array_to_string(json_extract_string(message, '$[*].parts[*].name'), chr(10))) END
);
"""
# 4: Long texts lie apart from their rows; see `payloads.PAYLOADS`.
# `totals` has a row for each row of the list (a call, or a root) that has spans below it: a root stands for its whole
# trace, a call with several attempts inside of a trace for these and itself. It sums what `spans` says of them: `spans`
# and `errors` counted, the usage buckets, `usage_total` all of these, `cost` what is known of it (null when there were
# costs and none is known), `known` and `unknown` the model calls with and without a cost. A row of the list without
# one here speaks for itself. `started` is that of the row.
# Of scores the last of an id counts: `created` says which.
_V4 = """
ALTER TABLE spans ADD COLUMN input_bytes UINTEGER;
ALTER TABLE spans ADD COLUMN output_bytes UINTEGER;
ALTER TABLE spans ADD COLUMN attributes_bytes UINTEGER;
CREATE TABLE payloads (
    project VARCHAR NOT NULL,
    trace_id UUID NOT NULL,
    span_id UBIGINT NOT NULL,
    started BIGINT NOT NULL,
    field VARCHAR NOT NULL,
    text VARCHAR NOT NULL USING COMPRESSION zstd
);
CREATE TABLE totals (
    project VARCHAR NOT NULL,
    trace_id UUID NOT NULL,
    span_id UBIGINT NOT NULL,
    started BIGINT NOT NULL,
    spans BIGINT NOT NULL,
    errors BIGINT NOT NULL,
    usage_input BIGINT NOT NULL,
    usage_cache_read BIGINT NOT NULL,
    usage_cache_write BIGINT NOT NULL,
    usage_output BIGINT NOT NULL,
    usage_reasoning BIGINT NOT NULL,
    usage_input_audio BIGINT NOT NULL,
    usage_output_audio BIGINT NOT NULL,
    usage_input_image BIGINT NOT NULL,
    usage_output_image BIGINT NOT NULL,
    usage_total BIGINT NOT NULL,
    usage_estimated BOOLEAN NOT NULL,
    cost BIGINT,
    known BIGINT NOT NULL,
    unknown BIGINT NOT NULL
);
CREATE TABLE scores (
    id VARCHAR NOT NULL,
    project VARCHAR NOT NULL,
    name VARCHAR NOT NULL,
    type VARCHAR NOT NULL,
    number DOUBLE,
    label VARCHAR,
    trace_id UUID,
    span_id UBIGINT,
    session VARCHAR,
    source VARCHAR NOT NULL,
    author VARCHAR,
    comment VARCHAR,
    created BIGINT NOT NULL,
    metadata VARCHAR
);
"""
# 5: What metrics, sessions, users and searches are read from: sums and histograms by hour, activity by day, words by
# block. All that is stored waits to be summed up and indexed.
_V5 = f"""
{schema(FIRST_FAMILIES)}
{schema_activity()}
CREATE TABLE pending_days (day BIGINT NOT NULL);
CREATE TABLE pending_text (hour BIGINT NOT NULL);
CREATE SEQUENCE text_block_numbers;
CREATE TABLE text_blocks (
    block UINTEGER NOT NULL,
    hour BIGINT NOT NULL,
    low BIGINT NOT NULL,
    high BIGINT NOT NULL
);
CREATE TABLE text_words (
    day BIGINT NOT NULL,
    sorted BOOLEAN NOT NULL,
    word UINTEGER NOT NULL,
    block UINTEGER NOT NULL
);
CREATE MACRO text_hash(word) AS CAST(md5_number_lower(word) & 4294967295 AS UINTEGER);
DELETE FROM rollup;
DELETE FROM rollup_latency;
DELETE FROM rollup_providers;
DELETE FROM pending_hours;
INSERT INTO pending_hours SELECT DISTINCT started // {HOUR} * {HOUR} FROM spans;
INSERT INTO pending_days SELECT DISTINCT started // {DAY} * {DAY} FROM spans;
INSERT INTO pending_text SELECT hour FROM pending_hours;
"""  # noqa: S608 - constants
# 6: What a deletion that is under way has deleted, counted in the transactions that do it.
_V6 = """
CREATE TABLE deletions (
    job VARCHAR NOT NULL,
    spans BIGINT NOT NULL,
    scores BIGINT NOT NULL
);
"""
# 7: False on a span that has no row in `totals`, so that a query need not look for it there.
_V7 = """
ALTER TABLE spans ADD COLUMN summed BOOLEAN DEFAULT true;
UPDATE spans SET summed = false
WHERE (project, trace_id, span_id) NOT IN (SELECT project, trace_id, span_id FROM totals);
"""
# 8: Pairs of columns, and tags, are summed up too. `spread` says of which families nothing is kept: where a project has
# so many combinations in the hour, or day, that begins at `start` that the spans themselves are read as quickly. All
# that is stored waits to be summed up anew.
_SUMS = ("rollup", "rollup_latency", "rollup_providers", *(family.table for family in FIRST_FAMILIES))
_V8 = f"""
{schema(SECOND_FAMILIES)}
CREATE TABLE spread (
    family VARCHAR NOT NULL,
    start BIGINT NOT NULL,
    project VARCHAR NOT NULL
);
{" ".join(f"DELETE FROM {table};" for table in (*_SUMS, *ACTIVITIES.values(), "pending_hours", "pending_days"))}
INSERT INTO pending_hours SELECT DISTINCT started // {HOUR} * {HOUR} FROM spans;
INSERT INTO pending_days SELECT DISTINCT started // {DAY} * {DAY} FROM spans;
"""  # noqa: S608 - constants
# 9: Pairs of users and models are summed up by the day. All days wait to be summed up anew.
_DAILY = (*ACTIVITIES.values(), *(family.table for family in SECOND_FAMILIES if family.period == "day"))
_V9 = f"""
{schema(THIRD_FAMILIES)}
{" ".join(f"DELETE FROM {table};" for table in (*_DAILY, "pending_days"))}
DELETE FROM spread WHERE family IN ({", ".join(f"'{table}'" for table in _DAILY)});
INSERT INTO pending_days SELECT DISTINCT started // {DAY} * {DAY} FROM spans;
"""  # noqa: S608 - constants
# 10: The texts of a recorded message are taken out of its JSON at once, part by part; each was looked for on its own.
_V10 = """
CREATE OR REPLACE MACRO message_text(message) AS lower(coalesce(
    [
        array_to_string(
            [
                concat_ws(chr(10), part.content, part.arguments, part.response, part.result, part.name)
                FOR part IN flatten([one.parts FOR one IN messages])
            ],
            chr(10)
        )
        FOR messages IN [from_json(
            message,
            '[{"parts": [{"content": "VARCHAR", "arguments": "VARCHAR", "response": "VARCHAR", "result": "VARCHAR",
            "name": "VARCHAR"}]}]'
        )]
        IF messages[1].parts IS NOT NULL
    ][1],
    message
));
"""
# 11: Pairs of users and models hold the model by its name: to make one text of many took half of the time to sum them.
_V11 = "".join(
    f"ALTER TABLE {family.table} ADD COLUMN model VARCHAR; UPDATE {family.table} SET model = {MODEL};"  # noqa: S608 - constants
    for family in THIRD_FAMILIES
)
_STEPS = (_V1, _V2, _V3, _V4, _V5, _V6, _V7, _V8, _V9, _V10, _V11)
SCHEMA = len(_STEPS)


def migrate(connection: duckdb.DuckDBPyConnection) -> None:
    """Bring the database to `SCHEMA`, each step in one transaction with its number.

    Raises:
        Unavailable: the file was made by a newer version (`span_store_newer`).
    """
    connection.execute("CREATE TABLE IF NOT EXISTS schema_version (version INTEGER NOT NULL)")
    row = connection.execute("SELECT max(version) FROM schema_version").fetchone()
    version = row[0] if row is not None and row[0] is not None else 0
    if version > SCHEMA:
        raise Unavailable(
            f"The span store has schema {version}, and this version of Penstock reads up to {SCHEMA}.",
            hint="Start the newer version, or restore a backup made before the upgrade.",
            code="span_store_newer",
        )
    for number, step in enumerate(_STEPS[version:], start=version + 1):
        connection.begin()
        try:
            connection.execute(step)
            connection.execute("INSERT INTO schema_version VALUES ($version)", {"version": number})
            connection.commit()
        except BaseException:
            connection.rollback()
            raise
