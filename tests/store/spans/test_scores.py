import json
import uuid

import msgspec
import pytest
from sqlglot import parse_one

from penstock.store.spans.filters import Filter
from penstock.store.spans.metrics import MetricQuery
from penstock.store.spans.queries.window import Window
from penstock.testing.journal import PROJECT, JournalFolder
from penstock.wire.score import Score

OTHER = "01990000-0000-7000-8000-000000000002"


@pytest.fixture
def scores(tmp_path):
    return JournalFolder(tmp_path / "scores", worker=f"{3:016x}")


def rows(store, sql):
    return store._engine.read(parse_one(sql, dialect="duckdb"))


def score(id_="s1", **fields):
    given = {
        "id": id_,
        "project": PROJECT,
        "name": "helpful",
        "type": "number",
        "number": 1.0,
        "trace_id": f"{1:032x}",
        "source": "code",
        "created": 100,
    }
    return Score(**(given | fields))


def lines(*records):
    return [b'{"record":"score",' + msgspec.json.encode(record)[1:] + b"\n" for record in records]


def numbers(store):
    return dict(rows(store, "SELECT id, number FROM scores"))


def test_a_score_is_stored_with_all_that_it_says(store, scores):
    record = score(
        span_id=f"{2:016x}",
        session="talk",
        author="judge-1",
        comment='"quite"',
        metadata=msgspec.Raw(b'{"a":[1]}'),
        label="good",
    )

    (loaded,) = store.load_scores([scores.seal(*lines(record))])

    assert loaded.spans == 1
    query = """
        SELECT id, project, name, type, number, label, trace_id, span_id, session, source, author, comment, created,
            metadata
        FROM scores
    """
    assert rows(store, query) == [
        ("s1", PROJECT, "helpful", "number", 1.0, "good", uuid.UUID(int=1), 2, "talk", "code", "judge-1", '"quite"',
         100, '{"a":[1]}')
    ]  # fmt: skip


def test_the_newest_score_of_an_id_counts_whatever_comes_last(store, scores):
    store.load_scores([scores.seal(*lines(score(created=100, number=1)))])
    (newer,) = store.load_scores([scores.seal(*lines(score(created=200, number=2)))])
    (older,) = store.load_scores([scores.seal(*lines(score(created=150, number=3)))])
    (equal,) = store.load_scores([scores.seal(*lines(score(created=200, number=4)))])

    assert [(one.spans, one.duplicates) for one in (newer, older, equal)] == [(1, 0), (0, 1), (1, 0)]
    assert numbers(store) == {"s1": 4}


def test_of_several_in_one_batch_the_newest_counts(store, scores):
    paths = [
        scores.seal(*lines(score(number=1, created=300), score("s2", number=9))),
        scores.seal(*lines(score(number=2, created=200))),
    ]

    loaded = store.load_scores(paths)

    assert [(one.spans, one.duplicates) for one in loaded] == [(2, 0), (0, 1)]
    assert numbers(store) == {"s1": 1, "s2": 9}


def test_ids_belong_to_their_project(store, scores):
    store.load_scores([scores.seal(*lines(score(), score(project=OTHER, number=2)))])

    assert store.delete_scores(PROJECT, ["s1", "unknown"]) == 1
    assert rows(store, "SELECT project FROM scores") == [(OTHER,)]


def test_a_segment_of_scores_met_again_is_passed_over(store, scores):
    path = scores.seal(*lines(score()))
    store.load_scores([path])
    store.delete_scores(PROJECT, ["s1"])

    assert store.load_scores([path])[0].repeated
    assert numbers(store) == {}


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b'{"record":"span"}', "expected a record 'score'"),
        (lines(score(trace_id="short"))[0], "32 hex digits"),
        (lines(score(span_id="short"))[0], "16 hex digits"),
        (lines(score(trace_id=None))[0], "expected a trace_id or a session"),
        (b'{"record":"score","id":"a"}', "missing required field"),
        (lines(score(source="code"))[0].replace(b'"code"', b'"nobody"'), "nobody"),
        (lines(score(metadata=msgspec.Raw(b"{oops}")))[0], "malformed"),
    ],
)
def test_a_line_that_is_no_score_is_set_aside_with_the_reason(store, scores, journal, line, reason):
    path = scores.seal(*lines(score("good")), line.rstrip() + b"\n")

    (loaded,) = store.load_scores([path])

    assert (loaded.spans, loaded.quarantined) == (1, 1)
    assert numbers(store) == {"good": 1}
    assert reason in json.loads((journal.quarantine / path.name).read_bytes())["reason"]


def test_scores_with_blank_lines_between_are_all_stored(store, scores):
    path = scores.seal(*lines(score("a", metadata=msgspec.Raw(b'{"k":1}'))), b"\n", *lines(score("b")))

    (loaded,) = store.load_scores([path])

    assert loaded.spans == 2
    assert set(numbers(store)) == {"a", "b"}


def test_a_score_that_was_moved_to_another_trace_is_no_longer_shown_at_the_first(store, journal, scores):
    first, second = journal.span(), journal.span()
    store.load([journal.write(first, second)])
    for created, span in enumerate((first, second), start=10):
        store.load_scores([scores.judge(score(trace_id=span.trace_id, created=created))])

    shown = {row.trace_id: row.scores for row in store.list_calls(Window(project=PROJECT)).rows}

    assert [shown[span.trace_id] for span in (first, second)] == [{}, {"helpful": 1.0}]


JUDGED = {
    "of nothing": ({}, set(), {}),
    "of its trace": ({}, {"root", "below"}, {"root": 1}),
    "of the span": ({"span_id": "below"}, {"root", "below"}, {"below": 1}),
    "of the session": ({"trace_id": None, "session": "s"}, {"other"}, {None: 1}),
}


@pytest.mark.parametrize(("fields", "expected", "counted"), JUDGED.values(), ids=JUDGED)
def test_scores_of_one_kind_alone_find_spans_and_are_counted(store, journal, scores, fields, expected, counted):
    root, other = journal.span(name="root"), journal.span(name="other", session="s")
    below = journal.span(name="below", trace_id=root.trace_id, parent_id=root.span_id, call=False)
    store.load([journal.write(root, below, other)])
    judged = [score("s9", name="other", trace_id=other.trace_id)]
    if expected:
        given = {"trace_id": root.trace_id} | fields
        judged.append(score("s1", **given | ({"span_id": below.span_id} if "span_id" in given else {})))
    store.load_scores([scores.judge(*judged)])

    def found(operator, value=None):
        where = Filter(column="score.helpful", operator=operator, value=value)
        return {row.name for row in store.list_spans(Window(project=PROJECT), where=where).rows}

    assert (found("eq", 1.0), found("has"), found("gt", 1.0)) == (expected, expected, set())
    assert (found("missing"), found("ne", 1.0)) == ({"root", "below", "other"} - expected,) * 2
    query = MetricQuery(
        project=PROJECT,
        from_=0,
        to=1000,
        population="scores",
        aggregation="avg",
        field="score.helpful",
        group_by=("name",),
    )
    assert {line.labels[0]: line.total.count for line in store.measure(query).series} == counted
    groups = store.group_by(Window(project=PROJECT, from_=0, to=1000), ("name",), population="scores").rows
    assert {group.labels[0]: group.calls for group in groups} == counted | {"other": 1}
