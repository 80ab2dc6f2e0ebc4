"""Rules as text."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.evals.gates.parser import parse
from penstock.evals.gates.types import Limit, RuleError


@pytest.mark.parametrize(
    ("text", "metric", "operator", "limit"),
    [
        ("accuracy >= baseline - 1pt", "accuracy", ">=", Limit(factor=1.0, offset=-0.01, unit="share")),
        ("cost_per_call <= 1.1 * baseline", "cost_per_call", "<=", Limit(factor=1.1)),
        ("cost <= baseline * 1.1", "cost", "<=", Limit(factor=1.1)),
        ("p95_latency <= 3s", "p95_latency", "<=", Limit(offset=3.0, unit="seconds")),
        ("latency < 250 ms", "latency", "<", Limit(offset=0.25, unit="seconds")),
        ("schema_valid == 100%", "schema_valid", "==", Limit(offset=1.0, unit="share")),
        ("cost <= $0.01", "cost", "<=", Limit(offset=0.01, unit="dollars")),
        ("cost <= 0.01 dollars", "cost", "<=", Limit(offset=0.01, unit="dollars")),
        ("rubric.tone > 3.5", "rubric.tone", ">", Limit(offset=3.5)),
        ("tokens <= baseline + 20 tokens", "tokens", "<=", Limit(factor=1.0, offset=20.0, unit="tokens")),
        ("judge >= 110% * baseline", "judge", ">=", Limit(factor=1.1)),
        ("x >= (baseline - 2pt) / 2", "x", ">=", Limit(factor=0.5, offset=-0.01, unit="share")),
        ("x >= -baseline + 2", "x", ">=", Limit(factor=-1.0, offset=2.0)),
        ("x>=.5", "x", ">=", Limit(offset=0.5)),
    ],
)
def test_a_rule_is_a_metric_a_comparison_and_a_limit(text, metric, operator, limit):
    rule = parse(text)
    assert (rule.metric, rule.operator) == (metric, operator)
    assert rule.limit.factor == pytest.approx(limit.factor)
    assert rule.limit.offset == pytest.approx(limit.offset)
    if limit.unit is not None:
        assert rule.limit.unit == limit.unit
    assert parse(rule.text) == rule


def test_a_function_names_a_percentile_and_a_slice_the_rows():
    rule = parse('p99(latency) <= 3s on slice(lang = de, topic = "a, \\"b\\"")')
    assert rule.quantile == pytest.approx(0.99)
    assert rule.slice == (("lang", "de"), ("topic", 'a, "b"'))
    assert parse("median(latency) <= 3s").quantile == 0.5
    assert parse("mean(latency) <= 3s").quantile is None


@pytest.mark.parametrize(
    ("text", "said", "at"),
    [
        ("", "the name of a metric", 0),
        ("accuracy", "a comparison", 8),
        ("accuracy >=", "a number or baseline", 11),
        ("accuracy >= baseline - 1%", "could mean points", 12),
        ("a >= 1s + 1pt", "cannot be added", 5),
        ("a >= baseline * baseline", "plain number", 5),
        ("a >= 1 / 0", "not 0", 9),
        ("a >= 3 foo", "a unit", 7),
        ("a >= 1 on", "slice", 9),
        ("p0(a) >= 1", "no percentile", 0),
        ("a >= 1 on slice(x)", "stands where", 17),
    ],
)
def test_a_fault_says_where_it_is_and_what_was_expected(text, said, at):
    with pytest.raises(RuleError) as caught:
        parse(text, field="gate[0]")
    assert said in str(caught.value)
    assert caught.value.start == at
    assert caught.value.field == "gate[0]"


def test_a_rule_that_is_too_long_is_refused():
    with pytest.raises(RuleError, match="at most 500"):
        parse("a >= " + "1 + " * 200 + "1")


@given(st.text(alphabet=string.printable + "é−×", max_size=40))
def test_any_text_is_a_rule_or_an_error_that_says_where(text):
    try:
        rule = parse(text)
    except RuleError as error:
        place = (error.start, error.end)
    else:
        place = (0, len(rule.metric))
    assert 0 <= place[0] <= place[1] <= len(text)


@given(
    factor=st.floats(-5, 5).map(lambda one: round(one, 3)),
    points=st.integers(-50, 50),
    operator=st.sampled_from([">=", "<=", ">", "<"]),
)
def test_what_is_written_is_what_is_read(factor, points, operator):
    sign = "-" if points < 0 else "+"
    rule = parse(f"quality {operator} {factor:.3f} * baseline {sign} {abs(points)}pt" if factor >= 0 else
                 f"quality {operator} -{-factor:.3f} * baseline {sign} {abs(points)}pt")  # fmt: skip
    assert rule.limit.factor == pytest.approx(factor)
    assert rule.limit.offset == pytest.approx(points / 100)
