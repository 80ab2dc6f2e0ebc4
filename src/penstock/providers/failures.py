"""Upstream failures, worded and classified the same way for every vendor."""

from collections.abc import Mapping
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Final

import msgspec

from penstock.core.clock import Clock, SystemClock, to_datetime
from penstock.core.errors import UpstreamError

__all__ = ["JSON_ERRORS", "MAX_KEPT_BODY", "cut", "from_status", "malformed", "retry_after"]

JSON_ERRORS: Final = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
"""All that msgspec raises for bytes that are not the JSON expected: wrong, not UTF-8, nested too deeply."""

MAX_KEPT_BODY: Final = 64 * 1024
"""Bytes of an upstream's error body that are kept."""
MAX_MESSAGE: Final = 2000

_CLOCK: Final = SystemClock()
_RETRYABLE: Final = frozenset({408, 409, 425, 429})


def cut() -> UpstreamError:
    """The body ended with neither a finish reason nor an end marker."""
    return UpstreamError(
        "The upstream closed the stream before the answer was finished.",
        code="upstream_cut",
        hint="The text received so far is incomplete; send the call again.",
    )


def malformed(what: str, *, body: bytes = b"") -> UpstreamError:
    """The upstream sent what its dialect does not allow; `what` says which, without quoting content."""
    return UpstreamError(
        f"The upstream's answer is malformed: {what}.",
        code="upstream_malformed",
        body=body[:MAX_KEPT_BODY],
    )


def from_status(status: int, headers: Mapping[str, str], body: bytes, *, message: str | None) -> UpstreamError:
    """A non-2xx answer as an error.

    Args:
        status: The upstream's HTTP status.
        headers: Its headers, names in lower case.
        body: Its body, kept to `MAX_KEPT_BODY` bytes.
        message: What the vendor's error object says; None when the body is none. Left out of an
            authentication error, where vendors quote parts of the key.
    """
    hint = None
    if status in {401, 403}:
        code = "upstream_auth_failed"
        message = f"The upstream refused Penstock's own credentials with HTTP status {status}."
        hint = "Check the provider's api_key and its rights in penstock.yaml."
        body = b""
    elif status == 429:
        code = "upstream_rate_limited"
    elif status < 500:
        code = "upstream_rejected"
    else:
        code = "upstream_error"
    text = (message or "").strip()
    return UpstreamError(
        text[:MAX_MESSAGE] or f"The upstream answered with HTTP status {status} and no error message.",
        upstream_status=status,
        body=body[:MAX_KEPT_BODY],
        retry_after=retry_after(headers),
        retryable=status in _RETRYABLE or status >= 500,
        code=code,
        hint=hint,
    )


def retry_after(headers: Mapping[str, str], *, clock: Clock = _CLOCK) -> float | None:
    """Seconds to wait, from `retry-after-ms`, or `Retry-After` as seconds or as an HTTP date (RFC 9110 §10.2.3).

    A date is taken relative to the answer's own `Date`, so a clock that differs does no harm.
    """
    milliseconds = _number(headers.get("retry-after-ms"))
    if milliseconds is not None:
        return milliseconds / 1000
    value = headers.get("retry-after")
    if value is None:
        return None
    seconds = _number(value)
    if seconds is not None:
        return seconds
    then = _date(value)
    if then is None:
        return None
    now = _date(headers.get("date")) or to_datetime(clock.now())
    return max((then - now).total_seconds(), 0.0)


def _number(text: str | None) -> float | None:
    if text is None:
        return None
    try:
        number = float(text)
    except ValueError:
        return None
    # Also turns away NaN, which compares false with everything.
    return number if 0 <= number < 1e9 else None


def _date(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        date = parsedate_to_datetime(text)
    except ValueError:
        return None
    # A date of zone "-0000" comes back naive and cannot be compared.
    return date if date.tzinfo is not None else None
