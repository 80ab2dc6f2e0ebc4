"""A user's conditions on columns, as expressions with bound values. No text of a user's reaches SQL."""

import re
import uuid
from collections.abc import Callable
from typing import Literal

import msgspec
from sqlglot import exp, parse_one

from penstock.store.spans.columns import BY_NAME, USAGE, Form
from penstock.store.spans.expressions import MODEL, MODEL_NAME, TOKENS, Values, bind, column

__all__ = [
    "JUDGED",
    "OPERATORS",
    "STRUCTURE",
    "SUMMED",
    "FieldForm",
    "Filter",
    "Judged",
    "Operator",
    "Scope",
    "condition",
    "form_of",
    "long_text",
    "place_of",
]

Operator = Literal["eq", "ne", "in", "gt", "gte", "lt", "lte", "contains", "like", "has", "missing"]
OPERATORS: tuple[Operator, ...] = (
    "eq", "ne", "in", "gt", "gte", "lt", "lte", "contains", "like", "has", "missing"
)  # fmt: skip
SUMMED = frozenset((*USAGE, "usage_total", "cost"))
"""Columns that on a row of the trace list mean the sum over the spans that the row stands for."""
Scope = Literal["span", "row", "named", "sums"]
"""Whether `SUMMED` columns mean the span's own values, or those of a row of the trace list; `named` is a table that has
a column for the model, `sums` one that has a column for all tokens."""
Judged = frozenset[Literal["trace", "span", "session"]]
"""What there are scores of."""
JUDGED: Judged = frozenset(("trace", "span", "session"))
FieldForm = Form | Literal["score", "attribute"]
"""What the values of a field are: a column's form; `score` is numbers and labels, `attribute` text and numbers."""

_OF_A_NAME = frozenset({"eq", "ne", "in", "like"})
_DERIVED: dict[str, tuple[Form, str]] = {"usage_total": ("integer", TOKENS), "model": ("text", MODEL)}
_APART = frozenset(("input", "output", "attributes"))
"""Columns whose text lies in the table `payloads` when it is long; the row has its size in `<column>_bytes` then."""
_TAG, _ATTRIBUTE, _SCORE = "tags.", "attributes.", "score."
_PREFIXED: dict[str, FieldForm] = {_TAG: "text", _ATTRIBUTE: "attribute", _SCORE: "score"}
_COMPARISONS: dict[str, type[exp.Binary]] = {
    "eq": exp.EQ,
    "ne": exp.NullSafeNEQ,
    "gt": exp.GT,
    "gte": exp.GTE,
    "lt": exp.LT,
    "lte": exp.LTE,
}
# Structure and fixed words of recorded messages: a search for one of these looks into the texts alone.
STRUCTURE = (
    '[{"role":"system","parts":[{"type":"text","content":"user"},{"type":"reasoning","content":"assistant"},'
    '{"type":"tool_call","id":"tool","name":"","arguments":{"type":"tool_call_response","response":"result"}},'
    '{"type":"uri","uri":"","modality":"image","mime_type":"blob"},{"type":"file","file_id":"audio"}],'
    '"finish_reason":"stop"},{"finish_reason":"length"},{"finish_reason":"tool_calls"},'
    '{"finish_reason":"content_filter"}]true,false,null'
)


PLACE = "rowid"
"""The place of a span in storage, for conditions that a question makes within its snapshot; people cannot name it."""


class Filter(msgspec.Struct, frozen=True, kw_only=True, tag="filter"):
    """One condition.

    `value` fits the field's form: an int for integers, hex for ids, a number or a label for a score, text or a
    number for an attribute, a list of such for `in`; None for `has` and `missing` of anything but tags and lists.
    For `like`, text in which `*` stands for any characters, case ignored.
    """

    column: str
    """A column's name, `usage_total`, `model`, `tags.<key>`, `attributes.<key>`, or `score.<name>`.

    The key of an attribute is OpenTelemetry's (`gen_ai.request.temperature`); where there is none of that name, its
    dots lead into nested objects.
    """
    operator: Operator
    value: str | int | float | bool | list[str] | list[int] | list[float] | None = None


def form_of(name: str) -> FieldForm | None:
    """What the values of a filterable field are; None when there is no such field."""
    for prefix, form in _PREFIXED.items():
        if name.startswith(prefix):
            return form if len(name) > len(prefix) else None
    if name in _DERIVED:
        return _DERIVED[name][0]
    return BY_NAME[name].form if name in BY_NAME else None


def condition(given: Filter, values: Values, *, scope: Scope = "span", judged: Judged = JUDGED) -> exp.Expr:
    """The condition as an expression over `spans`; its values are added to `values`.

    Args:
        given: Checked by the caller: the field exists, the value has the field's form.
        values: Collects what placeholders stand for.
        scope: With `row`, `totals` are joined as `queries.rows` does.
        judged: What there are scores of, as far as it is known.
    """
    if given.column == PLACE:
        return exp.In(this=column(PLACE), query=exp.select(exp.func("unnest", bind(values, given.value))).subquery())
    form = form_of(given.column)
    if form is None:
        raise KeyError(given.column)
    if form == "score":
        return _scored(given, values, judged)
    left = place_of(given.column, values, scope=scope)
    if given.operator in {"has", "missing"}:
        if given.operator == "has" and isinstance(given.value, str) and given.value:
            return _holds(left, form, bind(values, _stored(form, given.value)))
        absent = _absent(left, form, given.column)
        return absent if given.operator == "missing" else exp.not_(exp.paren(absent))
    if _names_model_alone(given):
        name = parse_one(MODEL_NAME, dialect="duckdb")
        both = [_asked(each, form, given, values) for each in (left, exp.paren(name))]
        return exp.paren(exp.and_(*both) if given.operator == "ne" else exp.or_(*both))
    return _asked(left, form, given, values)


def _asked(left: exp.Expr, form: FieldForm, given: Filter, values: Values) -> exp.Expr:
    if given.operator in {"contains", "like"}:
        return _like(left, form, given, values)
    return _compared(left, form, given, values)


def place_of(name: str, values: Values, *, scope: Scope = "span") -> exp.Expr:
    """What a field other than a score is worth on a span, or a row."""
    if name.startswith(_TAG):
        key = bind(values, name.removeprefix(_TAG))
        return exp.Bracket(this=column("tags"), expressions=[key])
    if name.startswith(_ATTRIBUTE):
        return _attribute(name.removeprefix(_ATTRIBUTE), values)
    if (scope, name) in {("named", "model"), ("sums", "usage_total")}:
        return column(name)
    own = exp.paren(parse_one(_DERIVED[name][1], dialect="duckdb")) if name in _DERIVED else column(name)
    if scope == "row" and name in SUMMED:
        if name != "cost":
            return exp.func("coalesce", column(f"total_{name}"), own)
        # An unknown sum stays unknown.
        alone = exp.Is(this=column("total_span"), expression=exp.null())
        return exp.paren(exp.Case().when(alone, own).else_(column("total_cost")))
    return own


def _attribute(key: str, values: Values) -> exp.Expr:
    def value_at(path: str) -> exp.Expr:
        return exp.func("json_extract_string", column("attributes"), bind(values, path))

    whole = value_at(f"$.{_quoted(key)}")
    if "." not in key:
        return whole
    return exp.func("coalesce", whole, value_at(".".join(("$", *map(_quoted, key.split("."))))))


def _quoted(key: str) -> str:
    return '"' + key.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _compared(left: exp.Expr, form: FieldForm, given: Filter, values: Values) -> exp.Expr:
    options = given.value if isinstance(given.value, list) else [given.value]
    if form == "attribute" and not any(isinstance(option, str) for option in options):
        if all(isinstance(option, bool) for option in options):
            options = [str(option).lower() for option in options]
        else:
            left = exp.TryCast(this=left, to=exp.DataType.build("DOUBLE"))
    bound = [bind(values, _stored(form, option)) for option in options]
    if given.operator == "in":
        return exp.In(this=left, expressions=bound)
    return _COMPARISONS[given.operator](this=left, expression=bound[0])


def _stored(form: FieldForm, value: object) -> object:
    """A value as the engine holds it: ids are numbers there."""
    if form in {"trace_id", "digest"}:
        return uuid.UUID(str(value))
    if form == "span_id":
        return int(str(value), 16)
    return value


def _names_model_alone(given: Filter) -> bool:
    """Whether a condition on `model` may mean a model of whatever provider: `model:claude*`."""
    options = given.value if isinstance(given.value, list) else [given.value]
    return (
        given.column == "model"
        and given.operator in _OF_A_NAME
        and all(isinstance(option, str) and "/" not in option for option in options)
    )


def _absent(left: exp.Expr, form: FieldForm, name: str) -> exp.Expr:
    null = exp.Is(this=left, expression=exp.null())
    if form in {"list", "tags"}:
        size = exp.func("cardinality" if form == "tags" else "len", left)
        return exp.or_(null, exp.EQ(this=size, expression=exp.Literal.number(0)))
    if name == "operation":
        return exp.or_(null, exp.EQ(this=left, expression=exp.Literal.string("")))
    return null


def _holds(left: exp.Expr, form: FieldForm, value: exp.Expr) -> exp.Expr:
    """A tag of this name, a list with this element, or just this value."""
    if form == "tags":
        return exp.not_(exp.Is(this=exp.Bracket(this=left, expressions=[value]), expression=exp.null()))
    if form == "list":
        return exp.func("list_contains", left, value)
    return exp.EQ(this=left, expression=value)


def _like(left: exp.Expr, form: FieldForm, given: Filter, values: Values) -> exp.Expr:
    text = str(given.value)
    if form == "json" and given.operator == "contains":
        return _json_contains(given.column, text, values)
    if form in {"trace_id", "digest"}:
        left = exp.func("replace", exp.cast(left, "VARCHAR"), exp.Literal.string("-"), exp.Literal.string(""))
    elif form == "span_id":
        digits = exp.func("lower", exp.func("to_hex", left))
        left = exp.func("lpad", digits, exp.Literal.number(16), exp.Literal.string("0"))
    elif form in {"list", "tags", "integer", "boolean"}:
        left = exp.cast(left, "VARCHAR")
    return _matched(left, given.operator, text, values)


def _matched(left: exp.Expr, operator: Operator, text: str, values: Values) -> exp.Expr:
    """Whether a text contains another, or is like a pattern."""
    low = exp.func("lower", left)
    if operator == "contains":
        return exp.func("contains", low, bind(values, text.lower()))
    escaped = re.sub(r"([\\%_])", r"\\\1", text.lower()).replace("*", "%")
    like = exp.Like(this=low, expression=bind(values, escaped))
    return exp.paren(exp.Escape(this=like, expression=exp.Literal.string("\\")))


def _json_contains(name: str, text: str, values: Values) -> exp.Expr:
    """Whether recorded JSON holds the text, case ignored.

    The stored JSON is searched as it lies, with the text escaped as JSON escapes it. A text that
    could be found in the JSON's own structure (`role`, `text`, a comma) is looked for in the
    messages' texts instead, which is slower.
    """
    escaped = msgspec.json.encode(text).decode()[1:-1].lower()
    structural = escaped in STRUCTURE or not escaped.strip("{}[]:,")
    needle = bind(values, text.lower() if structural else escaped)
    opened = "message_text" if structural else "lower"
    return long_text(name, lambda source: exp.func("contains", exp.func(opened, source), needle.copy()), values)


def long_text(name: str, holds: Callable[[exp.Expr], exp.Expr], values: Values) -> exp.Expr:
    """Whether something holds of a span's long text, in its row or apart from it.

    `values` is looked into for `from` and `to`, as `window.within` puts them there: only texts of that time are read.
    """
    here = holds(column(name))
    if name not in _APART:
        return here
    apart = (
        exp.select("trace_id", "span_id")
        .from_("payloads")
        .where(
            exp.EQ(this=column("project"), expression=exp.Placeholder(this="project")),
            exp.EQ(this=column("field"), expression=exp.Literal.string(name)),
            *(
                comparison(this=column("started"), expression=exp.Placeholder(this=bound))
                for bound, comparison in (("from", exp.GTE), ("to", exp.LT))
                if bound in values
            ),
            holds(column("text")),
        )
    )
    pair = exp.Tuple(expressions=[column("trace_id"), column("span_id")])
    long = exp.not_(exp.Is(this=column(f"{name}_bytes"), expression=exp.null()))
    return exp.paren(exp.or_(here, exp.and_(long, exp.In(this=pair, query=apart.subquery()))))


def _scored(given: Filter, values: Values, kinds: Judged) -> exp.Expr:
    """Whether the span, its trace or its session was judged so. The root of a trace has the scores of all its spans."""
    name = bind(values, given.column.removeprefix(_SCORE))
    if given.operator == "missing":
        return exp.not_(_judged(name, None, kinds))
    if given.operator == "has":
        return _judged(name, None if given.value is None else _verdict(given, given.value, values), kinds)
    if given.operator == "ne":
        return exp.not_(_judged(name, _verdict(given, given.value, values), kinds))
    options = given.value if isinstance(given.value, list) else [given.value]
    verdicts = [_verdict(given, option, values) for option in options]
    return _judged(name, exp.or_(*verdicts), kinds)


def _verdict(given: Filter, value: object, values: Values) -> exp.Expr:
    if given.operator in {"contains", "like"}:
        return _matched(column("label"), given.operator, str(value), values)
    comparison = _COMPARISONS[given.operator] if given.operator not in {"in", "ne", "has"} else exp.EQ
    if isinstance(value, str):
        return comparison(this=column("label"), expression=bind(values, value))
    assert isinstance(value, int | float)  # noqa: S101 - checked by the caller
    return comparison(this=column("number"), expression=bind(values, float(value)))


def _judged(name: exp.Expr, verdict: exp.Expr | None, kinds: Judged) -> exp.Expr:
    def judged(what: tuple[str, ...], *conditions: exp.Expr) -> exp.Expr:
        query = exp.select(*(column(each) for each in what)).from_("scores")
        query = query.where(
            exp.EQ(this=column("project"), expression=exp.Placeholder(this="project")),
            exp.EQ(this=column("name"), expression=name.copy()),
            *conditions,
            *([] if verdict is None else [exp.paren(verdict.copy())]),
        )
        keys = [column(each) for each in what]
        this = keys[0] if len(keys) == 1 else exp.Tuple(expressions=keys)
        return exp.In(this=this, query=query.subquery())

    def null(each: str) -> exp.Expr:
        return exp.Is(this=column(each), expression=exp.null())

    of_trace = exp.not_(null("trace_id"))
    of_span = exp.not_(null("span_id"))
    found: list[exp.Expr] = []
    if "trace" in kinds:
        found.append(judged(("trace_id",), of_trace.copy(), null("span_id")))
    if "span" in kinds:
        root = exp.and_(null("parent_id"), judged(("trace_id",), of_trace, of_span.copy()))
        found += judged(("trace_id", "span_id"), of_span), root
    if "session" in kinds:
        found.append(judged(("session",), null("trace_id"), exp.not_(null("session"))))
    # An absent session is in no list: the answer is no, not unknown.
    return exp.paren(exp.func("coalesce", exp.or_(*found), exp.false())) if found else exp.false()
