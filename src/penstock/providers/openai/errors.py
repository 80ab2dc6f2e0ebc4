"""OpenAI's error object, read from upstream answers of whichever compatible server."""

import contextlib
from collections.abc import Mapping
from typing import Any, Final, cast

import msgspec

from penstock.core.errors import UpstreamError
from penstock.providers.failures import JSON_ERRORS, MAX_KEPT_BODY, from_status

__all__ = ["error", "error_message", "stream_error"]

_PASSING: Final = frozenset(
    {"overloaded_error", "rate_limit_exceeded", "rate_limit_error", "server_error", "api_error", "internal_error"}
)
"""Codes and types of errors that may be gone on the next try."""
_MESSAGE_MEMBERS: Final = ("error", "message", "detail", "msg")
_MAX_DEPTH: Final = 8


def error(status: int, headers: Mapping[str, str], body: bytes, /) -> UpstreamError:
    """A non-2xx answer as an error. Header names are lower case."""
    return from_status(status, headers, body, message=error_message(body))


def error_message(body: bytes) -> str | None:
    """What the error object says: OpenAI's, FastAPI's `detail`, or a bare `message`."""
    try:
        value: Any = msgspec.json.decode(body)
    except JSON_ERRORS:
        return None
    return _message(value)


def stream_error(raw: bytes | msgspec.Raw) -> UpstreamError:
    """An error that came as an event of a stream which had begun with 200.

    `raw` is the error object, or what stood in its place.
    """
    value: Any = None
    with contextlib.suppress(*JSON_ERRORS):
        value = msgspec.json.decode(raw)
    members = cast("dict[str, Any]", value) if isinstance(value, dict) else {}
    status = _status(members)
    body = msgspec.json.encode({"error": value})[:MAX_KEPT_BODY]
    if status is not None:
        return from_status(status, {}, body, message=_message(value))
    return UpstreamError(
        _message(value) or "The upstream broke off its stream with an error that has no message.",
        code="upstream_stream_error",
        body=body,
        retryable=_may_pass(members),
    )


def _status(members: dict[str, Any]) -> int | None:
    """The HTTP status that the error object names, if any."""
    for name in ("code", "status"):
        status = members.get(name)
        if isinstance(status, int) and not isinstance(status, bool) and 400 <= status < 600:
            return status
    return None


def _may_pass(members: dict[str, Any]) -> bool:
    """True when the error may be gone on the next try; one that says nothing may."""
    kinds = {kind for kind in (members.get("code"), members.get("type")) if isinstance(kind, str)}
    return not kinds or bool(kinds & _PASSING)


def _message(value: Any, depth: int = 0) -> str | None:
    if isinstance(value, str):
        return value or None
    if depth >= _MAX_DEPTH:
        return None
    if isinstance(value, list):
        # FastAPI's list of complaints.
        texts = [_message(item, depth + 1) for item in cast("list[Any]", value)]
        return "; ".join(text for text in texts if text) or None
    if isinstance(value, dict):
        members = cast("dict[str, Any]", value)
        texts = [_message(members[name], depth + 1) for name in _MESSAGE_MEMBERS if name in members]
        return next((text for text in texts if text), None)
    return None
