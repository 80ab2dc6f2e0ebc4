import itertools

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from penstock.store.spans.filters import Filter
from penstock.store.spans.queries import search, traces
from penstock.store.spans.queries.window import Window
from penstock.store.spans.tree import Text
from penstock.testing.journal import FIRST, PROJECT

WINDOW = Window(project=PROJECT)


def raw(value):
    return msgspec.Raw(msgspec.json.encode(value))


def said(*texts, role="user"):
    return raw([{"role": role, "parts": [{"type": "text", "content": text}]} for text in texts])


def ids(page):
    return [row.span_id for row in page.rows]


def pages(store, window=WINDOW, **question):
    after = None
    while True:
        page = store.list_calls(window, after=after, **question)
        yield page
        if page.next is None:
            return
        after = page.next


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    started=st.lists(st.integers(0, 6), min_size=1, max_size=30),
    limit=st.integers(1, 7),
    bounds=st.tuples(st.none() | st.integers(-1, 7), st.none() | st.integers(-1, 7)),
)
def test_pages_hold_every_row_of_the_window_once_newest_first(store, journal, started, limit, bounds):
    project = f"p{journal.span().span_id}"
    spans = [journal.span(project=project, started=FIRST + offset, input=said("water")) for offset in started]
    store.load([journal.write(*spans)])
    low, high = (None if bound is None else FIRST + bound for bound in bounds)
    window = Window(project=project, from_=low, to=high)
    expected = sorted(
        (
            (span.started, span.span_id)
            for span in spans
            if (low is None or low <= span.started) and (high is None or span.started < high)
        ),
        reverse=True,
    )

    for text in (None, "water"):
        rows = [row for page in pages(store, window, limit=limit, where=text and Text(words=text)) for row in page.rows]
        assert [(row.started, row.span_id) for row in rows] == expected


def test_a_page_is_no_longer_than_asked_and_the_last_has_no_successor(store, journal):
    store.load([journal.write(*(journal.span() for _ in range(6)))])

    assert [len(page.rows) for page in pages(store, limit=3)] == [3, 3]


def test_attempts_are_no_rows_and_roots_of_other_traces_are(store, journal):
    call = journal.span(parent_id="a" * 16)
    attempt = journal.span(call=False, parent_id=call.span_id, trace_id=call.trace_id)
    root = journal.span(call=False, kind="agent")
    store.load([journal.write(call, attempt, root)])

    assert ids(store.list_calls(WINDOW)) == [root.span_id, call.span_id]


def test_the_cost_of_a_call_whose_attempts_are_all_unpriced_is_unknown(store, journal):
    rows = {}
    for costs in ((None, None), (None, 4), (3, 4)):
        root = journal.span(kind="gateway", cost=0)
        attempts = [
            journal.span(call=False, parent_id=root.span_id, trace_id=root.trace_id, cost=cost, usage_estimated=True)
            for cost in costs
        ]
        rows[root.span_id] = costs
        store.load([journal.write(root, *attempts)])

    found = {rows[row.span_id]: (row.cost, row.usage.estimated) for row in store.list_calls(WINDOW).rows}

    assert found == {(None, None): (None, True), (None, 4): (4, True), (3, 4): (7, True)}


PREVIEWS = {
    "nothing": (None, None, "", ""),
    "empty": (raw([]), raw([]), "", ""),
    "text": (said("first", "last"), said("an answer", role="assistant"), "last", "an answer"),
    "long": (said("ä" * 500), said("b" * 500), "ä" * 72, "b" * 72),
    "reasoning before text": (
        None,
        raw([{"parts": [{"type": "reasoning", "content": "hm"}, {"type": "text", "content": "so"}]}]),
        "",
        "so",
    ),
    "a tool is called": (
        raw([{"role": "tool", "parts": [{"type": "tool_call_response", "id": "1", "response": "42"}]}]),
        raw([{"role": "assistant", "parts": [{"type": "tool_call", "name": "lookup", "arguments": "{}"}]}]),
        "42",
        "lookup",
    ),
    "not messages": (raw({"a": 1}), raw("text"), "", ""),
}  # fmt: skip


@pytest.mark.parametrize(("asked", "answered", "first", "second"), PREVIEWS.values(), ids=PREVIEWS)
def test_a_row_shows_the_last_that_was_asked_and_what_was_answered(store, journal, asked, answered, first, second):
    store.load([journal.write(journal.span(input=asked, output=answered))])

    (row,) = store.list_calls(WINDOW).rows

    assert (row.input_preview, row.output_preview) == (first, second)


FOUND = {
    "case": ("PENSTOCK", "What is a penstock?", True),
    "unicode case": ("ÄRGER", "so ein ärger", True),
    "quote": ('say "hi"', 'they say "hi" often', True),
    "backslash": ("a\\b", "x a\\b y", True),
    "newline": ("one\ntwo", "one\ntwo", True),
    "percent is no wildcard": ("100%", "1000", False),
    "underscore is no wildcard": ("a_b", "axb", False),
    "a word of the structure is not text": ("role", "hello", False),
    "a word of the structure in the text": ("role", "which role?", True),
    "punctuation of the structure": ("},{", "plain", False),
    "punctuation in the text": ("},{", 'json: {"a":1},{"b":2}', True),
    "comma": (",", "one, two", True),
    "no comma": (",", "one two", False),
    "other scripts": ("漢", "漢字", True),
}


@pytest.mark.parametrize(("text", "content", "expected"), FOUND.values(), ids=FOUND)
def test_a_search_finds_what_people_wrote_and_nothing_else(store, journal, text, content, expected):
    store.load([journal.write(journal.span(input=said(content)), journal.span(output=said(content, role="assistant")))])

    assert len(store.list_calls(WINDOW, where=text and Text(words=text)).rows) == (2 if expected else 0)


def test_a_search_looks_into_arguments_of_tools(store, journal):
    call = {"type": "tool_call", "id": "1", "name": "weather", "arguments": '{"city":"Paris"}'}
    store.load([journal.write(journal.span(output=raw([{"role": "assistant", "parts": [call]}])))])

    assert len(store.list_calls(WINDOW, where=Text(words="paris")).rows) == 1
    assert len(store.list_calls(WINDOW, where=Text(words="weather")).rows) == 1


def test_a_search_in_an_empty_store_finds_nothing(store):
    page = store.list_calls(WINDOW, where=Text(words="x"))

    assert (page.rows, page.next) == ([], None)


def test_a_search_that_takes_too_long_sends_what_it_has_and_can_be_continued(store, journal, monkeypatch):
    """FAILURES O1."""
    hour = 3_600_000_000
    spans = [
        journal.span(started=FIRST + number * hour, input=said("needle" if number % 4 == 0 else "hay"))
        for number in range(24)
    ]
    store.load([journal.write(*spans)])
    monkeypatch.setattr(search, "SLICE_ROWS", 1)
    ticks = itertools.count(0, 1.1)
    monkeypatch.setattr("penstock.store.spans.questions.time.monotonic", lambda: next(ticks))

    sent = list(pages(store, where=Text(words="needle"), limit=50))

    assert len(sent) > 3
    assert [row.span_id for page in sent for row in page.rows] == [span.span_id for span in spans[::4]][::-1]


def test_slices_of_a_search_are_wide_where_spans_are_few_and_narrow_where_they_are_many(store, journal, monkeypatch):
    monkeypatch.setattr(search, "SLICE_ROWS", 4)
    monkeypatch.setattr(search, "SEARCH_SECONDS", 60)
    monkeypatch.setattr(search, "QUICK_SECONDS", -1)
    monkeypatch.setattr(store, "_candidates", None)
    dense = [journal.span(started=FIRST + 86_400_000_000 + number) for number in range(64)]
    store.load([journal.write(journal.span(started=FIRST), *dense)])
    slices = []
    chosen = traces._choose

    def watch(read, window, **question):
        slices.append((window.from_, window.to))
        return chosen(read, window, **question)

    monkeypatch.setattr(traces, "_choose", watch)
    store.list_calls(WINDOW, where=Text(words="x"))

    assert slices[0][1] == dense[-1].started + 1
    assert slices[-1][0] == FIRST
    assert all(low == earlier for (low, _), (_, earlier) in itertools.pairwise(slices))
    widths = [to - low for low, to in slices]
    assert max(widths[:8]) <= 8
    assert widths[-3] == 2 * widths[-4]


def test_more_spans_in_a_microsecond_than_a_slice_holds_are_searched_too(store, journal, monkeypatch):
    monkeypatch.setattr(search, "SLICE_ROWS", 2)
    monkeypatch.setattr(search, "SEARCH_SECONDS", 60)
    store.load([journal.write(*(journal.span(started=FIRST, input=said("x")) for _ in range(20)))])

    assert len(store.list_calls(WINDOW, where=Text(words="x")).rows) == 20


def test_rows_stored_since_a_mark_are_found_whatever_their_time(store, journal):
    store.load([journal.write(journal.span())])
    mark = store.newest_row()
    late = journal.span(started=FIRST - 5)
    store.load([journal.write(late, journal.span(project="other"))])

    rows, mark = store.rows_after(PROJECT, mark=mark)

    assert [row.span_id for row in rows] == [late.span_id]
    assert store.rows_after(PROJECT, mark=mark) == ([], mark)


def test_an_empty_store_has_a_mark_too(store, journal):
    mark = store.newest_row()
    store.load([journal.write(journal.span())])

    assert len(store.rows_after(PROJECT, mark=mark)[0]) == 1
    assert store.rows_after(PROJECT, mark=mark, where=Filter(column="status", operator="eq", value="error"))[0] == []


FACETS = {
    "status": [("ok", 2), ("error", 1)],
    "http_status": [("200", 2), ("502", 1)],
    "tags": [("team", 2), ("env", 1)],
    "tags.team": [("care", 2), (None, 1)],
    "finish_reasons": [("stop", 2), ("length", 1)],
    "model": [("openai/m", 2), (None, 1)],
    "user": [(None, 3)],
}


@pytest.mark.parametrize(("column", "expected"), FACETS.items(), ids=FACETS)
def test_facets_list_the_values_of_calls(store, journal, column, expected):
    one = {"http_status": 200, "tags": {"team": "care"}, "finish_reasons": ["stop", "length"]}
    other = one | {"tags": {"team": "care", "env": "x"}, "finish_reasons": ["stop"]}
    one |= {"provider": "openai", "target_model": "m", "served_model": "m-2026-01-01"}
    other |= {"provider": "openai", "served_model": "m"}
    failed = {"http_status": 502, "status": "error"}
    attempt = {"call": False, "parent_id": "a" * 16}
    store.load([journal.write(*(journal.span(**fields) for fields in (one, other, failed, attempt)))])

    assert [(facet.value, facet.count) for facet in store.facets(WINDOW, column)] == expected


def test_a_menu_has_at_most_fifty_values_and_keeps_to_its_window(store, journal):
    spans = [journal.span(session=f"s{number}") for number in range(60)]
    store.load([journal.write(*spans)])

    assert len(store.facets(WINDOW, "session")) == 50
    part = Window(project=PROJECT, from_=spans[10].started, to=spans[12].started)
    assert {facet.value for facet in store.facets(part, "session")} == {"s10", "s11"}
