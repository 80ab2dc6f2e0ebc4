"""One condition of a search: a field, a comparison and what is written after it, as a tree."""

import fnmatch
import re
from collections.abc import Callable, Sequence

import msgspec

from penstock.core.errors import InvalidInput
from penstock.store.spans.filters import Filter, Operator
from penstock.store.spans.tree import And, Node, Not, Or, Text
from penstock.tracing.query.fields import Comparison, Field, nearest
from penstock.tracing.query.quantities import read_count, read_duration, read_money, read_number, read_time
from penstock.tracing.query.types import QueryError

__all__ = ["TRACE_ID", "Operand", "build", "is_label", "presence", "refused", "search"]

TRACE_ID = re.compile(r"[0-9a-fA-F]{32}\Z")
_HEX = re.compile(r"[0-9a-fA-F]+\Z")
_DIGITS = {"trace_id": 32, "fingerprint": 32, "span_id": 16, "parent_id": 16}
_HUNDRED = re.compile(r"([1-5])xx\Z", re.IGNORECASE)
_BOOLEANS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
_ORDERED: dict[str, Operator] = {">": "gt", ">=": "gte", "<": "lt", "<=": "lte"}
_LETTERS = re.compile(r"[^\W_]")
_EXPECTED = {
    "count": "a whole number, as 1200 or 10k",
    "duration": "a duration with its unit, as 250ms, 2s or 1m30s",
    "money": "an amount in dollars, as 0.01",
    "score": "a number, as 0.8 or 80%",
    "attribute": "a number, as 0.8 or 80%",
}
_READ: dict[str, Callable[[str], int | float | None]] = {
    "count": read_count,
    "duration": read_duration,
    "money": read_money,
    "score": read_number,
    "attribute": read_number,
}
Value = str | int | float | bool


class Operand(msgspec.Struct, frozen=True, kw_only=True):
    """One value as it is written."""

    text: str
    """Without its quotes."""
    start: int
    end: int
    quoted: bool = False
    more: bool = False
    """A `*` follows the quotes."""

    @property
    def wild(self) -> bool:
        return self.more or (not self.quoted and "*" in self.text)

    @property
    def pattern(self) -> str:
        return f"{self.text}*" if self.more else self.text

    def refuse(self, message: str, hint: str | None = None) -> QueryError:
        return QueryError(message, start=self.start, end=self.end, hint=hint)


def build(field: Field, comparison: Comparison, operands: Sequence[Operand]) -> Node:
    """The tree of a condition.

    Args:
        field: What is compared.
        comparison: One that the field takes.
        operands: At least one; several are alternatives.

    Raises:
        QueryError: a value is not what the field has.
    """
    if comparison in _ORDERED or comparison == "~":
        if len(operands) > 1:
            raise operands[1].refuse(f"{comparison} takes one value, got {len(operands)}")
        (operand,) = operands
        return _contains(field, operand) if comparison == "~" else _compared(field, comparison, operand)
    found = _alternatives(field, [_equal(field, operand) for operand in operands])
    if comparison != "!=":
        return found
    if isinstance(found, Filter) and found.operator == "eq":
        return Filter(column=field.name, operator="ne", value=found.value)
    return found.term if isinstance(found, Not) else Not(found)


def search(operand: Operand, where: str = "text") -> Node:
    """Text to look for, as it stands without a field. A trace's id finds the trace."""
    if where == "text" and not operand.quoted and TRACE_ID.match(operand.text):
        return Filter(column="trace_id", operator="eq", value=operand.text.lower())
    words, prefix = operand.text, operand.more
    if not operand.quoted:
        prefix = words.endswith("*")
        words = words.removesuffix("*")
        if "*" in words:
            raise operand.refuse(
                "In words to search for, a * stands at the end only", "Put the text in quotes to find a *."
            )
    if _LETTERS.search(words) is None:
        raise operand.refuse(
            f"There is no word in {operand.text[:64]!r}",
            "A search finds letters and digits; what is between is skipped.",
        )
    if prefix and _LETTERS.match(words[-1]) is None:
        raise operand.refuse("A * follows a letter or a digit", 'As in refun* or "order refun"*.')
    if where == "input":
        return Text(words=words, prefix=prefix, where="input")
    if where == "output":
        return Text(words=words, prefix=prefix, where="output")
    return Text(words=words, prefix=prefix)


def _alternatives(field: Field, terms: list[Node]) -> Node:
    """Any of these; plain values of one field become one condition."""
    values: list[Value] = []
    others: list[Node] = []
    for term in terms:
        if isinstance(term, Filter) and term.operator == "eq" and type(term.value) is not bool:
            if term.value not in values:
                values.append(term.value)  # type: ignore[arg-type] - of `eq` it is one value
        elif isinstance(term, Filter) and term.operator == "in":
            values += [value for value in term.value if value not in values]  # type: ignore[union-attr] - of `in` it is a list
        elif isinstance(term, Or):
            others += [one for one in term.terms if one not in others]
        elif term not in others:
            others.append(term)
    kinds = {type(value) for value in values}
    if len(values) == 1 or len(kinds) > 1:
        others = [*(Filter(column=field.name, operator="eq", value=value) for value in values), *others]  # type: ignore[arg-type] - a score's numbers and labels
    elif values:
        others = [Filter(column=field.name, operator="in", value=values), *others]  # type: ignore[arg-type] - of one kind
    return others[0] if len(others) == 1 else Or(tuple(others))


def _equal(field: Field, operand: Operand) -> Node:
    if not operand.quoted and operand.text == "*" and field.values != "words":
        return Filter(column=field.name, operator="has")
    return _EQUAL[field.values](field, operand)


def _matches(field: Field, operand: Operand) -> Filter:
    if operand.wild:
        return Filter(column=field.name, operator="like", value=operand.pattern)
    return _eq(field, operand.text)


def _words(field: Field, operand: Operand) -> Node:
    return search(operand, field.name)


def _named(field: Field, operand: Operand) -> Filter:
    return Filter(column=field.name, operator="has", value=_some(operand))


def _eq(field: Field, value: Value) -> Filter:
    return Filter(column=field.name, operator="eq", value=value)


def _some(operand: Operand) -> str:
    if not operand.text:
        raise operand.refuse("A value is missing between the quotes")
    return operand.text


def _contains(field: Field, operand: Operand) -> Node:
    value = _some(operand)
    if field.name == "text":
        return Or(tuple(Filter(column=name, operator="contains", value=value) for name in ("input", "output")))
    return Filter(column=field.name, operator="contains", value=value)


def _choice(field: Field, operand: Operand) -> Node:
    given = operand.text.lower()
    if operand.wild:
        fitting = fnmatch.filter(field.choices, operand.pattern.lower().replace("[", "[[]").replace("?", "[?]"))
    else:
        fitting = [choice for choice in field.choices if choice == given]
    if not fitting:
        raise operand.refuse(
            f"{field.name} is one of {', '.join(field.choices)}; got {operand.text[:64]!r}",
            nearest(given, field.choices),
        )
    if len(fitting) == 1:
        return _eq(field, fitting[0])
    return Filter(column=field.name, operator="in", value=fitting)


def _boolean(field: Field, operand: Operand) -> Filter:
    if operand.text.lower() not in _BOOLEANS:
        raise operand.refuse(f"{field.name} is true or false; got {operand.text[:64]!r}")
    return _eq(field, _BOOLEANS[operand.text.lower()])


def _identifier(field: Field, operand: Operand) -> Filter:
    digits = _DIGITS[field.name]
    if len(operand.text) != digits or not _HEX.match(operand.text):
        raise operand.refuse(
            f"{field.name} has {digits} hex digits; got {operand.text[:64]!r}",
            f"For a part of it write {field.name}~PART.",
        )
    return _eq(field, operand.text.lower())


def _quantity(field: Field, operand: Operand) -> Node:
    if field.values in {"score", "attribute"} and is_label(operand):
        return _label(field, operand)
    low, dots, high = operand.text.partition("..")
    if dots and (low or high):
        return _range(field, operand, low, high)
    hundred = _HUNDRED.match(operand.text)
    if hundred and field.name == "http_status":
        first = int(hundred[1]) * 100
        since = Filter(column=field.name, operator="gte", value=first)
        return And((since, Filter(column=field.name, operator="lt", value=first + 100)))
    return _eq(field, _read(field, operand))


def _range(field: Field, operand: Operand, low: str, high: str) -> Node:
    start = operand.start + len(low) + 2
    first = _read(field, Operand(text=low, start=operand.start, end=operand.start + len(low))) if low else None
    last = _read(field, Operand(text=high, start=start, end=start + len(high))) if high else None
    if first is None:
        return Filter(column=field.name, operator="lte", value=last)
    since = Filter(column=field.name, operator="gte", value=first)
    if last is None:
        return since
    if first > last:
        raise operand.refuse(f"The range {operand.text[:64]!r} ends before it begins")
    return And((since, Filter(column=field.name, operator="lte", value=last)))


def is_label(operand: Operand) -> bool:
    """Whether a value of a score or an attribute is text, not a number or a range of them."""
    return operand.quoted or (read_number(operand.text) is None and not _is_range(operand.text))


def _is_range(text: str) -> bool:
    ends = [end for end in text.split("..") if end]
    return ".." in text and bool(ends) and all(read_number(end) is not None for end in ends)


def _label(field: Field, operand: Operand) -> Filter:
    """A value that is no number: yes and no, or text."""
    if operand.wild:
        return Filter(column=field.name, operator="like", value=operand.pattern)
    word = operand.text.lower()
    if not operand.quoted and word in {"true", "false"}:
        # Of a score 1 and 0 stand for it; of an attribute it is JSON's.
        return _eq(field, float(word == "true") if field.values == "score" else word == "true")
    return _eq(field, _some(operand))


def _compared(field: Field, comparison: str, operand: Operand) -> Node:
    if field.values == "time":
        first, end = _moment(field, operand)
        # After a day is from the next one on; not after it is before the next one.
        if comparison in {">", ">="}:
            return Filter(column=field.name, operator="gte", value=end if comparison == ">" else first)
        return Filter(column=field.name, operator="lt", value=first if comparison == "<" else end)
    return Filter(column=field.name, operator=_ORDERED[comparison], value=_read(field, operand))


def _time_range(field: Field, operand: Operand) -> Node:
    low, dots, high = operand.text.partition("..")
    if not dots:
        first, end = _moment(field, operand)
    else:
        first = _moment(field, Operand(text=low, start=operand.start, end=operand.start + len(low)))[0] if low else None
        start = operand.start + len(low) + 2
        end = _moment(field, Operand(text=high, start=start, end=start + len(high)))[1] if high else None
    if first is not None and end is not None:
        if first >= end:
            raise operand.refuse(f"The range {operand.text[:64]!r} ends before it begins")
        since = Filter(column=field.name, operator="gte", value=first)
        return And((since, Filter(column=field.name, operator="lt", value=end)))
    if first is not None:
        return Filter(column=field.name, operator="gte", value=first)
    if end is not None:
        return Filter(column=field.name, operator="lt", value=end)
    raise operand.refuse("A range has a beginning, an end, or both")


def _moment(field: Field, operand: Operand) -> tuple[int, int]:
    found = read_time(operand.text)
    if found is None:
        raise operand.refuse(
            f"{field.name} is compared with a date or a time; got {operand.text[:64]!r}",
            "As in 2026-11-01, 2026-11-01T10:30Z or 2026-11-01..2026-11-08.",
        )
    return found


def _read(field: Field, operand: Operand) -> int | float:
    value = _READ[field.values](operand.text)
    if value is None:
        hint = None
        if field.values == "duration" and operand.text.replace(".", "", 1).isdecimal():
            hint = f"Say which unit: {operand.text}s or {operand.text}ms?"
        raise operand.refuse(
            f"{field.name} is compared with {_EXPECTED[field.values]}; got {operand.text[:64]!r}", hint
        )
    return value


def presence(word: str, given: Field, operand: Operand) -> Filter:
    """`has` or `missing` of a field."""
    if given.values == "words" and given.name == "text":
        raise operand.refuse(f"{word}: takes input or output, not text")
    return Filter(column=given.name, operator="has" if word == "has" else "missing")


def refused(error: InvalidInput, *, start: int, end: int) -> QueryError:
    """The same refusal, with its place."""
    return QueryError(error.message, start=start, end=end, hint=error.hint)


_EQUAL: dict[str, Callable[[Field, Operand], Node]] = {
    "text": _matches,
    "choice": _choice,
    "boolean": _boolean,
    "time": _time_range,
    "words": _words,
    "json": _contains,
    "names": _named,
    "id": _identifier,
    "count": _quantity,
    "score": _quantity,
    "attribute": _quantity,
    "duration": _quantity,
    "money": _quantity,
}
