"""The language: what it means, what it refuses and how, and that a tree is written as it is read."""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from penstock.core.errors import InvalidInput
from penstock.store.spans.filters import Filter
from penstock.store.spans.tree import And, Not, Or, Text
from penstock.tracing.query import QueryError, parse, to_text
from penstock.tracing.query.fields import ALIASES, FIELDS, field_of

DAY = 86_400_000_000
NOVEMBER = 1_793_491_200_000_000
"""2026-11-01 in microseconds."""


def of(column, operator, value=None):
    return Filter(column=column, operator=operator, value=value)


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("", None),
        (" \n ", None),
        ("status:error", of("status", "eq", "error")),
        ("Status : ERROR", of("status", "eq", "error")),
        ("status=error", of("status", "eq", "error")),
        ("status!=error", of("status", "ne", "error")),
        ("kind:ret*", of("kind", "eq", "retriever")),
        ("kind:re*", of("kind", "in", ["retriever", "reranker"])),
        ("kind:(llm, re*)", of("kind", "in", ["llm", "retriever", "reranker"])),
        ("model:claude*", of("model", "like", "claude*")),
        ('model:"claude*"', of("model", "eq", "claude*")),
        ('name:"chat gpt"*', of("name", "like", "chat gpt*")),
        ("model:(a, b, a)", of("model", "in", ["a", "b"])),
        ("model:a,b", of("model", "in", ["a", "b"])),
        ("model:(a, b*)", Or((of("model", "eq", "a"), of("model", "like", "b*")))),
        ("model!=(a, b)", Not(of("model", "in", ["a", "b"]))),
        ("name~refund", of("name", "contains", "refund")),
        ('user:"a b"', of("user", "eq", "a b")),
        (r'user:"a\"\\b"', of("user", "eq", 'a"\\b')),
        ("route:or", of("route", "eq", "or")),
        ("session:*", of("session", "has")),
        ("session!=*", Not(of("session", "has"))),
        ("has:session", of("session", "has")),
        ("MISSING : cost", of("cost", "missing")),
        ("has:tag.env", of("tags.env", "has")),
        ("tag.env:prod", of("tags.env", "eq", "prod")),
        ('tag."my key":x', of("tags.my key", "eq", "x")),
        ("tags:env", of("tags", "has", "env")),
        ("finish:length", of("finish_reasons", "has", "length")),
        ("cost>0.01", of("cost", "gt", 10_000_000)),
        ("cost <= $1.5", of("cost", "lte", 1_500_000_000)),
        ("cost:2kdollars", of("cost", "eq", 2_000_000_000_000)),
        ("cost>0.1$", of("cost", "gt", 100_000_000)),
        ("latency>2s", of("duration", "gt", 2_000_000)),
        ("latency>=1m30s", of("duration", "gte", 90_000_000)),
        ("ttft<1.5ms", of("ttft", "lt", 1_500)),
        ("ttft>0", of("ttft", "gt", 0)),
        ("latency:1s..3s", And((of("duration", "gte", 1_000_000), of("duration", "lte", 3_000_000)))),
        ("latency:..3s", of("duration", "lte", 3_000_000)),
        ("latency:3s..", of("duration", "gte", 3_000_000)),
        ("tokens>10k", of("usage_total", "gt", 10_000)),
        ("usage.input:1.5M", of("usage_input", "eq", 1_500_000)),
        ("http_status:(404, 5xx)", Or((
            of("http_status", "eq", 404), And((of("http_status", "gte", 500), of("http_status", "lt", 600)))
        ))),
        ("stream:yes", of("stream", "eq", True)),
        ("call!=false", of("call", "ne", False)),
        ("stream:(true, false)", Or((of("stream", "eq", True), of("stream", "eq", False)))),
        ("score.helpful<3", of("score.helpful", "lt", 3.0)),
        ("score.helpful>80%", of("score.helpful", "gt", 0.8)),
        ("score.helpful:-1..1", And((of("score.helpful", "gte", -1.0), of("score.helpful", "lte", 1.0)))),
        ("score.ok:true", of("score.ok", "eq", 1.0)),
        ("score.tone:angry", of("score.tone", "eq", "angry")),
        ("score.tone:(angry, sad)", of("score.tone", "in", ["angry", "sad"])),
        ("score.tone:(angry, 3)", Or((of("score.tone", "eq", "angry"), of("score.tone", "eq", 3.0)))),
        ('score.tone:"3"', of("score.tone", "eq", "3")),
        ("score.tone:a..b", of("score.tone", "eq", "a..b")),
        ("score.tone:an*", of("score.tone", "like", "an*")),
        ("missing:scores.tone", of("score.tone", "missing")),
        ("attr.gen_ai.request.temperature>0.5", of("attributes.gen_ai.request.temperature", "gt", 0.5)),
        ("attr.cached:true", of("attributes.cached", "eq", True)),
        ("attributes.http.method:GET", of("attributes.http.method", "eq", "GET")),
        ("attributes:x", of("attributes", "contains", "x")),
        ("started:2026-11-01", And((of("started", "gte", NOVEMBER), of("started", "lt", NOVEMBER + DAY)))),
        ("started>2026-11-01", of("started", "gte", NOVEMBER + DAY)),
        ("started>=2026-11-01", of("started", "gte", NOVEMBER)),
        ("started<2026-11-01", of("started", "lt", NOVEMBER)),
        ("started<=2026-11-01", of("started", "lt", NOVEMBER + DAY)),
        ("started:2026-11-01..2026-11-07", And((
            of("started", "gte", NOVEMBER), of("started", "lt", NOVEMBER + 7 * DAY)
        ))),
        ("started:..2026-11-01", of("started", "lt", NOVEMBER + DAY)),
        ("started:2026-11-01..", of("started", "gte", NOVEMBER)),
        ("time>=2026-11-01T10:30+02:00", of("started", "gte", NOVEMBER + 30_600_000_000)),
        ("time>=2026-11-01t00:00:00.5z", of("started", "gte", NOVEMBER + 500_000)),
        ("trace:0AF7651916cd43dd8448eb211c80319c", of("trace_id", "eq", "0af7651916cd43dd8448eb211c80319c")),
        ("0AF7651916cd43dd8448eb211c80319c", of("trace_id", "eq", "0af7651916cd43dd8448eb211c80319c")),
        ("trace~0af7", of("trace_id", "contains", "0af7")),
        ("refund", Text(words="refund")),
        ("refun*", Text(words="refun", prefix=True)),
        ('"refund order"', Text(words="refund order")),
        ('"refund ord"*', Text(words="refund ord", prefix=True)),
        ('input:"refund order"', Text(words="refund order", where="input")),
        ('input~"a-1"', of("input", "contains", "a-1")),
        ("text~x", Or((of("input", "contains", "x"), of("output", "contains", "x")))),
        ("status~err", of("status", "contains", "err")),
        ("tags~en", of("tags", "contains", "en")),
        ("output:refun*", Text(words="refun", prefix=True, where="output")),
        ("text:(a, b)", Or((Text(words="a"), Text(words="b")))),
        ("refund order", And((Text(words="refund"), Text(words="order")))),
        ("android or orange", Or((Text(words="android"), Text(words="orange")))),
        ("12:30", Text(words="12:30")),
        ("a and b OR c", Or((And((Text(words="a"), Text(words="b"))), Text(words="c")))),
        ("a (b or c)", And((Text(words="a"), Or((Text(words="b"), Text(words="c")))))),
        ("a (b c)", And((Text(words="a"), Text(words="b"), Text(words="c")))),
        ("-a", Not(Text(words="a"))),
        ("not a b", And((Not(Text(words="a")), Text(words="b")))),
        ("not(a or b)", Not(Or((Text(words="a"), Text(words="b"))))),
        ("--a", Text(words="a")),
        ("-route:batch", Not(of("route", "eq", "batch"))),
    ],
)  # fmt: skip
def test_a_search_means(text, tree):
    """FAILURES O12"""
    assert parse(text) == tree
    assert parse(to_text(tree)) == tree


@pytest.mark.parametrize(
    ("text", "start", "end", "says", "hint"),
    [
        ("latncy>2s", 0, 6, "There is no field 'latncy', at character 1.", "'latency'"),
        ("a statsu:error", 2, 8, "no field 'statsu'", "'status'"),
        ("status:eror", 7, 11, "status is one of ok, error,", "'error'"),
        ("status:zzzz", 7, 11, "got 'zzzz'", "There are ok, error"),
        ("kind:zz*", 5, 8, "got 'zz*'", None),
        ("latency>2", 8, 9, "duration with its unit", "2s or 2ms"),
        ("latency>fast", 8, 12, "duration with its unit", None),
        ("latency:1s..fast", 12, 16, "got 'fast'", None),
        ("latency:3s..1s", 8, 14, "ends before it begins", None),
        ("started:2026-11-02..2026-11-01", 8, 30, "ends before it begins", None),
        ("started:..", 8, 10, "a beginning, an end, or both", None),
        ("started:yesterday", 8, 17, "a date or a time", "2026-11-01"),
        ("started>2026-13-01", 8, 18, "a date or a time", None),
        ("cost>much", 5, 9, "an amount in dollars", None),
        ("cost>0.0000000001", 5, 17, "an amount in dollars", None),
        ("tokens>1.5", 7, 10, "a whole number", None),
        ("tokens>99999999999999999999", 7, 27, "a whole number", None),
        ("score.x>good", 8, 12, "a number", None),
        ("stream:maybe", 7, 12, "true or false", None),
        ("trace:abc", 6, 9, "32 hex digits", "trace_id~PART"),
        ("status>error", 6, 7, "The field status is not compared with >", "It takes : = != ~"),
        ("ttft~x", 4, 5, "The field ttft is not compared with ~", "It takes : ="),
        ("cost>(1, 2)", 9, 10, "> takes one value, got 2", None),
        ("model:a,,b", 8, 8, "missing beside a comma", None),
        ('name~""', 5, 7, "missing between the quotes", None),
        ("status:", 7, 7, "ends where a value was expected", "status:error"),
        ("model:(", 7, 7, "ends where a value was expected", None),
        ("model:(a", 8, 8, "a comma or a closing parenthesis", None),
        ("model:)", 6, 7, "')' stands where a value was expected", None),
        ("has:", 4, 4, "the name of a field", None),
        ("has:foo", 4, 7, "no field 'foo'", None),
        ("has:text", 4, 8, "input or output, not text", None),
        ("a or", 4, 4, "a condition or a word", "in quotes they are text"),
        ("or", 0, 1, "a condition or a word", None),
        ("(a", 2, 2, "a closing parenthesis", None),
        ("a)", 1, 2, "the end", None),
        ("()", 1, 2, "a condition or a word", None),
        ('a "b', 2, 4, "The quote that opens here is not closed", None),
        ("*", 0, 1, "no word in '*'", None),
        ('"!?"', 0, 4, "no word in", None),
        ("re*und", 0, 6, "a * stands at the end only", None),
        ('"refund "*', 0, 10, "follows a letter or a digit", None),
        ("(" * 25 + "a" + ")" * 25, 0, 1, "nested over 24 deep", None),
        ("http://example.com", 0, 4, "no field 'http'", "stands in quotes"),
        ("a \ud83d", 2, 3, "Half of a character", None),
        ("project:other", 0, 7, "no field 'project'", None),
    ],
)  # fmt: skip
def test_what_cannot_be_understood_is_refused_with_its_place_and_a_way_on(text, start, end, says, hint):
    with pytest.raises(QueryError) as caught:
        parse(text)
    error = caught.value
    assert (error.start, error.end) == (start, end)
    assert says in error.message
    assert error.message.endswith(f"at character {start + 1}.")
    assert (error.code, error.field) == ("invalid_query", "q")
    assert hint is None or hint in (error.hint or "")
    assert error.fault.message == error.message


def test_a_refusal_names_the_field_of_the_request_that_holds_the_search():
    for text in ("status:", "status:eror"):
        with pytest.raises(QueryError) as caught:
            parse(text, field="queries[0].where")
        assert caught.value.field == "queries[0].where"


def test_a_search_has_an_end():
    with pytest.raises(InvalidInput, match="at most 4000 characters, got 4001"):
        parse("a" * 4001)
    assert parse("a " * 2000) is not None
    assert parse("- " * 1999 + "a") == Not(Text(words="a"))


def test_every_field_and_alias_is_understood():
    for name in (*FIELDS, *ALIASES):
        field = field_of(name)
        assert field.about
        if field.values == "words":
            continue
        assert parse(f"has:{name}") == of(field.name, "has")
        assert to_text(of(field.name, "missing")) == f"missing:{field.name}"
    assert field_of("STATUS").name == "status"
    assert field_of("LATENCY").name == "duration"


# --- properties -------------------------------------------------------------------------------

COUNTS = st.integers(-(2**63) + 1, 2**63 - 1)
STRINGS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12)
KEYS = st.sampled_from(["tags.", "attributes."]).flatmap(lambda prefix: STRINGS.map(lambda rest: prefix + rest))
SCORES = STRINGS.map(lambda name: f"score.{name}")
TEXTS = st.sampled_from([name for name, field in FIELDS.items() if field.values == "text"]) | st.builds(
    "tags.{}".format, STRINGS
)
WORDS = STRINGS.filter(lambda text: any(c.isalnum() for c in text))
QUANTITIES = st.sampled_from([name for name, field in FIELDS.items() if field.values in {"count", "duration", "money"}])
FLOATS = st.floats(-1e300, 1e300, allow_nan=False).map(lambda number: number or 0.0)


def text_filters():
    one = st.builds(of, TEXTS, st.sampled_from(["eq", "ne", "contains"]), STRINGS)
    several = st.builds(of, TEXTS, st.just("in"), st.lists(STRINGS, min_size=2, max_size=4, unique=True))
    return one | several


def number_filters():
    amounts = st.integers(0, 2**63 - 1)
    one = st.builds(of, QUANTITIES, st.sampled_from(["eq", "ne", "gt", "gte", "lt", "lte"]), amounts)
    several = st.builds(of, QUANTITIES, st.just("in"), st.lists(amounts, min_size=2, max_size=3, unique=True))
    scores = st.builds(of, SCORES, st.sampled_from(["eq", "ne", "gt", "gte", "lt", "lte"]), FLOATS)
    labels = st.builds(of, SCORES | KEYS, st.sampled_from(["eq", "ne", "contains"]), STRINGS)
    return one | several | scores | labels


LEAVES = (
    text_filters()
    | number_filters()
    | st.builds(of, TEXTS, st.sampled_from(["has", "missing"]))
    | st.builds(of, st.sampled_from(["tags", "finish_reasons"]), st.just("has"), STRINGS)
    | st.builds(of, st.just("started"), st.sampled_from(["gte", "lt"]), st.integers(0, 250_000_000_000_000_000))
    | st.builds(
        Text,
        words=WORDS.filter(lambda text: text[-1].isalnum() and text[-1] != "_"),
        prefix=st.booleans(),
        where=st.sampled_from(["input", "output", "either"]),
    )
)


def normal(kind):
    """Terms of a join, without joins of the same kind among them, as the parser joins them."""
    return lambda terms: kind(tuple(flat(kind, terms)))


def flat(kind, terms):
    for term in terms:
        yield from term.terms if isinstance(term, kind) else (term,)


TREES = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, min_size=2, max_size=3).map(normal(And))
        | st.lists(inner, min_size=2, max_size=3).map(normal(Or))
        | inner.map(lambda term: term.term if isinstance(term, Not) else Not(term))
    ),
    max_leaves=12,
)


@settings(max_examples=400, deadline=None)
@given(TREES)
def test_what_is_written_of_a_tree_is_read_as_the_same_tree(tree):
    text = to_text(tree)
    if len(text) <= 4000:
        assert parse(text) == tree
        assert to_text(parse(text)) == text


PIECES = st.sampled_from([
    "status", ":", "error", "(", ")", '"', "*", "-", "or", "and", "not", " ", ",", "..", ">", "<=", "!=", "~", "\\",
    "has:", "tags.", "score.x", "latency", "2s", "$", "%", "5xx", "started", "2026-11-01", "é", "\x00",
    "'; DROP TABLE spans --",
])  # fmt: skip


@settings(max_examples=800, deadline=None)
@given(st.text(st.characters(), max_size=40) | st.lists(PIECES, max_size=14).map("".join))
@example("(" * 3999)
@example('"' + "\\" * 3999)
@example("started:99999-01-01")
@example("started:0001-01-01T00:00:00+14:00")
@example("score.x:1e999")
@example('user:"\ud83d"')
@example("latency>" + "9" * 3900 + "s")
def test_whatever_is_given_is_a_tree_or_a_refusal(text):
    """FAILURES S7, S31: nothing but InvalidInput, and what is read can be written."""
    try:
        tree = parse(text)
    except InvalidInput:
        return
    assert parse(to_text(tree)) == tree
