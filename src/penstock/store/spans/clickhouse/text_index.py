"""Which words stand in which block of neighbouring spans, in the form that `duckdb.text_index.candidates` asks for.

An hour is indexed as a whole, by an attempt whose number its rows carry: it counts when the hour names it, and rows of
others are swept as those of rollups. A block is named by its hour and its place in it, so that words of another
attempt can only cost a look into a block. Hours that were touched since are searched as they lie.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from penstock.store.spans.clickhouse.engine import ClickHouseEngine
from penstock.store.spans.clickhouse.functions import message_text
from penstock.store.spans.duckdb.text_index import PREFIX_LETTERS
from penstock.store.spans.expressions import HOUR

__all__ = ["BLOCK_SPANS", "index_text"]

BLOCK_SPANS = 2048
_PENDING = """
    SELECT hour, touched FROM text_hours WHERE touched > rolled AND hour <= {last:Int64} ORDER BY hour LIMIT 1
"""
_ATTEMPT = "SELECT toInt64(generateSnowflakeID())"
_LOWS = """
    SELECT arrayFilter((low, nth) -> nth % {block:UInt32} = 1, arraySort(groupArray(started)), range(1, count() + 1))
    FROM spans
    WHERE started >= {first:Int64} AND started < {last:Int64} AND (input IS NOT NULL OR output IS NOT NULL)
"""
_BREAKS = "'[\\\\p{L}\\\\p{N}]+'"
_WORDS = f"""
    INSERT INTO text_words_rows (attempt, hour, word, blocks)
    SELECT {{attempt:Int64}}, {{first:Int64}}, hash, arraySort(groupUniqArray(block)) FROM (
        SELECT block, reinterpretAsUInt32(substring(MD5(arrayJoin(if(lengthUTF8(word) >= {PREFIX_LETTERS},
            [word, concat('^', substringUTF8(word, 1, {PREFIX_LETTERS}))], [word]))), 9, 4)) AS hash
        FROM (
            SELECT block, arrayJoin(if(isValidASCII(text), splitByNonAlpha(text), extractAll(text, {_BREAKS}))) AS word
            FROM (
                SELECT toUInt16(indexOf({{lows:Array(Int64)}}, roundDown(started, {{lows:Array(Int64)}}))) AS block,
                    ifNull({message_text("message")}, '') AS text
                FROM (
                    SELECT started, arrayJoin([input, output]) AS message FROM spans
                    WHERE started >= {{first:Int64}} AND started < {{last:Int64}}
                )
            )
            GROUP BY block, word
        )
    )
    GROUP BY hash
"""  # noqa: S608 - constants; values are bound
_BLOCKS = """
    INSERT INTO text_blocks_rows (attempt, hour, block, low, high)
    SELECT {attempt:Int64}, {first:Int64}, given.1, given.2, given.3
    FROM (
        SELECT arrayJoin(arrayZip({numbers:Array(Int64)}, {lows:Array(Int64)}, {highs:Array(Int64)})) AS given
    )
"""
_INDEXED = "INSERT INTO indexed_hours (hour, version, attempt) VALUES ({hour:Int64}, {version:Int64}, {attempt:Int64})"


def index_text(engine: ClickHouseEngine, *, before: int) -> bool:
    """Index the words of the oldest pending hour that ended by `before`; returns whether there was one.

    Raises:
        Unavailable: the server is down; what was begun is begun anew.
    """
    found = engine.ask(_PENDING, {"last": before - HOUR})
    if not found:
        return False
    ((hour, touched),) = found
    ((attempt,),) = engine.ask(_ATTEMPT)
    place: dict[str, Any] = {"attempt": attempt, "first": hour, "last": hour + HOUR}
    ((starts,),) = engine.ask(_LOWS, {"first": hour, "last": hour + HOUR, "block": BLOCK_SPANS})
    if starts:
        lows = [hour, *sorted({*starts[1:]} - {hour})]
        engine.change(_WORDS, place | {"lows": lows})
        engine.change(_BLOCKS, place | _numbered(hour, lows))
    engine.change(_INDEXED, {"hour": hour, "version": touched, "attempt": attempt})
    return True


def _numbered(hour: int, lows: Sequence[int]) -> dict[str, list[int]]:
    """Blocks with numbers that the view `text_words` gives them too."""
    highs = [high for _, high in pairwise([*lows, hour + HOUR])]
    return {"numbers": [hour // HOUR * 65536 + at for at in range(1, len(lows) + 1)], "lows": [*lows], "highs": highs}
