"""Which words stand in which block of neighbouring spans, in the form that `duckdb.text_index.candidates` asks for.

An hour is indexed as a whole, by an attempt whose number its rows carry: it counts when the hour names it, and rows of
others are swept as those of rollups. A block is named by its hour and a number in it, so that words of another
attempt can only cost a look into a block. Hours that were touched since are searched as they lie.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from penstock.store.spans.clickhouse.engine import ClickHouseEngine
from penstock.store.spans.clickhouse.functions import message_text
from penstock.store.spans.clickhouse.rollup import MOST_HOURS, of_few
from penstock.store.spans.duckdb.text_index import PREFIX_LETTERS
from penstock.store.spans.expressions import HOUR

__all__ = ["BLOCK_SPANS", "index_text"]

BLOCK_SPANS = 2048
HOURS_AT_ONCE = 24
BLOCKS_AT_ONCE = 64
"""Of several hours; one by itself may have more."""
_PENDING = """
    SELECT hour, touched FROM text_hours WHERE touched > rolled AND hour <= {last:Int64}
    ORDER BY hour LIMIT {most:Int64}
"""
_ATTEMPT = "SELECT toInt64(generateSnowflakeID())"
_OF_HOURS = f"""
    started >= {{first:Int64}} AND started < {{last:Int64}}
    AND intDiv(started, {HOUR}) * {HOUR} IN {{hours:Array(Int64)}}
"""
_LOWS = f"""
    SELECT intDiv(started, {HOUR}) * {HOUR} AS begun,
        arrayFilter((low, nth) -> nth % {{block:UInt32}} = 1, arraySort(groupArray(started)), range(1, count() + 1))
    FROM spans
    WHERE {_OF_HOURS} AND (input IS NOT NULL OR output IS NOT NULL)
    GROUP BY begun ORDER BY begun
"""  # noqa: S608 - constants; values are bound
_SPLIT = "if(isValidASCII(text), splitByNonAlpha(text), extractAll(text, '[\\\\p{L}\\\\p{N}]+'))"
_WORDS = f"""
    INSERT INTO text_words_rows (attempt, hour, word, blocks)
    SELECT {{attempt:Int64}}, hour, hash, arraySort(groupUniqArray(block)) FROM (
        SELECT hour, block, reinterpretAsUInt32(substring(MD5(arrayJoin(if(lengthUTF8(word) >= {PREFIX_LETTERS},
            [word, concat('^', substringUTF8(word, 1, {PREFIX_LETTERS}))], [word]))), 9, 4)) AS hash
        FROM (
            SELECT hour, block, arrayJoin({_SPLIT}) AS word
            FROM (
                SELECT intDiv(started, {HOUR}) * {HOUR} AS hour,
                    toUInt16(indexOf({{lows:Array(Int64)}}, roundDown(started, {{lows:Array(Int64)}}))) AS block,
                    ifNull({message_text("message")}, '') AS text
                FROM (
                    SELECT started, arrayJoin([input, output]) AS message FROM spans WHERE {_OF_HOURS}
                )
            )
            GROUP BY hour, block, word
        )
    )
    GROUP BY hour, hash
"""  # noqa: S608 - constants; values are bound
_BLOCKS = """
    INSERT INTO text_blocks_rows (attempt, hour, block, low, high)
    SELECT {attempt:Int64}, given.1, given.2, given.3, given.4
    FROM (
        SELECT arrayJoin(arrayZip({hours:Array(Int64)}, {numbers:Array(Int64)}, {lows:Array(Int64)},
            {highs:Array(Int64)})) AS given
    )
"""
_INDEXED = """
    INSERT INTO indexed_hours (hour, version, attempt)
    SELECT given.1, given.2, {attempt:Int64}
    FROM (SELECT arrayJoin(arrayZip({hours:Array(Int64)}, {versions:Array(Int64)})) AS given)
"""


def index_text(engine: ClickHouseEngine, *, before: int) -> int:
    """Index the words of the oldest pending hours that ended by `before`; returns how many were.

    They are at most a day's, or as many more as few spans lie in.

    Raises:
        Unavailable: the server is down; what was begun is begun anew.
    """
    pending: dict[int, int] = dict(engine.ask(_PENDING, {"last": before - HOUR, "most": MOST_HOURS}))  # pyright: ignore[reportArgumentType] - rows of two
    pending = of_few(engine, pending, length=HOUR, least=HOURS_AT_ONCE)
    if not pending:
        return 0
    ((attempt,),) = engine.ask(_ATTEMPT)
    place: dict[str, Any] = {"first": min(pending), "last": max(pending) + HOUR, "hours": [*pending]}
    starts: dict[int, list[int]] = dict(engine.ask(_LOWS, place | {"block": BLOCK_SPANS}))  # pyright: ignore[reportArgumentType] - rows of two
    hours, lows = _chosen(list(pending), starts)
    if lows:
        place = {"first": hours[0], "last": hours[-1] + HOUR, "hours": hours, "attempt": attempt, "lows": lows}
        engine.change(_WORDS, place)
        engine.change(_BLOCKS, {"attempt": attempt, "lows": lows} | _numbered(lows))
    engine.change(_INDEXED, {"hours": hours, "versions": [pending[hour] for hour in hours], "attempt": attempt})
    return len(hours)


def _chosen(pending: Sequence[int], starts: Mapping[int, Sequence[int]]) -> tuple[list[int], list[int]]:
    """The first of these hours, as many as have few enough blocks; and where these blocks begin."""
    hours: list[int] = []
    lows: list[int] = []
    for hour in pending:
        of_hour = [hour, *sorted({*starts[hour][1:]} - {hour})] if hour in starts else []
        if hours and len(lows) + len(of_hour) > BLOCKS_AT_ONCE:
            break
        hours.append(hour)
        lows += of_hour
    return hours, lows


def _numbered(lows: Sequence[int]) -> dict[str, list[int]]:
    """Blocks with the hour of each, and numbers that the view `text_words` gives them too."""
    hours = [low // HOUR * HOUR for low in lows]
    highs = [min(high, hour + HOUR) for hour, high in zip(hours, [*lows[1:], 2**62], strict=True)]
    return {
        "hours": hours,
        "numbers": [hour // HOUR * 65536 + at for at, hour in enumerate(hours, start=1)],
        "highs": highs,
    }
