"""Which words stand in which block of neighbouring spans, so that a search reads only blocks that can hold them.

A block is a short stretch of time with some two thousand spans, as many as are unpacked to read one. The index holds
hashes of words, four bytes each, and the first letters of words for searches that go on (`refund*`); a hash that two
words share costs a look into a block, never a result. Hours that are not indexed are searched as they lie.

Spans of a block that is gone (its hour was touched) leave their words behind until `tidy` sorts the index anew.
"""

from itertools import pairwise

from penstock.store.spans.duckdb.engine import DuckDbEngine
from penstock.store.spans.expressions import HOUR, sql

__all__ = ["BLOCK_SPANS", "index_text", "tidy"]

BLOCK_SPANS = 2048
PREFIX_LETTERS = 4
DAY = 24 * HOUR
_LOWS = f"""
    SELECT started FROM (
        SELECT started, row_number() OVER (ORDER BY started) AS nth FROM spans
        WHERE started >= $first AND started < $last AND (input IS NOT NULL OR output IS NOT NULL
            OR input_bytes IS NOT NULL OR output_bytes IS NOT NULL)
    ) AS numbered
    WHERE (nth - 1) % {BLOCK_SPANS} = 0
    ORDER BY started
"""  # noqa: S608 - constants; values are bound
_TEXT = "lower(array_to_string(json_extract_string({0}, '$[*].parts[*].*'), ' '))"
_WHOLE = "CASE WHEN json_extract({0}, '$[0].parts') IS NULL THEN lower({0}) ELSE " + _TEXT + " END"
_WORDS = f"""
    INSERT INTO text_words
    WITH texts AS (
        SELECT {_WHOLE.format("input")} AS text FROM spans WHERE started >= $low AND started < $high
        UNION ALL
        SELECT {_WHOLE.format("output")} FROM spans WHERE started >= $low AND started < $high
        UNION ALL
        SELECT {_WHOLE.format("text")} FROM payloads
        WHERE started >= $low AND started < $high AND field IN ('input', 'output')
    ),
    words AS (SELECT DISTINCT unnest(regexp_extract_all(text, '[\\p{{L}}\\p{{N}}]+')) AS word FROM texts)
    SELECT $day, false, hash, $block FROM (
        SELECT text_hash(word) AS hash FROM words
        UNION
        SELECT text_hash('^' || left(word, {PREFIX_LETTERS})) FROM words WHERE length(word) >= {PREFIX_LETTERS}
    ) AS hashes
    ORDER BY hash
"""  # noqa: S608 - as above


def index_text(engine: DuckDbEngine, *, before: int) -> bool:
    """Index the words of the oldest pending hour that ended by `before`; returns whether there was one.

    Raises:
        Unavailable: the store is down; nothing has changed.
    """
    query = sql("SELECT min(hour) FROM pending_text WHERE hour <= $last")
    ((hour,),) = engine.read(query, {"last": before - HOUR})
    if hour is None:
        return False
    with engine.write() as cursor:
        cursor.execute("DELETE FROM text_blocks WHERE hour = $hour", {"hour": hour})
    lows = [low for (low,) in engine.read(sql(_LOWS), {"first": hour, "last": hour + HOUR})]
    bounds = [hour, *sorted({*lows[1:]} - {hour}), hour + HOUR] if lows else []
    for low, high in pairwise(bounds):
        _index_block(engine, hour, low, high)
    with engine.write() as cursor:
        ((blocks,),) = cursor.execute("SELECT count(*) FROM text_blocks WHERE hour = $hour", {"hour": hour}).fetchall()
        # Spans that came in between have taken the blocks away; then the hour is indexed another time.
        if blocks == max(0, len(bounds) - 1):
            cursor.execute("DELETE FROM pending_text WHERE hour = $hour", {"hour": hour})
    return True


def _index_block(engine: DuckDbEngine, hour: int, low: int, high: int) -> None:
    """In a transaction of its own, so that ingestion never waits for a whole hour."""
    with engine.write() as cursor:
        ((block,),) = cursor.execute("SELECT nextval('text_block_numbers')").fetchall()
        place = {"block": block, "low": low, "high": high}
        cursor.execute("INSERT INTO text_blocks VALUES ($block, $hour, $low, $high)", place | {"hour": hour})
        cursor.execute(_WORDS, place | {"day": hour // DAY * DAY})


def tidy(engine: DuckDbEngine, *, before: int) -> bool:
    """Sort the words of the oldest day that ended by `before` and has been added to; returns whether there was one.

    Sorted, the index is small, and a word is found without reading the rest.
    """
    query = sql("SELECT min(day) FROM text_words WHERE NOT sorted AND day <= $last")
    ((day,),) = engine.read(query, {"last": before - DAY})
    if day is None:
        return False
    pending = sql("SELECT count(*) FROM pending_text WHERE hour >= $day AND hour < $end")
    ((waiting,),) = engine.read(pending, {"day": day, "end": day + DAY})
    if waiting:
        return False
    with engine.write() as cursor:
        cursor.execute(
            """
            CREATE OR REPLACE TEMP TABLE sorted_words AS SELECT word, block FROM text_words
            WHERE day = $day AND block IN (SELECT block FROM text_blocks)
            """,
            {"day": day},
        )
        cursor.execute("DELETE FROM text_words WHERE day = $day", {"day": day})
        cursor.execute(
            "INSERT INTO text_words SELECT $day, true, word, block FROM sorted_words ORDER BY word, block",
            {"day": day},
        )
        cursor.execute("DROP TABLE sorted_words")
    return True
