"""Errors of the control API: RFC 9457 problem details with a stable `code`."""

import logging
import math
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, cast

import msgspec
from litestar import Request, Response
from litestar.exceptions import HTTPException, ValidationException

from penstock.core.errors import ConfigError, InvalidInput, PenstockError, RateLimited, Unavailable
from penstock.tracing.query import QueryError

__all__ = ["EXCEPTION_HANDLERS", "Problem", "problem_body"]

logger = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"

_CODES = {
    400: "invalid_input",
    401: "unauthenticated",
    403: "permission_denied",
    404: "not_found",
    405: "method_not_allowed",
    409: "conflict",
    413: "too_large",
    415: "unsupported_media_type",
    421: "host_not_allowed",
    431: "headers_too_large",
    503: "unavailable",
}
_DETAILS = {
    404: "There is nothing at this address.",
    405: "This address does not know that method.",
    413: "The request body is larger than the 1 MiB that this address takes.",
}


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """What went wrong (RFC 9457), as `application/problem+json`."""

    type: str
    title: str
    status: int
    detail: str
    """One sentence: what was expected and what came."""
    code: str
    """Stable, for programs."""
    hint: str | msgspec.UnsetType = msgspec.UNSET
    """What to do next."""
    field: str | msgspec.UnsetType = msgspec.UNSET
    """The offending field of the request."""
    start: int | msgspec.UnsetType = msgspec.UNSET
    """Of a search that cannot be understood: characters of the field before the fault."""
    end: int | msgspec.UnsetType = msgspec.UNSET
    """Characters up to its end; equal to `start` where something is missing."""


def problem(status: int, detail: str, *, code: str, hint: str | None = None, field: str | None = None) -> Problem:
    return Problem(
        type="about:blank",
        title=HTTPStatus(status).phrase,
        status=status,
        detail=detail,
        code=code,
        hint=hint if hint is not None else msgspec.UNSET,
        field=field if field is not None else msgspec.UNSET,
    )


def problem_body(status: int, detail: str, *, code: str, hint: str | None = None) -> bytes:
    """A problem as bytes, for what answers before the framework is reached."""
    return msgspec.json.encode(problem(status, detail, code=code, hint=hint))


def _response(body: Problem, headers: Mapping[str, str] | None = None) -> Response[bytes]:
    return Response(
        msgspec.json.encode(body), status_code=body.status, media_type=MEDIA_TYPE, headers=dict(headers or {})
    )


def _penstock_error(request: Request[Any, Any, Any], error: PenstockError) -> Response[bytes]:
    if error.status >= 500:
        logger.error("%s %s: %s", request.method, request.url.path, error)
    headers: dict[str, str] = {}
    if error.status == 401:
        headers["www-authenticate"] = "Bearer"
    if isinstance(error, Unavailable | RateLimited):
        headers["retry-after"] = str(math.ceil(error.retry_after))
    field = error.field if isinstance(error, InvalidInput | ConfigError) else None
    body = problem(error.status, error.message, code=error.code, hint=error.hint, field=field)
    if isinstance(error, QueryError):
        body = msgspec.structs.replace(body, start=error.start, end=error.end)
    return _response(body, headers)


def _validation_error(_request: Request[Any, Any, Any], error: ValidationException) -> Response[bytes]:
    """The framework's list of what does not fit, as one sentence about the first."""
    extra = cast("object", error.extra)
    first: dict[str, Any] = {}
    if isinstance(extra, list) and extra and isinstance(extra[0], dict):
        first = cast("dict[str, Any]", extra[0])
    detail = str(first.get("message") or "The request does not fit what this address takes.")
    field = first.get("key")
    return _response(problem(400, detail, code="invalid_input", field=str(field) if field else None))


def _http_error(request: Request[Any, Any, Any], error: HTTPException) -> Response[bytes]:
    status = error.status_code
    if status >= 500:
        return _unexpected(request, error)
    detail = _DETAILS.get(status) or error.detail
    return _response(problem(status, detail, code=_CODES.get(status, "http_error")), error.headers)


def _too_deep(request: Request[Any, Any, Any], error: RecursionError) -> Response[bytes]:
    # Only a body can be nested that deep: nothing of ours recurses over what it is given.
    logger.warning("%s %s: %s", request.method, request.url.path, error)
    return _response(problem(400, "The body is nested too deeply to be read.", code="invalid_input"))


def _unexpected(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    # The boundary: what nobody foresaw is logged in full and told in no detail.
    logger.error("%s %s failed", request.method, request.url.path, exc_info=error)
    return _response(
        problem(
            500, "Something failed inside Penstock.", code="internal_error", hint="The console's log has the details."
        )
    )


EXCEPTION_HANDLERS: dict[int | type[Exception], Any] = {
    PenstockError: _penstock_error,
    ValidationException: _validation_error,
    HTTPException: _http_error,
    RecursionError: _too_deep,
    Exception: _unexpected,
}
