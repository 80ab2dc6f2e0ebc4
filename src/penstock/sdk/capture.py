"""Values of a program as text of bounded size, for what a function was given and what it returned."""

import dataclasses
import logging
import math
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from datetime import date, time, timedelta
from decimal import Decimal
from enum import Enum
from pathlib import PurePath
from typing import Any, cast
from uuid import UUID

import msgspec

__all__ = ["describe", "describe_arguments"]

logger = logging.getLogger("penstock")

MAX_DEPTH = 8
MAX_ITEMS = 200
"""Members of one container."""
CUT = "…"
HIDDEN = "[hidden]"
SECRET_NAMES = frozenset(
    {
        "access_token",
        "api_key",
        "apikey",
        "auth_token",
        "authorization",
        "client_secret",
        "passwd",
        "password",
        "refresh_token",
        "secret",
    }
)
"""Arguments and members of these names are never captured."""
_PLAIN_TEXT = (date, time, timedelta, Decimal, UUID, PurePath)


def describe(value: object, limit: int) -> tuple[str, str]:
    """A value as text, and its media type: a text as it is, all else as JSON. Both are cut at about `limit`.

    Costs time in proportion to `limit`, however large the value is, and never raises.
    """
    if isinstance(value, str):
        return _cut(value, limit), "text/plain"
    return _encode(_Walk(limit).plain(value, 0)), "application/json"


def describe_arguments(arguments: Mapping[str, object], limit: int) -> tuple[str, str]:
    """Arguments by name as a JSON object, cut at about `limit`."""
    return _encode(_Walk(limit).plain(arguments, 0)), "application/json"


def _encode(value: Any) -> str:
    # Lone surrogates of a text cannot be sent; nothing else of what `plain` gives can fail.
    try:
        return msgspec.json.encode(value).decode()
    except UnicodeEncodeError:
        return ascii(value)


def _cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: max(0, limit)] + CUT


class _Walk:
    """Goes through a value until its budget of characters is spent."""

    def __init__(self, limit: int) -> None:
        self._left = limit

    def plain(self, value: object, depth: int) -> Any:
        """What JSON can hold of a value."""
        if value is None or isinstance(value, bool | int | float):
            return self._scalar(value)
        if isinstance(value, str):
            return self._text(value)
        if isinstance(value, Enum):
            return self.plain(value.value, depth)
        if isinstance(value, bytes | bytearray):
            return self._text(f"<{len(value)} bytes>")
        if isinstance(value, _PLAIN_TEXT):
            return self._text(str(value))
        return CUT if depth >= MAX_DEPTH or self._left <= 0 else self._container(value, depth)

    def _container(self, value: object, depth: int) -> Any:
        if isinstance(value, Mapping):
            return self._members(cast("Mapping[object, object]", value), depth)
        if isinstance(value, list | tuple | AbstractSet):
            return self._elements(cast("list[object]", value), depth)
        members = _fields(value)
        if members is not None:
            return self._members(members, depth)
        return self._text(_representation(value, self._left))

    def _members(self, members: Mapping[object, object], depth: int) -> dict[str, Any]:
        result: dict[str, Any] = {}
        for number, (key, member) in enumerate(members.items()):
            if number >= MAX_ITEMS or self._left <= 0:
                result[CUT] = f"{len(members) - number} more"
                break
            name = self._text(key if isinstance(key, str) else str(self.plain(key, MAX_DEPTH)))
            result[name] = HIDDEN if name.lower() in SECRET_NAMES else self.plain(member, depth + 1)
        return result

    def _elements(self, elements: "list[object] | AbstractSet[object]", depth: int) -> list[Any]:
        result: list[Any] = []
        for number, element in enumerate(elements):
            if number >= MAX_ITEMS or self._left <= 0:
                result.append(f"{CUT} {len(elements) - number} more")
                break
            result.append(self.plain(element, depth + 1))
        return result

    def _scalar(self, value: float | None) -> int | float | str | None:
        self._left -= 8
        if isinstance(value, float) and not math.isfinite(value):
            return str(value)
        # JSON's readers hold 64 bits; longer ones stay exact as text, and Python refuses to print the longest.
        if isinstance(value, int) and value.bit_length() > 63:
            return self._text(hex(value) if value.bit_length() <= 4096 else f"<integer of {value.bit_length()} bits>")
        return value

    def _text(self, text: str) -> str:
        text = _cut(text, self._left)
        self._left -= len(text) + 2
        return text


def _fields(value: object) -> "Mapping[object, object] | None":
    """Members of a record; None for what is none. Looks at data only: no property or method of the value runs."""
    kind: Any = type(value)
    if dataclasses.is_dataclass(kind):
        names = [field.name for field in dataclasses.fields(kind) if field.repr]
    elif isinstance(value, msgspec.Struct):
        names = list(value.__struct_fields__)
    elif hasattr(kind, "model_fields") and hasattr(kind, "model_dump"):
        # A Pydantic model: its fields lie in its dictionary.
        names = list(vars(value))
    else:
        return None
    missing = object()
    pairs = ((name, getattr(value, name, missing)) for name in names)
    return {name: member for name, member in pairs if member is not missing}


def _representation(value: object, limit: int) -> str:
    try:
        return _cut(repr(value), limit)
    except Exception:
        # The boundary: `__repr__` is anybody's code, and looking at a value must not break the program.
        logger.debug("repr() of a %s failed", type(value).__name__, exc_info=True)
        return f"<{type(value).__name__}>"
