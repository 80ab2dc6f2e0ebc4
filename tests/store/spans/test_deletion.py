"""Deletion of traces, spans and scores, with everything that was made of them."""

import msgspec
import pytest
from sqlglot import parse_one

from penstock.store.spans.deletion import Selection
from penstock.store.spans.duckdb import deletion
from penstock.store.spans.duckdb.reading import LARGE
from penstock.store.spans.duckdb.store import DuckDbSpanStore
from penstock.store.spans.filters import Filter
from penstock.store.spans.tree import And, Text
from penstock.testing.journal import FIRST, PROJECT, JournalFolder
from penstock.wire.score import Score

OTHER = "01990000-0000-7000-8000-000000000002"
HOUR = 3_600_000_000
LONG = msgspec.Raw(b'[{"role":"user","parts":[{"type":"text","content":"%s"}]}]' % (b"secret " * LARGE))


@pytest.fixture
def scores(tmp_path):
    return JournalFolder(tmp_path / "scores", worker=f"{3:016x}")


def rows(store, sql):
    return store._engine.read(parse_one(sql, dialect="duckdb"))


def count(store, table, where="true"):
    return rows(store, f"SELECT count(*) FROM {table} WHERE {where}")[0][0]  # noqa: S608 - words of these tests


def run(store, selection, job="job"):
    """Delete it all; returns what was deleted, and in how many batches."""
    batches = 0
    while (done := store.delete_batch(selection, job=job)).more:
        batches += 1
    return done.spans, done.scores, batches


def judge(store, scores, *judged, **fields):
    """A score of each of these traces."""
    given = {"project": PROJECT, "name": "good", "type": "number", "number": 1, "source": "user", "created": FIRST}
    lines = [
        b'{"record":"score",'
        + msgspec.json.encode(Score(**(given | {"id": f"s{trace}", "trace_id": trace} | fields)))[1:]
        + b"\n"
        for trace in judged
    ]
    store.load_scores([scores.seal(*lines)])


def call_with_attempts(journal, **fields):
    call = journal.span(kind="gateway", **fields)
    inside = {name: fields[name] for name in ("project", "started") if name in fields}
    attempts = [journal.span(trace_id=call.trace_id, call=False, parent_id=call.span_id, **inside) for _ in range(2)]
    return [call, *attempts]


def test_a_trace_goes_with_its_texts_sums_and_scores(store, journal, scores):
    """FAILURES O10."""
    gone, kept = call_with_attempts(journal, input=LONG), call_with_attempts(journal, input=LONG)
    store.load([journal.write(*gone, *kept)])
    judge(store, scores, gone[0].trace_id, kept[0].trace_id)
    selection = Selection(project=PROJECT, traces=(gone[0].trace_id,))

    assert store.remaining(selection).spans == 3
    assert run(store, selection) == (3, 1, 1)

    assert store.remaining(selection).nothing
    apart = 1 if isinstance(store, DuckDbSpanStore) else 0  # ClickHouse keeps long texts in their rows
    assert [count(store, table) for table in ("spans", "payloads", "totals", "scores")] == [3, apart, 1, 1]


@pytest.mark.parametrize("who", ["session", "user", "key"])
def test_all_of_a_trace_goes_when_one_of_its_spans_is_somebodys(store, journal, who):
    """FAILURES O10: what a person said stands in spans that do not name them, too."""
    theirs = call_with_attempts(journal, **{who: "somebody"})
    others = [journal.span(**{who: "else"}), journal.span(), journal.span(project=OTHER, **{who: "somebody"})]
    store.load([journal.write(*theirs, *others)])

    assert (
        run(store, Selection(project=PROJECT, **({"users": ("somebody",)} if who == "user" else {who: "somebody"})))[0]
        == 3
    )
    assert store.count_spans() == 3


def test_a_session_goes_with_the_scores_that_it_was_given_itself(store, journal, scores):
    store.load([journal.write(journal.span(session="talk"))])
    judge(store, scores, None, session="talk", id="of the session")
    judge(store, scores, None, session="other", id="of another")

    assert run(store, Selection(project=PROJECT, session="talk"))[:2] == (1, 1)
    assert rows(store, "SELECT id FROM scores") == [("of another",)]


def test_by_age_spans_and_scores_go_one_by_one(store, journal, scores):
    old = [journal.span(started=FIRST - n) for n in range(1, 4)]
    store.load([journal.write(*old, journal.span(started=FIRST), journal.span(started=FIRST - 1, project=OTHER))])
    judge(store, scores, f"{1:032x}", created=FIRST - 1)
    judge(store, scores, f"{2:032x}", created=FIRST)

    assert run(store, Selection(project=PROJECT, before=FIRST))[:2] == (3, 1)
    assert store.count_spans() == 2


def test_by_kind_the_sums_of_what_is_left_are_made_anew(store, journal):
    call, first, second = call_with_attempts(journal)
    tool = journal.span(trace_id=call.trace_id, kind="tool", call=False, parent_id=call.span_id, started=call.started)
    store.load([journal.write(call, first, second, tool)])
    assert rows(store, "SELECT spans FROM totals") == [(4,)]

    assert run(store, Selection(project=PROJECT, kinds=("tool",), before=FIRST + HOUR, scores=False))[0] == 1
    assert rows(store, "SELECT spans FROM totals") == [(3,)]

    assert run(store, Selection(project=PROJECT, other_kinds=("gateway",), before=FIRST + HOUR), "next")[0] == 2
    assert count(store, "totals") == 0


def test_a_trace_whose_root_is_gone_has_no_sums(store, journal):
    call, *attempts = call_with_attempts(journal)
    store.load([journal.write(call, *attempts)])

    run(store, Selection(project=PROJECT, kinds=("gateway",), before=FIRST + HOUR))

    assert (count(store, "spans"), count(store, "totals")) == (2, 0)


def test_what_a_search_finds_goes_by_its_row(store, journal):
    cheap, dear = call_with_attempts(journal), call_with_attempts(journal)
    spans = [*cheap, *[msgspec.structs.replace(span, cost=5000) for span in dear[1:]], dear[0]]
    store.load([journal.write(*spans)])
    where = And(
        (Filter(column="cost", operator="gt", value=9000), Filter(column="kind", operator="eq", value="gateway"))
    )

    assert run(store, Selection(project=PROJECT, where=where))[0] == 3
    assert count(store, "spans", "cost IS NOT NULL") == 0


def test_a_text_is_found_in_long_texts_too(store, journal):
    store.load([journal.write(journal.span(input=LONG), journal.span())])

    assert run(store, Selection(project=PROJECT, where=Text(words="secret")))[0] == 1
    assert count(store, "payloads") == 0


def test_a_large_deletion_is_many_small_ones(store, journal, monkeypatch):
    """FAILURES O10."""
    monkeypatch.setattr(deletion, "BATCH_SPANS", 10)
    store.load([journal.write(*[journal.span(user="u") for _ in range(35)], journal.span())])

    assert run(store, Selection(project=PROJECT, users=("u",))) == (35, 0, 4)
    assert run(store, Selection(project=PROJECT, before=FIRST + HOUR), job="next") == (1, 0, 1)


def test_a_trace_larger_than_a_batch_goes_at_once(store, journal, monkeypatch):
    monkeypatch.setattr(deletion, "BATCH_SPANS", 1)
    store.load([journal.write(*call_with_attempts(journal, user="u"))])

    assert run(store, Selection(project=PROJECT, users=("u",))) == (3, 0, 1)


def test_what_was_summed_up_of_the_spans_is_gone_with_them(store, journal, clock):
    store.load([journal.write(journal.span(user="u", cost=100, usage_input=10), journal.span(cost=1))])
    clock.advance(30 * 86_400)
    while store.maintain():
        pass
    assert rows(store, "SELECT sum(cost) FROM rollup WHERE dimension = 'all'") == [(101,)]

    run(store, Selection(project=PROJECT, users=("u",)))

    assert count(store, "rollup") == 0
    while store.maintain():
        pass
    assert rows(store, "SELECT sum(cost) FROM rollup WHERE dimension = 'all'") == [(1,)]


def test_the_count_of_a_job_outlives_a_restart_until_it_is_forgotten(store, journal, monkeypatch):
    monkeypatch.setattr(deletion, "BATCH_SPANS", 2)
    store.load([journal.write(*[journal.span(user="u") for _ in range(3)])])
    selection = Selection(project=PROJECT, users=("u",))

    assert store.delete_batch(selection, job="a").spans == 2
    store.close()
    assert store.delete_batch(selection, job="a").spans == 3
    store.forget_deletion("a")
    assert store.delete_batch(selection, job="a").spans == 0


def test_disk_use_tells_parts_and_projects(store, journal):
    store.load([journal.write(*[journal.span(input=LONG) for _ in range(3)], journal.span(project=OTHER))])
    store.compact()

    use = store.disk_use()

    assert use.by_project == [(PROJECT, 3), (OTHER, 1)]
    assert min(use.spans, use.growth) > 0
    assert (use.payloads > 0) == isinstance(store, DuckDbSpanStore)  # ClickHouse keeps long texts in their rows
    assert use.scores == 0


def test_disk_use_of_an_empty_store(store):
    assert store.disk_use().growth == 0
