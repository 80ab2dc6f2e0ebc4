"""The network side of the gateway: aiohttp's client, pooled per provider."""

import asyncio
import ssl
from collections.abc import Mapping
from functools import lru_cache

import aiohttp
from yarl import URL

from penstock.core.errors import DeadlineExceeded, UpstreamError
from penstock.providers.types import Target, UpstreamRequest
from penstock.wire.snapshot import GatewaySettings, Timeouts

__all__ = ["AiohttpTransport"]

KEEPALIVE_SECONDS = 15.0
READ_BUFFER = 256 * 1024
SKIP_HEADERS = frozenset({"User-Agent", "Accept", "Accept-Encoding"})


@lru_cache(maxsize=4096)
def _url(text: str) -> URL:
    return URL(text, encoded=True)


@lru_cache(maxsize=256)
def _timeout(timeouts: Timeouts) -> aiohttp.ClientTimeout:
    # Only the socket's connect is left to aiohttp: it is the one phase that cannot be seen from outside.
    return aiohttp.ClientTimeout(total=None, sock_connect=timeouts.connect)


class AiohttpResponse:
    """An answer on an open connection. See `gateway.ports.UpstreamResponse`."""

    def __init__(self, response: aiohttp.ClientResponse, provider: str) -> None:
        self._response = response
        self._provider = provider
        self.status = response.status

    @property
    def headers(self) -> Mapping[str, str]:
        return self._response.headers

    async def read(self, limit: int) -> bytes:
        declared = self._response.content_length
        if declared is not None and declared > limit:
            raise self._too_large(limit)
        try:
            if declared is not None:
                return await self._response.read()
            parts: list[bytes] = []
            size = 0
            while data := await self._response.content.readany():
                size += len(data)
                if size > limit:
                    raise self._too_large(limit)
                parts.append(data)
            return b"".join(parts)
        except (aiohttp.ClientError, ConnectionError) as error:
            raise self._cut(error) from error

    async def chunk(self) -> bytes:
        try:
            return await self._response.content.readany()
        except (aiohttp.ClientError, ConnectionError) as error:
            raise self._cut(error) from error

    def release(self, *, reuse: bool) -> None:
        if reuse:
            self._response.release()
        else:
            self._response.close()

    def _cut(self, error: BaseException) -> UpstreamError:
        cause = type(error).__name__
        return UpstreamError(
            f"The provider {self._provider} closed the connection in the middle of its answer ({cause}).",
            code="upstream_cut",
        )

    def _too_large(self, limit: int) -> UpstreamError:
        return UpstreamError(
            f"The provider {self._provider} sent more than {limit} bytes.",
            code="upstream_too_large",
            retryable=False,
            hint="Raise gateway.max_response if such answers are wanted.",
        )


class AiohttpTransport:
    """Connections to all providers; lives as long as its worker.

    A connection is closed only when its call has ended; new settings apply to new connections.
    """

    def __init__(self, settings: GatewaySettings) -> None:
        self._connector = aiohttp.TCPConnector(
            limit=0,
            limit_per_host=settings.upstream_connections,
            keepalive_timeout=KEEPALIVE_SECONDS,
            ttl_dns_cache=30,
        )
        self._session = aiohttp.ClientSession(
            connector=self._connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=None),
            skip_auto_headers=SKIP_HEADERS,
            read_bufsize=READ_BUFFER,
            max_line_size=64 * 1024,
            max_field_size=64 * 1024,
            trust_env=False,
        )

    def configure(self, settings: GatewaySettings) -> None:
        # aiohttp reads the limit each time it hands out a connection.
        self._connector._limit_per_host = settings.upstream_connections  # noqa: SLF001 # pyright: ignore[reportPrivateUsage] - no public setter

    async def send(self, request: UpstreamRequest, target: Target) -> AiohttpResponse:
        name = target.provider.name
        try:
            response = await self._session.request(
                request.method,
                _url(request.url),
                data=request.body,
                headers=request.headers,
                timeout=_timeout(target.provider.timeouts),
                allow_redirects=False,
            )
        except aiohttp.ConnectionTimeoutError as error:
            seconds = target.provider.timeouts.connect
            raise DeadlineExceeded(
                f"The provider {name} did not accept a connection within {seconds:g} s.", timer="connect"
            ) from error
        except aiohttp.ClientConnectorError as error:
            raise UpstreamError(
                f"The provider {name} cannot be reached at {target.provider.base_url}: {_reason(error.os_error)}.",
                code="upstream_unreachable",
            ) from error
        except (aiohttp.ClientError, ConnectionError, ssl.SSLError, asyncio.IncompleteReadError) as error:
            raise UpstreamError(
                f"The provider {name} closed the connection without an answer ({type(error).__name__}).",
                code="upstream_reset",
            ) from error
        return AiohttpResponse(response, name)

    async def close(self) -> None:
        await self._session.close()


def _reason(error: OSError) -> str:
    return error.strerror or type(error).__name__
