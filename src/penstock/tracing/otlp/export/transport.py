"""Exports over HTTP. The addresses are the operator's own, from the configuration file."""

from collections.abc import Mapping
from types import TracebackType
from typing import Self

import aiohttp

from penstock.tracing.otlp.export.sender import Sent

__all__ = ["HttpTransport"]

TIMEOUT = aiohttp.ClientTimeout(total=30, connect=10)
MAX_REASON = 500
"""Characters of an answer that are told as the reason."""


class HttpTransport:
    """Posts over connections that are kept; an async context manager. Redirects are not followed."""

    def __init__(self) -> None:
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(timeout=TIMEOUT, trust_env=False)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._session is not None:
            await self._session.close()

    async def __call__(self, url: str, headers: Mapping[str, str], body: bytes) -> Sent:
        assert self._session is not None  # noqa: S101 - used inside of its context
        try:
            async with self._session.post(url, headers=headers, data=body, allow_redirects=False) as answer:
                content = await answer.content.read(MAX_REASON)
                reason = content.decode(errors="replace") if answer.status >= 300 else ""
                return Sent(
                    status=answer.status, reason=reason, retry_after=_seconds(answer.headers.get("retry-after"))
                )
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            return Sent(status=0, reason=str(error) or type(error).__name__)


def _seconds(header: str | None) -> float | None:
    """Of `Retry-After`, the form in seconds; a date is not worth a clock's difference."""
    return float(header) if header is not None and header.isascii() and header.isdigit() and len(header) < 9 else None
