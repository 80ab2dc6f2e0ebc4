"""Google's error object (`google.rpc.Status`), https://ai.google.dev/gemini-api/docs/troubleshooting."""

from collections.abc import Mapping

import msgspec

from penstock.core.errors import UpstreamError
from penstock.providers import failures
from penstock.providers.failures import JSON_ERRORS

__all__ = ["error", "stream_error"]


class _Detail(msgspec.Struct, rename={"type": "@type", "retry_delay": "retryDelay", "reason": "reason"}):
    type: str = ""
    retry_delay: str | None = None
    """`RetryInfo`: seconds as text, `13.5s`."""
    reason: str | None = None
    """`ErrorInfo`."""


class _Status(msgspec.Struct):
    code: int | None = None
    message: str = ""
    status: str | None = None
    details: list[_Detail] | None = None


class _Body(msgspec.Struct):
    error: _Status


_decode_body = msgspec.json.Decoder(_Body).decode
_decode_bodies = msgspec.json.Decoder(list[_Body]).decode
_decode_status = msgspec.json.Decoder(_Status).decode
_STATUS = {
    "INVALID_ARGUMENT": 400,
    "FAILED_PRECONDITION": 400,
    "OUT_OF_RANGE": 400,
    "UNAUTHENTICATED": 401,
    "PERMISSION_DENIED": 403,
    "NOT_FOUND": 404,
    "ABORTED": 409,
    "ALREADY_EXISTS": 409,
    "RESOURCE_EXHAUSTED": 429,
    "CANCELLED": 499,
    "INTERNAL": 500,
    "UNKNOWN": 500,
    "DATA_LOSS": 500,
    "UNIMPLEMENTED": 501,
    "UNAVAILABLE": 503,
    "DEADLINE_EXCEEDED": 504,
}


def error(status: int, headers: Mapping[str, str], body: bytes) -> UpstreamError:
    """A non-2xx answer as an error. Header names are lower case."""
    try:
        # Streaming methods wrap the object in an array when they fail at once.
        bodies = _decode_bodies(body) if body.lstrip().startswith(b"[") else [_decode_body(body)]
    except JSON_ERRORS:
        bodies = []
    return _from_object(status, headers, body, bodies[0].error if bodies else _Status())


def stream_error(raw: bytes) -> UpstreamError:
    """An `error` member inside a stream; its code stands for the status it would have had before the stream began."""
    try:
        found = _decode_status(raw)
    except JSON_ERRORS:
        return failures.malformed("an error that is no google.rpc.Status", body=raw)
    status = found.code or _STATUS.get(found.status or "", 500)
    return _from_object(status, {}, raw, found)


def _from_object(status: int, headers: Mapping[str, str], body: bytes, found: _Status) -> UpstreamError:
    details = found.details or []
    if status == 400 and any(detail.reason == "API_KEY_INVALID" for detail in details):
        # Google answers a wrong key with INVALID_ARGUMENT; the caller's arguments are fine.
        status = 401
    failure = failures.from_status(status, headers, body, message=found.message)
    if failure.retry_after is None:
        failure.retry_after = next(
            (delay for detail in details if (delay := _seconds(detail.retry_delay)) is not None), None
        )
    return failure


def _seconds(text: str | None) -> float | None:
    if text is None or not text.endswith("s"):
        return None
    try:
        seconds = float(text[:-1])
    except ValueError:
        return None
    return seconds if 0 <= seconds < float("inf") else None
