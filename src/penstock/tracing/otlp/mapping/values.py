"""Reading attributes: each function takes what it reads away, so that what is left is what nothing understood."""

import functools
import re
from collections.abc import Callable, Iterable
from typing import Any, cast

import msgspec

from penstock.tracing.otlp.types import Attributes

__all__ = [
    "encode",
    "json_of",
    "json_unbounded",
    "json_within",
    "listed",
    "number",
    "places",
    "take",
    "text",
    "texts",
    "token_count",
]

MAX_DEPTH = 32
"""Of JSON that stands in an attribute's text; deeper is kept as the text it is."""
KNOWN_NAMES = 4096
"""Names of entries of lists whose place is remembered; senders choose them, so the number is bounded."""
MAX_KNOWN_NAME = 200
"""Characters of such a name."""
_UINT63 = 2**63
_decode = msgspec.json.Decoder().decode
encode = msgspec.json.Encoder().encode


def take(attributes: Attributes, *names: str) -> Any:
    """The value of the first name that has one; taken away with all that say the same. None when there is none."""
    found: Any = None
    for name in names:
        value = attributes.get(name)
        if value is None:
            continue
        if found is None:
            found = value
        elif value != found:
            continue
        del attributes[name]
    return found


def text(attributes: Attributes, *names: str) -> str | None:
    """As `take`, for text that is not empty."""
    found: str | None = None
    for name in names:
        value = attributes.get(name)
        if not value or not isinstance(value, str):
            continue
        if found is None:
            found = value
        elif value != found:
            continue
        del attributes[name]
    return found


def texts(attributes: Attributes, *names: str) -> list[str]:
    """A list of texts; one text is a list of one."""
    value = take(attributes, *names)
    if isinstance(value, str):
        parsed = json_of(value) if value.startswith("[") else value
        value = cast("object", parsed)
    if isinstance(value, list):
        return [str(each) for each in cast("list[Any]", value) if each is not None]
    return [] if value is None else [str(value)]


def number(attributes: Attributes, *names: str) -> float | None:
    """A finite number that is not negative, or text that is one."""
    for name in names:
        value = attributes.get(name)
        if value is None or isinstance(value, bool):
            continue
        try:
            found = float(value)
        except (TypeError, ValueError, OverflowError):
            continue
        if 0 <= found < _UINT63:
            del attributes[name]
            return found
    return None


def token_count(value: object) -> int | None:
    """A number of tokens, whatever type it came as."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value if 0 <= value < _UINT63 else None
    if isinstance(value, float):
        return int(value) if 0 <= value < _UINT63 and value.is_integer() else None
    if isinstance(value, str) and len(value) <= 18 and value.isascii() and value.isdigit():
        return int(value)
    return None


def json_of(data: str) -> Any:
    """The JSON value of a text; the text itself when it is none, or is nested too deeply."""
    return json_within(data, json_unbounded(data))


def json_unbounded(data: str) -> Any:
    """As `json_of`, however deeply it is nested."""
    if not data or data[0] not in '[{"':
        return data
    try:
        return _decode(data)
    except (msgspec.MsgspecError, UnicodeEncodeError, RecursionError):
        return data


def json_within(data: str, value: Any) -> Any:
    """The JSON value of a text when it is not nested too deeply, else the text."""
    # Counting brackets is quick, and bounds the depth; only many need a closer look.
    if data.count("[") + data.count("{") > MAX_DEPTH and _depth_over(value, MAX_DEPTH):
        return data
    return value


def _depth_over(value: object, allowed: int) -> bool:
    if isinstance(value, list):
        parts: Iterable[object] = cast("list[object]", value)
    elif isinstance(value, dict):
        parts = cast("dict[str, object]", value).values()
    else:
        return False
    return allowed == 0 or any(_depth_over(part, allowed - 1) for part in parts)


Place = tuple[str, int, str]
"""Prefix, number and rest of the name of an entry in a list that was flattened: `<prefix>.<number>.<rest>`."""


def places(pattern: str) -> Callable[[str], Place | None]:
    """What tells the place that a name has; None for a name of something else.

    Args:
        pattern: Matches such names; its groups are prefix, number and rest.
    """
    match = re.compile(pattern, re.DOTALL).fullmatch

    def place(name: str) -> Place | None:
        matched = match(name)
        return None if matched is None else (matched[1], int(matched[2]), matched[3])

    known = functools.lru_cache(KNOWN_NAMES)(place)
    return lambda name: known(name) if len(name) <= MAX_KNOWN_NAME else place(name)


def listed(attributes: Attributes, place: Callable[[str], Place | None]) -> dict[str, list[Attributes]]:
    """Lists that were flattened to names.

    Args:
        attributes: What is found is taken away.
        place: Made by `places`.

    Returns:
        By prefix, the entries in the order of their numbers; each a dictionary by `rest`.
    """
    found: dict[str, dict[int, Attributes]] = {}
    for name in list(attributes):
        found_at = place(name)
        if found_at is not None:
            prefix, index, rest = found_at
            entries = found.get(prefix)
            if entries is None:
                entries = found[prefix] = {}
            entry = entries.get(index)
            if entry is None:
                entry = entries[index] = {}
            entry[rest] = attributes.pop(name)
    return {prefix: [entries[index] for index in sorted(entries)] for prefix, entries in found.items()}
