"""Anthropic's error types and statuses, read and written (https://platform.claude.com/docs/en/api/errors)."""

from collections.abc import Mapping
from typing import Final

import msgspec

from penstock.core.errors import UpstreamError
from penstock.providers import failures
from penstock.providers.anthropic.wire import ErrorBody, ErrorObject
from penstock.providers.failures import JSON_ERRORS

__all__ = ["encode_error", "encode_error_event", "error", "error_type", "stream_error"]

_STATUS: Final = {
    "invalid_request_error": 400,
    "authentication_error": 401,
    "billing_error": 402,
    "permission_error": 403,
    "not_found_error": 404,
    "conflict_error": 409,
    "request_too_large": 413,
    "rate_limit_error": 429,
    "api_error": 500,
    "timeout_error": 504,
    "overloaded_error": 529,
}
_TYPE: Final = {status: name for name, status in _STATUS.items()}
_decode_body = msgspec.json.Decoder(ErrorBody).decode


def error(status: int, headers: Mapping[str, str], body: bytes) -> UpstreamError:
    """A non-2xx answer as an error. Header names are lower case."""
    found = _error_object(body)
    return failures.from_status(status, headers, body, message=found.message if found else None)


def stream_error(data: bytes) -> UpstreamError:
    """An `error` event inside a stream; its type stands for the status it would have had before the stream began."""
    found = _error_object(data)
    if found is None:
        return failures.malformed("an error event without an error object", body=data)
    return failures.from_status(_STATUS.get(found.type, 500), {}, data, message=found.message)


def _error_object(body: bytes) -> ErrorObject | None:
    try:
        return _decode_body(body).error
    except JSON_ERRORS:
        return None


def error_type(status: int) -> str:
    """Anthropic's name for an HTTP status: its own where it has one, else by the status's class."""
    return _TYPE.get(status) or ("invalid_request_error" if 400 <= status < 500 else "api_error")


def encode_error(status: int, message: str, *, request_id: str) -> bytes:
    """An error body in Anthropic's shape."""
    return msgspec.json.encode(
        {"type": "error", "error": {"type": error_type(status), "message": message}, "request_id": request_id}
    )


def encode_error_event(status: int, message: str, *, request_id: str) -> bytes:
    """The same as the last event of a stream."""
    return b"event: error\ndata: %b\n\n" % encode_error(status, message, request_id=request_id)
