"""A tree as text of the language: what `parse` gives the same tree for."""

import re
from collections.abc import Callable
from typing import assert_never

from penstock.store.spans.filters import Filter
from penstock.store.spans.tree import And, Node, Not, Or, Text
from penstock.tracing.query.conditions import TRACE_ID, Operand, is_label
from penstock.tracing.query.fields import PREFIXES, field_of
from penstock.tracing.query.quantities import write_duration, write_money, write_number, write_time

__all__ = ["to_text", "write_name", "write_value"]

_PLAIN = re.compile(r"[^\s()\",*]+\Z")
_WORD = re.compile(r"[^\W\d_][^\W_]*\Z")
_KEY = re.compile(r"[\w\-/@$.]+\Z")
_KEYWORDS = frozenset({"or", "and", "not"})
_COMPARISONS = {"eq": ":", "ne": "!=", "gt": ">", "gte": ">=", "lt": "<", "lte": "<=", "contains": "~"}
_WRITTEN: dict[str, Callable[[int], str]] = {
    "duration": write_duration,
    "money": write_money,
    "time": write_time,
}


def to_text(node: Node | None) -> str:
    """In canonical form: fields by their own names, `and` left out, `-` for not, lists in parentheses."""
    return "" if node is None else _text(node)


def _text(node: Node) -> str:
    match node:
        case And(terms):
            return " ".join(_within(term, And, Or) for term in terms)
        case Or(terms):
            return " or ".join(_within(term, Or) for term in terms)
        case Not(term):
            return f"-{_within(term, And, Or, Not)}"
        case Text():
            return _search(node)
        case Filter():
            return _condition(node)
        case _ as never:
            assert_never(never)


def _within(node: Node, *parenthesised: type[And] | type[Or] | type[Not]) -> str:
    text = _text(node)
    return f"({text})" if isinstance(node, parenthesised) else text


def _search(node: Text) -> str:
    plain = _WORD.match(node.words) and node.words.lower() not in _KEYWORDS and not TRACE_ID.match(node.words)
    words = node.words if plain else quote(node.words)
    field = "" if node.where == "either" else f"{node.where}:"
    return f"{field}{words}{'*' if node.prefix else ''}"


def _condition(node: Filter) -> str:
    name = write_name(node.column)
    values = field_of(node.column).values
    if values == "names" and node.value is not None and node.operator == "has":
        return f"{name}:{write_value(str(node.value))}"
    if node.operator in {"has", "missing"}:
        return f"{node.operator}:{name}"
    if node.operator == "like":
        pattern = str(node.value)
        plain = _PLAIN.match(pattern.replace("*", "")) or not pattern.strip("*")
        return f"{name}:{pattern}" if plain else f"{name}:{quote(pattern.removesuffix('*'))}*"
    if node.operator == "in":
        options: list[object] = list(node.value) if isinstance(node.value, list) else [node.value]
        return f"{name}:({', '.join(_written(values, option) for option in options)})"
    if values == "time" and node.operator in {"gt", "lte"} and isinstance(node.value, int):
        # A date means all of the day; an instant is written as the end of what is before it.
        return f"{name}{'>=' if node.operator == 'gt' else '<'}{write_time(node.value + 1)}"
    return f"{name}{_COMPARISONS[node.operator]}{_written(values, node.value)}"


def _written(values: str, value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return _WRITTEN[values](int(value)) if values in _WRITTEN else write_number(value)
    text = str(value)
    if values in {"score", "attribute"} and (text.lower() in {"true", "false"} or not is_label(_bare(text))):
        return quote(text)
    return write_value(text)


def _bare(text: str) -> Operand:
    return Operand(text=text, start=0, end=0)


def write_name(column: str) -> str:
    """A field's name; what follows `tags.` and the like in quotes when it has other signs than names have."""
    for prefix in PREFIXES:
        if column.startswith(prefix):
            rest = column.removeprefix(prefix)
            return column if _KEY.match(rest) else prefix + quote(rest)
    return column


def write_value(text: str) -> str:
    """A value, in quotes when it needs them."""
    return text if _PLAIN.match(text) else quote(text)


def quote(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
