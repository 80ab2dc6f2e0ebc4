"""What may come next while a search is written: names of fields, comparisons, values that were observed."""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Final, Literal

import msgspec

from penstock.core.errors import InvalidInput
from penstock.store.spans.types import Facet
from penstock.tracing.query.fields import FIELDS, PREFIXES, Field, field_of
from penstock.tracing.query.parser import MAX_LENGTH, parse
from penstock.tracing.query.text import quote, write_name, write_value
from penstock.tracing.query.types import Fault, QueryError

__all__ = ["Completion", "Expected", "Observed", "Suggestion", "complete"]

MOST: Final = 20
Expected = Literal["field", "value", "none"]
Observed = Callable[[str], Sequence[Facet]]
"""Values of a field and how often they were seen, the most frequent first; none for a field without a list."""

_NAME = r'[A-Za-z_]\w*(?:\."(?:[^"\\]|\\.)*"|\.[\w\-/@$.]+)?'
_VALUE_AT_END = re.compile(
    rf"(?:^|[\s(\-])(?P<name>{_NAME})\s*(?P<sign>!=|>=|<=|[:=<>~])\s*"
    r'(?:\((?:[^()"]|"(?:[^"\\]|\\.)*")*?\s*|(?:[^\s()",]+,)*)(?P<given>[^\s()",]*)\Z'
)
_NAME_AT_END = re.compile(r"(?:^|[\s(\-])(?P<given>(?:[A-Za-z_][\w\-/@$.]*)?)\Z")
_REST = re.compile(r'[^\s()",]*')
_REST_OF_NAME = re.compile(r"[\w\-/@$.]*")
_SIGN = re.compile(r"\s*(?:!=|>=|<=|[:=<>~])")
_FIRST = (
    "status", "model", "kind", "route", "duration", "cost", "usage_total", "user", "session", "key", "error_type",
    "name",
)  # fmt: skip
"""Fields that people ask for most."""
_PRESENCE = frozenset({"has", "missing"})
_NUMBER = re.compile(r"\d+(?:\.\d+)?\Z")
_UNITS: dict[str, tuple[str, ...]] = {"duration": ("ms", "s", "m", "h"), "count": ("", "k", "M")}


class Suggestion(msgspec.Struct, frozen=True, kw_only=True):
    label: str
    """For people."""
    insert: str
    """What to put from `start` to `end`."""
    about: str | None = None
    count: int | None = None
    """Of a value: how many calls had it."""


class Completion(msgspec.Struct, frozen=True, kw_only=True):
    start: int
    """Characters before what is replaced."""
    end: int
    expected: Expected
    items: list[Suggestion]
    """The likeliest first, at most twenty."""
    fault: Fault | None
    """What is wrong with the search as it stands; None when it can be asked."""


class _Place(msgspec.Struct, frozen=True):
    """Where the cursor stands."""

    given: str
    """What is written already of what is to be completed."""
    start: int
    quoted: bool = False
    field: str | None = None
    """Whose value it is; None where a condition begins."""
    compared: bool = False
    """A comparison follows already."""


def complete(text: str, cursor: int, *, observed: Observed) -> Completion:
    """What may stand at the cursor.

    Args:
        text: The search as far as it is written.
        cursor: Characters before the cursor; what is after it stays.
        observed: Looks up values.

    Raises:
        InvalidInput: the text is too long.
        Unavailable: `observed` cannot look.
    """
    if len(text) > MAX_LENGTH:
        raise InvalidInput(f"A search has at most {MAX_LENGTH} characters, got {len(text)}.", field="q")
    cursor = min(max(cursor, 0), len(text))
    place = _place(text[:cursor])
    if place is None:
        return Completion(start=cursor, end=cursor, expected="none", items=[], fault=_fault(text))
    rest = _REST_OF_NAME if place.field is None else _REST
    end = cursor + len(rest.match(text, cursor)[0])  # type: ignore[index] - it matches nothing, too
    if place.quoted and text[end : end + 1] == '"':
        end += 1
    if _SIGN.match(text, end):
        place = msgspec.structs.replace(place, compared=True)
    found = _fields(place, observed) if place.field in {None, *_PRESENCE} else _values(place, observed)
    return Completion(
        start=place.start,
        end=end,
        expected="field" if place.field is None else "value",
        items=list(islice(found, MOST)),
        fault=_fault(text),
    )


def _place(before: str) -> _Place | None:
    opened = _open_quote(before)
    if opened is not None:
        found = _VALUE_AT_END.search(before[:opened])
        if found is None or found["given"]:
            return None
        return _Place(before[opened + 1 :], opened, quoted=True, field=_name(found["name"]))
    found = _VALUE_AT_END.search(before)
    if found is not None:
        return _Place(found["given"], found.start("given"), field=_name(found["name"]))
    found = _NAME_AT_END.search(before)
    return None if found is None else _Place(found["given"], found.start("given"))


def _name(written: str) -> str:
    return written.lower() if written.lower() in _PRESENCE else written


def _open_quote(text: str) -> int | None:
    """Where the quote begins that the end of the text lies in."""
    opened: int | None = None
    index = 0
    while index < len(text):
        if text[index] == "\\" and opened is not None:
            index += 1
        elif text[index] == '"':
            opened = index if opened is None else None
        index += 1
    return opened


def _fields(place: _Place, observed: Observed) -> Iterator[Suggestion]:
    given = place.given.lower()
    sign = ":" if place.field is None and not place.compared else ""
    for prefix, column in (("tags.", "tags"), ("tag.", "tags"), ("score.", "score"), ("scores.", "score")):
        if given.startswith(prefix):
            canonical = "tags." if column == "tags" else "score."
            rest = given.removeprefix(prefix)
            for facet in _fitting(observed(column), rest):
                name = write_name(canonical + str(facet.value))
                yield Suggestion(label=name, insert=name + sign, count=facet.count)
            return
    if place.field is None and given:
        for word in _PRESENCE:
            if word.startswith(given):
                yield Suggestion(label=f"{word}:", insert=f"{word}:", about=f"a field {_SAYS[word]}")
    fields = [field for field in FIELDS.values() if place.field is None or field.name != "text"]
    for field in _by_name(fields, given):
        mark = ">" if sign and ">" in field.operators else sign
        yield Suggestion(label=field.name, insert=field.name + mark, about=field.about)
    for prefix in PREFIXES:
        if prefix.startswith(given):
            yield Suggestion(label=prefix, insert=prefix, about=f"{field_of(prefix + 'x').about} by its name")


_SAYS = {"has": "that is there", "missing": "that is not there"}


def _by_name(fields: Iterable[Field], given: str) -> Iterator[Field]:
    """Those that begin so, then those of which an alias does, then those that contain it."""

    def rank(field: Field) -> int | None:
        if field.name.startswith(given):
            return 0
        if any(alias.startswith(given) for alias in field.aliases):
            return 1
        return 2 if given in field.name else None

    likeliest = sorted(fields, key=lambda field: _FIRST.index(field.name) if field.name in _FIRST else len(_FIRST))
    ranked = [(rank(field), place, field) for place, field in enumerate(likeliest)]
    known = [(order, place, field) for order, place, field in ranked if order is not None]
    return (field for _, _, field in sorted(known, key=lambda one: one[:2]))


def _values(place: _Place, observed: Observed) -> Iterator[Suggestion]:
    try:
        field = field_of((place.field or "").replace('."', ".").removesuffix('"'))
    except InvalidInput:
        return
    fixed: Sequence[str] = field.choices or (("true", "false") if field.values == "boolean" else ())
    if fixed:
        for choice in fixed:
            if choice.startswith(place.given.lower()):
                yield Suggestion(label=choice, insert=choice)
        return
    if field.values in _UNITS and _NUMBER.match(place.given):
        for unit in _UNITS[field.values]:
            yield Suggestion(label=place.given + unit, insert=place.given + unit)
        return
    for facet in _fitting(observed(field.name), place.given.lower()):
        value = str(facet.value)
        yield Suggestion(label=value, insert=quote(value) if place.quoted else write_value(value), count=facet.count)


def _fitting(facets: Iterable[Facet], given: str) -> Iterator[Facet]:
    """Those that begin so, then those that contain it."""
    known = [facet for facet in facets if facet.value]
    first = [facet for facet in known if str(facet.value).lower().startswith(given)]
    yield from first
    yield from (facet for facet in known if facet not in first and given in str(facet.value).lower())


def _fault(text: str) -> Fault | None:
    try:
        parse(text)
    except QueryError as error:
        return error.fault
    return None
