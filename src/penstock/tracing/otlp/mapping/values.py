"""Reading attributes: each function takes what it reads away, so that what is left is what nothing understood."""

import re
from collections.abc import Iterable
from typing import Any, cast

import msgspec

from penstock.tracing.otlp.types import Attributes

__all__ = ["encode", "json_of", "listed", "number", "take", "text", "texts", "token_count"]

MAX_DEPTH = 32
"""Of JSON that stands in an attribute's text; deeper is kept as the text it is."""
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
    if not data or data[0] not in '[{"':
        return data
    try:
        value = _decode(data)
    except (msgspec.MsgspecError, UnicodeEncodeError, RecursionError):
        return data
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


def listed(attributes: Attributes, pattern: re.Pattern[str]) -> dict[str, list[Attributes]]:
    """Lists that were flattened to names: `<prefix>.<number>.<rest>` = value.

    Args:
        attributes: What is found is taken away.
        pattern: Matches such a name; its groups are prefix, number and rest.

    Returns:
        By prefix, the entries in the order of their numbers; each a dictionary by `rest`.
    """
    found: dict[str, dict[int, Attributes]] = {}
    match = pattern.fullmatch
    for name in list(attributes):
        matched = match(name)
        if matched is not None:
            prefix, index, rest = matched.groups()
            found.setdefault(prefix, {}).setdefault(int(index), {})[rest] = attributes.pop(name)
    return {prefix: [entries[index] for index in sorted(entries)] for prefix, entries in found.items()}
