"""Which metrics can be asked for."""

import msgspec
import pytest

from penstock.core.errors import InvalidInput
from penstock.store.spans.filters import Filter
from penstock.tracing.metrics.checks import catalog, distribution_query, metric_query
from penstock.tracing.metrics.types import DistributionRequest, MetricRequest

HOUR = 3_600_000_000


def asked(step=None, **spec):
    return metric_query(MetricRequest(**spec), project="p", from_=0, to=24 * HOUR, step=step, path="widgets[0].")


def test_a_request_becomes_the_stores_question():
    query = asked(
        aggregation="share",
        of="status:error",
        q="route:a",
        group_by=["MODEL", "tag.env"],
        step=HOUR,
        population="spans",
    )
    assert query.group_by == ("model", "tags.env")
    assert query.of == Filter(column="status", operator="eq", value="error")
    assert query.where == Filter(column="route", operator="eq", value="a")
    assert (query.from_, query.to, query.step, query.population, query.field) == (0, 24 * HOUR, HOUR, "spans", None)


@pytest.mark.parametrize(
    ("aggregation", "given", "field"),
    [
        ("p95", "latency", "duration"),
        ("sum", "tokens", "usage_total"),
        ("avg", "throughput", "throughput"),
        ("avg", "scores.helpful", "score.helpful"),
        ("max", "attr.retries", "attributes.retries"),
        ("distinct", "user", "user"),
        ("distinct", "tag.env", "tags.env"),
    ],
)
def test_fields_may_be_called_by_their_aliases(aggregation, given, field):
    assert asked(aggregation=aggregation, field=given).field == field


@pytest.mark.parametrize(
    ("spec", "field", "says"),
    [
        ({"aggregation": "count", "field": "cost"}, "field", "count takes no field"),
        ({"aggregation": "p95"}, "field", "p95 needs a field"),
        ({"aggregation": "p95", "field": "durations"}, "field", "no field that can be aggregated"),
        ({"aggregation": "sum", "field": "model"}, "field", "no field that can be aggregated"),
        ({"aggregation": "distinct", "field": "input"}, "field", "cannot be counted"),
        ({"aggregation": "distinct", "field": "usr"}, "field", "There is no field 'usr'"),
        ({"aggregation": "share"}, "of", "share needs `of`"),
        ({"aggregation": "share", "of": " "}, "of", "share needs `of`"),
        ({"aggregation": "share", "of": "x:y"}, "of", "There is no field"),
        ({"of": "status:ok"}, "of", "Only share takes `of`"),
        ({"q": "latency>2"}, "q", "duration with its unit"),
        ({"group_by": ["a", "b", "c"]}, "group_by", "At most two"),
        ({"group_by": ["model", "cost"]}, "group_by[1]", "cannot be grouped by"),
        ({"group_by": ["modle"]}, "group_by[0]", "There is no field"),
        ({"top": 101}, "top", "between 1 and 100"),
        ({"step": 999_999}, "step", "a second at least"),
        ({"step": 1_000_000}, "step", "over 2000 points"),
    ],
)
def test_what_cannot_be_asked_is_refused_with_its_place(spec, field, says):
    with pytest.raises(InvalidInput) as caught:
        asked(**spec)
    assert caught.value.field == f"widgets[0].{field}"
    assert says in caught.value.message
    assert caught.value.code in {"invalid_metric", "invalid_query"}


@pytest.mark.parametrize(("from_", "to"), [(5, 5), (0, 2**62), (-(2**62), 0)])
def test_a_window_has_a_beginning_before_its_end(from_, to):
    with pytest.raises(InvalidInput) as caught:
        metric_query(MetricRequest(), project="p", from_=from_, to=to)
    assert caught.value.field == "from"


def test_a_distribution_is_of_numbers():
    query = distribution_query(
        DistributionRequest(field="cost", q="status:ok", buckets=10), project="p", from_=0, to=HOUR, step=HOUR
    )
    assert (query.field, query.buckets, query.step) == ("cost", 10, HOUR)
    for wrong in ({"buckets": 1}, {"buckets": 101}, {"field": "model"}, {"q": "("}):
        with pytest.raises(InvalidInput):
            distribution_query(DistributionRequest(**wrong), project="p", from_=0, to=HOUR)


def test_everything_in_the_catalog_can_be_asked_for():
    known = catalog()
    for measurable in known.fields:
        asked(aggregation="p95", field=measurable.name)
    for grouping in known.group_by:
        asked(group_by=[grouping.name])
        asked(aggregation="distinct", field=grouping.name)
    for population in known.populations:
        asked(population=population)
    assert msgspec.json.encode(known)
