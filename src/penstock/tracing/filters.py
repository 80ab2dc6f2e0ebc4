"""Filters as people and addresses write them, `column:operator:value`, checked and typed.

`duration:gte:1500000`, `status:in:error,interrupted`, `user:missing`, `tags.team:eq:care`,
`tags:has:team`, `input:contains:refund`. A value may hold colons.
"""

import difflib
import re
from collections.abc import Iterable, Sequence

from penstock.core.errors import InvalidInput
from penstock.store.spans.columns import BY_NAME
from penstock.store.spans.filters import OPERATORS, FieldForm, Filter, Operator, form_of
from penstock.tracing.query.quantities import read_number

__all__ = ["COLUMNS", "parse_filter"]

COLUMNS = (*BY_NAME, "usage_total", "model")
"""Names that a filter may use, beside `tags.<key>`, `attributes.<key>` and `score.<name>`.

`usage.input` may stand for `usage_input`.
"""

_EQUAL: tuple[Operator, ...] = ("eq", "ne", "in")
_ORDERED: tuple[Operator, ...] = ("gt", "gte", "lt", "lte")
_PRESENT: tuple[Operator, ...] = ("has", "missing")
_ALLOWED: dict[FieldForm, tuple[Operator, ...]] = {
    "text": (*_EQUAL, "contains", "like", *_PRESENT),
    "score": (*_EQUAL, *_ORDERED, "contains", "like", *_PRESENT),
    "attribute": (*_EQUAL, *_ORDERED, "contains", "like", *_PRESENT),
    "choice": (*_EQUAL, "contains", *_PRESENT),
    "integer": (*_EQUAL, *_ORDERED, "contains", *_PRESENT),
    "boolean": (*_EQUAL, *_PRESENT),
    "json": ("contains", *_PRESENT),
    "tags": ("contains", *_PRESENT),
    "list": ("contains", *_PRESENT),
    "trace_id": (*_EQUAL, "contains", *_PRESENT),
    "span_id": (*_EQUAL, "contains", *_PRESENT),
    "digest": (*_EQUAL, "contains", *_PRESENT),
}
_HEX = re.compile(r"[0-9a-fA-F]+\Z")
_DIGITS: dict[FieldForm, int] = {"trace_id": 32, "digest": 32, "span_id": 16}
_BOOLEANS = {"true": True, "1": True, "false": False, "0": False}
_INT64 = 2**63


def parse_filter(text: str) -> Filter:
    """The condition that the text states.

    Raises:
        InvalidInput: no such column or operator (with the nearest that there is), or a value that
            the column cannot have.
    """
    given, _, rest = text.partition(":")
    word, _, value = rest.partition(":")
    column = _canonical(given)
    form = form_of(column)
    if form is None:
        raise _refusal(f"There is no column {given!r} to filter by.", _nearest(given, COLUMNS))
    operator = _operator(word, text)
    if operator not in _ALLOWED[form]:
        raise _refusal(
            f"The column {column!r} cannot be filtered with {operator!r}.",
            f"It takes {', '.join(_ALLOWED[form])}.",
        )
    if operator in _PRESENT:
        return _presence(column, operator, value)
    if not value:
        raise _refusal(f"The filter {text!r} has no value.", f"Write {column}:{operator}:VALUE.")
    if operator in {"contains", "like"}:
        return Filter(column=column, operator=operator, value=value)
    if operator == "in":
        parts = [part for part in value.split(",") if part]
        options = [_value(column, form, part) for part in parts]
        if len({type(option) for option in options}) > 1:
            options = list(parts)  # labels, of which some look like numbers
        if not options:
            raise _refusal(f"The filter {text!r} has no value.", f"Write {column}:in:ONE,OTHER.")
        return Filter(column=column, operator=operator, value=options)  # type: ignore[arg-type] - of one kind, as the column is
    typed = _value(column, form, value)
    if operator in _ORDERED and isinstance(typed, str):
        raise _refusal(f"{column} is compared with a number, got {value!r}.", None)
    return Filter(column=column, operator=operator, value=typed)


def _canonical(name: str) -> str:
    if name.startswith("usage."):
        return "usage_" + name.removeprefix("usage.")
    return name


def _operator(word: str, text: str) -> Operator:
    for operator in OPERATORS:
        if operator == word:
            return operator
    if not word:
        raise _refusal(f"A filter reads column:operator:value, got {text!r}.", f"Operators are {', '.join(OPERATORS)}.")
    raise _refusal(f"There is no operator {word!r}.", _nearest(word, OPERATORS))


def _presence(column: str, operator: Operator, value: str) -> Filter:
    if not value:
        return Filter(column=column, operator=operator)
    if operator == "has" and column in {"tags", "finish_reasons"}:
        return Filter(column=column, operator=operator, value=value)
    raise _refusal(f"The operator {operator!r} takes no value for {column!r}, got {value!r}.", None)


def _value(column: str, form: FieldForm, value: str) -> str | int | float | bool:
    if form in {"score", "attribute"}:
        number = read_number(value)
        return value if number is None else number
    if form == "integer":
        return _integer(column, value)
    if form == "boolean":
        return _boolean(column, value)
    if form in _DIGITS and (len(value) != _DIGITS[form] or not _HEX.match(value)):
        raise _refusal(f"{column} has {_DIGITS[form]} hex digits, got {value!r}.", "Use contains for a part of it.")
    choices = BY_NAME[column].choices if column in BY_NAME else ()
    if choices and value not in choices:
        raise _refusal(f"{column} is one of {', '.join(choices)}; got {value!r}.", _nearest(value, choices))
    return value


def _integer(column: str, value: str) -> int:
    try:
        number = int(value)
    except ValueError:
        number = _INT64
    if not -_INT64 <= number < _INT64:
        raise _refusal(f"{column} is compared with a whole number of 64 bits, got {value!r}.", None)
    return number


def _boolean(column: str, value: str) -> bool:
    if value.lower() not in _BOOLEANS:
        raise _refusal(f"{column} is true or false, got {value!r}.", None)
    return _BOOLEANS[value.lower()]


def _nearest(word: str, known: Iterable[str]) -> str:
    options: Sequence[str] = list(known)
    close = difflib.get_close_matches(word, options, n=1, cutoff=0.5)
    return f"Did you mean {close[0]!r}?" if close else f"There are {', '.join(options)}."


def _refusal(message: str, hint: str | None) -> InvalidInput:
    return InvalidInput(message, field="filter", hint=hint, code="invalid_filter")
