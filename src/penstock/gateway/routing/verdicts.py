"""What an error says about the target, the key and the request: one table for breaker, retries and fallback.

| error | against the target | again there | elsewhere | the key's fault |
|---|---|---|---|---|
| no connection, `upstream_timeout_connect` | yes | yes | yes | |
| `upstream_timeout_first_byte`, `_gap`, `_total` | yes | no: as long once more | yes | |
| cut, malformed, wrong content type | yes | yes | yes | |
| 500, 502, 503, 504, 529 and other 5xx | yes | yes | yes | |
| 501, 505: cannot do this | no | no | yes | |
| 404: the model, or what the request names, is not there | no | no | yes | |
| 408 | yes | yes | yes | |
| 409, 425 | no | yes | yes | |
| 429 with `Retry-After` | no: it is set aside for that long | yes | yes | yes |
| 429 without | yes | yes | yes | when the quota is spent |
| 429, the quota is spent | yes | no | yes | yes |
| 401, 403 | yes | no | yes | yes |
| 402 | yes | no | yes | yes |
| other 4xx: the request is wrong | no | no | no | |
| answer over our own limit | no | no | no | |
| the model broke off with an error of its own | no | yes | yes | |
| an error event in a stream, which may pass | yes | yes | yes | |
| an error event in a stream, which may not | no | no | no | |
| Penstock's own refusals, a caller that left | no | no | no | |

Nothing is sent again once the caller was given content (FAILURES G15), whatever stands here. With
several keys, an error that is the key's fault counts against the target only when the last one fails.
"""

from typing import Any, Final

import msgspec

from penstock.core.errors import DeadlineExceeded, PenstockError, UpstreamError

__all__ = ["Verdict", "describe", "judge", "quota_spent"]


class Verdict(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    counts: bool = False
    """Against the target's health."""
    retry: bool = False
    """The same target may do better a moment later."""
    elsewhere: bool = False
    """Another target may do better."""
    key: bool = False
    """Another key of the same provider may do better."""


_HARMLESS: Final = Verdict()
_FAILING: Final = Verdict(counts=True, retry=True, elsewhere=True)
_SLOW: Final = Verdict(counts=True, elsewhere=True)
_PASSING: Final = Verdict(retry=True, elsewhere=True)
_INCAPABLE: Final = Verdict(elsewhere=True)
_KEY: Final = Verdict(counts=True, elsewhere=True, key=True)
_LIMITED: Final = Verdict(counts=True, retry=True, elsewhere=True)
_WAITING: Final = Verdict(retry=True, elsewhere=True, key=True)

_STATUSES: Final = {
    401: _KEY,
    402: _KEY,
    403: _KEY,
    404: _INCAPABLE,
    408: _FAILING,
    409: _PASSING,
    425: _PASSING,
    501: _INCAPABLE,
    505: _INCAPABLE,
}
_CODES: Final = {
    "upstream_too_large": _HARMLESS,
    "upstream_model_error": _PASSING,
    "provider_secret_missing": _INCAPABLE,
}
_SPENT: Final = frozenset(
    {"insufficient_quota", "billing_hard_limit_reached", "billing_not_active", "quota_exceeded", "credit_exhausted"}
)


def judge(error: BaseException) -> Verdict:
    """What follows from an attempt's error."""
    if not isinstance(error, UpstreamError):
        return _HARMLESS
    if isinstance(error, DeadlineExceeded):
        return _FAILING if error.timer == "connect" else _SLOW
    found = _CODES.get(error.code)
    if found is None:
        found = _FAILING if error.retryable else _HARMLESS
        if error.upstream_status is not None:
            found = _judge_status(error, error.upstream_status)
    return found


def _judge_status(error: UpstreamError, status: int) -> Verdict:
    if status == 429:
        return _judge_limit(error)
    return _STATUSES.get(status) or (_FAILING if status >= 500 else _HARMLESS)


def _judge_limit(error: UpstreamError) -> Verdict:
    if quota_spent(error) is not None:
        return _KEY
    return _LIMITED if error.retry_after is None else _WAITING


def describe(error: PenstockError) -> str:
    """For a reason: `upstream_error (503)`."""
    status = error.upstream_status if isinstance(error, UpstreamError) else None
    return error.code if status is None else f"{error.code} ({status})"


class _ErrorObject(msgspec.Struct):
    code: Any = None
    type: Any = None


class _ErrorBody(msgspec.Struct):
    error: _ErrorObject


_decode_body = msgspec.json.Decoder(_ErrorBody).decode


def quota_spent(error: UpstreamError) -> str | None:
    """The provider's own word for a 429 that does not pass by waiting a little; None when it is a rate."""
    if not error.body:
        return None
    try:
        found = _decode_body(error.body).error
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    return next((word for word in (found.code, found.type) if isinstance(word, str) and word in _SPENT), None)
