"""Spans that applications send: each stored once, model calls counted once, traces summed up."""

import json
import random

import msgspec
import pytest
from sqlglot import parse_one

from penstock.store.spans.columns import USAGE
from penstock.testing.journal import PROJECT, JournalFolder

OTHER = "01990000-0000-7000-8000-000000000002"
TRACE = f"{7:032x}"
DAY = 86_400_000_000


@pytest.fixture
def intake(tmp_path):
    folder = JournalFolder(tmp_path / "intake", worker=f"{2:016x}")
    # Ids of their own, beside those of the journal.
    for _ in range(100):
        folder.span()
    return folder


def rows(store, sql, **values):
    return store._engine.read(parse_one(sql, dialect="duckdb"), values)


def one(store, columns, span):
    """These columns of one span."""
    query = parse_one("SELECT 1 FROM spans WHERE span_id = $span", dialect="duckdb")
    query.set("expressions", [parse_one(column, dialect="duckdb") for column in columns.split(", ")])
    return store._engine.read(query, {"span": int(span.span_id, 16)})


def sent(folder, **fields):
    """A span of an application, in one trace."""
    given = {"source": "otlp", "service": "shop", "call": False, "trace_id": TRACE, "operation": ""}
    return folder.span(**(given | fields))


def test_a_batch_sent_twice_is_stored_once(store, intake):
    """FAILURES O5."""
    spans = [sent(intake), sent(intake)]

    first, again = store.load_intake([intake.write(*spans)]), store.load_intake([intake.write(*spans)])

    assert [(one.spans, one.duplicates) for one in (*first, *again)] == [(2, 0), (0, 2)]
    assert store.count_spans() == 2


def test_a_span_sent_twice_in_one_batch_is_stored_as_it_came_first(store, intake):
    span = sent(intake, name="first")
    later = sent(intake, span_id=span.span_id, started=span.started, name="second")
    paths = [intake.write(sent(intake), span), intake.write(later, sent(intake)), intake.write(later)]

    loaded = store.load_intake(paths)

    assert [(one.spans, one.duplicates) for one in loaded] == [(2, 0), (1, 1), (0, 1)]
    assert one(store, "name", span) == [("first",)]


def test_ids_are_the_same_only_within_a_project_and_a_trace(store, intake):
    span = sent(intake)
    others = [
        sent(intake, span_id=span.span_id, project=OTHER),
        sent(intake, span_id=span.span_id, trace_id=f"{8:032x}"),
    ]

    store.load_intake([intake.write(span, *others)])

    assert store.count_spans() == 3


def test_a_span_sent_again_with_others_in_between_is_found_by_its_time(store, intake):
    span = sent(intake)
    store.load_intake([intake.write(span)])
    store.load_intake([intake.write(*[sent(intake, started=span.started + n * DAY) for n in range(1, 40)])])

    (again,) = store.load_intake([intake.write(sent(intake, started=span.started - DAY), span)])

    assert (again.spans, again.duplicates) == (1, 1)


def test_a_malformed_line_does_not_keep_the_rest_from_being_stored_once(store, intake, journal):
    span = sent(intake)
    path = intake.seal(intake.line(span), b"{not json\n", intake.line(span))

    (loaded,) = store.load_intake([path])

    assert (loaded.spans, loaded.duplicates, loaded.quarantined) == (1, 1, 1)
    assert json.loads((journal.quarantine / path.name).read_bytes())["line"] == 2


def test_an_intake_segment_met_again_is_passed_over(store, intake):
    path = intake.write(sent(intake))
    store.load_intake([path])

    (again,) = store.load_intake([path])

    assert again.repeated
    assert store.count_spans() == 1


def model_call(folder, **fields):
    """A model call with tokens and a cost, as an application tells of it."""
    given = {"kind": "llm", "usage_input": 100, "usage_output": 20, "cost": 5000, "usage_estimated": True}
    return sent(folder, **(given | fields))


def tokens(store):
    return rows(store, f"SELECT sum({' + '.join(USAGE)}), sum(cost) FROM spans")[0]  # noqa: S608 - names of columns


def test_a_model_call_that_the_gateway_recorded_too_counts_once(store, intake, journal):
    """FAILURES O8."""
    outer = model_call(intake)
    http = sent(intake, kind="span", parent_id=outer.span_id)
    store.load_intake([intake.write(outer, http)])
    call = journal.span(trace_id=TRACE, parent_id=http.span_id, usage_input=110, usage_output=20, cost=6000)

    store.load([journal.write(call)])

    assert tokens(store) == (130, 6000)
    ((covered, cost, estimated, said),) = one(store, "covered, cost, usage_estimated, usage_raw", outer)
    assert (covered, cost, estimated) == (True, None, False)
    assert json.loads(said)["input"] == 100


@pytest.mark.parametrize("seed", range(6))
def test_calls_are_covered_in_whatever_order_their_spans_arrive(store, intake, journal, seed):
    """FAILURES O8."""
    root = sent(intake, kind="agent")
    outer = model_call(intake, parent_id=root.span_id, usage_raw=None)
    between = [sent(intake, kind="chain", parent_id=outer.span_id)]
    between.append(sent(intake, kind="span", parent_id=between[0].span_id))
    alone = model_call(intake, parent_id=root.span_id)
    call = journal.span(
        trace_id=TRACE, parent_id=between[1].span_id, usage_input=7, cost=3, started=root.started + 9 * DAY
    )
    spans = [root, outer, *between, alone, call]
    random.Random(seed).shuffle(spans)

    for span in spans:
        if span is call:
            store.load([journal.write(span)])
        else:
            store.load_intake([intake.write(span)])

    assert tokens(store) == (127, 5003)
    assert rows(store, "SELECT spans, usage_total, cost, known, unknown FROM totals") == [(6, 127, 5003, 2, 0)]


def test_what_a_sender_said_of_a_covered_call_is_kept_in_its_own_words(store, intake):
    outer = model_call(intake, usage_raw=msgspec.Raw(b'{"total_tokens":120}'))
    store.load_intake([intake.write(outer, model_call(intake, parent_id=outer.span_id))])

    assert one(store, "usage_raw", outer) == [('{"total_tokens":120}',)]


def test_a_model_call_above_another_of_the_same_application_is_covered(store, intake):
    outer = model_call(intake)
    inner = model_call(intake, parent_id=outer.span_id)

    store.load_intake([intake.write(inner, outer)])

    assert rows(store, "SELECT span_id FROM spans WHERE covered") == [(int(outer.span_id, 16),)]


def test_calls_of_the_gateway_are_never_covered(store, journal):
    call = journal.span(kind="gateway", trace_id=TRACE)
    attempts = [
        journal.span(trace_id=TRACE, call=False, parent_id=call.span_id, usage_input=5, cost=2),
        journal.span(trace_id=TRACE, call=False, parent_id=call.span_id, usage_input=3, status="error"),
    ]

    store.load([journal.write(call, *attempts)])

    assert rows(store, "SELECT count(*) FROM spans WHERE covered") == [(0,)]
    query = "SELECT span_id, spans, errors, usage_input, usage_total, cost, known, unknown FROM totals"
    assert rows(store, query) == [(int(call.span_id, 16), 3, 1, 8, 8, 2, 1, 1)]


def test_a_call_inside_a_trace_has_the_sums_of_its_attempts_and_the_root_those_of_all(store, intake, journal):
    root = sent(intake, kind="agent")
    call = journal.span(kind="gateway", trace_id=TRACE, parent_id=root.span_id)
    attempt = journal.span(trace_id=TRACE, call=False, parent_id=call.span_id, usage_input=5, cost=2)
    # Recorded by itself, as a copy of a call is.
    late = journal.span(trace_id=TRACE, call=False, parent_id=call.span_id, usage_input=4, cost=1)
    other = model_call(intake, parent_id=root.span_id, cost=None)

    store.load([journal.write(call, attempt)])
    store.load_intake([intake.write(root, other)])
    store.load([journal.write(late)])

    query = "SELECT span_id, spans, usage_input, cost, known, unknown FROM totals ORDER BY span_id"
    assert rows(store, query) == sorted(
        [(int(root.span_id, 16), 5, 109, 3, 2, 1), (int(call.span_id, 16), 3, 9, 3, 2, 0)]
    )


def test_a_trace_of_one_span_has_no_sums_of_its_own(store, intake, journal):
    store.load([journal.write(journal.span(), journal.span())])
    store.load_intake([intake.write(sent(intake))])

    assert rows(store, "SELECT count(*) FROM totals") == [(0,)]


def test_the_cost_of_a_trace_is_unknown_when_none_of_its_calls_has_one(store, intake):
    root = sent(intake, kind="agent")
    store.load_intake([intake.write(root, model_call(intake, parent_id=root.span_id, cost=None))])

    assert rows(store, "SELECT cost, known, unknown FROM totals") == [(None, 0, 1)]


def test_a_trace_without_a_model_call_costs_nothing(store, intake):
    root = sent(intake, kind="agent")
    store.load_intake([intake.write(root, sent(intake, kind="tool", parent_id=root.span_id))])

    assert rows(store, "SELECT cost, known, unknown FROM totals") == [(0, 0, 0)]


def test_the_hour_of_a_call_that_is_covered_later_is_summed_up_anew(store, intake, journal, clock):
    outer = model_call(intake)
    store.load_intake([intake.write(outer)])
    clock.advance(100 * 86_400)
    while store.maintain():
        pass
    assert rows(store, "SELECT count(*) FROM pending_hours") == [(0,)]

    call = journal.span(trace_id=TRACE, parent_id=outer.span_id, started=outer.started + 30 * DAY)
    store.load([journal.write(call)])

    hour = 3_600_000_000
    pending = rows(store, "SELECT hour FROM pending_hours ORDER BY hour")
    assert pending == [(outer.started // hour * hour,), (call.started // hour * hour,)]


def test_traces_of_two_projects_with_the_same_id_are_not_mixed(store, intake):
    outer = model_call(intake)
    store.load_intake([intake.write(outer)])
    store.load_intake([intake.write(model_call(intake, project=OTHER, parent_id=outer.span_id))])

    assert rows(store, "SELECT count(*) FROM spans WHERE covered") == [(0,)]
    assert rows(store, "SELECT count(*) FROM totals WHERE project = $project", project=PROJECT) == [(0,)]
