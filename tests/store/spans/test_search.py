"""Text search over the index of words, and over hours that are not indexed."""

import itertools
import random

import msgspec
import pytest

from penstock.store.spans.clickhouse import text_index as clickhouse_index
from penstock.store.spans.deletion import Selection
from penstock.store.spans.duckdb import text_index
from penstock.store.spans.expressions import sql
from penstock.store.spans.filters import Filter
from penstock.store.spans.queries import search
from penstock.store.spans.queries.window import Window
from penstock.store.spans.tree import And, Not, Or, Text
from penstock.testing.journal import PROJECT

HOUR = 3_600_000_000
START = 1_700_000_000_000_000 // HOUR * HOUR
WINDOW = Window(project=PROJECT)
WORDS = ("alpha", "beta", "gamma", "Delta", "naïve", "漢字", "refund", "refunds", "x7")


def said(text):
    return msgspec.Raw(msgspec.json.encode([{"role": "user", "parts": [{"type": "text", "content": text}]}]))


def upkeep(store):
    while store.maintain():
        pass


def ids(store, where, **question):
    found, after = [], None
    while True:
        page = store.list_calls(WINDOW, where=where, after=after, **question)
        found += [row.span_id for row in page.rows]
        if page.next is None:
            return found
        after = page.next


QUESTIONS = [
    (Text(words="alpha"), lambda words: "alpha" in words),
    (Text(words="ALPHA beta"), lambda words: any(pair == ("alpha", "beta") for pair in itertools.pairwise(words))),
    (And((Text(words="alpha"), Text(words="gamma"))), lambda words: {"alpha", "gamma"} <= {*words}),
    (Or((Text(words="delta"), Text(words="naïve"))), lambda words: bool({"Delta", "naïve"} & {*words})),
    (And((Text(words="refund"), Not(Text(words="alpha")))), lambda words: "refund" in words and "alpha" not in words),
    (Text(words="refu", prefix=True), lambda words: bool({"refund", "refunds"} & {*words})),
    (Text(words="re", prefix=True), lambda words: bool({"refund", "refunds"} & {*words})),
    (Text(words="漢"), lambda words: "漢字" in words),
    (Text(words="nowhere"), lambda words: False),
    (Text(words="user"), lambda words: False),
]


@pytest.mark.parametrize(
    ("message", "found", "passed_over"),
    [
        (
            [
                {"role": "user", "parts": [{"type": "text", "content": "a b\nc"}, {"type": "text", "content": "d"}]},
                {
                    "role": "assistant",
                    "parts": [{"type": "tool_call", "id": "x", "name": "look", "arguments": {"at": 7}}],
                },
                {
                    "role": "tool",
                    "parts": [{"type": "tool_call_response", "id": "y", "response": [{"z": "\u00c9t\u00e9"}]}],
                },
                {"role": "tool", "parts": [{"type": "tool_call_response", "result": "done"}], "name": "nobody"},
            ],
            ("a", "b c", "look", "at 7", "été", "z", "done"),
            ("c d", "user", "text", "tool", "x", "y", "nobody", "content", "role"),
        ),
        ([{"role": "user", "parts": []}], (), ("role", "user", "parts")),
        ([{"role": "user", "content": "no parts"}], ("role", "user content", "no parts"), ("elsewhere",)),
        (["alpha", {"parts": [{"content": "beta"}]}], ("alpha", "beta", "parts", "content"), ()),
        ([{"parts": [7, None, {"content": "beta"}]}, None], ("beta",), ("7", "parts", "content")),
        ({"question": "why", "parts": 1}, ("question", "why", "parts 1"), ()),
        ("just a text", ("just a", "text"), ()),
        (42, ("42",), ()),
    ],
    ids=["parts", "none", "other messages", "mixed", "other parts", "an object", "a text", "a number"],
)
def test_the_texts_of_a_message_are_searched_and_not_its_structure(store, journal, message, found, passed_over):
    store.load([journal.write(journal.span(input=msgspec.Raw(msgspec.json.encode(message))))])
    assert [words for words in (*found, *passed_over) if ids(store, Text(words=words))] == list(found)


@pytest.fixture
def small_blocks(monkeypatch):
    monkeypatch.setattr(text_index, "_LOWS", text_index._LOWS.replace("% 2048", "% 4"))
    monkeypatch.setattr(clickhouse_index, "BLOCK_SPANS", 4)


@pytest.mark.usefixtures("small_blocks")
def test_a_search_finds_the_same_before_and_after_hours_are_indexed_and_touched(store, journal, clock):
    """FAILURES O1, O12."""
    clock.advance(40 * 24 * 3600)
    rng = random.Random(3)
    texts = [[rng.choice(WORDS) for _ in range(rng.randrange(1, 4))] for _ in range(72)]
    spans = [
        journal.span(started=START + number * HOUR // 7, **{rng.choice(["input", "output"]): said(", ".join(words))})
        for number, words in enumerate(texts)
    ]

    def check(limit):
        for where, holds in QUESTIONS:
            expected = [span.span_id for span, words in zip(stored, texts, strict=False) if holds(words)]
            assert ids(store, where, limit=limit) == expected[::-1], where

    stored = spans[:60]
    store.load([journal.write(*stored)])
    check(50)
    upkeep(store)
    check(9)
    stored = spans
    store.load([journal.write(*spans[60:])])
    check(50)
    upkeep(store)
    check(50)


@pytest.mark.usefixtures("small_blocks")
def test_only_blocks_that_hold_all_words_are_read(duckdb_store, journal, clock):
    clock.advance(40 * 24 * 3600)
    spans = [
        journal.span(started=START + number * HOUR, input=said("needle" if number in {3, 20} else "hay"))
        for number in range(24)
    ]
    duckdb_store.load([journal.write(*spans)])
    upkeep(duckdb_store)

    with duckdb_store._engine.snapshot() as read:
        found = text_index.candidates(read, WINDOW, Text(words="needle"))
        assert [low // HOUR * HOUR for low, _ in found] == [spans[20].started, spans[3].started]
        assert text_index.candidates(read, WINDOW, And((Text(words="needle"), Text(words="hay")))) == []
        assert text_index.candidates(read, WINDOW, Not(Text(words="needle"))) is None
        assert text_index.candidates(read, WINDOW, Filter(column="route", operator="missing")) is None


def test_the_macro_and_the_search_hash_alike(duckdb_store):
    with duckdb_store._engine.snapshot() as read:
        for word in ("alpha", "^refu", "naïve"):
            ((found,),) = read(sql("SELECT text_hash($word)"), {"word": word})
            assert found == text_index.text_hash(word)


def test_spans_that_come_while_an_hour_is_indexed_leave_it_pending(duckdb_store, journal, clock, monkeypatch):
    clock.advance(40 * 24 * 3600)
    duckdb_store.load([journal.write(journal.span(started=START, input=said("one")))])
    while duckdb_store.maintain() is not True:
        pass
    indexed = text_index._index_blocks

    def late(engine, hour, bounds):
        indexed(engine, hour, bounds)
        duckdb_store.load([journal.write(journal.span(started=START + 1, input=said("two")))])

    duckdb_store.load([journal.write(journal.span(started=START + 2, input=said("three")))])
    monkeypatch.setattr(text_index, "_index_blocks", late)
    assert text_index.index_text(duckdb_store._engine, before=clock.now())
    monkeypatch.undo()

    assert len(ids(duckdb_store, Text(words="two"))) == 1
    upkeep(duckdb_store)
    assert len(ids(duckdb_store, Text(words="two"))) == 1
    assert len(ids(duckdb_store, Text(words="three"))) == 1


@pytest.mark.usefixtures("small_blocks")
def test_an_hour_that_goes_on_is_indexed_but_for_its_last_minutes(duckdb_store, journal, clock):
    clock.advance((START - clock.now()) // 1_000_000 + 30 * 60)
    minute = 60_000_000
    spans = [journal.span(started=START + n * minute, input=said(f"word{n}")) for n in range(30)]
    duckdb_store.load([journal.write(*spans)])
    upkeep(duckdb_store)

    def stretches(word):
        with duckdb_store._engine.snapshot() as read:
            found = text_index.candidates(read, WINDOW, Text(words=word))
        return [((low - START) // minute, (high - START) // minute) for low, high in found]

    assert stretches("word5") == [(24, 60), (4, 8)]
    assert stretches("word29") == [(24, 60)]
    late = journal.span(started=START + 9 * minute, input=said("late"))
    duckdb_store.load([journal.write(late)])
    assert stretches("late") == [(24, 60), (8, 12)]
    assert ids(duckdb_store, Text(words="late")) == [late.span_id]
    upkeep(duckdb_store)
    assert stretches("word5") == [(24, 60), (11, 12), (4, 8)]
    clock.advance(3600)
    upkeep(duckdb_store)
    assert stretches("word5") == [(4, 8)]
    assert ids(duckdb_store, Text(words="word29")) == [spans[29].span_id]
    assert ids(duckdb_store, Text(words="late")) == [late.span_id]


@pytest.mark.usefixtures("small_blocks")
def test_words_of_what_was_deleted_leave_the_index(duckdb_store, journal, clock):
    clock.advance(40 * 24 * 3600)
    spans = [journal.span(started=START + n, input=said(f"word{n}")) for n in range(6)]
    duckdb_store.load([journal.write(*spans)])
    upkeep(duckdb_store)
    duckdb_store.delete_batch(Selection(project=PROJECT, traces=(spans[1].trace_id,)), job="j")
    upkeep(duckdb_store)

    with duckdb_store._engine.snapshot() as read:
        assert text_index.candidates(read, WINDOW, Text(words="word1")) == []
    assert ids(duckdb_store, Text(words="word2")) == [spans[2].span_id]


def test_a_search_over_indexed_hours_that_takes_long_is_sent_in_parts(store, journal, clock, monkeypatch):
    """FAILURES O1."""
    clock.advance(40 * 24 * 3600)
    spans = [journal.span(started=START + 2 * number * HOUR, input=said("needle")) for number in range(12)]
    store.load([journal.write(*spans)])
    upkeep(store)
    ticks = itertools.count(0, 1.1)
    monkeypatch.setattr("penstock.store.spans.questions.time.monotonic", lambda: next(ticks))
    monkeypatch.setattr(search, "SLICE_ROWS", 1)

    first = store.list_calls(WINDOW, where=Text(words="needle"))

    assert len(first.rows) == 1
    assert first.next is not None
    assert ids(store, Text(words="needle")) == [span.span_id for span in spans[::-1]]
