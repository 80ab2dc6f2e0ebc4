"""Cursors of lists in order of time: places as the control API gives them out."""

import re

from penstock.core.errors import InvalidInput
from penstock.store.spans.queries.traces import Place

__all__ = ["cursor_of", "invalid_cursor", "place_of"]

_CURSOR = re.compile(r"([0-9a-f]{1,16})-([0-9a-f]{1,16})(?:-(-?[0-9]{1,19}))?\Z")


def cursor_of(place: Place) -> str:
    """The place as text."""
    value = "" if place.value is None else f"-{place.value}"
    return f"{place.started:x}-{place.span:x}{value}"


def place_of(cursor: str | None) -> Place | None:
    """The place that a cursor names.

    Raises:
        InvalidInput: it is no cursor (`invalid_cursor`).
    """
    if cursor is None:
        return None
    match = _CURSOR.match(cursor)
    if match is None:
        raise invalid_cursor(cursor)
    value = None if match[3] is None else max(-(2**63), min(int(match[3]), 2**63 - 1))
    return Place(min(int(match[1], 16), 2**63 - 1), int(match[2], 16), value)


def invalid_cursor(cursor: str) -> InvalidInput:
    """What a cursor that no page gave out is answered with."""
    return InvalidInput(
        f"The cursor {cursor[:64]!r} was not given out by this list.",
        field="cursor",
        hint="Send `next_cursor` of the page before, or none.",
        code="invalid_cursor",
    )
