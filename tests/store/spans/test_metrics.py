"""Metrics against the same numbers computed in Python from the spans, before and after hours are summed up."""

import math

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from penstock.core.errors import InvalidInput
from penstock.store.spans.deletion import Selection
from penstock.store.spans.filters import Filter
from penstock.store.spans.metrics import MetricQuery
from penstock.store.spans.tree import Not, Or
from penstock.testing.journal import PROJECT
from penstock.wire.score import Score

HOUR = 3_600_000_000
DAY = 24 * HOUR
START = 1_700_000_000_000_000 // DAY * DAY
FAILED = {"error", "interrupted"}
MODELS = {"llm", "embedding", "reranker"}

LABEL = st.none() | st.sampled_from(["a", "b"])
SPAN = st.fixed_dictionaries(
    {
        "started": st.integers(START, START + 5 * HOUR).map(lambda t: t // 1_000_000_00 * 1_000_000_00),
        "duration": st.integers(0, 10**7),
        "ttft": st.none() | st.integers(0, 10**6),
        "kind": st.sampled_from(["llm", "embedding", "tool", "agent"]),
        "call": st.booleans(),
        "source": st.sampled_from(["gateway", "otlp"]),
        "status": st.sampled_from(["ok", "error", "interrupted"]),
        "stream": st.booleans(),
        "route": LABEL,
        "provider": LABEL,
        "served_model": LABEL,
        "key": LABEL,
        "session": LABEL,
        "user": LABEL,
        "tags": st.dictionaries(st.just("team"), st.sampled_from(["a", "b"]), max_size=1),
        "cost": st.none() | st.integers(0, 10**9),
        "usage_input": st.integers(0, 5000),
        "usage_output": st.integers(0, 5000),
    }
)
TRACE = st.lists(st.tuples(SPAN, st.booleans(), st.none() | st.floats(0, 5, width=16)), min_size=1, max_size=4)
CONDITIONS = st.sampled_from(
    [
        None,
        Filter(column="route", operator="eq", value="a"),
        Not(Filter(column="route", operator="eq", value="a")),
        Filter(column="status", operator="ne", value="ok"),
        Filter(column="model", operator="has"),
        Filter(column="tags.team", operator="eq", value="a"),
        Filter(column="user", operator="eq", value="a"),
        Filter(column="cost", operator="gt", value=10**8),
        Or((Filter(column="key", operator="eq", value="a"), Filter(column="session", operator="eq", value="a"))),
    ]
)
FIELDS = ["duration", "ttft", "cost", "usage_output", "usage_total", "throughput", "score.good"]
QUERY = st.fixed_dictionaries(
    {
        "population": st.sampled_from(["calls", "model_calls", "traces", "spans", "scores"]),
        "asked": st.sampled_from(["count", "rate", "share"]).map(lambda name: (name, None))
        | st.tuples(st.sampled_from(["sum", "avg", "min", "max", "p50", "p95"]), st.sampled_from(FIELDS))
        | st.tuples(st.just("distinct"), st.sampled_from(["session", "model", "route", "tags.team"])),
        "where": CONDITIONS,
        "of": CONDITIONS.filter(lambda node: node is not None),
        "group_by": st.lists(
            st.sampled_from(["route", "model", "key", "user", "tags.team", "call"]), max_size=2, unique=True
        ),
        "step": st.sampled_from([None, HOUR, 2 * HOUR, HOUR // 2]),
        "window": st.tuples(st.integers(-2, 6), st.integers(1, 13)),
        "top": st.sampled_from([1, 2, 100]),
    }
)


class Told:
    """A span as a population sees it."""

    def __init__(self, span, trace, scores, *, row, at=None, number=None):
        self.span, self.at = span, span.started if at is None else at
        whole = (
            trace
            if span.parent_id is None
            else [each for each in trace if each is span or (each.parent_id == span.span_id and not each.call)]
        )
        summed = len(whole) > 1 and row and (span.parent_id is None or (span.kind == "gateway" and span.call))
        of = whole if summed else [span]
        self.cost = cost_of(of) if summed else span.cost
        self.buckets = {name: sum(getattr(each, name) for each in of) for name in ("usage_input", "usage_output")}
        judged = [value for at_span, value in scores if span.parent_id is None or at_span in {None, span.span_id}]
        self.number = number if number is not None else sum(judged) / len(judged) if judged else None

    def get(self, name):  # noqa: PLR0911 - one for each way of naming a field
        span = self.span
        if name == "cost":
            return self.cost
        if name in self.buckets:
            return self.buckets[name]
        if name == "usage_total":
            return sum(self.buckets.values())
        if name == "model":
            return f"{span.provider}/{span.served_model}" if span.provider and span.served_model else None
        if name == "tags.team":
            return span.tags.get("team")
        if name == "throughput":
            if not span.stream or span.ttft is None or span.duration <= span.ttft:
                return None
            return span.usage_output * 1e6 / (span.duration - span.ttft)
        if name == "score.good":
            return self.number
        return getattr(span, name)


def cost_of(spans):
    models = [each for each in spans if each.kind in MODELS and not each.covered]
    known = [each.cost for each in spans if each.cost is not None]
    if models and not any(each.cost is not None for each in models):
        return None
    return sum(known)


def holds(told, node):  # noqa: PLR0911 - one for each node
    match node:
        case None:
            return True
        case Not(term):
            return not holds(told, term)
        case Or(terms):
            return any(holds(told, term) for term in terms)
    value = told.get(node.column)
    match node.operator:
        case "eq":
            return value == node.value
        case "ne":
            return value != node.value
        case "gt":
            return value is not None and value > node.value
        case _:
            return value is not None


def population(traces, name):
    found = []
    for trace, scores in traces:
        root = next(span for span in trace if span.parent_id is None)
        for span in trace:
            row = name in {"calls", "traces"}
            told = Told(span, trace, scores, row=row)
            model = span.kind in MODELS and not span.covered and (span.provider is not None or span.source != "gateway")
            if {
                "calls": span.call,
                "model_calls": model,
                "traces": span.call or span.parent_id is None,
                "spans": True,
                "scores": False,
            }[name]:
                found.append(told)
        if name == "scores":
            for at, value in scores:
                span = root if at is None else next(each for each in trace if each.span_id == at)
                found.append(Told(span, trace, (), row=False, at=root.started + 7, number=value))
    return found


def answer(query, told, seconds):  # noqa: PLR0911 - one for each aggregation
    values = [value for each in told if query.field and (value := each.get(query.field)) is not None]
    match query.aggregation:
        case "count":
            return len(told)
        case "rate":
            return len(told) / seconds
        case "share":
            return sum(holds(each, query.of) for each in told) / len(told) if told else None
        case "distinct":
            return len(set(values))
        case "sum":
            return sum(values) if values else None
        case "avg":
            return sum(values) / len(values) if values else None
        case "min":
            return min(values, default=None)
        case "max":
            return max(values, default=None)
        case percentile:
            return sorted(values)[max(1, math.ceil(len(values) * int(percentile[1:]) / 100)) - 1] if values else None


def same(aggregation, point, expected, count):
    assert point.count == count
    if expected is None:
        assert point.value is None
    elif aggregation.startswith("p"):
        # The middle of a bucket that is 4 % wide, of whole numbers as one of these.
        rounding = 0.5 if isinstance(expected, int) else 1e-6
        assert abs(point.value - expected) <= 0.0203 * abs(expected) + rounding
    else:
        assert point.value == pytest.approx(expected, rel=1e-9, abs=1e-9)


def check(store, query, traces):
    told = [
        each
        for each in population(traces, query.population)
        if query.from_ <= each.at < query.to and holds(each, query.where)
    ]
    result = store.measure(query)
    groups = {}
    for each in told:
        groups.setdefault(tuple(text(each.get(name)) for name in query.group_by), []).append(each)
    if not query.group_by:
        groups.setdefault((), [])
    sizes = sorted((len(group) for group in groups.values()), reverse=True)
    assert result.groups == len(groups)
    assert [series.total.count for series in result.series] == sizes[: query.top]
    for series in result.series:
        members = groups[series.labels]
        same(query.aggregation, series.total, answer(query, members, (query.to - query.from_) / 1e6), len(members))
        steps = [] if query.step is None else list(range(query.from_ // query.step * query.step, query.to, query.step))
        assert [point.t for point in series.points] == steps
        for point in series.points:
            part = [each for each in members if point.t <= each.at < point.t + query.step]
            seconds = (min(point.t + query.step, query.to) - max(point.t, query.from_)) / 1e6
            same(query.aggregation, point, answer(query, part, seconds), len(part))


def text(value):
    return value if value is None or isinstance(value, str) else str(value).lower()


def build(journal, traces, stretch=1):
    built = []
    for number, members in enumerate(traces):
        root = None
        spans, scores = [], []
        for fields, judged_whole, value in members:
            parent = None if root is None else root.span_id
            # Attempts of a call are told of by a gateway's span, and only there may a child be no call.
            fields = fields | {"started": START + (fields["started"] - START) * stretch}
            span = journal.span(**fields, trace_id=f"{journal.span().span_id}{number:016x}", parent_id=parent)
            if root is None:
                root = span
            span.trace_id = root.trace_id
            spans.append(span)
            if value is not None:
                scores.append((None if judged_whole else span.span_id, float(value)))
        built.append((spans, scores))
    return built


def load(store, journal, traces, project):
    spans, judged = [], []
    for members, scores in traces:
        for span in members:
            span.project = project
            spans.append(span)
        judged += [
            Score(
                id=f"{members[0].span_id}-{number}",
                project=project,
                name="good",
                type="number",
                number=value,
                trace_id=members[0].trace_id,
                span_id=at,
                source="user",
                created=members[0].started + 7,
            )
            for number, (at, value) in enumerate(scores)
        ]
    store.load([journal.write(*spans)])
    store.load_scores([journal.judge(*judged)])
    for members, _ in traces:
        root = next(span for span in members if span.parent_id is None)
        told = any(span is not root and (span.call or span.kind in MODELS) for span in members)
        if told and root.source == "otlp" and root.kind in MODELS:
            root.covered, root.cost, root.usage_input, root.usage_output = True, None, 0, 0


def asked(drawn, project, stretch=1):
    aggregation, field = drawn["asked"]
    low, halves = drawn["window"]
    from_ = START + low * stretch * HOUR // 2 + 1000
    return MetricQuery(
        project=project,
        from_=from_,
        to=from_ + halves * stretch * HOUR // 2,
        population=drawn["population"],
        aggregation=aggregation,
        field=field,
        of=drawn["of"] if aggregation == "share" else None,
        where=drawn["where"],
        group_by=tuple(drawn["group_by"]),
        step=None if drawn["step"] is None else drawn["step"] * stretch,
        top=drawn["top"],
    )


@pytest.mark.parametrize("stretch", [1, 12, 24], ids=["hours", "half days", "days"])
def test_a_metric_is_what_python_makes_of_the_same_spans(store, journal, clock, examples, stretch):
    """FAILURES O8, O15. Examples lie beside each other, a project each, and are summed up together."""
    clock.advance(48 * 3600 * stretch)
    seen = []

    @settings(
        max_examples=examples(8),
        deadline=None,
        phases=(Phase.explicit, Phase.reuse, Phase.generate),
        suppress_health_check=[HealthCheck.too_slow],
    )
    @given(
        traces=st.lists(TRACE, min_size=1, max_size=8),
        later=st.lists(TRACE, max_size=2),
        queries=st.lists(QUERY, min_size=8, max_size=8),
    )
    def put(traces, later, queries):
        project = f"p{journal.span().span_id}"
        built = build(journal, traces, stretch)
        # Sums of traces that had begun in an hour that was summed up already are those of the hour from then on.
        load(store, journal, built, project)
        queries = [asked(query, project, stretch) for query in queries]
        for query in queries[:2]:
            check(store, query, built)
        seen.append((project, built, later, queries))

    put()
    while store.maintain():
        pass
    for _, built, _, queries in seen:
        for query in queries[2:6]:
            check(store, query, built)
    for project, built, later, queries in seen:
        more = build(journal, later, stretch)
        load(store, journal, more, project)
        built += more
        for query in queries[6:]:
            check(store, query, built)
    while store.maintain():
        pass
    for _, built, _, queries in seen:
        for query in queries:
            check(store, query, built)


PAIRS = st.fixed_dictionaries(
    {
        "population": st.sampled_from(["calls", "model_calls", "traces", "spans"]),
        "asked": st.sampled_from([("count", None), ("sum", "cost"), ("avg", "cost"), ("sum", "usage_total")]),
        "where": st.sampled_from(
            [
                None,
                Filter(column="status", operator="ne", value="ok"),
                Filter(column="user", operator="eq", value="a"),
                Filter(column="served_model", operator="eq", value="b"),
            ]
        ),
        "group_by": st.sampled_from([["user", "model"], ["user"], ["user", "status"], ["kind", "user"]]),
        "step": st.sampled_from([None, HOUR]),
        "window": st.tuples(st.integers(-2, 0), st.integers(8, 13)),
        "top": st.sampled_from([1, 100]),
    }
)


def test_users_by_model_are_right_when_days_are_summed_up_and_when_traces_are_deleted(store, journal, clock, examples):
    """FAILURES O8. Examples lie beside each other, a project each, and are summed up together."""
    clock.advance(48 * 3600 * 24)
    seen = []

    @settings(
        max_examples=examples(5),
        deadline=None,
        phases=(Phase.explicit, Phase.reuse, Phase.generate),
        suppress_health_check=[HealthCheck.too_slow],
    )
    @given(
        traces=st.lists(TRACE, min_size=3, max_size=8),
        gone=st.sets(st.integers(0, 2), min_size=1, max_size=2),
        queries=st.lists(PAIRS, min_size=4, max_size=4),
    )
    def put(traces, gone, queries):
        project = f"p{journal.span().span_id}"
        built = build(journal, traces, 24)
        load(store, journal, built, project)
        seen.append((project, built, gone, [asked(query, project, 24) for query in queries]))

    put()
    while store.maintain():
        pass
    for _, built, _, queries in seen:
        for query in queries:
            check(store, query, built)
    for project, built, gone, queries in seen:
        ids = tuple(built[number][0][0].trace_id for number in gone)
        store.delete_batch(Selection(project=project, traces=ids), job=project)
        built[:] = [each for number, each in enumerate(built) if number not in gone]
        for query in queries[:2]:
            check(store, query, built)
    while store.maintain():
        pass
    for _, left, _, queries in seen:
        for query in queries:
            check(store, query, left)


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"aggregation": "avg"}, "without a name"),
        ({"aggregation": "avg", "field": "name"}, "usage_total"),
        ({"aggregation": "count", "field": "cost"}, "takes no field"),
        ({"aggregation": "share"}, "of"),
        ({"aggregation": "distinct", "field": "input"}, "input"),
        ({"group_by": ("trace_id",)}, "trace_id"),
        ({"group_by": ("nonsense",)}, "nonsense"),
        ({"group_by": ("route", "model", "key")}, "two columns"),
        ({"population": "nobody"}, "model_calls"),
        ({"aggregation": "p42", "field": "cost"}, "p95"),
    ],
)
def test_what_cannot_be_asked_is_refused_and_says_what_can(store, fields, named):
    with pytest.raises(InvalidInput) as refused:
        store.measure(MetricQuery(project=PROJECT, from_=0, to=1, **fields))

    assert refused.value.code == "invalid_metric"
    assert named in f"{refused.value} {refused.value.hint}"


def test_only_columns_that_are_summed_up_are_read_from_the_sums(duckdb_store, journal, clock):
    """FAILURES O1."""
    store = duckdb_store
    clock.advance(48 * 3600)
    store.load(
        [journal.write(*(journal.span(started=START, route="a", provider="p", served_model="m") for _ in range(3)))]
    )
    while store.maintain():
        pass
    with store._engine.write() as cursor:
        cursor.execute("UPDATE cube SET spans = spans * 100; UPDATE latency_routes SET spans = spans * 100")
        cursor.execute("UPDATE cube_users SET spans = spans * 100, cost = 7")

    def count(length=HOUR, **fields):
        query = MetricQuery(project=PROJECT, from_=START, to=START + length, **fields)
        return [series.total.count for series in store.measure(query).series]

    assert count() == [3]  # told by keys
    assert count(group_by=("route", "model")) == [300]
    assert count(where=Filter(column="provider", operator="eq", value="p")) == [300]
    assert count(aggregation="p95", field="duration", group_by=("route",)) == [300]
    assert count(where=Filter(column="session", operator="missing")) == [3]
    assert count(step=HOUR // 2) == [3]
    month = {"length": 30 * DAY, "group_by": ("user", "model")}
    assert count(**month) == count(**month, aggregation="sum", field="cost") == [300]
    assert count(**month, aggregation="sum", field="duration") == [3]
    assert count(length=DAY, group_by=("user", "model")) == [3]


def test_a_sum_is_not_packed_into_fewer_bytes_than_it_needs(store, journal, clock):
    """DuckDB's optimizer packed sums by the statistics of their summands: 415 tokens came back as -97."""
    clock.advance(48 * 3600 * 24)
    project = f"p{journal.span().span_id}"

    def span(second, user, status, tokens, **fields):
        given = {"kind": "llm", "call": False, "source": "gateway", "cost": None, "provider": "b", "served_model": "a"}
        said = {"started": START + second * 1_000_000, "user": user, "status": status}
        return (given | fields | said | dict(zip(("usage_input", "usage_output"), tokens, strict=True)), False, None)

    traces = [
        [
            span(16_200, "a", "interrupted", (2278, 422), cost=9_081_118, provider="a"),
            span(4300, None, "error", (299, 871), kind="embedding", served_model=None),
            span(2900, "a", "error", (260, 155), source="otlp"),
        ],
        [
            span(7000, "a", "error", (362, 165), source="otlp", cost=131),
            span(8100, None, "ok", (971, 33), kind="tool", call=True, provider=None, served_model=None),
        ],
    ]
    built = build(journal, traces, 24)
    load(store, journal, built, project)
    while store.maintain():
        pass
    drawn = {"window": (-2, 11), "where": None, "population": "spans", "top": 100, "step": None}
    check(store, asked(drawn | {"asked": ("sum", "usage_total"), "group_by": ["user", "status"]}, project, 24), built)
