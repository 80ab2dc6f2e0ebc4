"""Whether a span fits a search, asked of the span itself: what is exported may not be stored yet."""

import re
from collections.abc import Callable
from typing import Any, assert_never

import msgspec

from penstock.core.errors import InvalidInput
from penstock.store.spans.columns import USAGE
from penstock.store.spans.filters import Filter, Operator
from penstock.store.spans.tree import And, Node, Not, Or, Text
from penstock.wire.span import Span

__all__ = ["Matches", "matcher"]

Matches = Callable[[Span], bool]

_WORD = re.compile(r"\w+")
_COMPARED: dict[Operator, Callable[[Any, Any], bool]] = {
    "gt": lambda value, given: value > given,
    "gte": lambda value, given: value >= given,
    "lt": lambda value, given: value < given,
    "lte": lambda value, given: value <= given,
}


def matcher(node: Node | None) -> Matches:
    """A function that says whether a span fits.

    Raises:
        InvalidInput: the search asks for scores, which come after the span.
    """
    match node:
        case None:
            return lambda _: True
        case And():
            parts = [matcher(term) for term in node.terms]
            return lambda span: all(part(span) for part in parts)
        case Or():
            parts = [matcher(term) for term in node.terms]
            return lambda span: any(part(span) for part in parts)
        case Not():
            inner = matcher(node.term)
            return lambda span: not inner(span)
        case Text():
            return _text(node)
        case Filter():
            if node.column.startswith("score."):
                raise InvalidInput(
                    f"Spans are exported before they are scored, so {node.column} says nothing of them.", field="filter"
                )
            return _filter(node)
        case _:
            assert_never(node)


def _text(node: Text) -> Matches:
    words = [re.escape(word) for word in _WORD.findall(node.words)]
    pattern = re.compile(r"\b" + r"\W+".join(words) + ("" if node.prefix else r"\b"), re.IGNORECASE)

    def found(span: Span) -> bool:
        sides = (span.input if node.where != "output" else None, span.output if node.where != "input" else None)
        return any(side is not None and pattern.search(bytes(side).decode(errors="replace")) for side in sides)

    return found


def _filter(given: Filter) -> Matches:
    """Absent values fit no comparison but `ne` and `missing`."""
    fits = _comparison(given)
    if given.column != "model" or given.operator not in {"eq", "ne", "in", "like"}:
        return lambda span: fits(_value(span, given.column))
    every = all if given.operator == "ne" else any

    def of_any_provider(span: Span) -> bool:
        """`model:claude*` means the model whoever serves it, `model:anthropic/*` that provider's."""
        whole = _value(span, "model")
        return every(fits(value) for value in (whole, whole if whole is None else whole.rpartition("/")[2]))

    return of_any_provider


def _comparison(given: Filter) -> Callable[[Any], bool]:
    wanted, operator = given.value, given.operator

    def fits(value: Any) -> bool:  # noqa: PLR0911 - one for each operator
        absent = value is None or (isinstance(value, list | dict) and not value)
        if operator in {"has", "missing"} and not wanted:
            return absent == (operator == "missing")
        if isinstance(value, list | dict):
            return (wanted in value) != (operator in {"ne", "missing"})
        match operator:
            case "eq" | "has":
                return value == wanted
            case "ne" | "missing":
                return value != wanted
            case "in":
                return isinstance(wanted, list) and value in wanted
            case "contains":
                return not absent and str(wanted).lower() in str(value).lower()
            case "like":
                return not absent and _glob(str(wanted)).fullmatch(str(value)) is not None
            case "gt" | "gte" | "lt" | "lte":
                numbers = isinstance(value, int | float) and isinstance(wanted, int | float)
                return numbers and _COMPARED[operator](value, wanted)
            case _:
                assert_never(operator)

    return fits


def _glob(pattern: str) -> re.Pattern[str]:
    return re.compile(".*".join(re.escape(part) for part in pattern.split("*")), re.IGNORECASE | re.DOTALL)


def _value(span: Span, column: str) -> Any:
    if column.startswith("tags."):
        return span.tags.get(column[len("tags.") :])
    if column.startswith("attributes."):
        return _attribute(span, column[len("attributes.") :])
    if column == "usage_total":
        return sum(getattr(span, name) for name in USAGE)
    if column == "model":
        name = span.target_model or span.served_model or span.requested_model
        return name if name is None or span.provider is None else f"{span.provider}/{name}"
    value = getattr(span, column)
    return bytes(value).decode() if isinstance(value, msgspec.Raw) else value


def _attribute(span: Span, name: str) -> Any:
    """By OpenTelemetry's name; where there is none of it, dots lead into nested objects."""
    value: Any = msgspec.json.decode(span.attributes) if span.attributes is not None else {}
    if name in value:
        return value[name]
    for part in name.split("."):
        value = value.get(part) if isinstance(value, dict) else None  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType] - JSON
    return value  # pyright: ignore[reportUnknownVariableType] - JSON
