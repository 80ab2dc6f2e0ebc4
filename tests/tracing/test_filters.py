import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.core.errors import InvalidInput
from penstock.store.spans.columns import COLUMNS as SPAN_COLUMNS
from penstock.store.spans.filters import OPERATORS, Filter
from penstock.tracing.filters import COLUMNS, parse_filter

READS = {
    "status:eq:ok": Filter(column="status", operator="eq", value="ok"),
    "status:in:ok,error": Filter(column="status", operator="in", value=["ok", "error"]),
    "status:contains:err": Filter(column="status", operator="contains", value="err"),
    "cost:gte:-5": Filter(column="cost", operator="gte", value=-5),
    "cost:in:1,2": Filter(column="cost", operator="in", value=[1, 2]),
    "stream:eq:True": Filter(column="stream", operator="eq", value=True),
    "stream:ne:0": Filter(column="stream", operator="ne", value=False),
    "user:missing": Filter(column="user", operator="missing"),
    "user:missing:": Filter(column="user", operator="missing"),
    "tags:has:team": Filter(column="tags", operator="has", value="team"),
    "tags:has": Filter(column="tags", operator="has"),
    "tags.team:eq:care": Filter(column="tags.team", operator="eq", value="care"),
    "usage.input:gt:3": Filter(column="usage_input", operator="gt", value=3),
    "usage.total:lt:3": Filter(column="usage_total", operator="lt", value=3),
    "model:eq:openai/gpt-4o": Filter(column="model", operator="eq", value="openai/gpt-4o"),
    "error_message:contains:a:b::c": Filter(column="error_message", operator="contains", value="a:b::c"),
    "input:contains:' OR 1=1 --": Filter(column="input", operator="contains", value="' OR 1=1 --"),
    f"trace_id:eq:{'aB' * 16}": Filter(column="trace_id", operator="eq", value="aB" * 16),
    "score.helpful:lt:3": Filter(column="score.helpful", operator="lt", value=3.0),
    "score.tone:eq:sad": Filter(column="score.tone", operator="eq", value="sad"),
    "score.tone:in:sad,3": Filter(column="score.tone", operator="in", value=["sad", "3"]),
    "attributes.a.b:gte:0.5": Filter(column="attributes.a.b", operator="gte", value=0.5),
    "attributes.a.b:missing": Filter(column="attributes.a.b", operator="missing"),
    "route:like:a*": Filter(column="route", operator="like", value="a*"),
    "trace_id:contains:ab": Filter(column="trace_id", operator="contains", value="ab"),
}
REFUSED = {
    "": "column",
    "statsu:eq:ok": "'status'",
    "cosst:gt:1": "'cost'",
    "usage.inputt:gt:1": "usage_input",
    "qqqqqqqqqq:eq:1": "There are",
    "tags.:eq:x": "tags",
    "status": "eq ne in",
    "status:": "Operators",
    "status:eqq:ok": "'eq'",
    "status:eq:": "VALUE",
    "status:in:,": "ONE,OTHER",
    "status:eq:eror": "'error'",
    "kind:in:llm,modle": "There are",
    "cost:gt:much": "64 bits",
    f"cost:gt:{2**63}": "64 bits",
    "stream:eq:perhaps": "true or false",
    "stream:gt:1": "eq, ne, in",
    "input:eq:x": "contains",
    "tags:eq:x": "has",
    "score.tone:gt:sad": "a number",
    "score.:eq:x": "score",
    "finish_reasons:eq:stop": "has",
    "user:has:x": "no value",
    "trace_id:eq:abc": "32 hex digits",
    f"span_id:eq:{'g' * 16}": "16 hex digits",
}


@pytest.mark.parametrize(("text", "expected"), READS.items(), ids=READS)
def test_a_filter_reads_as_what_it_says(text, expected):
    assert parse_filter(text) == expected


@pytest.mark.parametrize(("text", "told"), REFUSED.items(), ids=REFUSED)
def test_a_filter_that_cannot_hold_is_refused_with_what_would(text, told):
    with pytest.raises(InvalidInput) as caught:
        parse_filter(text)

    assert caught.value.field == "filter"
    assert caught.value.code == "invalid_filter"
    assert told.replace(" ", "").replace(",", "") in str(caught.value).replace(" ", "").replace(",", "")


@given(st.text())
def test_any_text_is_read_or_refused(text):
    try:
        found = parse_filter(text)
    except InvalidInput:
        return
    assert found.operator in OPERATORS


def test_every_column_of_a_span_can_be_filtered():
    for column in SPAN_COLUMNS:
        assert parse_filter(f"{column.name}:missing").column == column.name
        assert column.name in COLUMNS
