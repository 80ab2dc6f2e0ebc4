"""Which words stand in which block of neighbouring spans, so that a search reads only blocks that can hold them.

A block is a short stretch of time with some two thousand spans, as many as are unpacked to read one. The index holds
hashes of words, four bytes each, and the first letters of words for searches that go on (`refund*`); a hash that two
words share costs a look into a block, never a result. Hours that are not indexed are searched as they lie.

Spans of a block that is gone (its hour was touched) leave their words behind until `tidy` sorts the index anew.
"""

import hashlib
from collections.abc import Iterator
from itertools import pairwise

from penstock.store.spans.conditions import spaced, words_of
from penstock.store.spans.duckdb.engine import DuckDbEngine
from penstock.store.spans.engine import Read, prepare
from penstock.store.spans.expressions import HOUR, sql
from penstock.store.spans.queries.search import Stretch
from penstock.store.spans.queries.window import Window
from penstock.store.spans.tree import And, Node, Or, Text

__all__ = ["BLOCK_SPANS", "candidates", "index_text", "tidy"]

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
"""  # noqa: S608 - constants; values are bound


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
    known = read(_BLOCKS, bounds)
    waiting = {hour for (hour,) in read(_WAITING, bounds)}
    stretches = [(hour, hour + HOUR, 8 * BLOCK_SPANS) for hour in waiting]
    stretches += [
        (begin, end, BLOCK_SPANS)
        for block, begin, end in known
        if block in blocks and begin // HOUR * HOUR not in waiting
    ]
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


_BLOCKS = prepare(sql("SELECT block, low, high FROM text_blocks WHERE high > $low AND low < $high"))
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
