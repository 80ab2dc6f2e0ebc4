"""Errors as the caller's dialect words them (FAILURES G15, G16)."""

from typing import Any, Final

import msgspec

from penstock.core.errors import PenstockError, UpstreamError
from penstock.providers.anthropic.errors import encode_error, encode_error_event
from penstock.providers.failures import JSON_ERRORS
from penstock.providers.types import Dialect, Operation

__all__ = ["caller_status", "render_error", "render_stream_error"]

_PASSED_ON: Final = frozenset({400, 404, 413, 415, 422, 429})
"""Upstream statuses that speak of the caller's request, and so keep their meaning."""
_OPENAI_TYPES: Final = {
    401: "authentication_error",
    403: "permission_error",
    429: "rate_limit_error",
}
_RESPONSE_CODES: Final = {429: "rate_limit_exceeded"}


def render_error(dialect: Dialect, operation: Operation, error: PenstockError, *, request_id: str) -> tuple[int, bytes]:
    """Status and body for the caller.

    An upstream's own error object is passed on as it came when it is in the caller's dialect and speaks
    of the caller's request. A refusal of Penstock's credentials is 502: the caller's key is fine.
    """
    del operation
    status = caller_status(dialect, error)
    if isinstance(error, UpstreamError) and error.upstream_status in _PASSED_ON and _speaks(dialect, error.body):
        return status, error.body
    if dialect == "anthropic":
        return status, encode_error(status, str(error), request_id=request_id)
    return status, msgspec.json.encode({"error": _openai_object(status, error)})


def render_stream_error(dialect: Dialect, operation: Operation, error: PenstockError, *, request_id: str) -> bytes:
    """The last event of a stream that failed; no end marker follows, so no client takes it for a success."""
    status = caller_status(dialect, error)
    if dialect == "anthropic":
        return encode_error_event(status, str(error), request_id=request_id)
    if operation == "responses":
        return _failed_response(status, error, request_id)
    return b"data: %b\n\n" % msgspec.json.encode({"error": _openai_object(status, error)})


def caller_status(dialect: Dialect, error: PenstockError) -> int:
    """The HTTP status that the caller is given."""
    upstream = error.upstream_status if isinstance(error, UpstreamError) else None
    if upstream is None:
        return error.status
    if upstream in _PASSED_ON:
        return upstream
    if upstream >= 500:
        # 529 is Anthropic's own.
        return 503 if upstream == 529 and dialect == "openai" else upstream
    return error.status


def _openai_object(status: int, error: PenstockError) -> dict[str, Any]:
    kind = _OPENAI_TYPES.get(status) or ("server_error" if status >= 500 else "invalid_request_error")
    return {
        "message": str(error),
        "type": kind,
        "param": getattr(error, "field", None),
        "code": error.code,
    }


def _failed_response(status: int, error: PenstockError, request_id: str) -> bytes:
    """`error`, then `response.failed`. Where the stream had stopped is not known here, so numbers start over."""
    message = str(error)
    failed: dict[str, Any] = {
        "id": f"resp_{request_id}",
        "object": "response",
        "created_at": 0,
        "status": "failed",
        "error": {"code": _RESPONSE_CODES.get(status, "server_error"), "message": message},
        "incomplete_details": None,
        "model": "",
        "output": [],
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": [],
        "usage": None,
    }
    events: tuple[dict[str, Any], ...] = (
        {"type": "error", "code": error.code, "message": message, "param": None, "sequence_number": 0},
        {"type": "response.failed", "response": failed, "sequence_number": 1},
    )
    return b"".join(b"event: %b\ndata: %b\n\n" % (e["type"].encode(), msgspec.json.encode(e)) for e in events)


class _ErrorBody(msgspec.Struct):
    error: dict[str, Any]
    type: str | None = None


def _speaks(dialect: Dialect, body: bytes) -> bool:
    """True when `body` is an error object of that dialect."""
    try:
        found = msgspec.json.decode(body, type=_ErrorBody)
    except JSON_ERRORS:
        return False
    if not isinstance(found.error.get("message"), str):
        return False
    if dialect == "anthropic":
        return found.type == "error"
    # Google's error object is close to OpenAI's; its code is a number and it has a status.
    return found.type is None and not (isinstance(found.error.get("code"), int) and "status" in found.error)
