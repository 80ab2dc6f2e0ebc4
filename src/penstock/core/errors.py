"""The one error tree of Penstock.

PenstockError
├── InvalidInput        400  what came does not fit what was expected
├── Unauthenticated     401  no key, or a key that does not hold
├── PermissionDenied    403  known, but not allowed
├── NotFound            404
├── Conflict            409
│   └── PreconditionFailed 412  it changed since the version that the caller names
├── TooLarge            413  over a stated size limit
├── RateLimited         429  over a rate, a number of parallel calls, or a budget
├── ConfigError         422  a configuration file is wrong: names file, line, field
├── UpstreamError       502  a provider failed; carries its status and body
│   └── DeadlineExceeded 504 one of the four upstream timers ran out
├── Unavailable         503  Penstock cannot serve this now (full disk, draining)
├── CorruptData         500  a file of Penstock's own cannot be trusted
└── MissingExtra        500  an optional dependency is not installed
"""

from typing import ClassVar

__all__ = [
    "ConfigError",
    "Conflict",
    "CorruptData",
    "DeadlineExceeded",
    "InvalidInput",
    "MissingExtra",
    "NotFound",
    "PenstockError",
    "PermissionDenied",
    "PreconditionFailed",
    "TooLarge",
    "Unauthenticated",
    "Unavailable",
    "UpstreamError",
]


class PenstockError(Exception):
    """Root of every error that Penstock raises on purpose.

    Args:
        message: What happened: what was expected and what came. One sentence, for a person.
        hint: What to do next, where there is something to do.
        code: Stable machine-readable name, `snake_case`; defaults to the class's own.
    """

    status: ClassVar[int] = 500
    default_code: ClassVar[str] = "internal_error"

    def __init__(self, message: str, *, hint: str | None = None, code: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.code = code or self.default_code

    def __str__(self) -> str:
        return f"{self.message} {self.hint}" if self.hint else self.message


class InvalidInput(PenstockError):
    """What came does not fit what was expected.

    `field` is the JSON path of the offending value (`messages[0].content`), when there is one.
    """

    status = 400
    default_code = "invalid_input"

    def __init__(
        self,
        message: str,
        *,
        field: str | None = None,
        hint: str | None = None,
        code: str | None = None,
    ) -> None:
        super().__init__(message, hint=hint, code=code)
        self.field = field


class Unauthenticated(PenstockError):
    """No credential came, or it is unknown, revoked or expired."""

    status = 401
    default_code = "unauthenticated"


class PermissionDenied(PenstockError):
    """The caller is known but may not do this."""

    status = 403
    default_code = "permission_denied"


class NotFound(PenstockError):
    """The named thing does not exist, or not for this caller."""

    status = 404
    default_code = "not_found"


class Conflict(PenstockError):
    """The thing exists already, or changed under the caller."""

    status = 409
    default_code = "conflict"


class PreconditionFailed(Conflict):
    """The thing is not in the version that the caller's `If-Match` names."""

    status = 412
    default_code = "precondition_failed"


class TooLarge(PenstockError):
    """Over a stated size limit."""

    status = 413
    default_code = "too_large"


class RateLimited(PenstockError):
    """A limit or a budget has no room for the call.

    Attributes:
        limit: Name of the limit.
        retry_after: Seconds until the call may fit.
    """

    status = 429
    default_code = "rate_limited"

    def __init__(
        self,
        message: str,
        *,
        limit: str,
        retry_after: float,
        hint: str | None = None,
        code: str | None = None,
    ) -> None:
        super().__init__(message, hint=hint, code=code)
        self.limit = limit
        self.retry_after = retry_after


class ConfigError(PenstockError):
    """A configuration file is wrong.

    `str()` reads `penstock.yaml:12: providers.openai.kind: expected …, got …`.
    """

    status = 422
    default_code = "invalid_config"

    def __init__(
        self,
        message: str,
        *,
        file: str,
        line: int | None = None,
        field: str | None = None,
        hint: str | None = None,
    ) -> None:
        super().__init__(message, hint=hint)
        self.file = file
        self.line = line
        self.field = field

    def __str__(self) -> str:
        place = self.file if self.line is None else f"{self.file}:{self.line}"
        where = f"{place}: {self.field}" if self.field else place
        return f"{where}: {super().__str__()}"


class UpstreamError(PenstockError):
    """A provider answered with an error, or did not answer as its dialect demands.

    Attributes:
        upstream_status: The provider's HTTP status; None when no answer came (connect, reset, cut).
        body: The provider's body as it came, at most 64 KiB; empty when none came.
        retry_after: Seconds, from the provider's `Retry-After`; None when it sent none.
        retryable: True when the same call could succeed elsewhere or later.
    """

    status = 502
    default_code = "upstream_error"

    def __init__(
        self,
        message: str,
        *,
        upstream_status: int | None = None,
        body: bytes = b"",
        retry_after: float | None = None,
        retryable: bool = True,
        code: str | None = None,
        hint: str | None = None,
    ) -> None:
        super().__init__(message, hint=hint, code=code)
        self.upstream_status = upstream_status
        self.body = body
        self.retry_after = retry_after
        self.retryable = retryable


class Unavailable(PenstockError):
    """Penstock cannot serve this now; `retry_after` is in seconds."""

    status = 503
    default_code = "unavailable"

    def __init__(
        self,
        message: str,
        *,
        retry_after: int = 1,
        hint: str | None = None,
        code: str | None = None,
    ) -> None:
        super().__init__(message, hint=hint, code=code)
        self.retry_after = retry_after


class DeadlineExceeded(UpstreamError):
    """One of the four upstream timers ran out: `connect`, `first_byte`, `gap`, `total`."""

    status = 504
    default_code = "upstream_timeout"

    def __init__(self, message: str, *, timer: str, hint: str | None = None) -> None:
        super().__init__(message, hint=hint, code=f"upstream_timeout_{timer}")
        self.timer = timer


class CorruptData(PenstockError):
    """A file of Penstock's own cannot be trusted."""

    default_code = "corrupt_data"


class MissingExtra(PenstockError):
    """An optional dependency is not installed. The message names the extra."""

    default_code = "missing_extra"

    def __init__(self, package: str, *, extra: str) -> None:
        super().__init__(
            f"This needs the package {package!r}, which is not installed.",
            hint=f"Install it with: pip install 'penstock[{extra}]'",
        )
