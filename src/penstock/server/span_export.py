"""Spans sent on to the backends that the configuration names."""

import asyncio
import hashlib
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from penstock.core.errors import InvalidInput
from penstock.core.home import Home
from penstock.core.settings import resolve_secret
from penstock.tracing.otlp.export.matching import matcher
from penstock.tracing.otlp.export.sender import Sender, Transport
from penstock.tracing.otlp.export.spool import Spool
from penstock.tracing.query.parser import parse
from penstock.wire.snapshot import ExportEntry, TelemetrySettings

if TYPE_CHECKING:
    from penstock.tracing.otlp.export.transport import HttpTransport

__all__ = ["SpanExport"]

logger = logging.getLogger(__name__)

MAX_WAITING = 1024**3
"""Bytes of spans that wait for one backend; they are links to segments that the store has taken already."""


class SpanExport:
    """All exports of an installation. Each has a spool of its own, so that one that is down holds up no other.

    Args:
        home: What waits lies below it, in `export/`.
        settings: As configured when the console started.
    """

    def __init__(self, home: Home, settings: TelemetrySettings) -> None:
        self.senders: list[Sender] = []
        self._transport: HttpTransport | None = None
        if settings.export:
            transport = self._transport = _http_transport()
            self.senders = [_sender(home, entry, transport) for entry in settings.export]

    def keep(self, segment: Path) -> None:
        """Keep a segment for every export, before ingestion removes it."""
        for sender in self.senders:
            sender.spool.keep(segment)

    async def run(self) -> None:
        """Send until cancelled; return at once where nothing is to be sent on."""
        if self._transport is None:
            return
        async with self._transport, asyncio.TaskGroup() as tasks:
            for sender in self.senders:
                tasks.create_task(sender.run())


def _http_transport() -> "HttpTransport":
    # Its HTTP client is a tenth of the console's start, and most installations send nothing on.
    from penstock.tracing.otlp.export.transport import HttpTransport  # noqa: PLC0415

    return HttpTransport()


def _sender(home: Home, entry: ExportEntry, transport: Transport) -> Sender:
    name = hashlib.blake2b(entry.url.encode(), digest_size=8).hexdigest()
    return Sender(
        Spool(home.path / "export" / name, max_bytes=MAX_WAITING),
        entry.url,
        headers=lambda: _headers(entry),
        matches=matcher(parse(entry.filter or "")),
        content=entry.content,
        transport=transport,
    )


def _headers(entry: ExportEntry) -> Mapping[str, str]:
    """With the secrets of this moment. A missing one is left out and said: the backend refuses, the spans wait."""
    found: dict[str, str] = {}
    for name, value in entry.headers.items():
        try:
            found[name] = resolve_secret(value) if value.startswith(("env:", "file:")) else value
        except InvalidInput as error:
            logger.error("header %s for %s: %s", name, entry.url, error)  # noqa: TRY400 - the message is whole
    return found
