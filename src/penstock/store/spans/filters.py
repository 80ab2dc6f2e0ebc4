"""A user's conditions on columns, as expressions with bound values. No text of a user's reaches SQL."""

import uuid
from typing import Literal

import msgspec
from sqlglot import exp, parse_one

from penstock.store.spans.columns import BY_NAME, USAGE, Form
from penstock.store.spans.expressions import MODEL, TOKENS, Values, bind, column

__all__ = ["OPERATORS", "SUMMED", "Filter", "Operator", "condition", "form_of", "text_condition"]

Operator = Literal["eq", "ne", "in", "gt", "gte", "lt", "lte", "contains", "has", "missing"]
OPERATORS: tuple[Operator, ...] = ("eq", "ne", "in", "gt", "gte", "lt", "lte", "contains", "has", "missing")
SUMMED = frozenset((*USAGE, "usage_total", "cost"))
"""Columns that on the row of a call with several attempts mean the sum over these."""

_DERIVED: dict[str, tuple[Form, str]] = {"usage_total": ("integer", TOKENS), "model": ("text", MODEL)}
_COMPARISONS: dict[str, type[exp.Binary]] = {
    "eq": exp.EQ,
    "ne": exp.NullSafeNEQ,
    "gt": exp.GT,
    "gte": exp.GTE,
    "lt": exp.LT,
    "lte": exp.LTE,
}
# Structure and fixed words of recorded messages: a search for one of these looks into the texts alone.
_STRUCTURE = (
    '[{"role":"system","parts":[{"type":"text","content":"user"},{"type":"reasoning","content":"assistant"},'
    '{"type":"tool_call","id":"tool","name":"","arguments":{"type":"tool_call_response","response":"result"}},'
    '{"type":"uri","uri":"","modality":"image","mime_type":"blob"},{"type":"file","file_id":"audio"}],'
    '"finish_reason":"stop"},{"finish_reason":"length"},{"finish_reason":"tool_calls"},'
    '{"finish_reason":"content_filter"}]true,false,null'
)
_TEXTS = (
    "$[*].parts[*].content",
    "$[*].parts[*].arguments",
    "$[*].parts[*].response",
    "$[*].parts[*].result",
    "$[*].parts[*].name",
)


class Filter(msgspec.Struct, frozen=True, kw_only=True, tag="filter"):
    """One condition.

    `value` fits the column's form: an int for integers, hex for ids, a list of such for `in`;
    None for `has` and `missing` of anything but tags and lists.
    """

    column: str
    """A column's name, `usage_total`, `model`, or `tags.<key>`."""
    operator: Operator
    value: str | int | bool | list[str] | list[int] | None = None


def form_of(name: str) -> Form | None:
    """What the values of a filterable column are; None when there is no such column."""
    if name.startswith("tags.") and len(name) > len("tags."):
        return "text"
    if name in _DERIVED:
        return _DERIVED[name][0]
    return BY_NAME[name].form if name in BY_NAME else None


def condition(given: Filter, values: Values, *, source: exp.Expr | None = None) -> exp.Expr:
    """The condition as an expression; its values are added to `values`.

    Args:
        given: Checked by the caller: the column exists, the value has the column's form.
        values: Collects what placeholders stand for.
        source: Where the value is found, when not in the column itself.
    """
    form = form_of(given.column)
    if form is None:
        raise KeyError(given.column)
    left = source if source is not None else _source(given.column, values)
    if given.operator in {"has", "missing"}:
        if given.operator == "has" and isinstance(given.value, str) and given.value:
            return _holds(left, form, bind(values, _stored(form, given.value)))
        absent = _absent(left, form, given.column)
        return absent if given.operator == "missing" else exp.not_(exp.paren(absent))
    if given.operator == "contains":
        return _contains(left, form, given, values)
    return _compared(left, form, given, values)


def _compared(left: exp.Expr, form: Form, given: Filter, values: Values) -> exp.Expr:
    options = given.value if isinstance(given.value, list) else [given.value]
    bound = [bind(values, _stored(form, option)) for option in options]
    if given.operator == "in":
        return exp.In(this=left, expressions=bound)
    return _COMPARISONS[given.operator](this=left, expression=bound[0])


def _stored(form: Form, value: object) -> object:
    """A value as the engine holds it: ids are numbers there."""
    if form in {"trace_id", "digest"}:
        return uuid.UUID(str(value))
    if form == "span_id":
        return int(str(value), 16)
    return value


def _source(name: str, values: Values) -> exp.Expr:
    if name.startswith("tags."):
        key = bind(values, name.removeprefix("tags."))
        return exp.Bracket(this=column("tags"), expressions=[key])
    if name in _DERIVED:
        return exp.paren(parse_one(_DERIVED[name][1], dialect="duckdb"))
    return column(name)


def _absent(left: exp.Expr, form: Form, name: str) -> exp.Expr:
    null = exp.Is(this=left, expression=exp.null())
    if form in {"list", "tags"}:
        size = exp.func("cardinality" if form == "tags" else "len", left)
        return exp.or_(null, exp.EQ(this=size, expression=exp.Literal.number(0)))
    if name == "operation":
        return exp.or_(null, exp.EQ(this=left, expression=exp.Literal.string("")))
    return null


def _holds(left: exp.Expr, form: Form, value: exp.Expr) -> exp.Expr:
    """A tag of this name, a list with this element, or just this value."""
    if form == "tags":
        return exp.not_(exp.Is(this=exp.Bracket(this=left, expressions=[value]), expression=exp.null()))
    if form == "list":
        return exp.func("list_contains", left, value)
    return exp.EQ(this=left, expression=value)


def _contains(left: exp.Expr, form: Form, given: Filter, values: Values) -> exp.Expr:
    text = str(given.value)
    if form == "json":
        return text_condition((given.column,), text, values)
    if form in {"trace_id", "digest"}:
        left = exp.func("replace", exp.cast(left, "VARCHAR"), exp.Literal.string("-"), exp.Literal.string(""))
    elif form == "span_id":
        digits = exp.func("lower", exp.func("to_hex", left))
        left = exp.func("lpad", digits, exp.Literal.number(16), exp.Literal.string("0"))
    elif form in {"list", "tags", "integer", "boolean"}:
        left = exp.cast(left, "VARCHAR")
    return exp.func("contains", exp.func("lower", left), bind(values, text.lower()))


def text_condition(names: tuple[str, ...], text: str, values: Values) -> exp.Expr:
    """Whether one of these columns of recorded JSON holds the text, case ignored.

    The stored JSON is searched as it lies, with the text escaped as JSON escapes it. A text that
    could be found in the JSON's own structure (`role`, `text`, a comma) is looked for in the
    messages' texts instead, which is slower.
    """
    escaped = msgspec.json.encode(text).decode()[1:-1].lower()
    structural = escaped in _STRUCTURE or not escaped.strip("{}[]:,")
    needle = bind(values, text.lower() if structural else escaped)
    return exp.paren(exp.or_(*(_found(column(name), needle.copy(), structural=structural) for name in names)))


def _found(source: exp.Expr, needle: exp.Expr, *, structural: bool) -> exp.Expr:
    if structural:
        return exp.or_(
            *(
                exp.func(
                    "contains",
                    exp.func(
                        "lower",
                        exp.func(
                            "array_to_string",
                            exp.func("json_extract_string", source.copy(), exp.Literal.string(path)),
                            exp.Literal.string("\n"),
                        ),
                    ),
                    needle.copy(),
                )
                for path in _TEXTS
            )
        )
    return exp.func("contains", exp.func("lower", source), needle)
