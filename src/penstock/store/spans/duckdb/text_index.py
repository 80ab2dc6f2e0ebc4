"""Which words stand in which block of neighbouring spans, so that a search reads only blocks that can hold them.

A block is a short stretch of time with some two thousand spans, as many as are unpacked to read one. The index holds
hashes of words, four bytes each, and the first letters of words for searches that go on (`refund*`); a hash that two
words share costs a look into a block, never a result. Hours that are not indexed are searched as they lie.

Spans of a block that is gone (its hour was touched) leave their words behind until `tidy` sorts the index anew.
"""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise

import duckdb

from penstock.store.spans.conditions import spaced, words_of
from penstock.store.spans.duckdb.engine import DuckDbEngine
from penstock.store.spans.engine import Read, prepare
from penstock.store.spans.expressions import HOUR, sql
from penstock.store.spans.queries.search import TEXT_BLOCKS, Stretch
from penstock.store.spans.queries.window import Window
from penstock.store.spans.tree import And, Node, Or, Text

__all__ = ["BLOCK_SPANS", "candidates", "forget_words", "index_text", "tidy"]

BLOCK_SPANS = 2048
BLOCKS_AT_ONCE = 4
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
_MESSAGE = r'^\[\{"role":"[a-z_]+","parts":\['
"""How a recorded message begins; of what begins otherwise, a closer look tells whether it is one."""
_PARTS = """
    CASE WHEN regexp_matches(left({0}, 40), $message) OR json_extract({0}, '$[0].parts') IS NOT NULL
    THEN json_extract_string({0}, '$[*].parts[*].*') WHEN {0} IS NOT NULL THEN [{0}] ELSE [] END
"""
_FORGET = """
    DELETE FROM text_blocks WHERE block IN (
        SELECT block FROM text_blocks AS known, (SELECT unnest($lows) AS begun, unnest($highs) AS ended) AS touched
        WHERE known.low < touched.ended AND known.high > touched.begun
    )
"""
# As the macro `text_hash`, which takes five times longer.
_HASH = "CAST((md5_number({0}) >> 64) & 4294967295 AS UINTEGER)"
# Conversations repeat what was said, and pieces between spaces repeat themselves: each is taken apart once in a block.
_WORDS = f"""
    INSERT INTO text_words
    WITH recorded AS (
        SELECT started, list_concat({_PARTS.format("input")}, {_PARTS.format("output")}) AS parts
        FROM spans WHERE started >= $low AND started < $high
        UNION ALL
        SELECT started, {_PARTS.format("text")} FROM payloads
        WHERE started >= $low AND started < $high AND field IN ('input', 'output')
    ),
    texts AS (
        SELECT DISTINCT $blocks[1 + len(list_filter($inner, lambda low: low <= started))] AS block,
            unnest(parts) AS text
        FROM recorded
    ),
    pieces AS (SELECT DISTINCT block, unnest(string_split(lower(text), ' ')) AS piece FROM texts),
    words AS (SELECT DISTINCT block, unnest(regexp_extract_all(piece, '[\\p{{L}}\\p{{N}}]+')) AS word FROM pieces)
    SELECT DISTINCT $day, false, hash, block FROM (
        SELECT block, {_HASH.format("word")} AS hash FROM words
        UNION ALL
        SELECT block, {_HASH.format("beginning")} FROM (
            SELECT DISTINCT block, '^' || left(word, {PREFIX_LETTERS}) AS beginning FROM words
            WHERE length(word) >= {PREFIX_LETTERS}
        ) AS beginnings
    ) AS hashes
    ORDER BY block, hash
"""  # noqa: S608 - constants; values are bound


def index_text(engine: DuckDbEngine, *, before: int, fresh: int | None = None) -> bool:
    """Index the words of the oldest pending hour that ended by `before`; returns whether there was one.

    With `fresh`, hours that go on are indexed as far as whole blocks of their spans started before that.

    Raises:
        Unavailable: the store is down; nothing has changed.
    """
    hours = engine.read(
        sql("SELECT hour FROM pending_text WHERE hour < $last ORDER BY hour"), {"last": fresh or before}
    )
    for (hour,) in hours:
        ended = hour + HOUR <= before
        if _index_hour(engine, hour, fresh, ended=ended) or ended:
            return True
    return False


def _index_hour(engine: DuckDbEngine, hour: int, fresh: int | None, *, ended: bool) -> bool:
    """Fill what no block covers; whether there was anything to do."""
    upto = hour + HOUR if ended or fresh is None else min(fresh, hour + HOUR)
    indexed = False
    for first, last in _gaps(hour, upto, engine.read(sql(_BLOCKS_OF), {"hour": hour})):
        lows = [low for (low,) in engine.read(sql(_LOWS), {"first": first, "last": last})]
        inner = sorted({*lows[1:]} - {first})
        # The last block of an hour that goes on is not full.
        bounds = [first, *inner, *([last] if ended else [])] if lows else []
        for at in range(0, len(bounds) - 1, BLOCKS_AT_ONCE):
            _index_blocks(engine, hour, bounds[at : at + BLOCKS_AT_ONCE + 1])
            indexed = True
    if ended:
        with engine.write() as cursor:
            # Spans that came in between have taken blocks away; then the hour is indexed another time.
            blocks = cursor.execute(_BLOCKS_OF, {"hour": hour}).fetchall()
            gaps = _gaps(hour, hour + HOUR, blocks)
            if not any(cursor.execute(_LOWS, {"first": low, "last": high}).fetchall() for low, high in gaps):
                cursor.execute("DELETE FROM pending_text WHERE hour = $hour", {"hour": hour})
    return indexed


def _gaps(low: int, high: int, blocks: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """What blocks in order of time leave of a stretch."""
    gaps: list[tuple[int, int]] = []
    for begin, end in blocks:
        if begin > low:
            gaps.append((low, min(begin, high)))
        low = max(low, end)
    return [(begin, end) for begin, end in [*gaps, (low, high)] if begin < end]


def forget_words(cursor: duckdb.DuckDBPyConnection, stretches: Sequence[tuple[int, int]]) -> None:
    """Let these stretches be indexed anew, for their spans have changed: blocks that touch them are none any more.

    Args:
        cursor: In the transaction that changes the spans.
        stretches: Half-open, microseconds since the epoch, each within an hour.
    """
    if not stretches:
        return
    lows, highs = [low for low, _ in stretches], [high for _, high in stretches]
    cursor.execute(_FORGET, {"lows": lows, "highs": highs})
    hours = sorted({low // HOUR * HOUR for low in lows})
    cursor.execute(
        "INSERT INTO pending_text SELECT unnest($hours) EXCEPT SELECT hour FROM pending_text", {"hours": hours}
    )


def _index_blocks(engine: DuckDbEngine, hour: int, bounds: Sequence[int]) -> None:
    """Neighbours in one transaction: what is read of one is unpacked with the next; but not a whole hour at once, since
    ingestion waits for it.
    """
    with engine.write() as cursor:
        numbers: list[int] = []
        for low, high in pairwise(bounds):
            ((block,),) = cursor.execute("SELECT nextval('text_block_numbers')").fetchall()
            place = {"block": block, "hour": hour, "low": low, "high": high}
            cursor.execute("INSERT INTO text_blocks VALUES ($block, $hour, $low, $high)", place)
            numbers.append(block)
        values = {"low": bounds[0], "high": bounds[-1], "inner": list(bounds[1:-1]), "blocks": numbers}
        cursor.execute(_WORDS, values | {"day": hour // DAY * DAY, "message": _MESSAGE})


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


def candidates(read: Read, window: Window, where: Node | None) -> list[Stretch] | None:
    """The blocks whose words allow that a span in them fits, and the hours that are not indexed; None for any.

    The newest come first, and none overlap.
    """
    asked = _Asked(read, window)
    blocks = asked.blocks(where)
    if blocks is None:
        return None
    low, high = asked.bounds
    bounds = {"low": low, "high": high}
    known = read(TEXT_BLOCKS, bounds)
    by_hour: defaultdict[int, list[tuple[int, int]]] = defaultdict(list)
    for _, begin, end in known:
        by_hour[begin // HOUR * HOUR].append((begin, end))
    stretches = [
        gap for (hour,) in read(_WAITING, bounds) for gap in _gaps(hour, hour + HOUR, sorted(by_hour.get(hour, ())))
    ]
    stretches += [(begin, end) for block, begin, end in known if block in blocks]
    return sorted(stretches, reverse=True)


class _Asked:
    """Which blocks can hold what a tree looks for."""

    def __init__(self, read: Read, window: Window) -> None:
        self._read = read
        self.bounds = (
            0 if window.from_ is None else window.from_,
            2**62 if window.to is None else window.to,
        )

    def blocks(self, node: Node | None) -> set[int] | None:
        """Numbers of blocks; None for any."""
        match node:
            case And(terms):
                found: list[set[int]] = [blocks for term in terms if (blocks := self.blocks(term)) is not None]
                return found[0].intersection(*found[1:]) if found else None
            case Or(terms):
                either = [self.blocks(term) for term in terms]
                known = [blocks for blocks in either if blocks is not None]
                return set[int]().union(*known) if len(known) == len(either) else None
            case Text():
                return self._with_words(node)
            case _:
                return None

    def _with_words(self, node: Text) -> set[int] | None:
        found: set[int] | None = None
        for key in sorted(_keys(node), key=len, reverse=True):
            blocks = self._with_word(key)
            found = blocks if found is None else found & blocks
            if not found:
                return found
        return found

    def _with_word(self, key: str) -> set[int]:
        low, high = self.bounds
        values = {"word": text_hash(key), "low": low // DAY * DAY, "high": high}
        return {block for (block,) in self._read(_WITH_WORD, values)}


_BLOCKS_OF = "SELECT low, high FROM text_blocks WHERE hour = $hour ORDER BY low"
_WAITING = prepare(sql(f"SELECT hour FROM pending_text WHERE hour > $low - {HOUR} AND hour < $high"))  # noqa: S608 - constants; values are bound
_WITH_WORD = prepare(sql("SELECT block FROM text_words WHERE word = $word AND day >= $low AND day < $high"))


def _keys(node: Text) -> Iterator[str]:
    """What the index knows of what a text must hold."""
    words = words_of(node.words)
    for at, word in enumerate(words):
        if not spaced(word):
            continue
        if not node.prefix or at < len(words) - 1:
            yield word
        elif len(word) >= PREFIX_LETTERS:
            yield f"^{word[:PREFIX_LETTERS]}"


def text_hash(key: str) -> int:
    """What the engine's macro of this name makes of a word."""
    return int.from_bytes(hashlib.md5(key.encode(), usedforsecurity=False).digest()[8:], "little") & 0xFFFFFFFF
