"""The spool emptied into a backend, oldest first, as long as it takes."""

import asyncio
import gzip
import logging
from collections.abc import Awaitable, Callable, Iterator, Mapping
from pathlib import Path
from typing import Literal, Protocol

import msgspec

from penstock.tracing.otlp.body import PROTOBUF
from penstock.tracing.otlp.export.matching import Matches
from penstock.tracing.otlp.export.record import EXPORTED, export_request
from penstock.tracing.otlp.export.spool import Spool
from penstock.wire.span import Span, decode_span

__all__ = ["ExportState", "Sender", "Sent", "Transport"]

logger = logging.getLogger(__name__)

BATCH_SPANS = 512
BATCH_BYTES = 4 * 1024 * 1024
"""Bytes of journal lines in one request at most, but for a single longer one."""
IDLE_SECONDS = 0.5
FIRST_PAUSE = 1.0
LONGEST_PAUSE = 60.0
RETRYABLE = frozenset({408, 429, 500, 502, 503, 504})
"""Statuses after which the same request may succeed. Also 401 and 403: a key can be renewed while spans wait."""
_REFUSED_KEY = frozenset({401, 403, 404})
_PREFIX = b'{"record":"span",'


class Sent(msgspec.Struct, frozen=True, kw_only=True):
    """What came of one request."""

    status: int
    """0 when no answer came."""
    reason: str = ""
    retry_after: float | None = None
    """Seconds, where the backend said so."""


class Transport(Protocol):
    """One HTTP POST."""

    async def __call__(self, url: str, headers: Mapping[str, str], body: bytes) -> Sent:
        """Never raises for what happens on the network."""
        ...


class ExportState(msgspec.Struct, kw_only=True):
    """How one export does, since the start."""

    sent: int = 0
    """Spans that the backend took."""
    filtered: int = 0
    """Spans that the filter left out."""
    rejected: int = 0
    """Spans that the backend refused for good."""
    failing: str | None = None
    """Why the last try failed; None when it did not."""


_Result = Literal["done", "again"]


class Sender:
    """Sends what one spool holds. At least once: what was under way when a process died is sent again, with its ids.

    Args:
        spool: Where segments wait.
        url: The backend's address for traces, in full.
        headers: With secrets already in them. Asked before each request, so that a renewed secret is used.
        matches: Which spans go out.
        content: Whether input and output go out.
        transport: Posts.
        pause: Waits, seconds.
    """

    def __init__(
        self,
        spool: Spool,
        url: str,
        *,
        headers: Callable[[], Mapping[str, str]],
        matches: Matches,
        content: bool,
        transport: Transport,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.state = ExportState()
        self.spool = spool
        self.url = url
        self._headers = headers
        self._matches = matches
        self._content = content
        self._transport = transport
        self._pause = pause
        self._failures = 0

    async def run(self) -> None:
        """Send until cancelled."""
        while True:
            segment = await asyncio.to_thread(self.spool.oldest)
            if segment is None:
                await self._pause(IDLE_SECONDS)
            else:
                await self._send_segment(segment)

    async def _send_segment(self, segment: Path) -> None:
        try:
            lines = await asyncio.to_thread(lambda: segment.read_bytes().split(b"\n"))
        except FileNotFoundError:
            # It was given up to make room.
            return
        for batch in _batches(lines):
            body, count = await asyncio.to_thread(self._encode, batch)
            while count and await self._post(body, count) == "again":
                if not await asyncio.to_thread(segment.exists):
                    return
        self.spool.remove(segment)

    def _encode(self, lines: list[bytes]) -> tuple[bytes, int]:
        """On a thread: a packed request, and how many spans it has."""
        spans: list[Span] = []
        for line in lines:
            try:
                span = decode_span(b"{" + line[len(_PREFIX) :])
            except msgspec.MsgspecError:
                # The store has set it aside, and said so.
                continue
            if self._matches(span):
                spans.append(span)
            else:
                self.state.filtered += 1
        if not spans:
            return b"", 0
        request = export_request(spans, content=self._content)
        return gzip.compress(request.SerializeToString(), compresslevel=1), len(spans)

    async def _post(self, body: bytes, count: int) -> _Result:
        headers = {**self._headers(), "content-type": PROTOBUF, "content-encoding": "gzip"}
        sent = await self._transport(self.url, headers, body)
        if 200 <= sent.status < 300:
            self.state.sent += count
            if self.state.failing is not None:
                logger.warning("%s takes spans again", self.url)
            self.state.failing, self._failures = None, 0
            return "done"
        said = f"{sent.status} {sent.reason}".strip() if sent.status else sent.reason
        if sent.status and sent.status not in RETRYABLE and sent.status not in _REFUSED_KEY:
            self.state.rejected += count
            logger.error("%s refused %d spans for good: %s", self.url, count, said)
            return "done"
        if self.state.failing is None:
            logger.error("%s takes no spans, they wait: %s", self.url, said)
        self.state.failing = said
        pause = min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** min(self._failures, 10))
        self._failures += 1
        await self._pause(max(pause, min(sent.retry_after or 0.0, LONGEST_PAUSE)))
        return "again"


def _batches(lines: list[bytes]) -> Iterator[list[bytes]]:
    """Lines of spans in pieces. Those that came from another Penstock's export stay here, so that none go round."""
    batch: list[bytes] = []
    size = 0
    for line in lines:
        if not line.startswith(_PREFIX) or f'"{EXPORTED}":true'.encode() in line:
            continue
        if batch and (len(batch) >= BATCH_SPANS or size + len(line) > BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(line)
        size += len(line)
    if batch:
        yield batch
