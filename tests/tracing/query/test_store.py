"""Whatever people search for, the store answers: compared with what the search says, span by span."""

import fnmatch
import re

import msgspec
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from penstock.core.errors import InvalidInput
from penstock.store.spans.filters import Filter
from penstock.store.spans.queries.window import Window
from penstock.store.spans.tree import And, Not, Or, Text
from penstock.testing.journal import PROJECT
from penstock.tracing.query import parse

WORDS = ("refund", "order", "late", "Paris")


def text(words):
    parts = [{"type": "text", "content": words}]
    return msgspec.Raw(msgspec.json.encode([{"role": "user", "parts": parts}]))


@pytest.fixture
def spans(journal, store):
    made = [
        journal.span(status="error", error_type="timeout", route="a", cost=30_000_000, duration=2_500_000,
                     input=text("Refund my order"), tags={"env": "prod"}, session="s'1", usage_input=12_000),
        journal.span(status="ok", route="batch", cost=None, duration=900_000, output=text("order: refund?"),
                     provider="openai", target_model="gpt-4o", stream=True, ttft=200_000, http_status=200),
        journal.span(status="blocked", route=None, duration=0, tags={"env": "staging", "my key": "x y"},
                     finish_reasons=["content_filter"], http_status=503, user="u%_1"),
        journal.span(status="ok", route="a%b", cost=0, duration=60_000_000, input=text("late in Paris"),
                     provider="anthropic", target_model="claude", attributes=msgspec.Raw(b'{"k":{"n":5},"s":"x"}')),
    ]  # fmt: skip
    store.load([journal.write(*made)])
    return made


# --- what a search means, said once more in plain Python ---------------------------------------


def texts(span, where):
    found = []
    for name, raw in (("input", span.input), ("output", span.output)):
        if raw is not None and where in {name, "either"}:
            found += [part["content"] for message in msgspec.json.decode(raw) for part in message["parts"]]
    return found


def said(span, where):
    return [re.findall(r"[^\W_]+", each.lower()) for each in texts(span, where)]


def has_phrase(words, wanted, *, prefix):
    size = len(wanted)
    for at in range(len(words) - size + 1):
        part = words[at : at + size]
        if part[:-1] == wanted[:-1] and (part[-1].startswith(wanted[-1]) if prefix else part[-1] == wanted[-1]):
            return True
    return False


def value_of(span, column):
    if column.startswith("tags."):
        return span.tags.get(column.removeprefix("tags."))
    if column == "model":
        return f"{span.provider}/{span.target_model}" if span.provider else None
    if column == "usage_total":
        return span.usage_input + span.usage_output
    return getattr(span, column)


def holds(node, span):  # noqa: PLR0911 - one for each kind of node
    match node:
        case None:
            return True
        case And(terms):
            return all(holds(term, span) for term in terms)
        case Or(terms):
            return any(holds(term, span) for term in terms)
        case Not(term):
            return not holds(term, span)
        case Text():
            wanted = re.findall(r"[^\W_]+", node.words.lower())
            return any(has_phrase(words, wanted, prefix=node.prefix) for words in said(span, node.where))
        case Filter(column="model", operator="eq" | "ne" | "in" | "like") if "/" not in str(node.value):
            whole = value_of(span, "model")
            every = all if node.operator == "ne" else any
            return every(fits(node, value) for value in (whole, span.target_model))
        case Filter():
            return fits(node, value_of(span, node.column))
    raise AssertionError(node)


def fits(node, value):
    wanted = node.value
    if node.operator == "contains" and isinstance(value, msgspec.Raw):
        value = "\n".join(part["content"] for message in msgspec.json.decode(value) for part in message["parts"])
    absent = value is None or value in ([], {})
    simple = {
        "missing": lambda: absent,
        "has": lambda: not absent and (wanted is None or wanted in value),
        "ne": lambda: value != wanted,
        "eq": lambda: value == wanted,
        "in": lambda: value in wanted,
    }
    if node.operator in simple:
        return simple[node.operator]()
    if absent:
        return False
    return {
        "gt": lambda: value > wanted,
        "gte": lambda: value >= wanted,
        "lt": lambda: value < wanted,
        "lte": lambda: value <= wanted,
        "contains": lambda: wanted.lower() in str(value).lower(),
        "like": lambda: fnmatch.fnmatchcase(str(value).lower(), re.sub(r"([\[?])", r"[\1]", wanted.lower())),
    }[node.operator]()


CONDITIONS = st.sampled_from([
    "status:error", "status!=ok", "status:(ok, blocked)", "route:a", "route:a*", "route:a%b", "route!=a", "route~A",
    'route:"a*"', "model:openai/*", "model:(openai/gpt-4o, x)", "provider~THROP", "cost>0.01", "cost:0", "cost<=0.03",
    "cost!=0", "latency>2s", "latency:1s..3s", "latency:0", "tokens>=12k", "tokens:0", "has:session", "missing:session",
    "missing:cost", "session:\"s'1\"", "user:u%_1", "user:u*_1", "user:u__1", "tag.env:prod", "tag.env:*", "tags:env",
    'tag."my key":"x y"', "has:tag.env", "missing:tag.env", "finish:content_filter", "has:finish_reasons",
    "stream:true", "stream!=true", "http_status:5xx", "http_status:200..299", "error:time*", "has:ttft", "ttft<1s",
    "kind:llm",
])  # fmt: skip
PHRASES = st.sampled_from([
    "refund", "order", "ref*", "REFUND", '"refund my order"', '"order refund"', '"my ord"*', "paris", "par",
    "input:refund", "output:order", "zebra", "input:late", "input~fund", "text~rder", "output~refund",
])  # fmt: skip
QUERIES = st.recursive(
    CONDITIONS | PHRASES,
    lambda inner: (
        st.lists(inner, min_size=2, max_size=3).map(" ".join).map("({})".format)
        | st.lists(inner, min_size=2, max_size=3).map(" or ".join).map("({})".format)
        | inner.map("-{}".format)
    ),
    max_leaves=5,
)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(query=QUERIES)
@example(query="-route:batch")
@example(query="-(cost>0 or latency>2s)")
@example(query="route!=a -tag.env:prod")
def test_what_is_found_is_what_the_search_says(spans, store, query):
    """FAILURES O12"""
    tree = parse(query)
    expected = {span.span_id for span in spans if holds(tree, span)}
    assert found_by(store, tree) == expected


def found_by(store, tree):
    page = store.list_calls(Window(project=PROJECT), where=tree, limit=50)
    rows = list(page.rows)
    while page.next is not None:
        page = store.list_calls(Window(project=PROJECT), where=tree, limit=50, after=page.next)
        rows += page.rows
    return {row.span_id for row in rows}


NASTY = st.sampled_from([
    "'", '"', "''", "--", ";", "/*", "*/", "\\", "%", "_", "$1", ":v0", "{}", "\x00", "\n", "é",
    "'; DROP TABLE spans; --", "' OR 1=1 --", "$project", "NULL", "*", "😀", "[", "]", "(?i)x", "$.a",
])  # fmt: skip
VALUES = st.lists(NASTY | st.text(st.characters(exclude_categories=["Cs"]), max_size=4), min_size=1, max_size=4).map(
    "".join
)


def quoted(value):
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


TEMPLATES = (
    "route:{}", "route!={}", "name~{}", "session:{}*", "tag.{}:x", "tag.env:{}", "attr.{}:x", "attr.k:{}",
    "attr.k~{}", "attributes~{}", "score.{}:x", "score.x:{}", "has:score.{}", "input:{}", "{}", "{}*", "tags:{}",
    "finish:{}", "route:({}, a)", "usage_raw~{}", "trace~{}", "user:{}",
)  # fmt: skip


@settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(template=st.sampled_from(TEMPLATES), value=VALUES)
def test_no_text_of_a_users_breaks_out_of_its_value(spans, store, template, value):
    """FAILURES S7, S31"""
    try:
        tree = parse(template.format(quoted(value)))
    except InvalidInput:
        return
    found_by(store, tree)
    assert len(found_by(store, None)) == len(spans)
