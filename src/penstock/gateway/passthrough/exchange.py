"""The provider's answer on its way to the caller: as it came, tapped for usage, and kept for the record when small."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final, Protocol

import msgspec

from penstock.core.errors import PenstockError, UpstreamError
from penstock.gateway.passthrough.address import answer_headers
from penstock.gateway.passthrough.types import CallerDialect, Endpoint
from penstock.providers.caller_errors import caller_status, render_error
from penstock.providers.failures import from_status
from penstock.providers.metering import Meter, Metered
from penstock.providers.types import Target

__all__ = ["Outgoing", "Relay", "refusal", "render_passthrough_error"]

_GEMINI_STATUS: Final[Mapping[int, str]] = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    409: "ABORTED",
    413: "INVALID_ARGUMENT",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}
_NO_BODY: Final = frozenset({204, 304})


class Answer(Protocol):
    """A provider's answer whose head has come; `penstock.gateway.uploads.Upload` is one."""

    @property
    def status(self) -> int: ...

    @property
    def headers(self) -> Mapping[str, str]: ...

    async def chunk(self) -> bytes:
        """The next bytes, empty at the end. Raises `UpstreamError` when it is cut."""
        ...


class Outgoing(Protocol):
    """The way back to the caller."""

    def open(self, status: int, headers: Sequence[tuple[bytes, bytes]], *, length: int | None) -> None:
        """Send the head; `length` bytes follow, where that is known."""
        ...

    async def write(self, data: bytes) -> None:
        """A part of the body; waits while the caller is slow to read."""
        ...


class Relay:
    """One answer on its way.

    Args:
        answer: The provider's.
        endpoint: What was asked.
        target: Who answers.
        keep: Bytes of a JSON answer that are kept for the record; a longer one, or one of another type, is not.
        progress: Called after each part, for the timer of gaps.

    Attributes:
        size: Bytes that came.
        output: The whole answer, once it has passed, where it is JSON and not too long.
    """

    def __init__(
        self,
        answer: Answer,
        endpoint: Endpoint,
        target: Target,
        *,
        keep: int = 0,
        progress: Callable[[], None] | None = None,
    ) -> None:
        self._answer = answer
        self._progress = progress
        self.status = answer.status
        self.content_type = answer.headers.get("content-type", "")
        self.request_id = answer.headers.get("x-request-id") or answer.headers.get("request-id")
        self.size = 0
        self.output: bytes | None = None
        self._keep = keep if _is_json(self.content_type) else 0
        self._parts: list[bytes] = []
        self._meter = Meter(target.provider.kind, path=endpoint.path, content_type=self.content_type)

    @property
    def is_event_stream(self) -> bool:
        return self.content_type.startswith("text/event-stream")

    async def run(self, out: Outgoing) -> bytes:
        """Pass the answer on, but for its last bytes, which are returned: they wait until the call is recorded.

        Raises:
            UpstreamError: the answer was cut. What came was passed on; the caller must not take it for all.
        """
        length = self._length()
        out.open(self.status, answer_headers(self._answer.headers), length=length)
        while True:
            data = await self._answer.chunk()
            self.size += len(data)
            self._tap(data)
            if self._progress is not None:
                self._progress()
            if not data or (length is not None and self.size >= length):
                self.output = b"".join(self._parts) if self._parts else None
                if data:
                    # The end of the exchange itself, without which its connection could not be used again.
                    await self._answer.chunk()
                return data
            await out.write(data)

    def metered(self) -> Metered:
        """What the answer told of its use, as far as it came."""
        return self._meter.finish()

    def _length(self) -> int | None:
        if self.status in _NO_BODY:
            return 0
        headers = self._answer.headers
        declared = headers.get("content-length", "")
        # An answer that comes compressed is passed on inflated.
        if not declared.isdecimal() or headers.get("content-encoding") in ("gzip", "deflate"):
            return None
        return int(declared)

    def _tap(self, data: bytes) -> None:
        self._meter.feed(data)
        if not self._keep:
            return
        if self.size > self._keep:
            self._parts.clear()
            self._keep = 0
        elif data:
            self._parts.append(data)


def refusal(answer: Answer) -> UpstreamError | None:
    """The gateway's own error in place of an answer that must not be passed on.

    A 401 speaks of Penstock's credentials, not of the caller's, and vendors quote parts of the key in it.
    """
    if answer.status != 401:
        return None
    return from_status(401, answer.headers, b"", message=None)


def render_passthrough_error(dialect: CallerDialect, error: PenstockError, *, request_id: str) -> tuple[int, bytes]:
    """Status and body of an error of the gateway's own, in the caller's dialect."""
    if dialect != "gemini":
        return render_error(dialect, "messages" if dialect == "anthropic" else "chat", error, request_id=request_id)
    status = caller_status("openai", error)
    name = _GEMINI_STATUS.get(status) or ("INTERNAL" if status >= 500 else "FAILED_PRECONDITION")
    return status, msgspec.json.encode({"error": {"code": status, "message": str(error), "status": name}})


def _is_json(content_type: str) -> bool:
    media = content_type.partition(";")[0].strip().lower()
    return media == "application/json" or media.endswith("+json")
