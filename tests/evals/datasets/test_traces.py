"""Rows made of recorded traces, over a real store of spans."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.core.clock import ManualClock
from penstock.core.errors import InvalidInput
from penstock.evals.datasets.imports import Imports, NewFromTraces
from penstock.evals.datasets.recorded import answer_of, chat_of, last_question
from penstock.evals.datasets.sampling import Candidate, Sample, Sampler
from penstock.evals.datasets.traces import TraceRows, TraceSample
from penstock.evals.datasets.uploads import Uploads
from penstock.store.spans.duckdb.store import open_spans
from penstock.testing.journal import FIRST, PROJECT, JournalFolder
from penstock.tracing.query.names import QueryReader
from penstock.wire.score import Score

ALL = {"from_": FIRST, "to": FIRST + 1_000_000_000}


def said(role, text):
    return msgspec.json.encode([{"role": role, "parts": [{"type": "text", "content": text}]}])


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    """Forty calls in ten sessions, each question asked twice, with attempts below them; some judged."""
    journal = JournalFolder(tmp_path_factory.mktemp("journal"))
    spans = []
    for number in range(40):
        question = f"What is {number // 2} plus one? Write to ada{number // 2}@example.com."
        call = journal.span(
            input=msgspec.Raw(said("user", question)),
            output=msgspec.Raw(said("assistant", f"{number // 2 + 1}")),
            fingerprint=f"{number // 2:032x}",
            session=f"s{number // 4}",
            route="maths" if number < 30 else "other",
            served_model="m",
            tags={"tier": "gold" if number < 4 else "free"},
        )
        spans.append(call)
        spans.append(journal.span(call=False, parent_id=call.span_id, trace_id=call.trace_id, kind="llm"))
    spans.append(journal.span(input=None, started=FIRST + 2_000_000_000))
    below = {"call": False, "parent_id": spans[0].span_id, "trace_id": spans[0].trace_id}
    spans.append(journal.span(**below, kind="retriever", input=msgspec.Raw(b'{"query": "%s"}' % (b"long " * 10_000))))
    segment = journal.write(*spans)
    scores = journal.judge(
        *(
            Score(
                id=f"{name}-{number}",
                project=PROJECT,
                name=name,
                type=type_,
                number=number_,
                label=label,
                trace_id=spans[2 * number].trace_id,
                source="user",
                created=FIRST,
            )
            for number, name, type_, number_, label in (
                (3, "helpful", "boolean", 0.0, None),
                (3, "correction", "text", None, "It is two."),
                (5, "helpful", "boolean", 1.0, None),
            )
        )
    )
    store = open_spans(tmp_path_factory.mktemp("spans") / "spans.duckdb", clock=ManualClock(), journal=journal.folder)
    store.load([segment])
    store.load_scores([scores])
    yield store
    store.close()


@pytest.fixture
def traces(recorded):
    return TraceRows(recorded, QueryReader(lambda project: {}).where, clock=ManualClock())


def test_a_preview_counts_what_fits_and_shows_the_newest_as_rows(traces):
    preview = traces.preview(PROJECT, TraceSample(q="route:maths", reference="output", **ALL))
    assert preview.matching == 30
    assert len(preview.rows) == 10
    newest = preview.rows[0]
    assert newest.input == "What is 14 plus one? Write to [email]."
    assert (newest.reference, newest.group, newest.metadata["model"]) == ("15", "s7", "m")
    assert len(newest.metadata["trace_id"]) == 32


def test_all_that_fits_becomes_rows_once_for_each_question(traces):
    rows = list(traces.rows(PROJECT, TraceSample(sample=Sample(how="all"), **ALL)))
    assert len(rows) == 20
    assert all("[email]" in row.input for row in rows)
    again = list(traces.rows(PROJECT, TraceSample(sample=Sample(how="all"), distinct=False, mask=False, **ALL)))
    assert len(again) == 40
    assert "ada3@example.com" in again[6].input
    with pytest.raises(InvalidInput, match="More than 5 spans fit"):
        list(traces.rows(PROJECT, TraceSample(sample=Sample(how="all", size=5), **ALL)))


def test_a_random_sample_is_the_same_for_the_same_seed(traces):
    def ids(seed):
        wanted = TraceSample(sample=Sample(how="random", size=8, seed=seed), **ALL)
        return [row.metadata["span_id"] for row in traces.rows(PROJECT, wanted)]

    assert len(ids(1)) == len(set(ids(1))) == 8
    assert ids(1) == ids(1) != ids(2)


def test_strata_have_their_share_or_equal_numbers(traces):
    def tiers(**more):
        sample = Sample(how="stratified", by="tags.tier", **more)
        rows = traces.rows(PROJECT, TraceSample(sample=sample, **ALL))
        found = [row.metadata["tags.tier"] for row in rows]
        return found.count("gold"), found.count("free")

    assert tiers(size=10) == (1, 9)
    assert tiers(size=4, balance="equal") == (2, 2)
    assert tiers(size=100) == (2, 18)


def test_feedback_chooses_rows_and_corrects_them(traces):
    rows = list(traces.rows(PROJECT, TraceSample(q="score.helpful:false", reference="score:correction", **ALL)))
    assert [(row.input[:9], row.reference) for row in rows] == [("What is 1", "It is two.")]
    (row,) = traces.rows(PROJECT, TraceSample(q="score.helpful:true", reference="score:helpful", **ALL))
    assert row.reference is True


def test_spans_below_calls_are_taken_when_they_are_asked_for(traces):
    preview = traces.preview(PROJECT, TraceSample(of="spans", q="call:false", **ALL))
    assert (preview.matching, [row.input for row in preview.rows]) == (41, [{"query": "long " * 10_000}])


def test_a_span_that_recorded_no_input_becomes_no_row(traces):
    later = {"from_": FIRST + 1_500_000_000, "to": FIRST + 3_000_000_000}
    assert list(traces.rows(PROJECT, TraceSample(**later))) == []
    assert traces.preview(PROJECT, TraceSample(**later)).matching == 1


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"q": "nonsense:1"}, "no field"),
        ({"from_": 5, "to": 5}, "window is empty"),
        ({"sample": Sample(size=0)}, "size from 1"),
        ({"sample": Sample(how="stratified")}, "names a column"),
        ({"sample": Sample(by="route")}, "names a column"),
        ({"sample": Sample(how="stratified", by="input")}, "no column 'input'"),
        ({"metadata": ["nothing"]}, "no column 'nothing'"),
        ({"reference": "best"}, "none, output or score"),
    ],
)
def test_a_sample_that_cannot_be_taken_says_why(traces, fields, told):
    with pytest.raises(InvalidInput, match=told):
        traces.check(PROJECT, TraceSample(**{**ALL, **fields}))


def test_traces_become_a_version_and_later_ones_add_only_what_is_new(traces, library, tmp_path):
    clock = ManualClock()
    ids = library.artifacts.versions._context.ids
    imports = Imports(library.datasets, Uploads(tmp_path, clock=clock, ids=ids), clock=clock, ids=ids, traces=traces)
    # The spans lie in the journal's project, the dataset in one of the registry.
    traces.rows = lambda project, wanted, looked: TraceRows.rows(traces, PROJECT, wanted, looked=looked)
    gold = NewFromTraces(q="tags.tier:gold", sample=Sample(how="all"), **ALL)
    begun = imports.start_from_traces(library.admin, library.ref(), gold)
    imports._work._pool.shutdown(wait=True)
    done = imports.get(library.project, begun.id)
    assert (done.state, done.rows, done.looked, done.version) == ("done", 2, 4, 1), done
    imports = Imports(library.datasets, Uploads(tmp_path, clock=clock, ids=ids), clock=clock, ids=ids, traces=traces)
    more = imports.start_from_traces(library.admin, library.ref(), NewFromTraces(sample=Sample(how="all"), **ALL))
    imports._work._pool.shutdown(wait=True)
    done = imports.get(library.project, more.id)
    assert (done.state, done.rows, done.version) == ("done", 20, 2), done
    imports = Imports(library.datasets, Uploads(tmp_path, clock=clock, ids=ids), clock=clock, ids=ids, traces=traces)
    none = imports.start_from_traces(library.admin, library.ref(), NewFromTraces(q="route:nowhere", **ALL))
    imports._work._pool.shutdown(wait=True)
    assert imports.get(library.project, none.id).error == "No recorded input fits."
    diff = library.datasets.diff(library.ref(), "1", "2")
    assert (diff.added, diff.removed, diff.changed) == (18, 0, 0)


@given(
    st.lists(st.tuples(st.integers(0, 30), st.sampled_from("abc")), max_size=120),
    st.sampled_from([Sample(how="random", size=7), Sample(how="stratified", by="x", size=7),
                     Sample(how="stratified", by="x", balance="equal", size=7), Sample(how="newest", size=7)]),
)  # fmt: skip
def test_a_sample_has_as_many_as_it_can_and_none_twice(spans, sample):
    sampler = Sampler(sample, distinct=True)
    for at, (question, stratum) in enumerate(spans):
        sampler.add(Candidate(at, f"{at}", "t"), question=f"{stratum}{question}", stratum=stratum)
    chosen = sampler.chosen()
    questions = [spans[one.started] for one in chosen]
    assert len(set(questions)) == len(chosen) == min(7, len(set(spans)))
    assert chosen == sorted(chosen)
    if sample.how == "stratified":
        assert {stratum for _, stratum in questions} == {stratum for _, stratum in spans}


def test_strata_that_are_too_many_are_refused():
    sampler = Sampler(Sample(how="stratified", by="session", size=10_000), distinct=False)
    for at in range(100):
        sampler.add(Candidate(at, f"{at}", "t"), question=None, stratum=str(at))
    with pytest.raises(InvalidInput, match="too many values"):
        sampler.add(Candidate(100, "100", "t"), question=None, stratum="one more")


def test_messages_are_those_of_a_chat_completion():
    recorded = [
        {"role": "system", "parts": [{"type": "text", "content": "Be brief."}]},
        {
            "role": "user",
            "parts": [
                {"type": "text", "content": "Look:"},
                {"type": "uri", "modality": "image", "uri": "http://x/y.png"},
            ],
        },
        {
            "role": "assistant",
            "parts": [
                {"type": "reasoning", "content": "hm"},
                {"type": "tool_call", "id": "1", "name": "f", "arguments": {"a": 1}},
            ],
        },
        {"role": "tool", "parts": [{"type": "tool_call_response", "id": "1", "response": "42"}]},
        {"role": "user", "parts": [{"type": "text", "content": "And now?"}]},
    ]
    assert chat_of(recorded) == [
        {"role": "system", "content": "Be brief."},
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "Look:"},
                {"type": "image_url", "image_url": {"url": "http://x/y.png"}},
            ],
        },
        {
            "role": "assistant",
            "content": "",
            "tool_calls": [{"id": "1", "type": "function", "function": {"name": "f", "arguments": '{"a":1}'}}],
        },
        {"role": "tool", "tool_call_id": "1", "content": "42"},
        {"role": "user", "content": "And now?"},
    ]
    assert last_question(recorded) == "And now?"
    assert answer_of(recorded[2:3])["tool_calls"][0]["function"]["name"] == "f"
    assert len(answer_of(recorded[:2])) == 2
    assert answer_of([{"role": "assistant", "parts": []}]) is None
    for other in ("text", {"a": 1}, None, [], [1], [{"role": "user", "content": "x"}]):
        assert chat_of(other) == answer_of(other) == last_question(other) == other
