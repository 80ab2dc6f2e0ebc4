"""The network side of the gateway: sends one request and hands out its answer as it comes."""

import asyncio
import ssl
from collections.abc import Callable, Mapping

from penstock.core.errors import DeadlineExceeded, UpstreamError
from penstock.gateway.connections import Connection, Origin, Pool, locate, request_head
from penstock.gateway.uploads import Uploads
from penstock.providers.types import Target, UpstreamRequest
from penstock.wire.snapshot import GatewaySettings

__all__ = ["HttpTransport"]


class HttpResponse:
    """An answer whose head has come. See `gateway.ports.UpstreamResponse`."""

    __slots__ = ("_connection", "_pool", "_provider", "headers", "status")

    def __init__(self, connection: Connection, pool: Pool, provider: str) -> None:
        self._connection = connection
        self._pool = pool
        self._provider = provider
        self.status = connection.status
        self.headers: Mapping[str, str] = connection.headers

    async def read(self, limit: int, *, progress: Callable[[], None] | None = None) -> bytes:
        declared = self.headers.get("content-length", "0")
        if declared.isdecimal() and int(declared) > limit:
            raise self._too_large(limit)
        data = await self._connection.chunk()
        if self._connection.complete and len(data) <= limit:
            rest = await self._connection.chunk()
            return data + rest if rest else data
        parts = [data]
        size = len(data)
        while data:
            if size > limit:
                raise self._too_large(limit)
            if progress is not None:
                progress()
            data = await self._connection.chunk()
            parts.append(data)
            size += len(data)
        return b"".join(parts)

    async def chunk(self) -> bytes:
        return await self._connection.chunk()

    def release(self, *, reuse: bool) -> None:
        self._pool.give_back(self._connection, reuse=reuse)

    def _too_large(self, limit: int) -> UpstreamError:
        return UpstreamError(
            f"The provider {self._provider} sent more than {limit} bytes.",
            code="upstream_too_large",
            retryable=False,
            hint="Raise gateway.max_response if such answers are wanted.",
        )


class HttpTransport:
    """Connections to all providers; lives as long as its worker."""

    def __init__(self, settings: GatewaySettings) -> None:
        self._pool = Pool(settings.upstream_connections)
        self.uploads = Uploads(self._pool, self._connect)
        """For requests whose body streams."""

    def configure(self, settings: GatewaySettings) -> None:
        self._pool.limit = settings.upstream_connections

    def tick(self) -> None:
        """Housekeeping, a few times a second."""
        self._pool.sweep()

    async def send(self, request: UpstreamRequest, target: Target) -> HttpResponse:
        location = locate(request.url)
        head = request_head(request.method, location, request.headers, len(request.body))
        connection = self._pool.take_idle(location.origin) or await self._connect(location.origin, target)
        try:
            connection.begin(head, request.body)
            await connection.head()
        except BaseException:
            self._pool.give_back(connection, reuse=False)
            raise
        return HttpResponse(connection, self._pool, target.provider.name)

    async def close(self) -> None:
        await self._pool.close()

    async def _connect(self, origin: Origin, target: Target) -> Connection:
        provider = target.provider
        seconds = provider.timeouts.connect
        try:
            async with asyncio.timeout(seconds):
                return await self._pool.take(origin)
        except TimeoutError:
            raise DeadlineExceeded(
                f"The provider {provider.name} did not accept a connection within {seconds:g} s.", timer="connect"
            ) from None
        except (OSError, ssl.SSLError) as error:
            raise UpstreamError(
                f"The provider {provider.name} cannot be reached at {provider.base_url}: {_reason(error)}.",
                code="upstream_unreachable",
            ) from error


def _reason(error: OSError) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted ({error.verify_message})"
    return error.strerror or str(error) or type(error).__name__
